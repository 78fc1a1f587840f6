/**
 * May this many bytes be sent now? (M28, M31; invariant I2)
 *
 * A bucket fills at a rate up to its burst; sending takes out of it. For all s < t, what is taken in (s, t] is at most
 * rate·(t − s) + burst, exactly, however often and at whatever odd moments it is refilled:
 *
 *     1000·filled = rate · elapsed milliseconds + what was left over last time      (all whole numbers)
 *     bytes += ⌊ / 1000 ⌋,  the remainder (0..999 thousandths of a byte) is carried to the next time
 *
 * Bytes that were asked for and have not come (`send`, `arrive`) still fill the bucket, so that the same bound holds
 * for what comes over the wire, however long it was held up: tokens + under way ≤ burst.
 *
 * Rejected: tokens as fractions (they round up as often as down, and the sum creeps past the limit); rounding each
 * refill down without the carry (a slow bucket that is asked often would never fill).
 */
import { assert } from '../assert.ts';
import { quotaBytesMax } from './contract.ts';

const thousandths = 1000;

/** One bucket per row: 48 bytes. */
export class TokenBuckets {
  readonly rowCount: number;
  readonly bytesPerSecond: Float64Array;
  readonly burstBytes: Float64Array;
  /** Asked for and not arrived. */
  readonly underwayBytes: Float64Array;
  private readonly tokenBytes: Float64Array;
  private readonly carryThousandths: Float64Array;
  private readonly atMilliseconds: Float64Array;

  constructor(rowCount: number) {
    assert(rowCount >= 1, 'a table has a row');
    this.rowCount = rowCount;
    this.bytesPerSecond = new Float64Array(rowCount);
    this.burstBytes = new Float64Array(rowCount);
    this.underwayBytes = new Float64Array(rowCount);
    this.tokenBytes = new Float64Array(rowCount);
    this.carryThousandths = new Float64Array(rowCount);
    this.atMilliseconds = new Float64Array(rowCount);
  }

  /** Starts the row's bucket with `tokenBytes` in it (a new lease: what the grant says, not always a full burst). */
  open(row: number, nowMilliseconds: number, bytesPerSecond: number, burstBytes: number, tokenBytes: number): void {
    this.check(row, bytesPerSecond, burstBytes);
    assert(tokenBytes >= 0 && tokenBytes <= burstBytes, 'a bucket holds its burst at most');
    this.bytesPerSecond[row] = bytesPerSecond;
    this.burstBytes[row] = burstBytes;
    this.underwayBytes[row] = 0;
    this.tokenBytes[row] = tokenBytes;
    this.carryThousandths[row] = 0;
    this.atMilliseconds[row] = nowMilliseconds;
  }

  /** New rate and burst from now on; what was earned at the old rate stays, up to the new burst. */
  change(row: number, nowMilliseconds: number, bytesPerSecond: number, burstBytes: number): void {
    this.check(row, bytesPerSecond, burstBytes);
    this.refill(row, nowMilliseconds);
    this.bytesPerSecond[row] = bytesPerSecond;
    this.burstBytes[row] = burstBytes;
    const roomBytes = Math.max(0, burstBytes - this.underwayBytes[row]);
    if (this.tokenBytes[row] >= roomBytes) {
      this.tokenBytes[row] = roomBytes;
      this.carryThousandths[row] = 0;
    }
  }

  /** Tokens of an expired lease are void. */
  close(row: number, nowMilliseconds: number): void {
    this.open(row, nowMilliseconds, 0, 0, 0);
  }

  /** Whole bytes that may be taken now. */
  available(row: number, nowMilliseconds: number): number {
    this.refill(row, nowMilliseconds);
    return this.tokenBytes[row];
  }

  /** Takes all of `bytes` or nothing. */
  take(row: number, nowMilliseconds: number, bytes: number): boolean {
    assert(Number.isInteger(bytes) && bytes >= 0, 'bytes are whole and not negative');
    this.refill(row, nowMilliseconds);
    if (bytes > this.tokenBytes[row]) return false;
    this.tokenBytes[row] -= bytes;
    return true;
  }

  /** Takes as `take` does, for bytes that are to come over the wire; they leave the bucket when they `arrive`. */
  send(row: number, nowMilliseconds: number, bytes: number): boolean {
    if (!this.take(row, nowMilliseconds, bytes)) return false;
    this.underwayBytes[row] += bytes;
    return true;
  }

  /** Bytes under way have come, or never will. */
  arrive(row: number, nowMilliseconds: number, bytes: number): void {
    assert(Number.isInteger(bytes) && bytes >= 0, 'bytes are whole and not negative');
    assert(bytes <= this.underwayBytes[row], 'only what is under way arrives');
    this.refill(row, nowMilliseconds);
    this.underwayBytes[row] -= bytes;
  }

  /** Milliseconds until `bytes` will be there; Infinity if they never will, or not before something arrives. */
  waitMilliseconds(row: number, nowMilliseconds: number, bytes: number): number {
    this.refill(row, nowMilliseconds);
    const missingBytes = bytes - this.tokenBytes[row];
    if (missingBytes <= 0) return 0;
    if (bytes > this.burstBytes[row] - this.underwayBytes[row] || this.bytesPerSecond[row] === 0) return Infinity;
    const missing = missingBytes * thousandths - this.carryThousandths[row];
    return Math.ceil(missing / this.bytesPerSecond[row]);
  }

  private refill(row: number, nowMilliseconds: number): void {
    assert(row >= 0 && row < this.rowCount, 'row out of range');
    const elapsedMilliseconds = nowMilliseconds - this.atMilliseconds[row];
    assert(elapsedMilliseconds >= 0, 'time never runs back');
    assert(Number.isInteger(elapsedMilliseconds), 'time is in whole milliseconds');
    this.atMilliseconds[row] = nowMilliseconds;
    const fullBytes = Math.max(0, this.burstBytes[row] - this.underwayBytes[row]);
    const roomThousandths = (fullBytes - this.tokenBytes[row]) * thousandths;
    // Past the exact range the product is larger than any room, and its last bits do not matter.
    const filled = this.bytesPerSecond[row] * elapsedMilliseconds + this.carryThousandths[row];
    if (filled >= roomThousandths) {
      this.tokenBytes[row] = fullBytes;
      this.carryThousandths[row] = 0;
    } else {
      const carry = filled % thousandths;
      this.tokenBytes[row] += (filled - carry) / thousandths;
      this.carryThousandths[row] = carry;
    }
  }

  private check(row: number, bytesPerSecond: number, burstBytes: number): void {
    assert(row >= 0 && row < this.rowCount, 'row out of range');
    assert(bytesPerSecond >= 0 && bytesPerSecond <= quotaBytesMax, 'a rate within the exact range');
    assert(burstBytes >= 0 && burstBytes <= quotaBytesMax, 'a burst within the exact range');
    assert(Number.isInteger(bytesPerSecond) && Number.isInteger(burstBytes), 'rate and burst are whole');
  }
}
