/**
 * What does a client remember to decide whether HTTP must help? (M19–M22)
 *
 * One column per fact, one row per client that decides for itself; written by `fallback-policy.ts` and by the few
 * facts that come from outside (a handshake's end, a new threshold, a new estimate). The policy's times are turned
 * into whole ticks here, rounded up: a hold is never shorter than it was written.
 */
import { assert } from '../assert.ts';
import type { FallbackPolicy, FallbackTrigger } from '../policy.ts';
import { fallbackReasons } from '../record.ts';
import { none } from '../units.ts';
import type { SpeedMeters } from './speed-meter.ts';

/** Answers of `evaluate` and values of `openReason`: positions in `fallbackReasons`. */
export const noChange = 0;
export const openSlow = 1;
export const openStalled = 2;
export const openBlocked = 3;
export const openOverdue = 4;
export const closeRecovered = 5;

/** `openReason` of a row that is closed. */
export const closed = 0;

export const neverTick = 2_147_483_647;
const peerToPeerUnknown = 0;
const peerToPeerWorks = 1;
export const peerToPeerBlocked = 2;
const attemptsMax = 255;

/** What the policy remembers of each row: 43 bytes. */
export class FallbackStates {
  readonly rowCount: number;
  /** `closed`, or why it is open. */
  readonly openReason: Uint8Array;
  readonly openedAtTick: Int32Array;
  /** First tick of the run of slow (closed row) or good (open row) ticks that lasts until now, or `none`. */
  readonly runSinceTick: Int32Array;
  readonly checkpointTick: Int32Array;
  readonly checkpointBytes: Float64Array;
  /** First tick that is overdue; `neverTick` when there is no estimate or it has fired. */
  readonly overdueTick: Int32Array;
  readonly thresholdBytesPerSecond: Float64Array;
  readonly fileBytes: Float64Array;
  readonly failedHandshakes: Uint8Array;
  readonly peerToPeer: Uint8Array;

  /** The policy in ticks. */
  readonly tickMilliseconds: number;
  readonly delayTicks: number;
  readonly holdTicks: number;
  readonly stallTicks: number;
  readonly closeHoldTicks: number;
  readonly closeRatio: number;
  readonly stallRatio: number;
  readonly overdueRatio: number;
  readonly blockedAttempts: number;
  readonly slow: boolean;
  readonly stalled: boolean;
  readonly blocked: boolean;
  readonly overdue: boolean;

  /** The lines of the look that is under way: both counts at `lineTick`, and how much they grow per tick. */
  lineTick = 0;
  lineBytes = 0;
  lineBytesPerTick = 0;
  lineProgressBytes = 0;
  lineProgressBytesPerTick = 0;
  /** What the look left, to be written back by `evaluate` and dropped by `nextTick`. */
  scannedRunSinceTick = none;
  scannedCheckpointTick = none;
  scannedCheckpointBytes = 0;
  scannedStallTick = Infinity;

  constructor(rowCount: number, policy: FallbackPolicy, tickMilliseconds: number) {
    assert(rowCount >= 1, 'a state table has a row');
    assert(tickMilliseconds >= 1, 'a tick takes time');
    assert(policy.closeRatio >= 1, 'it closes at or above the threshold, or it would flap');
    assert(policy.blockedAttempts >= 1, 'one failed handshake at least');
    assert(policy.delay < Infinity, 'a delay ends; a policy without triggers has an empty list');
    assert(policy.blockedAttempts <= attemptsMax || policy.blockedAttempts === Infinity, 'attempts fit a byte');
    this.rowCount = rowCount;
    this.openReason = new Uint8Array(rowCount);
    this.openedAtTick = new Int32Array(rowCount).fill(none);
    this.runSinceTick = new Int32Array(rowCount).fill(none);
    this.checkpointTick = new Int32Array(rowCount).fill(none);
    this.checkpointBytes = new Float64Array(rowCount);
    this.overdueTick = new Int32Array(rowCount).fill(neverTick);
    this.thresholdBytesPerSecond = new Float64Array(rowCount).fill(policy.threshold);
    this.fileBytes = new Float64Array(rowCount);
    this.failedHandshakes = new Uint8Array(rowCount);
    this.peerToPeer = new Uint8Array(rowCount);
    this.tickMilliseconds = tickMilliseconds;
    this.delayTicks = Math.ceil(policy.delay / tickMilliseconds);
    this.holdTicks = Math.ceil(policy.hold / tickMilliseconds);
    this.stallTicks = Math.max(1, Math.ceil(policy.stallPeriod / tickMilliseconds));
    this.closeHoldTicks = Math.ceil(policy.closeHold / tickMilliseconds);
    this.closeRatio = policy.closeRatio;
    this.stallRatio = policy.stallProgress;
    this.overdueRatio = policy.overdue;
    this.blockedAttempts = policy.blockedAttempts;
    this.slow = has(policy.triggers, 'slow');
    this.stalled = has(policy.triggers, 'stalled') && policy.stallPeriod < Infinity;
    this.blocked = has(policy.triggers, 'blocked');
    this.overdue = has(policy.triggers, 'overdue');
  }
}

/** The row starts at `tick`, closed, with `progressBytes` of its file (a resumed download has some). */
export function begin(
  states: FallbackStates,
  meters: SpeedMeters,
  row: number,
  tick: number,
  progressBytes: number,
  fileBytes: number,
): void {
  assert(row >= 0 && row < states.rowCount, 'row out of range');
  assert(meters.tickMilliseconds === states.tickMilliseconds, 'meters and states share one grid');
  assert(progressBytes <= fileBytes, 'no more than the file');
  meters.start(row, tick);
  states.openReason[row] = closed;
  states.openedAtTick[row] = none;
  states.runSinceTick[row] = none;
  states.checkpointTick[row] = states.delayTicks === 0 ? tick : none;
  states.checkpointBytes[row] = progressBytes;
  states.overdueTick[row] = neverTick;
  states.fileBytes[row] = fileBytes;
  states.failedHandshakes[row] = 0;
  states.peerToPeer[row] = peerToPeerUnknown;
}

/** The threshold θ of the row from now on, bytes/s (M25). */
export function setThreshold(states: FallbackStates, row: number, thresholdBytesPerSecond: number): void {
  assert(row >= 0 && row < states.rowCount, 'row out of range');
  assert(thresholdBytesPerSecond >= 0, 'a threshold is not negative');
  states.thresholdBytesPerSecond[row] = thresholdBytesPerSecond;
}

/** How long the whole download is expected to take, counted from the row's start; arms `overdue` anew (M22). */
export function setEstimate(
  states: FallbackStates,
  meters: SpeedMeters,
  row: number,
  expectedMilliseconds: number,
): void {
  assert(row >= 0 && row < states.rowCount, 'row out of range');
  assert(expectedMilliseconds >= 0, 'an estimate is not negative');
  const ticks = Math.floor((states.overdueRatio * expectedMilliseconds) / states.tickMilliseconds) + 1;
  states.overdueTick[row] = Math.min(neverTick, meters.startTick[row] + ticks);
}

/** One handshake with a peer came to an end (M18, M21). */
export function recordHandshake(states: FallbackStates, row: number, succeeded: boolean): void {
  assert(row >= 0 && row < states.rowCount, 'row out of range');
  if (succeeded) {
    states.peerToPeer[row] = peerToPeerWorks;
  } else if (states.peerToPeer[row] === peerToPeerUnknown) {
    const failed = Math.min(attemptsMax, states.failedHandshakes[row] + 1);
    states.failedHandshakes[row] = failed;
    if (failed >= states.blockedAttempts) states.peerToPeer[row] = peerToPeerBlocked;
  }
}

/** The network is known to block peer-to-peer (M21). */
export function markBlocked(states: FallbackStates, row: number): void {
  assert(row >= 0 && row < states.rowCount, 'row out of range');
  states.peerToPeer[row] = peerToPeerBlocked;
}

function has(triggers: FallbackTrigger[], trigger: FallbackTrigger): boolean {
  return triggers.includes(trigger);
}

assert(fallbackReasons[openSlow] === 'slow' && fallbackReasons[openStalled] === 'stalled', 'answers have names');
assert(fallbackReasons[openBlocked] === 'blocked' && fallbackReasons[openOverdue] === 'overdue', 'answers have names');
assert(fallbackReasons[closeRecovered] === 'recovered', 'answers have names');
