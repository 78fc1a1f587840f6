/**
 * Which leases may still be in use, and how much do they come to? (step 2 of the design; I1, I2, I6)
 *
 * A holder may be using any lease that was sent to it, has not ended, and is not superseded by one that it has
 * acknowledged: the messages in between may be lost or late. So each of a holder's promises counts, and what is
 * committed to it is the largest of each amount. Slots, rate and burst count until their lease ends. Prepaid bytes
 * count longer, until an acknowledgement gives them back or the account is closed: a lease may have ended after all of
 * it was spent, and the report may still be under way.
 *
 * A row keeps `promisesMax` promises; when they are full, the holder gets no lease until one ends or is acknowledged.
 */
import { assert } from '../assert.ts';
import type { PromiseRecord } from './ledger.ts';

/** A lease answers a request, of which there are three per ttl; the rest is room for revocations. */
export const promisesMax = 8;

export class Promises {
  readonly committedSlots: Float64Array;
  readonly committedBytesPerSecond: Float64Array;
  readonly committedBurstBytes: Float64Array;
  /** In all since the account began. */
  readonly committedPrepaidBytes: Float64Array;
  /** Promises in the row, oldest first; the newest of all leases is the last one unless it has ended. */
  readonly count: Uint8Array;
  private readonly epoch: Float64Array;
  private readonly sequence: Float64Array;
  private readonly slots: Float64Array;
  private readonly bytesPerSecond: Float64Array;
  private readonly burstBytes: Float64Array;
  private readonly prepaidBytes: Float64Array;
  private readonly ttlMilliseconds: Float64Array;
  private readonly endMilliseconds: Float64Array;
  /** Of leases that ended without an acknowledgement: the last one's number, the most that any of them prepaid. */
  private readonly endedEpoch: Float64Array;
  private readonly endedSequence: Float64Array;
  private readonly endedPrepaidBytes: Float64Array;

  constructor(rowCount: number) {
    const column = () => new Float64Array(rowCount);
    const places = () => new Float64Array(rowCount * promisesMax);
    this.committedSlots = column();
    this.committedBytesPerSecond = column();
    this.committedBurstBytes = column();
    this.committedPrepaidBytes = column();
    this.count = new Uint8Array(rowCount);
    this.epoch = places();
    this.sequence = places();
    this.slots = places();
    this.bytesPerSecond = places();
    this.burstBytes = places();
    this.prepaidBytes = places();
    this.ttlMilliseconds = places();
    this.endMilliseconds = places();
    this.endedEpoch = column();
    this.endedSequence = column();
    this.endedPrepaidBytes = column();
  }

  /** Forgets everything about the row; `prepaidBytes` is what its account has had already. */
  clear(row: number, prepaidBytes: number): void {
    this.count[row] = 0;
    this.endedEpoch[row] = 0;
    this.endedSequence[row] = 0;
    this.endedPrepaidBytes[row] = 0;
    this.committedPrepaidBytes[row] = prepaidBytes;
    this.sumUp(row, prepaidBytes);
  }

  isFull(row: number): boolean {
    return this.count[row] === promisesMax;
  }

  add(row: number, promise: PromiseRecord, endMilliseconds: number): void {
    assert(!this.isFull(row), 'there is room for a promise');
    const place = row * promisesMax + this.count[row];
    this.epoch[place] = promise.epoch;
    this.sequence[place] = promise.sequence;
    this.slots[place] = promise.slots;
    this.bytesPerSecond[place] = promise.bytesPerSecond;
    this.burstBytes[place] = promise.burstBytes;
    this.prepaidBytes[place] = promise.prepaidBytes;
    this.ttlMilliseconds[place] = promise.ttlMilliseconds;
    // In the order of their numbers, so that they end in that order too.
    this.endMilliseconds[place] = Math.max(endMilliseconds, this.lastEndMilliseconds(row));
    this.count[row]++;
    this.sumUp(row, this.committedPrepaidBytes[row]);
  }

  /** Whether anything ended; the promises of the row that end at or before `nowMilliseconds` are gone. */
  expire(row: number, nowMilliseconds: number): boolean {
    const before = this.count[row];
    const first = row * promisesMax;
    let kept = 0;
    for (let at = 0; at < before; at++) {
      const place = first + at;
      if (this.endMilliseconds[place] > nowMilliseconds) {
        this.move(place, first + kept);
        kept++;
        continue;
      }
      this.endedEpoch[row] = this.epoch[place];
      this.endedSequence[row] = this.sequence[place];
      this.endedPrepaidBytes[row] = Math.max(this.endedPrepaidBytes[row], this.prepaidBytes[place]);
    }
    this.count[row] = kept;
    if (kept < before) this.sumUp(row, this.committedPrepaidBytes[row]);
    return kept < before;
  }

  /**
   * The holder keeps to this lease and to nothing earlier. Answers whether that was news (leases that are unknown, of
   * another ledger, or superseded are not). `spentBytes` were spent in all: so much stays prepaid at least.
   */
  acknowledge(row: number, epoch: number, sequence: number, spentBytes: number): boolean {
    const isEnded = sequence > 0 && this.endedEpoch[row] === epoch && this.endedSequence[row] === sequence;
    if (!isEnded && !this.isKept(row, epoch, sequence)) return false;
    const first = row * promisesMax;
    let superseded = 0;
    while (superseded < this.count[row] && this.sequence[first + superseded] < sequence) superseded++;
    for (let at = superseded; at < this.count[row]; at++) this.move(first + at, first + at - superseded);
    this.count[row] -= superseded;
    if (this.endedSequence[row] < sequence) {
      this.endedEpoch[row] = 0;
      this.endedSequence[row] = 0;
      this.endedPrepaidBytes[row] = 0;
    }
    const prepaidBefore = this.committedPrepaidBytes[row];
    this.sumUp(row, Math.max(spentBytes, this.endedPrepaidBytes[row]));
    return superseded > 0 || this.committedPrepaidBytes[row] !== prepaidBefore;
  }

  /** Last sequence of the row's promises, 0 = none. */
  newestSequence(row: number): number {
    return this.count[row] === 0 ? 0 : this.sequence[this.newestPlace(row)];
  }

  newestSlots(row: number): number {
    return this.count[row] === 0 ? 0 : this.slots[this.newestPlace(row)];
  }

  newestBytesPerSecond(row: number): number {
    return this.count[row] === 0 ? 0 : this.bytesPerSecond[this.newestPlace(row)];
  }

  newestBurstBytes(row: number): number {
    return this.count[row] === 0 ? 0 : this.burstBytes[this.newestPlace(row)];
  }

  newestPrepaidBytes(row: number): number {
    return this.count[row] === 0 ? 0 : this.prepaidBytes[this.newestPlace(row)];
  }

  /** When the last of the row's promises ends; −Infinity = there is none. */
  lastEndMilliseconds(row: number): number {
    return this.count[row] === 0 ? -Infinity : this.endMilliseconds[this.newestPlace(row)];
  }

  records(row: number): PromiseRecord[] {
    return Array.from({ length: this.count[row] }, (_, at) => {
      const place = row * promisesMax + at;
      return {
        epoch: this.epoch[place],
        sequence: this.sequence[place],
        slots: this.slots[place],
        bytesPerSecond: this.bytesPerSecond[place],
        burstBytes: this.burstBytes[place],
        prepaidBytes: this.prepaidBytes[place],
        ttlMilliseconds: this.ttlMilliseconds[place],
      };
    });
  }

  private isKept(row: number, epoch: number, sequence: number): boolean {
    for (let place = row * promisesMax; place < row * promisesMax + this.count[row]; place++) {
      if (this.sequence[place] === sequence) return this.epoch[place] === epoch;
    }
    return false;
  }

  private newestPlace(row: number): number {
    return row * promisesMax + this.count[row] - 1;
  }

  private move(from: number, to: number): void {
    if (from === to) return;
    this.epoch[to] = this.epoch[from];
    this.sequence[to] = this.sequence[from];
    this.slots[to] = this.slots[from];
    this.bytesPerSecond[to] = this.bytesPerSecond[from];
    this.burstBytes[to] = this.burstBytes[from];
    this.prepaidBytes[to] = this.prepaidBytes[from];
    this.ttlMilliseconds[to] = this.ttlMilliseconds[from];
    this.endMilliseconds[to] = this.endMilliseconds[from];
  }

  private sumUp(row: number, prepaidMinBytes: number): void {
    let slots = 0;
    let bytesPerSecond = 0;
    let burstBytes = 0;
    let prepaidBytes = prepaidMinBytes;
    const first = row * promisesMax;
    for (let place = first; place < first + this.count[row]; place++) {
      slots = Math.max(slots, this.slots[place]);
      bytesPerSecond = Math.max(bytesPerSecond, this.bytesPerSecond[place]);
      burstBytes = Math.max(burstBytes, this.burstBytes[place]);
      prepaidBytes = Math.max(prepaidBytes, this.prepaidBytes[place]);
    }
    this.committedSlots[row] = slots;
    this.committedBytesPerSecond[row] = bytesPerSecond;
    this.committedBurstBytes[row] = burstBytes;
    this.committedPrepaidBytes[row] = prepaidBytes;
  }
}
