/**
 * A node's line to control: a WebSocket that comes back by itself, or polling where WebSockets do not get through.
 *
 * It promises little on purpose: a message is sent now or not at all (`send` answers which). Whoever uses it sends
 * states, not changes, and sends them again `onOpen`; so nothing needs to be queued, and nothing old arrives late.
 */
import type { FromControl } from '#nodes/protocol/from-control.ts';
import type { FromNode, Hello } from '#nodes/protocol/from-node.ts';
import { reconnectMillisecondsFirst, reconnectMillisecondsMax } from '#nodes/protocol/limits.ts';
import { PollLine } from './poll-line.ts';
import { SocketLine } from './socket-line.ts';

/** One connection; it ends once and is then thrown away. */
export interface Line {
  send(message: FromNode): boolean;
  close(): void;
}

export interface LineEvents {
  onMessage(message: FromControl): void;
  /** Once, also when the connection was never made. */
  onEnd(why: string): void;
}

export interface LinkOptions {
  /** http(s)://host:port of control. */
  control: URL;
  token: string;
  /** PEM of whoever signed control's certificate, where the machine does not know him. */
  authority?: string;
  polling: 'never' | 'when-needed' | 'always';
  /** Asked at each connection: what the node is and holds then. */
  hello(): Hello;
  /** Control has welcomed the node: send the states of all tasks. */
  onOpen(): void;
  onMessage(message: FromControl): void;
  /** The link is down and tries again by itself; for the log. */
  onDown(why: string, retryMilliseconds: number): void;
}

/** After so many sockets in a row that were never welcomed, polling is tried. */
const failuresBeforePolling = 3;

export class ControlLink {
  readonly #options: LinkOptions;
  #line: Line | undefined;
  #isOpen = false;
  #isClosed = false;
  #failures = 0;
  #socketFailures = 0;
  #retryNotBefore = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  start(): void {
    this.#connect();
  }

  /** False: the link is down and the message is gone. */
  send(message: FromNode): boolean {
    return this.#isOpen && this.#line?.send(message) === true;
  }

  /** Connects anew, with another hello. */
  renew(): void {
    if (this.#isOpen) this.#line?.close();
  }

  close(): void {
    this.#isClosed = true;
    this.#isOpen = false;
    clearTimeout(this.#timer);
    this.#line?.close();
  }

  #connect(): void {
    const { polling } = this.#options;
    const polls = polling === 'always' || (polling === 'when-needed' && this.#socketFailures >= failuresBeforePolling);
    const Kind = polls ? PollLine : SocketLine;
    let wasWelcomed = false;
    this.#line = new Kind(this.#options, {
      onMessage: (message) => {
        if (message.kind === 'welcome') {
          wasWelcomed = true;
          this.#isOpen = true;
          this.#failures = 0;
          if (!polls) this.#socketFailures = 0;
        }
        if (message.kind === 'goodbye') this.#retryNotBefore = message.reconnectAfterMilliseconds;
        this.#options.onMessage(message);
        if (message.kind === 'welcome') this.#options.onOpen();
      },
      onEnd: (why) => {
        this.#isOpen = false;
        this.#line = undefined;
        if (this.#isClosed) return;
        // A line that polls and breaks gives the socket another chance.
        if (polls) this.#socketFailures = failuresBeforePolling - 1;
        else if (!wasWelcomed) this.#socketFailures++;
        this.#retry(why);
      },
    });
  }

  /** Full jitter: a fleet that lost its control at one moment must not come back at one moment. */
  #retry(why: string): void {
    const most = Math.min(reconnectMillisecondsMax, reconnectMillisecondsFirst * 2 ** Math.min(this.#failures, 10));
    this.#failures++;
    const milliseconds = Math.ceil(this.#retryNotBefore * (1 + Math.random()) + Math.random() * most);
    this.#retryNotBefore = 0;
    this.#options.onDown(why, milliseconds);
    this.#timer = setTimeout(() => this.#connect(), milliseconds);
  }
}
