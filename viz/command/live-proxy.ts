/** Hands `/api/` on to a control server, so that the page talks to its own origin alone. */
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';

export interface ControlProxy {
  forward(request: IncomingMessage, response: ServerResponse): void;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

export function controlProxy(address: string): ControlProxy {
  const target = targetOf(address);
  const port = Number(target.port || 80);
  const token = process.env.SLUICE_TOKEN;
  const headersOf = (request: IncomingMessage) => ({
    ...request.headers,
    host: target.host,
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  });
  return {
    forward(request, response) {
      const { method, url: path } = request;
      const onward = httpRequest(
        { host: target.hostname, port, method, path, headers: headersOf(request) },
        (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        },
      );
      onward.on('error', () => {
        if (!response.headersSent) response.writeHead(502, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ error: `the control server at ${address} does not answer` }));
      });
      request.pipe(onward);
    },
    upgrade(request, socket, head) {
      const onward = connect(port, target.hostname, () => {
        const lines = Object.entries(headersOf(request)).map(([name, value]) => `${name}: ${value}`);
        onward.write(`GET ${request.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
        onward.write(head);
        onward.pipe(socket).pipe(onward);
      });
      onward.on('error', () => socket.destroy());
      socket.on('error', () => onward.destroy());
    },
  };
}

function targetOf(address: string): URL {
  const target = URL.canParse(address) ? new URL(address) : null;
  if (target?.protocol === 'http:') return target;
  throw new Stop(exitCodes.usage, `--control ${address}: an address such as http://127.0.0.1:8080 is needed`);
}
