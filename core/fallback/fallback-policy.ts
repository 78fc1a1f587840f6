/**
 * Must HTTP help BitTorrent now? (M19–M22, specification S106)
 *
 * A row is closed (BitTorrent alone) or open (HTTP tops up). It is looked at once per tick of its own grid:
 *
 *     closed ──slow · stalled · blocked · overdue──▶ open ──short rate > closeRatio·θ for closeHold──▶ closed
 *
 *     slow     short rate < θ at every tick for `hold`            θ is the row's own, it may be moved (M25)
 *     stalled  less than stallProgress·file (all bytes) between two checkpoints, stallPeriod apart. Tumbling, not
 *              sliding: one number a row instead of a ring; it is noticed within two periods
 *     blocked  the network is known to block, or blockedAttempts handshakes failed and none ever succeeded
 *     overdue  elapsed > overdue·estimate; once for each estimate, or it would open again right after each closing
 *
 * Nothing is looked at before `delay`; every trigger's own clock starts there (but elapsed counts from the start).
 * Several at one tick: blocked, stalled, overdue, slow, in this order. An open row turns `blocked` when that becomes
 * known, and a blocked one never closes. A row that closes starts all its clocks anew.
 *
 * Production asks `evaluate` at every tick. The simulator asks it (1) at the last tick before a rate, θ, an estimate
 * or a handshake changes, and (2) at `nextTick`, which is the first tick at which `evaluate` would change something
 * if everything stayed as it is. Both come to the same answers at the same ticks. Between two events the count is a
 * straight line, so only the first ticks (until the short window lies on the line) must be looked at one by one.
 * With whole bytes and whole bytes per tick the answer is exact; with fractions it may be early, never late.
 *
 * Rejected: switching over instead of topping up (the peers' bandwidth is lost); an average instead of "every tick
 * of the hold" (one burst would hide a minute of nothing).
 */
import { assert } from '../assert.ts';
import { millisecondsPerSecond, none } from '../units.ts';
import {
  closed,
  closeRecovered,
  type FallbackStates,
  neverTick,
  noChange,
  openBlocked,
  openOverdue,
  openSlow,
  openStalled,
  peerToPeerBlocked,
} from './fallback-states.ts';
import { type SpeedMeters, unitBytes } from './speed-meter.ts';

/**
 * Looks at every tick after the last one looked at, up to `tick`, and answers what changed (one change at most).
 * `bytes` are BitTorrent's, `progressBytes` all bytes of the file; both lie on lines of the given slopes.
 */
export function evaluate(
  states: FallbackStates,
  meters: SpeedMeters,
  row: number,
  tick: number,
  bytes: number,
  bytesPerTick: number,
  progressBytes: number,
  progressBytesPerTick: number,
): number {
  drawLine(states, row, tick, bytes, bytesPerTick, progressBytes, progressBytesPerTick);
  if (tick <= meters.lastTick[row]) return noChange;
  const wasOpen = states.openReason[row] !== closed;
  const fireTick = wasOpen ? closeTick(states, meters, row, tick) : openTick(states, meters, row, tick);
  meters.advance(row, tick, bytes, bytesPerTick);
  if (fireTick > tick) {
    states.runSinceTick[row] = states.scannedRunSinceTick;
    if (wasOpen || !states.stalled) return noChange;
    states.checkpointTick[row] = states.scannedCheckpointTick;
    states.checkpointBytes[row] = states.scannedCheckpointBytes;
    return noChange;
  }
  const answer = wasOpen ? closeAnswer(states, row) : openAnswer(states, row, fireTick);
  states.runSinceTick[row] = none;
  if (answer === closeRecovered) {
    states.openReason[row] = closed;
    states.checkpointTick[row] = tick;
    states.checkpointBytes[row] = progressBytes;
  } else {
    states.openReason[row] = answer;
    states.openedAtTick[row] = tick;
    if (answer === openOverdue) states.overdueTick[row] = neverTick;
  }
  return answer;
}

/**
 * First tick, after the last one looked at, at which `evaluate` would change something if both counts stayed on
 * their lines through (`lineTick`, bytes); Infinity if none. `lineTick` may lie in the future. Changes nothing.
 */
export function nextTick(
  states: FallbackStates,
  meters: SpeedMeters,
  row: number,
  lineTick: number,
  bytes: number,
  bytesPerTick: number,
  progressBytes: number,
  progressBytesPerTick: number,
): number {
  drawLine(states, row, lineTick, bytes, bytesPerTick, progressBytes, progressBytesPerTick);
  if (states.openReason[row] !== closed) return closeTick(states, meters, row, Infinity);
  return openTick(states, meters, row, Infinity);
}

function drawLine(
  states: FallbackStates,
  row: number,
  lineTick: number,
  bytes: number,
  bytesPerTick: number,
  progressBytes: number,
  progressBytesPerTick: number,
): void {
  assert(row >= 0 && row < states.rowCount, 'row out of range');
  assert(bytesPerTick >= 0, 'a count never runs back');
  assert(progressBytesPerTick >= 0, 'progress never runs back');
  states.lineTick = lineTick;
  states.lineBytes = bytes;
  states.lineBytesPerTick = bytesPerTick;
  states.lineProgressBytes = progressBytes;
  states.lineProgressBytesPerTick = progressBytesPerTick;
}

/** First tick up to `untilTick` at which a closed row opens, or Infinity. */
function openTick(states: FallbackStates, meters: SpeedMeters, row: number, untilTick: number): number {
  const ageTick = meters.startTick[row] + Math.max(1, states.delayTicks);
  const fromTick = Math.max(meters.lastTick[row] + 1, ageTick);
  let fireTick = Infinity;
  if (states.blocked && states.peerToPeer[row] === peerToPeerBlocked) fireTick = fromTick;
  if (states.overdue && states.overdueTick[row] !== neverTick) {
    fireTick = Math.min(fireTick, Math.max(fromTick, states.overdueTick[row]));
  }
  states.scannedStallTick = Infinity;
  if (states.stalled) {
    scanStall(states, meters, row, untilTick);
    fireTick = Math.min(fireTick, states.scannedStallTick);
  }
  states.scannedRunSinceTick = none;
  if (states.slow) {
    const limitBytesPerSecond = states.thresholdBytesPerSecond[row];
    const slowTick = scanRun(states, meters, row, fromTick, untilTick, states.holdTicks, limitBytesPerSecond, false);
    fireTick = Math.min(fireTick, slowTick);
  }
  return fireTick <= untilTick ? fireTick : Infinity;
}

/** First tick up to `untilTick` at which an open row closes or turns blocked, or Infinity. */
function closeTick(states: FallbackStates, meters: SpeedMeters, row: number, untilTick: number): number {
  states.scannedRunSinceTick = none;
  if (states.openReason[row] === openBlocked) return Infinity;
  const fromTick = meters.lastTick[row] + 1;
  if (states.blocked && states.peerToPeer[row] === peerToPeerBlocked) return fromTick;
  // Where the cohort gets nothing the threshold is nothing: then a rate of nothing is no recovery.
  const limitBytesPerSecond = Math.max(1, states.closeRatio * states.thresholdBytesPerSecond[row]);
  return scanRun(states, meters, row, fromTick, untilTick, states.closeHoldTicks, limitBytesPerSecond, true);
}

function closeAnswer(states: FallbackStates, row: number): number {
  return states.blocked && states.peerToPeer[row] === peerToPeerBlocked ? openBlocked : closeRecovered;
}

/** Which trigger opened at `fireTick`; the order of the questions is the order among several. */
function openAnswer(states: FallbackStates, row: number, fireTick: number): number {
  if (states.blocked && states.peerToPeer[row] === peerToPeerBlocked) return openBlocked;
  if (states.stalled && states.scannedStallTick === fireTick) return openStalled;
  if (states.overdue && states.overdueTick[row] <= fireTick) return openOverdue;
  return openSlow;
}

/** Walks the stall's checkpoints up to `untilTick`: leaves the tick at which it fires, or the last checkpoint. */
function scanStall(states: FallbackStates, meters: SpeedMeters, row: number, untilTick: number): void {
  const neededBytes = states.stallRatio * states.fileBytes[row];
  let atTick = states.checkpointTick[row];
  let atBytes = states.checkpointBytes[row];
  if (atTick === none && meters.startTick[row] + states.delayTicks <= untilTick) {
    atTick = meters.startTick[row] + states.delayTicks;
    atBytes = progressAt(states, atTick);
  }
  while (atTick !== none && atTick + states.stallTicks <= untilTick) {
    const endTick = atTick + states.stallTicks;
    const endBytes = progressAt(states, endTick);
    if (endBytes - atBytes < neededBytes) {
      states.scannedStallTick = endTick;
      break;
    }
    // A whole period on the line and no stall: none will ever come.
    if (untilTick === Infinity && atTick > meters.lastTick[row]) break;
    atTick = endTick;
    atBytes = endBytes;
  }
  states.scannedCheckpointTick = atTick;
  states.scannedCheckpointBytes = atBytes;
}

function progressAt(states: FallbackStates, tick: number): number {
  return states.lineProgressBytes - states.lineProgressBytesPerTick * (states.lineTick - tick);
}

/**
 * First tick in [fromTick, untilTick] that ends a run of `holdTicks` with the short rate below (or `above`) the
 * limit, or Infinity; leaves the start of the run that lasts. Three stretches of time:
 *
 *     last      last + window              until
 *      |  mixed   |  window on the line ...  |     mixed: look at each tick (at most the window's length)
 *
 * On the line the units of a window are q or q + 1 (rounding). Mostly both are on the same side of the limit: then
 * the answer is arithmetic. Else they alternate with a period of at most 64 ticks (the unit): look at one period.
 */
function scanRun(
  states: FallbackStates,
  meters: SpeedMeters,
  row: number,
  fromTick: number,
  untilTick: number,
  holdTicks: number,
  limitBytesPerSecond: number,
  above: boolean,
): number {
  const { lineTick, lineBytes, lineBytesPerTick } = states;
  const limitUnits = (limitBytesPerSecond * meters.tickMilliseconds) / (millisecondsPerSecond * unitBytes);
  const windowTicks = meters.shortTicks;
  const steadyTick = meters.lastTick[row] + windowTicks + 1;
  const steadyUnits = (lineBytesPerTick * windowTicks) / unitBytes;
  const onLow = onSide(Math.floor(steadyUnits), limitUnits * windowTicks, above);
  const onHigh = onSide(Math.ceil(steadyUnits), limitUnits * windowTicks, above);
  const alternates = onLow !== onHigh;
  const endTick = !alternates
    ? Math.min(untilTick, steadyTick - 1)
    : untilTick < Infinity
      ? untilTick
      : Math.max(fromTick, steadyTick) + Math.min(holdTicks, unitBytes) + unitBytes;
  let sinceTick = states.runSinceTick[row];
  let atTick = fromTick;
  for (; atTick <= endTick; atTick++) {
    const units = meters.shortUnitsAt(row, atTick, lineTick, lineBytes, lineBytesPerTick);
    if (!onSide(units, limitUnits * meters.shortTicksAt(row, atTick), above)) {
      sinceTick = none;
    } else {
      if (sinceTick === none) sinceTick = atTick;
      if (atTick - sinceTick >= holdTicks) return atTick;
    }
  }
  states.scannedRunSinceTick = sinceTick;
  if (atTick > untilTick) return Infinity;
  if (alternates) return Number.isInteger(lineBytes) && Number.isInteger(lineBytesPerTick) ? Infinity : endTick;
  if (!onLow) {
    states.scannedRunSinceTick = none;
    return Infinity;
  }
  if (sinceTick === none) states.scannedRunSinceTick = atTick;
  const fireTick = Math.max(atTick, states.scannedRunSinceTick + holdTicks);
  return fireTick <= untilTick ? fireTick : Infinity;
}

function onSide(units: number, limitUnits: number, above: boolean): boolean {
  return above ? units > limitUnits : units < limitUnits;
}
