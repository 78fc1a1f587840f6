/**
 * How much may still come from each source, if shares are to be kept? (M35)
 *
 * The payer sets the most that may come from origin, relays and peers, as shares of what is delivered; the user may
 * set a floor under the speed. Each source gets a brake φ in [0, 1] that scales what is asked of it:
 *
 *     φ ^ 1 ────────────╲                    A source at its cap stops (φ = 0, `mayUse` false) and comes back when
 *       |                ╲                   its share has fallen to the low water, 9/10 of the cap; in between it
 *       | 0 ──────────────╲─────             stays as it was: hysteresis, or it would start and stop at each piece.
 *         0      low water  cap   share
 *
 * Below the speed floor a brake is opened as far as the speed is short: the floor is a promise to the user and wins
 * over the cap, which is a promise about cost; a cap of 0 is a ban and wins over both. (The origin's contract is
 * neither: it is kept by leases, whatever is wished here.) Shares are of delivered bytes, and judged only once 1 % of
 * the task is delivered: the first byte is always 100 % of something. Rejected: a cap on planned bytes (all of the
 * origin's share would be used up in the first minute, when nobody else has anything).
 */
import { assert } from '../assert.ts';
import { sourceKinds } from '../record.ts';

export const shareOrigin = 0;
export const shareRelay = 1;
export const sharePeer = 2;

const lowWaterRatio = 0.9;
const graceRatio = 0.01;

/** Delivered bytes of one task by source, and the brakes that follow from them. */
export class SourceShares {
  readonly expectedBytes: number;
  readonly capRatio: Float64Array;
  readonly deliveredBytes = new Float64Array(sourceKinds.length);
  /** 1 = stopped at its cap, until it is back at the low water. */
  private readonly stopped = new Uint8Array(sourceKinds.length);
  private totalBytes = 0;

  /** `expectedBytes`: of the whole task; caps in the order of `sourceKinds`, 1 = none. */
  constructor(expectedBytes: number, capRatios: readonly number[]) {
    assert(expectedBytes >= 0, 'a task is not negative');
    assert(capRatios.length === sourceKinds.length, 'a cap for each source');
    for (const cap of capRatios) assert(cap >= 0 && cap <= 1, 'a cap is a share of one');
    this.expectedBytes = expectedBytes;
    this.capRatio = Float64Array.from(capRatios);
  }

  /** Counts delivered bytes and moves the stops of all sources (a share falls when others deliver). */
  deliver(source: number, bytes: number): void {
    assert(source >= 0 && source < sourceKinds.length, 'source out of range');
    assert(bytes >= 0, 'bytes are not negative');
    this.deliveredBytes[source] += bytes;
    this.totalBytes += bytes;
    for (let one = 0; one < sourceKinds.length; one++) {
      const cap = this.capRatio[one];
      const share = this.share(one);
      if (cap < 1 && share >= cap) this.stopped[one] = 1;
      else if (share <= lowWaterRatio * cap) this.stopped[one] = 0;
    }
  }

  /** Share of the delivered bytes, 0 while too little is delivered to judge. */
  share(source: number): number {
    assert(source >= 0 && source < sourceKinds.length, 'source out of range');
    if (this.totalBytes === 0 || this.totalBytes < graceRatio * this.expectedBytes) return 0;
    return this.deliveredBytes[source] / this.totalBytes;
  }

  /** Whether anything may be asked of the source at this speed (bytes/s; a floor of 0 = none). */
  mayUse(source: number, speedBytesPerSecond: number, floorBytesPerSecond: number): boolean {
    return this.brake(source, speedBytesPerSecond, floorBytesPerSecond) > 0;
  }

  /** Brake φ in [0, 1] on what is asked of the source. */
  brake(source: number, speedBytesPerSecond: number, floorBytesPerSecond: number): number {
    if (this.capRatio[source] === 0) return 0;
    const byShare = this.brakeByShare(source);
    if (speedBytesPerSecond >= floorBytesPerSecond) return byShare;
    return Math.max(byShare, 1 - speedBytesPerSecond / floorBytesPerSecond);
  }

  /** Why `brake` answered so: position in `shareReasons`. */
  reason(source: number, speedBytesPerSecond: number, floorBytesPerSecond: number): number {
    if (this.capRatio[source] === 0) return 4;
    const byShare = this.brakeByShare(source);
    if (this.brake(source, speedBytesPerSecond, floorBytesPerSecond) > byShare) return 3;
    return byShare === 1 ? 0 : byShare > 0 ? 1 : 2;
  }

  private brakeByShare(source: number): number {
    const cap = this.capRatio[source];
    if (cap === 1) return 1;
    if (this.stopped[source] === 1) return 0;
    const low = lowWaterRatio * cap;
    const share = this.share(source);
    return share <= low ? 1 : (cap - share) / (cap - low);
  }
}
