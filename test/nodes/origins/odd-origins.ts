/** Origins as they are met: each a server of one file with a habit of its own, that counts what leaves it. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface OddAnswer {
  status: number;
  headers?: Record<string, string | number>;
  body?: Buffer;
}

export class OddOrigin {
  readonly asked: { method: string; url: string; range: string | undefined; authorization: string | undefined }[] = [];
  sentBytes = 0;
  /** How it answers; may be changed while it runs. */
  answer: (request: IncomingMessage) => OddAnswer;
  readonly #server: Server;
  url = '';

  constructor(answer: (request: IncomingMessage) => OddAnswer) {
    this.answer = answer;
    this.#server = createServer((request, response) => this.#respond(request, response));
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #respond(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '', headers } = request;
    this.asked.push({ method, url, range: headers.range, authorization: headers.authorization });
    const { status, headers: said = {}, body } = this.answer(request);
    const length = body === undefined ? {} : { 'content-length': body.length };
    response.writeHead(status, { ...length, ...said });
    if (method === 'HEAD' || body === undefined) return void response.end();
    this.sentBytes += body.length;
    response.end(body);
  }
}

/** The answer of a sound server to a request for `bytes`. */
export function ranged(request: IncomingMessage, bytes: Buffer, headers: Record<string, string>): OddAnswer {
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
  if (range === null) return { status: 200, headers, body: bytes };
  const [first, last] = [Number(range[1]), Math.min(bytes.length - 1, Number(range[2]))];
  const said = { ...headers, 'content-range': `bytes ${first}-${last}/${bytes.length}` };
  return { status: 206, headers: said, body: bytes.subarray(first, last + 1) };
}
