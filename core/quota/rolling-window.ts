/**
 * How many bytes were spent within the last hour or day? (M29; invariant I3)
 *
 * A ring of buckets, each a stretch of time. A bucket counts until it is wholly outside the window, so what is
 * reported is never less than what was spent within (t − W, t], and more by at most what the oldest bucket holds:
 *
 *     |▒▒▒▒▒▒▒|███████|███████|███████|███    |      ▒ still counts: a part of it is inside
 *         ├────────── window ──────────┤ t
 *
 * Bytes promised but not yet reported are reserved: used + reserved never passes the limit. Rejected: two counters
 * with an interpolation (let 119 through where 60 a minute were allowed); a list of every spending (unbounded).
 */
import { assert } from '../assert.ts';

/** One window of one origin. Times are whole milliseconds, bytes whole. */
export class RollingWindow {
  readonly windowMilliseconds: number;
  readonly bucketMilliseconds: number;
  /** Promised and not settled. */
  reservedBytes = 0;
  private readonly buckets: Float64Array;
  private usedBytes = 0;
  private nowMilliseconds = 0;
  private firstBucket = 0;
  private lastBucket = 0;

  constructor(windowMilliseconds: number, bucketCount: number) {
    assert(Number.isInteger(windowMilliseconds) && windowMilliseconds >= 1, 'a window lasts whole milliseconds');
    assert(Number.isInteger(bucketCount) && bucketCount >= 1, 'a window has a bucket');
    this.windowMilliseconds = windowMilliseconds;
    this.bucketMilliseconds = Math.ceil(windowMilliseconds / bucketCount);
    // One more: the oldest is partly outside while the newest is partly in the future.
    this.buckets = new Float64Array(bucketCount + 1);
  }

  /** Bytes spent within (now − window, now], never too few. */
  used(nowMilliseconds: number): number {
    this.advance(nowMilliseconds);
    return this.usedBytes;
  }

  /** Bytes that may still be promised under `limitBytes`. */
  left(nowMilliseconds: number, limitBytes: number): number {
    return Math.max(0, limitBytes - this.used(nowMilliseconds) - this.reservedBytes);
  }

  /** Counts bytes as spent now (a late report counts from when it is told, and so leaves later, never sooner). */
  spend(nowMilliseconds: number, bytes: number): void {
    checkBytes(bytes);
    this.advance(nowMilliseconds);
    this.buckets[this.lastBucket % this.buckets.length] += bytes;
    this.usedBytes += bytes;
  }

  /** Promises bytes if they fit under the limit. */
  reserve(nowMilliseconds: number, bytes: number, limitBytes: number): boolean {
    checkBytes(bytes);
    if (bytes > this.left(nowMilliseconds, limitBytes)) return false;
    this.reservedBytes += bytes;
    return true;
  }

  /** Ends a promise: what of it was spent counts from now on, the rest is free again. */
  settle(nowMilliseconds: number, promisedBytes: number, spentBytes: number): void {
    checkBytes(promisedBytes);
    assert(promisedBytes <= this.reservedBytes, 'only what was promised can be settled');
    assert(spentBytes <= promisedBytes, 'no more is spent than was promised');
    this.reservedBytes -= promisedBytes;
    this.spend(nowMilliseconds, spentBytes);
  }

  /** Places of the ring. */
  get bucketCount(): number {
    return this.buckets.length;
  }

  /** Number of the bucket that counts what is spent now. */
  bucketAt(nowMilliseconds: number): number {
    return Math.floor(nowMilliseconds / this.bucketMilliseconds);
  }

  /** Where a ledger keeps a bucket: later ones take the places of those that have left. */
  placeOf(bucket: number): number {
    return bucket % this.buckets.length;
  }

  /** Bytes of one bucket that counts now or did just now. */
  bytesOf(bucket: number): number {
    assert(bucket <= this.lastBucket && bucket > this.lastBucket - this.buckets.length, 'the bucket is in the ring');
    return this.buckets[this.placeOf(bucket)];
  }

  /** Puts back what a ledger knows of a bucket; one that has left counts no more. */
  restore(nowMilliseconds: number, bucket: number, bytes: number): void {
    checkBytes(bytes);
    this.advance(nowMilliseconds);
    if (bucket < this.firstBucket) return;
    // Of the time that was left out when the ledger changed hands.
    const place = this.placeOf(Math.min(bucket, this.lastBucket));
    this.buckets[place] += bytes;
    this.usedBytes += bytes;
  }

  /** First millisecond at which `bytes` could be promised if nothing else is spent; Infinity if never. */
  roomAtMilliseconds(nowMilliseconds: number, bytes: number, limitBytes: number): number {
    let missing = bytes - this.left(nowMilliseconds, limitBytes);
    if (missing <= 0) return nowMilliseconds;
    // `left` stops at zero; what is over the limit (after a cut) has to leave as well.
    missing = bytes + this.usedBytes + this.reservedBytes - limitBytes;
    for (let bucket = this.firstBucket; bucket <= this.lastBucket; bucket++) {
      missing -= this.buckets[bucket % this.buckets.length];
      if (missing <= 0) return (bucket + 1) * this.bucketMilliseconds - 1 + this.windowMilliseconds;
    }
    return Infinity;
  }

  private advance(nowMilliseconds: number): void {
    assert(Number.isInteger(nowMilliseconds), 'time is in whole milliseconds');
    assert(nowMilliseconds >= this.nowMilliseconds, 'time never runs back');
    this.nowMilliseconds = nowMilliseconds;
    const bucketCount = this.buckets.length;
    const firstInside = nowMilliseconds - this.windowMilliseconds + 1;
    const firstBucket = Math.max(0, Math.floor(firstInside / this.bucketMilliseconds));
    const lastBucket = Math.floor(nowMilliseconds / this.bucketMilliseconds);
    const leftUntil = Math.min(firstBucket, this.lastBucket + 1);
    for (let bucket = this.firstBucket; bucket < leftUntil; bucket++) {
      this.usedBytes -= this.buckets[bucket % bucketCount];
      this.buckets[bucket % bucketCount] = 0;
    }
    this.firstBucket = firstBucket;
    this.lastBucket = lastBucket;
  }
}

function checkBytes(bytes: number): void {
  assert(Number.isInteger(bytes) && bytes >= 0, 'bytes are whole and not negative');
}
