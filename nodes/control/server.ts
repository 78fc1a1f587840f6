/** Control's sockets: HTTP for operators and for nodes that poll, WebSockets for nodes and watchers. */
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import swagger from '@fastify/swagger';
import fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import { paths, pollBytesMax } from '#nodes/protocol/limits.ts';
import { readEnrolRequest, readPollRequest } from '#nodes/protocol/reading.ts';
import type { TokenRecord } from '../store/records.ts';
import type { Control, Log } from './control.ts';
import { enrolMachine } from './enrolment.ts';
import type { FleetNode } from './fleet.ts';
import { LiveFeed } from './live-feed.ts';
import { Metrics } from './metrics.ts';
import { PollSessions } from './poll-sessions.ts';
import { Refused } from './refusal.ts';
import { addRoutes } from './rest.ts';
import { Rights } from './rights.ts';
import { SocketSessions } from './socket-sessions.ts';

const bodyBytesMax = 1024 * 1024;
const requestMilliseconds = 30_000;
/** Nodes come back within twice this, so that a restart is no wave. */
const reconnectAfterMilliseconds = 1_000;
const goodbyeMilliseconds = 500;

export interface ServerOptions {
  host: string;
  port: number;
  tls?: { key: string; cert: string };
}

export class ControlServer {
  readonly #control: Control;
  readonly #log: Log;
  readonly #rights: Rights;
  readonly #app: FastifyInstance;
  readonly #sockets: SocketSessions;
  readonly #polls: PollSessions;
  readonly #live: LiveFeed;
  readonly #pollTimer: NodeJS.Timeout;
  isReady = false;

  private constructor(control: Control, app: FastifyInstance, log: Log, settle: () => Promise<void>) {
    this.#control = control;
    this.#app = app;
    this.#log = log;
    this.#rights = new Rights(control.store);
    this.#sockets = new SocketSessions(control.desk);
    this.#polls = new PollSessions(control.desk, settle);
    this.#live = new LiveFeed(control);
    this.#pollTimer = setInterval(() => this.#polls.look(), 1000);
  }

  /** `settle`: one beat of control, so that a poll's answer holds what the poll made due. */
  static async listen(
    control: Control,
    options: ServerOptions,
    version: string,
    log: Log,
    settle: () => Promise<void>,
  ): Promise<{ server: ControlServer; address: AddressInfo }> {
    const bounds = { bodyLimit: bodyBytesMax, requestTimeout: requestMilliseconds, logger: false as const };
    const { tls } = options;
    const app = (tls === undefined ? fastify(bounds) : fastify({ ...bounds, https: tls })) as FastifyInstance;
    const server = new ControlServer(control, app, log, settle);
    await app.register(swagger, {
      openapi: {
        info: { title: 'sluice control', version },
        components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
        security: [{ token: [] }],
      },
    });
    // An order without a body may still say that it is JSON.
    app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
      try {
        done(null, body === '' ? undefined : JSON.parse(String(body)));
      } catch (error) {
        done(new Refused('invalid', `the body is not JSON: ${(error as Error).message}`));
      }
    });
    // One reader per body, with its own messages: the schemas of the routes are documentation.
    app.setValidatorCompiler(() => (value) => ({ value }));
    server.#addErrors();
    server.#addRoutes();
    addRoutes(app, control, server.#rights);
    app.server.on('upgrade', (request, socket, head) => void server.#upgrade(request, socket, head));
    await app.listen({ host: options.host, port: options.port });
    server.isReady = true;
    return { server, address: app.server.address() as AddressInfo };
  }

  /** Takes nothing new, tells everyone, and ends; what is under way is finished. */
  async close(): Promise<void> {
    this.isReady = false;
    clearInterval(this.#pollTimer);
    this.#sockets.close({ kind: 'goodbye', reconnectAfterMilliseconds });
    this.#live.close();
    await new Promise((done) => setTimeout(done, goodbyeMilliseconds));
    this.#sockets.terminate();
    await this.#app.close();
  }

  #addErrors(): void {
    const { log } = { log: this.#log };
    this.#app.setErrorHandler((error: FastifyError | Refused, request, reply) => {
      if (error instanceof Refused) {
        const { code, message, path } = error;
        return reply.code(error.status).send({ error: { code, message, ...(path === undefined ? {} : { path }) } });
      }
      const status = error.statusCode ?? 500;
      if (status < 500) {
        const code = status === 413 ? 'too-large' : 'invalid';
        return reply.code(status).send({ error: { code, message: error.message } });
      }
      log.error({ method: request.method, url: request.routeOptions.url, error: error.stack }, 'a request failed');
      return reply.code(500).send({ error: { code: 'failure', message: 'control failed; its log says why' } });
    });
    this.#app.setNotFoundHandler((request, reply) =>
      reply.code(404).send({ error: { code: 'unknown', message: `there is no ${request.method} ${request.url}` } }),
    );
  }

  #addRoutes(): void {
    const app = this.#app;
    const hidden = { schema: { hide: true } as object };
    app.get('/healthz', hidden, async () => ({ ok: true }));
    app.get('/readyz', hidden, async (_request, reply) => {
      if (!this.isReady) reply.code(503);
      return { ready: this.isReady };
    });
    const metrics = new Metrics(this.#control);
    app.get('/metrics', hidden, async (_request, reply) => {
      reply.type(metrics.contentType);
      return metrics.read();
    });
    app.get('/api/openapi.json', hidden, async () => app.swagger());
    app.post(paths.enrol, hidden, async (request, reply) => {
      const token = await this.#rights.require(request.raw, ['enrol-relay', 'enrol-client']);
      const reading = readEnrolRequest(request.body);
      if ('problem' in reading) throw new Refused('invalid', reading.problem);
      reply.code(201);
      return enrolMachine(this.#control, token, reading.message.name, Date.now());
    });
    app.post(paths.poll, { ...hidden, bodyLimit: pollBytesMax }, async (request) => {
      const node = this.#nodeOf(await this.#rights.require(request.raw, ['relay', 'client']));
      const reading = readPollRequest(request.body);
      if ('problem' in reading) throw new Refused('invalid', reading.problem);
      return this.#polls.answer(node, reading.message);
    });
    app.get(`${paths.manifests}:sha256`, hidden, async (request, reply) => {
      await this.#rights.require(request.raw, ['relay', 'client', 'view']);
      const body = await this.#control.store.manifest((request.params as { sha256: string }).sha256);
      if (body === undefined) throw new Refused('unknown', 'there is no such manifest');
      reply.type('application/json');
      return body;
    });
  }

  #nodeOf({ holder }: TokenRecord): FleetNode {
    const node = this.#control.fleet.nodes.get(holder);
    if (node === undefined) throw new Refused('unauthorized', 'the node of this token is not known');
    return node;
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    try {
      const { pathname } = new URL(request.url ?? '/', 'http://control');
      if (pathname === paths.socket) {
        const token = await this.#rights.require(request, ['relay', 'client']);
        if (this.isReady) this.#sockets.accept(this.#nodeOf(token), request, socket, head);
        else socket.destroy();
      } else if (pathname === paths.live) {
        await this.#rights.require(request, ['view']);
        this.#live.accept(request, socket, head);
      } else throw new Refused('unknown', `there is no WebSocket at ${pathname}`);
    } catch (error) {
      const refused = error instanceof Refused ? error : new Refused('invalid', 'a request that cannot be read');
      if (!(error instanceof Refused)) this.#log.error({ error: String(error) }, 'an upgrade failed');
      const body = JSON.stringify({ error: { code: refused.code, message: refused.message } });
      const length = Buffer.byteLength(body);
      const lines = [`HTTP/1.1 ${refused.status} Refused`, 'Connection: close', `Content-Length: ${length}`, '', body];
      socket.end(lines.join('\r\n'));
    }
  }
}
