/** A control server as a process, an origin that counts what is taken from it, and nodes that speak the protocol. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ControlLink, type LinkOptions } from '#nodes/link/control-link.ts';
import type { Assignment } from '#nodes/protocol/assignment.ts';
import type { FromControl } from '#nodes/protocol/from-control.ts';
import type { FromNode, Hello, Progress, Role } from '#nodes/protocol/from-node.ts';

const launcher = fileURLToPath(new URL('../../../sluice', import.meta.url));
const startMilliseconds = 30_000;

export class ControlWorld {
  readonly directory = mkdtempSync(join(tmpdir(), 'sluice-control-'));
  readonly port: number;
  log = '';
  readonly #options: string[];
  readonly #started: ChildProcess[] = [];
  #process: ChildProcess | undefined;

  constructor(port: number, options: string[]) {
    this.port = port;
    this.#options = options;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get token(): string {
    return readFileSync(join(this.directory, 'operator.token'), 'utf8').trim();
  }

  /** Of the control server that runs. */
  get process(): number {
    return this.#process!.pid!;
  }

  async start(): Promise<void> {
    const given = ['control', '--data', this.directory, '--listen', `127.0.0.1:${this.port}`, ...this.#options];
    const child = spawn(launcher, given, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    this.#started.push(child);
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.log += text));
    await new Promise<void>((done, fail) => {
      const timer = setTimeout(() => fail(new Error(`control did not start:\n${this.log}`)), startMilliseconds);
      child.stdout!.once('data', () => {
        clearTimeout(timer);
        done();
      });
      child.once('exit', (code) => {
        clearTimeout(timer);
        fail(new Error(`control ended with ${code}:\n${this.log}`));
      });
    });
  }

  /** Answers the exit code, or the signal. */
  async stop(signal: NodeJS.Signals): Promise<number | string | null> {
    const child = this.#process!;
    const ended = new Promise<number | string | null>((done) => child.once('exit', (code, by) => done(code ?? by)));
    child.kill(signal);
    return ended;
  }

  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects.
  async ask(method: string, path: string, body?: unknown, token = this.token): Promise<{ status: number; body: any }> {
    const answer = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, body: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text };
  }

  async enrol(role: Role, name: string): Promise<string> {
    const { status, body } = await this.ask('POST', '/api/tokens', { permits: role, name });
    if (status !== 201) throw new Error(JSON.stringify(body));
    return body.token;
  }

  end(): void {
    for (const child of this.#started) child.kill('SIGKILL');
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

/** A world with a control server that runs; everything ends with `work`. */
export async function inWorld(work: (world: ControlWorld) => Promise<void>, options: string[] = []): Promise<void> {
  const world = new ControlWorld(await freePort(), options);
  try {
    await world.start();
    await work(world);
  } finally {
    world.end();
  }
}

/** An origin with one file of `sizeBytes` at /file.bin, that writes down what is taken from it and when. */
export class CountingOrigin {
  readonly events: { atMilliseconds: number; bytes: number }[] = [];
  connectionsMax = 0;
  requests = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(sizeBytes: number) {
    this.#server = createServer((request, response) => {
      this.requests++;
      if (request.url !== '/file.bin') return response.writeHead(404).end();
      const headers = { etag: '"one"', 'accept-ranges': 'bytes' };
      const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
      if (request.method === 'HEAD' || range === null) {
        return response.writeHead(200, { ...headers, 'content-length': sizeBytes }).end();
      }
      const [first, last] = [Number(range[1]), Number(range[2])];
      const bytes = last - first + 1;
      this.events.push({ atMilliseconds: performance.now(), bytes });
      const content = { 'content-length': bytes, 'content-range': `bytes ${first}-${last}/${sizeBytes}` };
      return response.writeHead(206, { ...headers, ...content }).end(Buffer.alloc(bytes));
    });
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      this.connectionsMax = Math.max(this.connectionsMax, this.#sockets.size);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  get bytes(): number {
    return this.events.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Over every interval between two events: the most bytes above `bytesPerSecond` · its length. */
  excessBytes(bytesPerSecond: number): number {
    let worst = 0;
    for (const [from, { atMilliseconds }] of this.events.entries()) {
      let sum = 0;
      for (let to = from; to < this.events.length; to++) {
        sum += this.events[to]!.bytes;
        const seconds = (this.events[to]!.atMilliseconds - atMilliseconds) / 1000;
        worst = Math.max(worst, sum - bytesPerSecond * seconds);
      }
    }
    return worst;
  }
}

export function helloOf(role: Role, changes: Partial<Hello> = {}): Hello {
  return {
    kind: 'hello',
    protocol: 1,
    role,
    incarnation: 'a',
    software: 'test',
    groups: [],
    network: 'wired',
    peerToPeer: 'allowed',
    tasks: [],
    ...(role === 'client' ? {} : { relay: { httpUrl: 'http://127.0.0.1:9/', trackers: [], connectionsMax: 1000 } }),
    ...changes,
  };
}

/** A node that takes every assignment, and keeps what it was told. */
export class TestNode {
  readonly name: string;
  readonly role: Role;
  readonly link: ControlLink;
  readonly messages: FromControl[] = [];
  readonly assignments = new Map<string, Assignment>();
  onMessage: (message: FromControl) => void = () => {};
  refuses = false;

  constructor(
    url: string,
    role: Role,
    name: string,
    token: string,
    changes: Partial<LinkOptions> & Partial<Hello> = {},
  ) {
    this.role = role;
    this.name = name;
    const { polling = 'never', authority, hello: _, ...hello } = changes as Partial<LinkOptions>;
    this.link = new ControlLink({
      control: new URL(url),
      token,
      polling,
      ...(authority === undefined ? {} : { authority }),
      hello: () => helloOf(role, { ...(hello as Partial<Hello>), tasks: this.#held() }),
      onOpen: () => {},
      onMessage: (message) => this.#receive(message),
      onDown: () => {},
    });
    this.link.start();
  }

  send(message: FromNode): boolean {
    return this.link.send(message);
  }

  report(task: string, changes: Partial<Progress>): boolean {
    return this.send(progressOf(task, changes));
  }

  #held() {
    return [...this.assignments.values()].map(({ task, revision }) => ({ task, revision }));
  }

  #receive(message: FromControl): void {
    this.messages.push(message);
    if (message.kind === 'task') {
      const { task, revision } = message.assignment;
      if (!this.refuses) this.assignments.set(task, message.assignment);
      this.send({
        kind: 'acknowledge',
        task,
        revision,
        accepted: !this.refuses,
        ...(this.refuses ? { reason: 'overloaded' as const } : {}),
      });
    }
    this.onMessage(message);
  }
}

export function progressOf(task: string, changes: Partial<Progress> = {}): Progress {
  return {
    kind: 'progress',
    task,
    state: 'transferring',
    verifiedBytes: 0,
    received: { origin: 0, relay: 0, peer: 0 },
    duplicateBytes: 0,
    discardedBytes: 0,
    sent: { http: 0, bittorrent: 0 },
    receiveBytesPerSecond: 0,
    bittorrentBytesPerSecond: 0,
    sendBytesPerSecond: 0,
    peers: 0,
    fallbackOpened: { slow: 0, stalled: 0, blocked: 0, overdue: 0 },
    elapsedMilliseconds: 1000,
    ...changes,
  };
}

export async function until(what: string, isSo: () => boolean | Promise<boolean>, milliseconds = 15_000) {
  const end = performance.now() + milliseconds;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`not within ${milliseconds} ms: ${what}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}
