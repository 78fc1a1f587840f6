/** The state of the fleet, once a second, to whoever watches; nobody watching costs nothing. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { tokenSubprotocol } from '#nodes/protocol/limits.ts';
import type { Control } from './control.ts';
import { liveState } from './live-state.ts';

const everyMilliseconds = 1_000;
/** A watcher says nothing. */
const watcherBytesMax = 1_024;
/** Who reads slower than this misses states, not the newest one. */
const waitingBytesMax = 1024 * 1024;

export class LiveFeed {
  readonly #control: Control;
  readonly #timer: NodeJS.Timeout;
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: watcherBytesMax,
    perMessageDeflate: false,
    handleProtocols: (offered) => [...offered].find((name) => name.startsWith(tokenSubprotocol)) ?? false,
  });

  constructor(control: Control) {
    this.#control = control;
    this.#timer = setInterval(() => this.#tell(), everyMilliseconds);
  }

  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#server.handleUpgrade(request, socket, head, (line) => {
      line.on('error', () => line.terminate());
      line.send(this.#text());
    });
  }

  close(): void {
    clearInterval(this.#timer);
    for (const line of this.#server.clients) line.terminate();
    this.#server.close();
  }

  #tell(): void {
    if (this.#server.clients.size === 0) return;
    const text = this.#text();
    for (const line of this.#server.clients) {
      if (line.readyState === line.OPEN && line.bufferedAmount < waitingBytesMax) line.send(text);
    }
  }

  #text(): string {
    return JSON.stringify(liveState(this.#control, Date.now()));
  }
}
