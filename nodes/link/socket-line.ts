import { WebSocket } from 'ws';
import type { FromNode } from '#nodes/protocol/from-node.ts';
import { controlMessageBytesMax, heartbeatMilliseconds, paths } from '#nodes/protocol/limits.ts';
import { readFromControl } from '#nodes/protocol/reading.ts';
import type { Line, LineEvents, LinkOptions } from './control-link.ts';

/** More than this waiting to be sent means that control does not read: newer states will follow anyway. */
const waitingBytesMax = 1024 * 1024;
const handshakeMilliseconds = 10_000;

export class SocketLine implements Line {
  readonly #socket: WebSocket;
  readonly #events: LineEvents;
  #heardAt = performance.now();
  #hasEnded = false;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor({ control, token, authority, hello }: LinkOptions, events: LineEvents) {
    this.#events = events;
    const address = new URL(paths.socket, control);
    address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(address, {
      headers: { authorization: `Bearer ${token}` },
      maxPayload: controlMessageBytesMax,
      perMessageDeflate: false,
      handshakeTimeout: handshakeMilliseconds,
      ...(authority === undefined ? {} : { ca: authority }),
    });
    this.#socket = socket;
    socket.on('open', () => {
      socket.send(JSON.stringify(hello()));
      this.#heartbeat = setInterval(() => this.#beat(), heartbeatMilliseconds);
    });
    socket.on('message', (data: Buffer) => this.#read(data));
    for (const sign of ['ping', 'pong'] as const) socket.on(sign, () => this.#hear());
    socket.on('error', (error) => this.#end(error.message));
    socket.on('close', (code, reason) => this.#end(`closed by control (${code}) ${reason}`.trim()));
  }

  send(message: FromNode): boolean {
    if (this.#socket.readyState !== WebSocket.OPEN || this.#socket.bufferedAmount > waitingBytesMax) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  close(): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.close(1000);
    else this.#socket.terminate();
    clearInterval(this.#heartbeat);
  }

  #hear(): void {
    this.#heardAt = performance.now();
  }

  #read(data: Buffer): void {
    this.#hear();
    const reading = readFromControl(data);
    if ('message' in reading) {
      if (!this.#hasEnded) this.#events.onMessage(reading.message);
    } else {
      this.#end(`control said what this version does not understand: ${reading.problem}`);
    }
  }

  #beat(): void {
    if (performance.now() - this.#heardAt > 2 * heartbeatMilliseconds) this.#end('control is silent');
    else this.#socket.ping();
  }

  #end(why: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearInterval(this.#heartbeat);
    this.#socket.terminate();
    this.#events.onEnd(why);
  }
}
