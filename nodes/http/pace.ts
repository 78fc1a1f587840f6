/** How fast bytes may pass: the core's token bucket on the process's clock, shared by all who hold it. */
import { TokenBuckets } from '#core/quota/token-bucket.ts';

/** A tenth of a second of the rate, but a chunk at least: short enough to be smooth, long enough to be cheap. */
const burstSeconds = 0.1;
const burstBytesMin = 64 * 1024;

/** Whole milliseconds of the process's monotonic clock. */
export function monotonicMilliseconds(): number {
  return Math.floor(performance.now());
}

export class Pace {
  #buckets: TokenBuckets | null = null;
  #turn: Promise<void> = Promise.resolve();
  bytesPerSecond = Infinity;

  constructor(bytesPerSecond: number = Infinity) {
    this.limit(bytesPerSecond);
  }

  /** The rate from now on; `Infinity` = none, 0 = nothing passes until it is raised. */
  limit(bytesPerSecond: number): void {
    if (bytesPerSecond === this.bytesPerSecond) return;
    this.bytesPerSecond = bytesPerSecond;
    if (bytesPerSecond === Infinity) {
      this.#buckets = null;
      return;
    }
    const rate = Math.floor(bytesPerSecond);
    const burst = burstOf(rate);
    const now = monotonicMilliseconds();
    if (this.#buckets !== null) return this.#buckets.change(0, now, rate, burst);
    this.#buckets = new TokenBuckets(1);
    this.#buckets.open(0, now, rate, burst, 0);
  }

  /** What may pass at once: nobody may ask for more. */
  get burstBytes(): number {
    return this.#buckets === null ? Infinity : burstOf(Math.floor(this.bytesPerSecond));
  }

  /** Bytes that may pass now, at most `wantedBytes`; they count as passed. */
  takeUpTo(wantedBytes: number): number {
    if (this.#buckets === null) return wantedBytes;
    const now = monotonicMilliseconds();
    const bytes = Math.min(wantedBytes, this.#buckets.available(0, now));
    this.#buckets.take(0, now, bytes);
    return bytes;
  }

  /** Waits, in turn, until `bytes` may pass; at most `burstBytes` at a time. */
  async take(bytes: number): Promise<void> {
    if (this.#buckets === null) return;
    const before = this.#turn;
    let done = () => {};
    this.#turn = new Promise((resolve) => {
      done = resolve;
    });
    await before;
    try {
      while (this.#buckets !== null) {
        const now = monotonicMilliseconds();
        if (this.#buckets.take(0, now, bytes)) return;
        // A rate may be raised meanwhile: look again soon.
        await pause(Math.min(100, Math.max(1, this.#buckets.waitMilliseconds(0, now, bytes))));
      }
    } finally {
      done();
    }
  }
}

function burstOf(rate: number): number {
  return Math.max(burstBytesMin, Math.floor(rate * burstSeconds));
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
