/**
 * Asks relays how this machine stands in the network (M18): until one has answered, and again from time to time, as
 * machines move and routers are changed while a client runs.
 */
import { checkNetwork, type NetworkCheck } from './network-check.ts';

export interface NetworkWatchOptions {
  /** On which peers connect to us. */
  port: number;
  /** What relays see is another than before. */
  onChange(check: NetworkCheck): void;
  /** Milliseconds between two looks, once one relay has answered; and before that: a relay may be just starting. */
  everyMilliseconds?: number;
  firstMilliseconds?: number;
}

const halfHour = 1_800_000;

export class NetworkWatch {
  readonly #options: NetworkWatchOptions;
  #relayUrls: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isAsking = false;
  #isClosed = false;
  /** Undefined until a relay was asked. */
  check: NetworkCheck | undefined;

  constructor(options: NetworkWatchOptions) {
    this.#options = options;
  }

  /** Relays that a task names: they are asked from now on. */
  know(relayUrls: string[]): void {
    if (relayUrls.length === 0) return;
    this.#relayUrls = relayUrls;
    if (this.#timer === undefined && !this.#isAsking) void this.#ask();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    const { port, onChange, everyMilliseconds = halfHour, firstMilliseconds = 2000 } = this.#options;
    const found = await checkNetwork(this.#relayUrls, port);
    this.#isAsking = false;
    if (this.#isClosed) return;
    const isAnswered = found.reachable !== undefined;
    const isNews = found.reachable !== this.check?.reachable || found.nat !== this.check?.nat;
    // Relays that are away say nothing about this machine: what was known stays.
    if (isAnswered && isNews) {
      this.check = found;
      onChange(found);
    }
    // By chance a little apart, or a fleet that started together would ask together for ever.
    const wait = this.check === undefined ? firstMilliseconds : everyMilliseconds * (0.75 + Math.random() / 2);
    this.#timer = setTimeout(() => void this.#ask(), wait);
    this.#timer.unref();
  }
}
