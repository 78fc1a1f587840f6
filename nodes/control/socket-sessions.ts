/** Nodes over WebSockets. Whatever arrives is hostile: bounded, checked, and the end of the line if it does not fit. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { FromControl, Refusal } from '#nodes/protocol/from-control.ts';
import { heartbeatMilliseconds, messageBytesMax } from '#nodes/protocol/limits.ts';
import { readFromNode } from '#nodes/protocol/reading.ts';
import type { FleetNode, Session } from './fleet.ts';
import type { NodeDesk } from './node-desk.ts';

/** A node that does not read is cut off: what it missed is sent when it says hello again. */
const waitingBytesMax = 4 * 1024 * 1024;
const helloMilliseconds = 10_000;
/** A node reports every few seconds, renews leases every few more: a hundred a second is none of ours. */
const messagesPerSecondMax = 100;
const policyViolation = 1008;

export class SocketSessions {
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: messageBytesMax,
    perMessageDeflate: false,
    clientTracking: true,
  });
  readonly #desk: NodeDesk;

  constructor(desk: NodeDesk) {
    this.#desk = desk;
  }

  get count(): number {
    return this.#server.clients.size;
  }

  accept(node: FleetNode, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#server.handleUpgrade(request, socket, head, (line) => new SocketSession(node, line, this.#desk));
  }

  /** Tells everyone when to come back, and closes. */
  close(goodbye: FromControl): void {
    for (const line of this.#server.clients) {
      line.send(JSON.stringify(goodbye));
      line.close(1012);
    }
    this.#server.close();
  }

  terminate(): void {
    for (const line of this.#server.clients) line.terminate();
  }
}

class SocketSession implements Session {
  readonly #node: FleetNode;
  readonly #line: WebSocket;
  readonly #desk: NodeDesk;
  readonly #heartbeat: NodeJS.Timeout;
  #isWelcome = false;
  #heardAt = performance.now();
  #secondStartedAt = performance.now();
  #messagesInSecond = 0;

  constructor(node: FleetNode, line: WebSocket, desk: NodeDesk) {
    this.#node = node;
    this.#line = line;
    this.#desk = desk;
    const hello = setTimeout(() => this.end('hello-first', 'no hello in time'), helloMilliseconds);
    this.#heartbeat = setInterval(() => this.#beat(), heartbeatMilliseconds);
    line.on('message', (data: Buffer, isBinary: boolean) => {
      clearTimeout(hello);
      if (isBinary) this.end('malformed', 'a text frame is needed');
      else this.#read(data);
    });
    for (const sign of ['ping', 'pong'] as const) line.on(sign, () => this.#hear());
    line.on('error', () => line.terminate());
    line.on('close', () => {
      clearTimeout(hello);
      clearInterval(this.#heartbeat);
      this.#desk.gone(this.#node, this, Date.now());
    });
  }

  send(message: FromControl): void {
    if (this.#line.bufferedAmount > waitingBytesMax) this.#line.terminate();
    else if (this.#line.readyState === this.#line.OPEN) this.#line.send(JSON.stringify(message));
  }

  end(reason: Refusal['reason'], detail: string): void {
    this.#desk.counts.refused++;
    this.send({ kind: 'refusal', reason, detail: detail.slice(0, 1000) });
    this.#line.close(policyViolation, reason);
    // Whoever does not answer the close is cut off; nothing more of his is read meanwhile.
    this.#line.removeAllListeners('message');
    setTimeout(() => this.#line.terminate(), 1000).unref();
  }

  #hear(): void {
    this.#heardAt = performance.now();
  }

  #read(data: Buffer): void {
    this.#hear();
    if (this.#isTooMany()) return this.end('too-many', `more than ${messagesPerSecondMax} messages in a second`);
    const reading = readFromNode(data);
    if ('problem' in reading) return this.end('malformed', reading.problem);
    const { message } = reading;
    if (!this.#isWelcome) {
      if (message.kind !== 'hello') return this.end('hello-first', `${message.kind} before hello`);
      const problem = this.#desk.welcome(this.#node, this, message, Date.now());
      if (problem !== undefined) return this.end('protocol', problem);
      this.#isWelcome = true;
      return;
    }
    const problem = this.#desk.receive(this.#node, message);
    // Tasks may have ended while the message was under way; that alone is no reason to part.
    if (problem !== undefined) this.send({ kind: 'refusal', reason: 'unknown-task', detail: problem });
  }

  #isTooMany(): boolean {
    const now = performance.now();
    if (now - this.#secondStartedAt >= 1000) {
      this.#secondStartedAt = now;
      this.#messagesInSecond = 0;
    }
    this.#messagesInSecond++;
    return this.#messagesInSecond > messagesPerSecondMax;
  }

  #beat(): void {
    if (performance.now() - this.#heardAt > 2 * heartbeatMilliseconds) this.#line.terminate();
    else this.#line.ping();
  }
}
