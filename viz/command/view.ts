/** `sluice view`: serves the page and its files to this machine alone, until it is ended. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import { readFiles } from './files.ts';
import { controlProxy } from './live-proxy.ts';
import { pageText } from './page.ts';

export interface ViewOptions {
  files: string[];
  port?: number;
  /** Address of a control server whose fleet is shown. */
  control?: string;
}

const host = '127.0.0.1';
const portDefault = 7440;

/** Ends with Ctrl-C. */
export async function viewCommand(options: ViewOptions): Promise<number> {
  const files = readFiles(options.files);
  const { server, address } = await servePage(files, options);
  process.stdout.write(`${address}\n`);
  process.stderr.write('Ctrl-C ends it.\n');
  await new Promise<void>((done) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => done());
  });
  server.closeAllConnections();
  server.close();
  return exitCodes.ok;
}

export async function servePage(
  files: { name: string; text: string }[],
  { port, control }: Pick<ViewOptions, 'port' | 'control'> = {},
): Promise<{ server: Server; address: string }> {
  const page = await pageText();
  const proxy = control === undefined ? null : controlProxy(control);
  const server = createServer((request, response) => {
    if (!isOurs(request)) return end(response, 403, 'This server answers to 127.0.0.1 alone.');
    if (proxy !== null && request.url!.startsWith('/api/')) return proxy.forward(request, response);
    if (request.method !== 'GET' && request.method !== 'HEAD') return end(response, 405, 'GET and HEAD alone.');
    const { pathname } = new URL(request.url!, 'http://page');
    if (pathname === '/') return send(response, page, 'text/html; charset=utf-8');
    const file = /^\/data\/(\d+)\//.exec(pathname);
    const found = file === null ? undefined : files[Number(file[1])];
    if (found === undefined) return end(response, 404, 'There is no such file here.');
    send(response, found.text, 'application/json');
  });
  if (proxy !== null) {
    server.on('upgrade', (request, socket, head) => {
      if (isOurs(request) && request.url!.startsWith('/api/')) proxy.upgrade(request, socket, head);
      else socket.destroy();
    });
  }
  const listening = await listen(server, port);
  const query = files.map(({ name }, index) => `run=data/${index}/${encodeURIComponent(name)}`);
  if (proxy !== null) query.push('live=api/live');
  const address = `http://${host}:${listening}/${query.length > 0 ? `?${query.join('&')}` : ''}`;
  return { server, address };
}

/** A page elsewhere must not read results by a name that leads here. */
function isOurs({ headers, url }: IncomingMessage): boolean {
  const { host: name = '', origin } = headers;
  const isNamed = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(name) && url?.startsWith('/') === true;
  // A page of another origin must not give orders to the fleet, either.
  return isNamed && (origin === undefined || origin === `http://${name}`);
}

/** The port that was asked for, or the usual one, or any. */
async function listen(server: Server, port: number | undefined): Promise<number> {
  const wanted = port === undefined ? [portDefault, 0] : [port];
  let reason = '';
  for (const each of wanted) {
    try {
      await new Promise<void>((done, fail) => {
        server.once('error', fail);
        server.listen(each, host, () => {
          server.off('error', fail);
          done();
        });
      });
      return (server.address() as AddressInfo).port;
    } catch (error) {
      reason = (error as Error).message;
    }
  }
  throw new Stop(exitCodes.failure, `cannot listen on ${host}: ${reason}`);
}

function send(response: ServerResponse, text: string, type: string): void {
  response.writeHead(200, {
    'content-type': type,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  });
  response.end(text);
}

function end(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${text}\n`);
}
