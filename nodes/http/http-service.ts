/** An HTTP server of ours: it listens, bounds what an asker may do, and stops without cutting answers short. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { ServerTls } from './tls-files.ts';

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

export interface ServerBounds {
  /** Absent: plain HTTP. */
  tls?: ServerTls | undefined;
  /** From one address; behind a translator of addresses that is a whole office. Default: any number. */
  connectionsPerAddress?: number | undefined;
}

/** A server whose headers and idle connections are bounded; each request still runs as long as it sends. */
export function httpServer(
  listener: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
  { tls, connectionsPerAddress = Infinity }: ServerBounds = {},
): Server {
  const answer: RequestListener = (request, response) => {
    listener(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else response.writeHead(500, { 'content-length': 0 }).end();
      // Without its query: that may prove who asks.
      const path = (request.url ?? '').split('?', 1)[0];
      process.stderr.write(`sluice: ${request.method} ${path}: ${(error as Error).stack ?? error}\n`);
    });
  };
  const bounds = { maxHeaderSize: 16 * 1024, keepAliveTimeout: 15_000, noDelay: true };
  const server = tls === undefined ? createServer(bounds, answer) : createSecureServer({ ...bounds, ...tls }, answer);
  if (connectionsPerAddress < Infinity) boundPerAddress(server, connectionsPerAddress);
  // Bodies are never read; whoever sends one is parted from after the answer.
  server.requestTimeout = 30_000;
  server.headersTimeout = 15_000;
  return server;
}

/** Parts at once from whoever has so many connections already. */
function boundPerAddress(server: Server, connectionsMax: number): void {
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const count = (open.get(address) ?? 0) + 1;
    if (count > connectionsMax) return void socket.destroy();
    open.set(address, count);
    socket.once('close', () => {
      const left = open.get(address)! - 1;
      if (left > 0) open.set(address, left);
      else open.delete(address);
    });
  });
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
