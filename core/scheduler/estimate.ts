/**
 * When will a distribution be finished, and what will it need? (M6)
 *
 * The fluid bound (Kumar & Ross 2006), with the serving capacity that earlier tasks really attained:
 *
 *     T = max( F / source,  F / d,  N · F / (η · (peers' uplinks + relays' uplinks + source, if it serves clients)) )
 *              someone must    the slowest     everybody must get a copy from somebody
 *              fetch it once   downlink
 *
 * η = attained / bound of earlier tasks: their bounds together over their durations together, so that long tasks count
 * more than short ones; 0.8 while there is no history. Rejected: the mean of ratios (one short task that stood still
 * would halve every later estimate); a regression (nothing to explain to whoever asks why).
 */
import { assert } from '../assert.ts';
import { millisecondsPerSecond } from '../units.ts';

/** What a task has to work with. Rates are bytes per second. */
export interface EstimateInput {
  fileBytes: number;
  clientCount: number;
  /** Of a client; for the last to finish, take the slowest. */
  downlinkBytesPerSecond: number;
  /** Of all clients that peers can reach, together. */
  uplinkSumBytesPerSecond: number;
  relayUplinkSumBytesPerSecond: number;
  relayCount: number;
  /** What the origin may send: the smaller of its uplink and its contract. */
  sourceBytesPerSecond: number;
  /** Relays pull disjoint parts and exchange them: the file leaves the origin once, not once per relay. */
  relaysExchange: boolean;
  /** Clients are served by the origin too. */
  sourceServesClients: boolean;
  /** Shares of what clients received in earlier tasks of this kind. */
  originRatio: number;
  relayRatio: number;
  /** From `efficiencyOf`. */
  efficiencyRatio: number;
}

export interface Estimate {
  finishMilliseconds: number;
  /** Position in `estimateReasons`: which term decides. */
  reason: number;
  originBytes: number;
  relayBytes: number;
  peerBytes: number;
  /** Mean over the whole time. */
  originBytesPerSecond: number;
}

export const efficiencyWithoutHistory = 0.8;
/** Below it something was broken, and an estimate from it would be of no use. */
export const efficiencyMin = 0.05;

/** The fluid estimate of one task; Infinity when nothing can serve. */
export function estimateTask(input: EstimateInput): Estimate {
  assert(input.fileBytes >= 0, 'a file is not negative');
  assert(input.clientCount >= 0, 'a count is not negative');
  assert(input.efficiencyRatio > 0 && input.efficiencyRatio <= 1, 'an efficiency is a share of one');
  assert(input.originRatio + input.relayRatio <= 1, 'shares of one');
  const { fileBytes } = input;
  const neededBytes = fileBytes * input.clientCount;
  const servingBytesPerSecond =
    input.uplinkSumBytesPerSecond +
    input.relayUplinkSumBytesPerSecond +
    (input.sourceServesClients || input.relayCount === 0 ? input.sourceBytesPerSecond : 0);
  const sourceMilliseconds = spend(fileBytes, input.sourceBytesPerSecond);
  const downlinkMilliseconds = spend(fileBytes, input.downlinkBytesPerSecond);
  const swarmMilliseconds = spend(neededBytes, input.efficiencyRatio * servingBytesPerSecond);
  const finishMilliseconds = Math.max(sourceMilliseconds, downlinkMilliseconds, swarmMilliseconds);
  const copies = input.relayCount === 0 ? 0 : input.relaysExchange ? 1 : input.relayCount;
  const originBytes = fileBytes * copies + neededBytes * input.originRatio;
  const relayBytes = neededBytes * input.relayRatio;
  return {
    finishMilliseconds,
    reason: finishMilliseconds === sourceMilliseconds ? 0 : finishMilliseconds === downlinkMilliseconds ? 1 : 2,
    originBytes,
    relayBytes,
    peerBytes: neededBytes - neededBytes * input.originRatio - relayBytes,
    originBytesPerSecond: finishMilliseconds > 0 ? (originBytes * millisecondsPerSecond) / finishMilliseconds : 0,
  };
}

/**
 * Efficiency η of earlier tasks, in [0.05, 1]: `boundMilliseconds[i]` is the fluid bound at η = 1 of a task that took
 * `tookMilliseconds[i]`.
 */
export function efficiencyOf(boundMilliseconds: ArrayLike<number>, tookMilliseconds: ArrayLike<number>): number {
  assert(boundMilliseconds.length === tookMilliseconds.length, 'a bound for each task');
  let bound = 0;
  let took = 0;
  for (let task = 0; task < tookMilliseconds.length; task++) {
    bound += boundMilliseconds[task];
    took += tookMilliseconds[task];
  }
  if (took === 0) return efficiencyWithoutHistory;
  return Math.min(1, Math.max(efficiencyMin, bound / took));
}

/** Relay connections that a task needs so that none waits: clients that HTTP serves at one time. */
export function relayConnections(clientCount: number, openRatio: number, connectionsPerClient: number): number {
  assert(openRatio >= 0 && openRatio <= 1, 'a share of one');
  return Math.ceil(clientCount * openRatio) * connectionsPerClient;
}

function spend(bytes: number, bytesPerSecond: number): number {
  if (bytes === 0) return 0;
  return bytesPerSecond > 0 ? (bytes * millisecondsPerSecond) / bytesPerSecond : Infinity;
}
