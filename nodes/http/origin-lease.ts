/**
 * What a node may do at an origin, and until when (M27–M31): nothing at all without a lease. Connections are counted
 * from before they are opened until they are closed; bytes are taken before they are asked for, so that what is still
 * in some buffer cannot overshoot.
 */
import { TokenBuckets } from '#core/quota/token-bucket.ts';
import { monotonicMilliseconds, pause } from './pace.ts';

export interface LeaseTerms {
  slots: number;
  bytesPerSecond: number;
  burstBytes: number;
  /** On the monotonic clock; `Infinity` for terms that an operator set for good. */
  endMilliseconds: number;
  /** Bytes that may be taken under it in all; `Infinity` = as the rate allows. */
  prepaidBytes: number;
}

/** Asked for at one time at most, so that several connections share a rate evenly. */
const takeBytesMax = 4 * 1024 * 1024;
const takeBytesMin = 64 * 1024;

export class OriginLease {
  readonly #bucket = new TokenBuckets(1);
  #terms: LeaseTerms | null = null;
  #isOpen = false;
  /** Wall time against a suspended machine, whose monotonic clock may stand still. */
  #wallEndMilliseconds = 0;
  openSlots = 0;
  /** Under the present terms, and in all. */
  spentBytes = 0;
  totalBytes = 0;
  /** Bytes that are waited for now. */
  #wanted = 0;
  /** How many connections would be of use. */
  wantedSlots = 0;

  get isHeld(): boolean {
    return this.#current() !== null;
  }

  get slots(): number {
    return this.#current()?.slots ?? 0;
  }

  /** Bytes that somebody waits for. */
  get wantedBytes(): number {
    return this.#wanted;
  }

  /** New terms. What was earned under earlier ones stays, up to the new burst; what was prepaid begins anew. */
  grant(terms: LeaseTerms): void {
    const now = monotonicMilliseconds();
    const [rate, burst] = [Math.floor(terms.bytesPerSecond), Math.floor(terms.burstBytes)];
    if (this.#isOpen && this.#current() !== null) this.#bucket.change(0, now, rate, burst);
    else this.#bucket.open(0, now, rate, burst, 0);
    this.#isOpen = true;
    this.#terms = terms;
    this.#wallEndMilliseconds = Date.now() + (terms.endMilliseconds - now);
    this.spentBytes = 0;
  }

  /** Nothing more from now on; tokens are void. */
  end(): void {
    this.#terms = null;
    if (this.#isOpen) this.#bucket.close(0, monotonicMilliseconds());
  }

  /** A connection may be opened; the answer is to be called when it is closed. Null: not now. */
  openSlot(): (() => void) | null {
    const terms = this.#current();
    if (terms === null || this.openSlots >= terms.slots) return null;
    this.openSlots++;
    let isOpen = true;
    return () => {
      if (isOpen) this.openSlots--;
      isOpen = false;
    };
  }

  /** Whether a connection must be given back: the terms have shrunk, or ended. */
  get isOverdrawn(): boolean {
    return this.openSlots > this.slots;
  }

  /** Waits for bytes that may be asked for: at most `wantedBytes`. 0: the lease has ended. */
  async take(wantedBytes: number, signal: AbortSignal): Promise<number> {
    this.#wanted += wantedBytes;
    try {
      for (;;) {
        const terms = this.#current();
        if (terms === null || signal.aborted) return 0;
        const now = monotonicMilliseconds();
        const left = Math.floor(terms.prepaidBytes - this.spentBytes);
        if (left <= 0) return 0;
        const most = Math.min(wantedBytes, left, takeBytesMax);
        const least = Math.min(most, takeBytesMin, Math.max(1, Math.floor(terms.burstBytes)));
        const bytes = Math.min(most, this.#bucket.available(0, now));
        if (bytes >= least) {
          this.#bucket.take(0, now, bytes);
          this.spentBytes += bytes;
          this.totalBytes += bytes;
          return bytes;
        }
        await pause(Math.min(250, Math.max(1, this.#bucket.waitMilliseconds(0, now, least))));
      }
    } finally {
      this.#wanted -= wantedBytes;
    }
  }

  #current(): LeaseTerms | null {
    const terms = this.#terms;
    if (terms === null) return null;
    if (monotonicMilliseconds() < terms.endMilliseconds && Date.now() < this.#wallEndMilliseconds) return terms;
    this.end();
    return null;
  }
}

/** Terms that an operator gives a node for good, where no control server hands out leases. */
export function standingTerms(slots: number, bytesPerSecond: number): LeaseTerms {
  // The bucket counts whole bytes; a rate without a limit is one that no machine reaches.
  const rate = Math.min(bytesPerSecond, 100_000_000_000);
  return {
    slots,
    bytesPerSecond: rate,
    burstBytes: Math.max(256 * 1024, Math.floor(rate / 4)),
    endMilliseconds: Number.MAX_SAFE_INTEGER,
    prepaidBytes: Infinity,
  };
}
