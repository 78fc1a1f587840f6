/**
 * How fast do bytes come in? (M18, M19)
 *
 * A row's count of bytes is written down once per tick of its own grid, like a mileage log with one line a day; a
 * rate is the difference of two lines. Two windows: the short one (5 s) sees a change quickly and decides, the long
 * one (30 s) is calm; the smaller of the two is the cautious forecast.
 *
 *      count  ^                   . 12          ring (long window 4):  slot = tick mod 5
 *             |            . 9                      tick   8   9  10  11  12
 *             |   . 5                               units  5   7   9  11  12
 *             +---8----9---10---11---12--> tick     short rate over 2 ticks = (12 − 9) / 2
 *
 * The production node writes each line as its tick comes. The simulator knows that between two events the count
 * grows in a straight line, so it comes rarely and fills the lines in between; both leave the same ring, bit for
 * bit, as long as bytes and bytes per tick are integers.
 *
 * Units of 64 bytes, modulo 2^32, so that a line costs 4 bytes for each of a million rows; differences wrap, and a
 * window may hold 128 GiB. Rejected: exponential averages (two doubles a row, but the past never leaves them
 * wholly, and "under the threshold for 30 s" has no exact meaning); exact bytes (8 bytes a line).
 */
import { assert } from '../assert.ts';
import { millisecondsPerSecond } from '../units.ts';

/** Resolution of the ring; 64 bytes in a 5 s window are 13 bytes/s, far below any threshold. */
export const unitBytes = 64;
const unitModulus = 4_294_967_296;
const unitHalf = 2_147_483_648;

/** One meter per row; all memory here: 4·(long + 1) + 8 bytes a row. */
export class SpeedMeters {
  readonly rowCount: number;
  readonly tickMilliseconds: number;
  readonly shortTicks: number;
  readonly longTicks: number;
  /** First tick of the row, at which its count was zero. */
  readonly startTick: Int32Array;
  /** Last tick that is written. */
  readonly lastTick: Int32Array;
  private readonly slotCount: number;
  private readonly ring: Uint32Array;

  constructor(rowCount: number, tickMilliseconds: number, windowShortTicks: number, windowLongTicks: number) {
    assert(rowCount >= 1, 'a meter table has a row');
    assert(tickMilliseconds >= 1, 'a tick takes time');
    assert(windowShortTicks >= 1, 'a window has a tick');
    assert(windowLongTicks >= windowShortTicks, 'the long window is the longer one');
    this.rowCount = rowCount;
    this.tickMilliseconds = tickMilliseconds;
    this.shortTicks = windowShortTicks;
    this.longTicks = windowLongTicks;
    this.slotCount = windowLongTicks + 1;
    this.startTick = new Int32Array(rowCount);
    this.lastTick = new Int32Array(rowCount);
    this.ring = new Uint32Array(rowCount * this.slotCount);
  }

  /** The row's count is zero at `tick`, and its age begins. */
  start(row: number, tick: number): void {
    assert(row >= 0 && row < this.rowCount, 'row out of range');
    assert(tick >= 0, 'ticks count from zero');
    this.startTick[row] = tick;
    this.lastTick[row] = tick;
    this.ring[row * this.slotCount + (tick % this.slotCount)] = 0;
  }

  /**
   * At `tick` the count is `bytes`; at every tick after the last written one it lay on the line of slope
   * `bytesPerTick` through that point. (So a rate may change between two ticks: write the tick before the change.)
   */
  advance(row: number, tick: number, bytes: number, bytesPerTick: number): void {
    assert(row >= 0 && row < this.rowCount, 'row out of range');
    assert(bytes >= 0, 'a count is not negative');
    assert(bytesPerTick >= 0, 'a count never runs back');
    const lastTick = this.lastTick[row];
    assert(tick >= lastTick, 'ticks never run back');
    const base = row * this.slotCount;
    const firstTick = tick - lastTick > this.slotCount ? tick - this.slotCount + 1 : lastTick + 1;
    for (let at = firstTick; at <= tick; at++) {
      this.ring[base + (at % this.slotCount)] = unitsOnLine(at, tick, bytes, bytesPerTick);
    }
    this.lastTick[row] = tick;
  }

  /** Bytes per second over the short window (M19); over the row's age while it is younger; 0 at its first tick. */
  rateShort(row: number): number {
    return this.rateOver(row, this.shortTicks);
  }

  /** Bytes per second over the long window. */
  rateLong(row: number): number {
    return this.rateOver(row, this.longTicks);
  }

  /** Bytes per second that may be counted on: the smaller of the two windows. */
  forecast(row: number): number {
    return Math.min(this.rateShort(row), this.rateLong(row));
  }

  /** Ticks that the short window covers when it ends at `tick`. */
  shortTicksAt(row: number, tick: number): number {
    return Math.min(this.shortTicks, tick - this.startTick[row]);
  }

  /** Units within the short window that ends at `tick`, where ticks not written yet lie on the given line. */
  shortUnitsAt(row: number, tick: number, lineTick: number, lineBytes: number, bytesPerTick: number): number {
    const firstTick = tick - this.shortTicksAt(row, tick);
    const end = this.unitsAt(row, tick, lineTick, lineBytes, bytesPerTick);
    return unitsBetween(this.unitsAt(row, firstTick, lineTick, lineBytes, bytesPerTick), end);
  }

  private unitsAt(row: number, tick: number, lineTick: number, lineBytes: number, bytesPerTick: number): number {
    if (tick > this.lastTick[row]) return unitsOnLine(tick, lineTick, lineBytes, bytesPerTick);
    return this.ring[row * this.slotCount + (tick % this.slotCount)];
  }

  private rateOver(row: number, windowTicks: number): number {
    assert(row >= 0 && row < this.rowCount, 'row out of range');
    const lastTick = this.lastTick[row];
    const ticks = Math.min(windowTicks, lastTick - this.startTick[row]);
    if (ticks === 0) return 0;
    const base = row * this.slotCount;
    const first = this.ring[base + ((lastTick - ticks) % this.slotCount)];
    const units = unitsBetween(first, this.ring[base + (lastTick % this.slotCount)]);
    return (units * unitBytes * millisecondsPerSecond) / (ticks * this.tickMilliseconds);
  }
}

function unitsOnLine(tick: number, lineTick: number, lineBytes: number, bytesPerTick: number): number {
  return Math.floor((lineBytes - bytesPerTick * (lineTick - tick)) / unitBytes);
}

/** Difference modulo 2^32; a step back (a fraction of a byte lost in rounding) counts as none. */
function unitsBetween(first: number, end: number): number {
  const difference = end - first;
  const units = difference - unitModulus * Math.floor(difference / unitModulus);
  return units < unitHalf ? units : 0;
}
