/**
 * Below which BitTorrent rate is a client slow? (M25, specification B-c5)
 *
 * The base (1 MB/s) is meant for a file of a few hundred megabytes on a wired network. It is scaled by what the
 * specification names, each factor with its reason, and then held against the cohort:
 *
 *     size     small files are over before the swarm has warmed up, and a moment of HTTP costs little to wait for:
 *              lower; large ones keep a slow client busy for hours: higher
 *     network  mobile links are slow and uneven by themselves, HTTP would share the same last mile: lower
 *     scale    the more clients, the more a swarm can carry, and the more a wave of fallbacks would cost: lower
 *     cohort   at most 3/4 of the first quartile of the current rates of clients of the same kind: when everybody is
 *              slow, the source is slow, and asking it by HTTP as well helps nobody
 *
 * The product of the factors stays within [1/8, 2] of the base; the cohort may go below that, down to nothing, since
 * a wave that fires because the source is slow is what it is there to prevent (`stalled` and `overdue` remain).
 * Factors are linear between the points of the tables: steps would put two clients of nearly equal files far apart.
 * Rejected: logarithms (their last bits are the engine's choice), the cohort's mean (a few fast ones would lift it).
 */
import { assert } from '../assert.ts';
import { bytesPerGigabyte, bytesPerMegabyte } from '../units.ts';

export interface ThresholdSituation {
  fileBytes: number;
  network: 'wired' | 'mobile' | 'unknown';
  /** Clients of the task. */
  clients: number;
  /** First quartile of the BitTorrent rates of the clients of the same kind, bytes/s. */
  cohortFirstQuartile: number;
  /** How many clients that quartile is of. */
  cohortSize: number;
}

/** A column of points (at, factor), rising in `at`. */
interface Scale {
  at: number[];
  factor: number[];
}

const fileScale: Scale = {
  at: [16 * bytesPerMegabyte, 256 * bytesPerMegabyte, 4 * bytesPerGigabyte, 32 * bytesPerGigabyte],
  factor: [0.5, 1, 1, 1.5],
};
const clientScale: Scale = { at: [1_000, 10_000, 100_000, 1_000_000], factor: [1, 0.85, 0.7, 0.5] };
// Unknown counts as wired: without knowledge nothing is corrected.
const networkFactor = { wired: 1, unknown: 1, mobile: 0.5 };

const lowestRatio = 1 / 8;
const highestRatio = 2;
// A quarter of slack below the quartile: three clients in four are above it, and rates swing.
const cohortRatio = 0.75;
// Fewer have no quartile worth the name.
const cohortSizeMin = 8;

/** The threshold θ in bytes/s for this situation (M25). */
export function adaptThreshold(baseBytesPerSecond: number, situation: ThresholdSituation): number {
  const ownBytesPerSecond = scaledThreshold(baseBytesPerSecond, situation);
  if (situation.cohortSize < cohortSizeMin) return ownBytesPerSecond;
  return Math.min(ownBytesPerSecond, cohortRatio * situation.cohortFirstQuartile);
}

/** What decided `adaptThreshold`: position in `thresholdReasons`. */
export function thresholdReason(baseBytesPerSecond: number, situation: ThresholdSituation): number {
  const thresholdBytesPerSecond = adaptThreshold(baseBytesPerSecond, situation);
  if (thresholdBytesPerSecond < scaledThreshold(baseBytesPerSecond, situation)) return 3;
  const ratio = factorOf(situation);
  if (ratio < lowestRatio || ratio > highestRatio) return 2;
  return ratio === 1 ? 0 : 1;
}

function scaledThreshold(baseBytesPerSecond: number, situation: ThresholdSituation): number {
  assert(baseBytesPerSecond >= 0, 'a threshold is not negative');
  assert(situation.fileBytes >= 0, 'a file is not negative');
  assert(situation.clients >= 0, 'a count is not negative');
  assert(situation.cohortFirstQuartile >= 0, 'a rate is not negative');
  return baseBytesPerSecond * Math.min(highestRatio, Math.max(lowestRatio, factorOf(situation)));
}

function factorOf(situation: ThresholdSituation): number {
  const size = read(fileScale, situation.fileBytes);
  return size * networkFactor[situation.network] * read(clientScale, situation.clients);
}

/** Linear between the points, level beyond them. */
function read(scale: Scale, at: number): number {
  const last = scale.at.length - 1;
  if (at <= scale.at[0]) return scale.factor[0];
  if (at >= scale.at[last]) return scale.factor[last];
  let right = 1;
  while (scale.at[right] < at) right++;
  const way = (at - scale.at[right - 1]) / (scale.at[right] - scale.at[right - 1]);
  return scale.factor[right - 1] + way * (scale.factor[right] - scale.factor[right - 1]);
}
