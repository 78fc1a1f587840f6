/** An HTTP server of ours: it listens, bounds what an asker may do, and stops without cutting answers short. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Where a service listens could not be had, or is not an address: the text says which. */
export class CannotListen extends Error {
  override name = 'CannotListen';
  readonly exitCode = 1;
}

export interface ListenAddress {
  host: string;
  /** 0 = any that is free. */
  port: number;
}

/** A server whose headers and idle connections are bounded; each request still runs as long as it sends. */
export function httpServer(listener: (request: IncomingMessage, response: ServerResponse) => Promise<void>): Server {
  const answer: RequestListener = (request, response) => {
    listener(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else response.writeHead(500, { 'content-length': 0 }).end();
      process.stderr.write(`sluice: ${request.method} ${request.url}: ${(error as Error).stack ?? error}\n`);
    });
  };
  const server = createServer({ maxHeaderSize: 16 * 1024, keepAliveTimeout: 15_000, noDelay: true }, answer);
  // Bodies are never read; whoever sends one is parted from after the answer.
  server.requestTimeout = 30_000;
  server.headersTimeout = 15_000;
  return server;
}

export function listen(server: Server, { host, port }: ListenAddress): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(new CannotListen(`cannot listen on ${host}:${port}: ${error.message}`));
    server.once('error', fail);
    server.listen(port, host, () => {
      server.off('error', fail);
      resolve(server.address() as AddressInfo);
    });
  });
}

/** Takes no new connection, lets answers that have begun end within `milliseconds`, and cuts the rest. */
export async function drain(server: Server, milliseconds: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), milliseconds);
  await closed;
  clearTimeout(cut);
}

export function sendJson(response: ServerResponse, value: unknown, status = 200): void {
  const body = Buffer.from(`${JSON.stringify(value)}\n`);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
}

export function sendStatus(response: ServerResponse, status: number, headers: Record<string, string> = {}): void {
  response.writeHead(status, { ...headers, 'content-length': 0 }).end();
}

/** The path of a request, decoded; undefined where it is malformed. */
export function pathOf(request: IncomingMessage): string | undefined {
  try {
    return decodeURIComponent((request.url ?? '/').split('?', 1)[0]!);
  } catch {
    return undefined;
  }
}

/** `host:port` as an option gives it; `[::1]:80` for IPv6. */
export function parseListen(text: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text) ?? /^()()(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) throw new CannotListen(`"${text}" is not host:port, such as 127.0.0.1:8080`);
  return { host: match[1] || match[2] || '127.0.0.1', port };
}

export function hostPort({ address, port, family }: AddressInfo): string {
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
}
