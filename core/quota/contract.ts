/**
 * What was the origin's owner promised? (M27–M29)
 *
 * Limits on open connections, on bytes per second (with a burst), and on bytes in rolling windows, that hold at every
 * instant over all clients, relays, tasks and control servers. `Infinity` = not limited. Whole numbers: the ledger
 * adds and compares, it never rounds.
 */
import { assert } from '../assert.ts';

export interface OriginContract {
  connections: number;
  bytesPerSecond: number;
  burstBytes: number;
  /** Rolling windows: no more than `bytes` within any (t − window, t]. */
  windows: { windowMilliseconds: number; bytes: number }[];
}

/** Largest rate (bytes/s) or burst (bytes), 2^42: times 1000 or times a weight it is still exact in a double. */
export const quotaBytesMax = 4_398_046_511_104;
/** Largest connection count; more do not fit any machine. */
export const quotaSlotsMax = 16_777_216;

/** Stops on a contract that the ledger could not keep exactly. */
export function assertContract(contract: OriginContract): void {
  assert(isWhole(contract.connections, quotaSlotsMax), 'connections are a whole number');
  assert(isWhole(contract.bytesPerSecond, quotaBytesMax), 'bytes per second are a whole number');
  assert(isWhole(contract.burstBytes, quotaBytesMax), 'the burst is a whole number of bytes');
  for (const window of contract.windows) {
    assert(isWhole(window.bytes, Number.MAX_SAFE_INTEGER), 'a window holds a whole number of bytes');
    assert(Number.isSafeInteger(window.windowMilliseconds), 'a window lasts whole milliseconds');
    assert(window.windowMilliseconds >= 1, 'a window lasts');
  }
}

function isWhole(value: number, max: number): boolean {
  return value === Infinity || (Number.isSafeInteger(value) && value >= 0 && value <= max);
}
