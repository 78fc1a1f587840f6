/**
 * What may a relay take from the origin while it cannot reach control? (M31)
 *
 * A static part of the contract that the owner never grants: reserved in the configuration for a known number of
 * relays, so that nobody has to be asked. The reservation always holds, whether or not a lease is in force beside it;
 * a relay uses it only after its lease has lapsed. Nothing for clients: they have the swarm and the relays.
 */
import { assert } from '../assert.ts';
import type { OriginContract } from './contract.ts';
import { windowOf } from './limits-now.ts';
import type { RollingWindow } from './rolling-window.ts';
import { partOf, type QuotaTerms } from './terms.ts';
import { TokenBuckets } from './token-bucket.ts';

/** The part of the `position`-th of `relayCount` relays; all together have no more than the safe share of a limit. */
export function safeShareOf(contract: OriginContract, terms: QuotaTerms, position: number, relayCount: number) {
  assert(position >= 0 && position < relayCount, 'a relay is one of those that were counted');
  const part = (limit: number) => {
    const all = partOf(limit, terms.safeShareThousandths);
    return all === Infinity ? Infinity : Math.floor(all / relayCount) + (position < all % relayCount ? 1 : 0);
  };
  return {
    connections: part(contract.connections),
    bytesPerSecond: part(contract.bytesPerSecond),
    burstBytes: part(contract.burstBytes),
    windows: contract.windows.map(({ windowMilliseconds, bytes }) => ({ windowMilliseconds, bytes: part(bytes) })),
  } satisfies OriginContract;
}

/** One relay's use of its part. Times are of the relay's monotonic clock, whole milliseconds. */
export class SafeShare {
  readonly part: OriginContract;
  openCount = 0;
  readonly #buckets = new TokenBuckets(1);
  readonly #windows: RollingWindow[];

  /**
   * `hasUsedNone`: what it used before is known to be nothing (or `part` is new); after a restart it is not known, and
   * each window counts as full.
   */
  constructor(part: OriginContract, terms: QuotaTerms, nowMilliseconds: number, hasUsedNone: boolean) {
    assert(part.bytesPerSecond !== Infinity && part.burstBytes !== Infinity, 'a safe share is of a limit');
    this.part = part;
    this.#buckets.open(0, nowMilliseconds, part.bytesPerSecond, part.burstBytes, 0);
    this.#windows = part.windows.map(({ windowMilliseconds, bytes }) => {
      const window = windowOf(windowMilliseconds, terms);
      if (!hasUsedNone && bytes !== Infinity) window.spend(nowMilliseconds, bytes);
      return window;
    });
  }

  connect(): boolean {
    if (this.openCount >= this.part.connections) return false;
    this.openCount++;
    return true;
  }

  disconnect(): void {
    assert(this.openCount > 0, 'only what is open closes');
    this.openCount--;
  }

  availableBytes(nowMilliseconds: number): number {
    let bytes = this.#buckets.available(0, nowMilliseconds);
    for (const [index, window] of this.#windows.entries()) {
      bytes = Math.min(bytes, window.left(nowMilliseconds, this.part.windows[index].bytes));
    }
    return bytes;
  }

  /** Asks for a range: all of it is covered, or it is not asked for. */
  ask(nowMilliseconds: number, bytes: number): boolean {
    if (bytes > this.availableBytes(nowMilliseconds)) return false;
    for (const [index, window] of this.#windows.entries()) {
      window.reserve(nowMilliseconds, bytes, this.part.windows[index].bytes);
    }
    return this.#buckets.send(0, nowMilliseconds, bytes);
  }

  /** Bytes of a range have come, or were given up. */
  arrive(nowMilliseconds: number, bytes: number): void {
    this.#buckets.arrive(0, nowMilliseconds, bytes);
    for (const window of this.#windows) window.settle(nowMilliseconds, bytes, bytes);
  }
}
