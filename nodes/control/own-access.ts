/**
 * Control looks at files of an origin as a holder like any other: under a lease, over one connection at a time, asking
 * for no byte that its tokens do not cover. Otherwise a thousand instructions could overrun what it is there to guard.
 */
import { type HolderClock, Leaseholders } from '#core/quota/leaseholders.ts';
import type { HolderMessage, LeaseGrant } from '#core/quota/messages.ts';
import { Refused } from './refusal.ts';
import { controlShare } from './shares.ts';

/** Its number at the owner. */
export const ownHolder = 0;
const demandBytesPerSecond = 8 * 1024 * 1024;
const rangeBytesMax = 1024 * 1024;
const patienceMilliseconds = 30_000;
const lookAgainMilliseconds = 20;

/** What may be asked of the origin while a look lasts. */
export interface Budget {
  /** The lease has ended, or was called back: close everything at once. */
  signal: AbortSignal;
  /** Waits until at least one and at most `wantedBytes` may be asked for; answers how many. */
  ask(wantedBytes: number): Promise<number>;
  arrive(bytes: number): void;
}

export class OwnAccess {
  readonly #row = new Leaseholders(1);
  readonly #say: (message: HolderMessage) => void;
  readonly #refreshMilliseconds: number;
  #last: Promise<unknown> = Promise.resolve();
  #stop = new AbortController();

  constructor(origin: number, ttlMilliseconds: number, say: (message: HolderMessage) => void) {
    this.#say = say;
    this.#refreshMilliseconds = Math.floor(ttlMilliseconds / 3);
    this.#row.open(0, origin, ownHolder, controlShare, Date.now());
  }

  take(grant: LeaseGrant): void {
    this.#row.receive(0, clock(), grant);
    if (this.#row.excessCount(0) > 0 || this.#row.excessBytes(0) > 0) this.#stop.abort(lapsed());
    this.#acknowledge();
  }

  /** One look at a time; `not-ready` when the contract leaves no room for it in time. */
  look<Result>(work: (budget: Budget) => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(() => this.#look(work));
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #look<Result>(work: (budget: Budget) => Promise<Result>): Promise<Result> {
    const request = () => this.#say(this.#row.request(0, clock(), demandBytesPerSecond, 1));
    request();
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    const refresh = setInterval(request, this.#refreshMilliseconds);
    const watch = setInterval(() => {
      if (isConnected && !this.#row.isLive(0, clock())) this.#stop.abort(lapsed());
    }, lookAgainMilliseconds);
    let underwayBytes = 0;
    let isConnected = false;
    const arrive = (bytes: number) => {
      const counted = Math.min(bytes, underwayBytes);
      underwayBytes -= counted;
      this.#row.arrive(0, clock(), counted);
    };
    try {
      await this.#until(() => this.#row.connect(0, clock()));
      isConnected = true;
      return await work({
        signal,
        ask: async (wantedBytes) => {
          const bytes = Math.max(1, Math.min(wantedBytes, rangeBytesMax, Math.floor(this.#row.burstBytes(0) / 2)));
          await this.#until(() => this.#row.ask(0, clock(), bytes), signal);
          underwayBytes += bytes;
          return bytes;
        },
        arrive,
      });
    } finally {
      clearInterval(refresh);
      clearInterval(watch);
      const hasLapsed = this.#row.expire(0, clock()) || this.#row.isLapsed[0] === 1;
      if (isConnected) this.#row.disconnect(0);
      if (!hasLapsed) arrive(underwayBytes);
      const lapsed = this.#row.releaseLapsed(0);
      this.#say(lapsed ?? this.#row.release(0));
    }
  }

  #acknowledge(): void {
    const acknowledgement = this.#row.acknowledgement(0);
    if (acknowledgement !== undefined) this.#say(acknowledgement);
  }

  async #until(isDone: () => boolean, signal?: AbortSignal): Promise<void> {
    const endMilliseconds = performance.now() + patienceMilliseconds;
    while (!isDone()) {
      signal?.throwIfAborted();
      if (performance.now() > endMilliseconds) {
        throw new Refused('not-ready', "the origin's contract leaves no room to look at the file now; try again later");
      }
      await new Promise((done) => setTimeout(done, lookAgainMilliseconds));
    }
    this.#acknowledge();
  }
}

function lapsed(): Refused {
  return new Refused('not-ready', 'control lost its lease of the origin while it looked; try again');
}

function clock(): HolderClock {
  return { monotonicMilliseconds: Math.floor(performance.now()), wallMilliseconds: Date.now() };
}
