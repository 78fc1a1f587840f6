/**
 * How much of what it asks for does a holder really need? (M30; I13)
 *
 * Whoever uses less than half of what it holds, for as long as `idle`, is granted twice what it used (or a probe, by
 * which it can show that it needs more); as soon as it uses half of what it holds, it may have all that it asks for.
 */
import type { QuotaTerms } from './terms.ts';

export class Needs {
  /** Infinity = what it asks for. */
  readonly bytesPerSecond: Float64Array;
  private readonly countedBytes: Float64Array;
  private readonly countedAtMilliseconds: Float64Array;
  private readonly busyAtMilliseconds: Float64Array;

  constructor(rowCount: number) {
    this.bytesPerSecond = new Float64Array(rowCount);
    this.countedBytes = new Float64Array(rowCount);
    this.countedAtMilliseconds = new Float64Array(rowCount);
    this.busyAtMilliseconds = new Float64Array(rowCount);
  }

  open(row: number, nowMilliseconds: number, spentBytes: number): void {
    this.bytesPerSecond[row] = Infinity;
    this.countedBytes[row] = spentBytes;
    this.countedAtMilliseconds[row] = nowMilliseconds;
    this.busyAtMilliseconds[row] = nowMilliseconds;
  }

  /** After a report, while the row held a lease of `heldBytesPerSecond`. */
  measure(row: number, nowMilliseconds: number, spentBytes: number, heldBytesPerSecond: number, terms: QuotaTerms) {
    const elapsed = nowMilliseconds - this.countedAtMilliseconds[row];
    if (elapsed < terms.roundMilliseconds) return;
    const usedBytesPerSecond = Math.floor(((spentBytes - this.countedBytes[row]) * 1000) / elapsed);
    this.countedBytes[row] = spentBytes;
    this.countedAtMilliseconds[row] = nowMilliseconds;
    if (usedBytesPerSecond * 2 >= heldBytesPerSecond) {
      this.busyAtMilliseconds[row] = nowMilliseconds;
      this.bytesPerSecond[row] = Infinity;
    } else if (nowMilliseconds - this.busyAtMilliseconds[row] >= terms.idleMilliseconds) {
      this.bytesPerSecond[row] = Math.max(terms.probeBytesPerSecond, usedBytesPerSecond * 2);
    }
  }
}
