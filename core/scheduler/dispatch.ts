/**
 * When is each client told of a task, and in which order? (M7)
 *
 * The k-th client is told k / pace after the task began: evenly, with no burst at the start, so that control, the
 * tracker and the relays meet a stream and not a wave. The order is by band (important tasks first), then by weight
 * (who helps the swarm soonest comes first: good network, light load, good history), then by row.
 * The pace itself gives way when control or the relays are loaded: full up to 80 %, down to a tenth at 100 %.
 *
 * Rejected: a bucket with a burst (its burst is the wave), a random order (nobody could say why one was late).
 */
import { assert } from '../assert.ts';
import { millisecondsPerSecond } from '../units.ts';

const lowWaterRatio = 0.8;
/** Under full load somebody must still start, or a stuck relay would hold a distribution for ever. */
const slowestRatio = 0.1;
export const bandCount = 16;
export const weightMax = 255;
const keyCount = bandCount * (weightMax + 1);
const networkWeight = { wired: 127, unknown: 95, mobile: 63 };
const loadWeight = 64;
const historyWeight = 64;

/** Delay of the k-th dispatch (from 0), milliseconds: no second holds more than ⌈pace⌉ of them. */
export function dispatchAtMilliseconds(position: number, perSecond: number): number {
  assert(position >= 0, 'positions count from zero');
  assert(perSecond > 0, 'a pace is positive');
  return perSecond === Infinity ? 0 : Math.floor((position * millisecondsPerSecond) / perSecond);
}

/** The pace under a load (0..1 of control or the busiest relay), dispatches per second. */
export function paceUnderLoad(perSecond: number, loadRatio: number): number {
  assert(loadRatio >= 0, 'a load is not negative');
  if (loadRatio <= lowWaterRatio) return perSecond;
  const way = Math.min(1, (loadRatio - lowWaterRatio) / (1 - lowWaterRatio));
  return perSecond * (1 - (1 - slowestRatio) * way);
}

/** Why `paceUnderLoad` answered so: position in `dispatchReasons`. */
export function dispatchReason(loadRatio: number): number {
  return loadRatio <= lowWaterRatio ? 0 : loadRatio < 1 ? 1 : 2;
}

/**
 * Weight of a client, 0..255: half for its network, a quarter each for its own load (0 idle .. 1 busy) and for its
 * history (share of its earlier tasks that it finished in time).
 */
export function dispatchWeight(
  network: 'wired' | 'mobile' | 'unknown',
  loadRatio: number,
  historyRatio: number,
): number {
  assert(loadRatio >= 0 && loadRatio <= 1, 'a load is a share of one');
  assert(historyRatio >= 0 && historyRatio <= 1, 'a history is a share of one');
  return networkWeight[network] + Math.floor(loadWeight * (1 - loadRatio) + historyWeight * historyRatio);
}

/** Sorts rows for dispatch; keeps its counters, so that a million clients cost two passes and no garbage. */
export class DispatchOrder {
  private readonly nextPosition = new Uint32Array(keyCount + 1);

  /** Fills `order` with the rows 0..count−1 in the order of dispatch. */
  arrange(order: Uint32Array, bands: Uint8Array, weights: Uint8Array, count: number): void {
    assert(count <= order.length, 'the order has room');
    assert(count <= bands.length && count <= weights.length, 'a band and a weight for each row');
    const { nextPosition } = this;
    nextPosition.fill(0);
    for (let row = 0; row < count; row++) nextPosition[keyOf(bands[row], weights[row]) + 1]++;
    for (let key = 1; key <= keyCount; key++) nextPosition[key] += nextPosition[key - 1];
    for (let row = 0; row < count; row++) {
      const key = keyOf(bands[row], weights[row]);
      order[nextPosition[key]] = row;
      nextPosition[key]++;
    }
  }
}

function keyOf(band: number, weight: number): number {
  assert(band < bandCount, 'band out of range');
  return band * (weightMax + 1) + weightMax - weight;
}
