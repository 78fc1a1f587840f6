/**
 * From whom does HTTP fetch, and when again after a failure? (M23, M24)
 *
 * Each row has a few slots, each holding one source (relays that the scheduler chose, and the origin):
 *
 *     best relay ──busy or failed──▶ other relay ──all backing off──▶ origin, if there is a lease
 *
 * Kinds are tried in the order of the policy (`http.sources`); within a kind the source with the earliest predicted
 * end of the request wins: latency + bytes / observed rate. A failure sends a source into exponential back-off with
 * full jitter (a uniform draw from zero to the ceiling, which doubles; Retry-After comes on top, so that those who
 * were refused together do not return together). After three failures in a row a relay's slot should be given to
 * another relay. Rejected: equal jitter (all wait half of the ceiling), staying with one source until it is dead.
 *
 * Hedging: what one source is slow to send may be asked of a second one if that ends sooner, within a budget of bytes.
 */
import { assert } from '../assert.ts';
import { millisecondsPerSecond, none } from '../units.ts';

export const sourceNone = 0;
export const sourceRelay = 1;
export const sourceOrigin = 2;

/** Failures in a row after which a relay is exchanged: two may be one restart, three are a pattern. */
export const failuresBeforeChange = 3;
/** A failure beyond this one raises the ceiling no further; 2^20 · 1 s is past any sensible ceiling. */
const doublingsMax = 20;
const failuresMax = 255;
const drawRange = 4_294_967_296;
/** Weight of a new observation: after eight requests a tenth of what was believed before is left. */
const observationWeight = 0.25;

/** The slots of all rows: 18 bytes each. */
export class SourceStates {
  readonly rowCount: number;
  readonly slotsPerRow: number;
  /** Endpoint of the slot's source, or `none`. */
  readonly source: Int32Array;
  readonly kind: Uint8Array;
  readonly failureCount: Uint8Array;
  readonly observedBytesPerSecond: Float32Array;
  readonly latencyMilliseconds: Float32Array;
  readonly readyAtMilliseconds: Float64Array;

  constructor(rowCount: number, slotsPerRow: number) {
    assert(rowCount >= 1, 'a table has a row');
    assert(slotsPerRow >= 1, 'a row has a slot');
    const slotCount = rowCount * slotsPerRow;
    this.rowCount = rowCount;
    this.slotsPerRow = slotsPerRow;
    this.source = new Int32Array(slotCount).fill(none);
    this.kind = new Uint8Array(slotCount);
    this.failureCount = new Uint8Array(slotCount);
    this.observedBytesPerSecond = new Float32Array(slotCount);
    this.latencyMilliseconds = new Float32Array(slotCount);
    this.readyAtMilliseconds = new Float64Array(slotCount);
  }
}

/** Puts a source into a slot, with what is expected of it until it has been observed. */
export function assignSource(
  states: SourceStates,
  row: number,
  slot: number,
  source: number,
  kind: number,
  expectedBytesPerSecond: number,
  latencyMilliseconds: number,
): void {
  const at = indexOf(states, row, slot);
  assert(kind === sourceRelay || kind === sourceOrigin, 'a source is a relay or the origin');
  assert(expectedBytesPerSecond > 0, 'a source is expected to send');
  states.source[at] = source;
  states.kind[at] = kind;
  states.failureCount[at] = 0;
  states.observedBytesPerSecond[at] = expectedBytesPerSecond;
  states.latencyMilliseconds[at] = latencyMilliseconds;
  states.readyAtMilliseconds[at] = 0;
}

/** Milliseconds until the slot's source would have sent that much; not rounded. */
export function predictMilliseconds(states: SourceStates, row: number, slot: number, requestBytes: number): number {
  const at = indexOf(states, row, slot);
  return states.latencyMilliseconds[at] + (requestBytes * millisecondsPerSecond) / states.observedBytesPerSecond[at];
}

/**
 * Slot of the source of this kind that would end first among those that are ready, or `none`. Equal ends: the lowest
 * slot. `exceptSlot` is left out (a hedge wants another one).
 */
export function bestOfKind(
  states: SourceStates,
  row: number,
  kind: number,
  nowMilliseconds: number,
  requestBytes: number,
  exceptSlot = none,
): number {
  const firstIndex = indexOf(states, row, 0);
  let best = none;
  let bestMilliseconds = Infinity;
  for (let slot = 0; slot < states.slotsPerRow; slot++) {
    const at = firstIndex + slot;
    if (states.kind[at] !== kind || slot === exceptSlot) continue;
    if (states.readyAtMilliseconds[at] > nowMilliseconds) continue;
    const endMilliseconds = predictMilliseconds(states, row, slot, requestBytes);
    if (endMilliseconds < bestMilliseconds) {
      best = slot;
      bestMilliseconds = endMilliseconds;
    }
  }
  return best;
}

/**
 * Slot to ask now, or `none`: kinds in the given order (`sourceNone` ends it), the origin only under a lease.
 * The reason is what `sourceReason` says of the answer.
 */
export function chooseSource(
  states: SourceStates,
  row: number,
  firstKind: number,
  secondKind: number,
  originLeased: boolean,
  nowMilliseconds: number,
  requestBytes: number,
): number {
  let slot = none;
  if (mayUseKind(firstKind, originLeased)) slot = bestOfKind(states, row, firstKind, nowMilliseconds, requestBytes);
  if (slot === none && mayUseKind(secondKind, originLeased)) {
    slot = bestOfKind(states, row, secondKind, nowMilliseconds, requestBytes);
  }
  return slot;
}

/** Why `chooseSource` answered `slot`: position in `sourceReasons`. */
export function sourceReason(states: SourceStates, row: number, slot: number, originLeased: boolean): number {
  const firstIndex = indexOf(states, row, 0);
  let relays = 0;
  let waitingRelays = 0;
  let origins = 0;
  for (let at = firstIndex; at < firstIndex + states.slotsPerRow; at++) {
    if (states.kind[at] === sourceOrigin) origins++;
    if (states.kind[at] !== sourceRelay) continue;
    relays++;
    if (states.failureCount[at] > 0 && at !== firstIndex + slot) waitingRelays++;
  }
  if (slot !== none) {
    if (states.kind[firstIndex + slot] === sourceOrigin) return 2;
    return waitingRelays > 0 ? 1 : 0;
  }
  if (origins > 0 && !originLeased) return 4;
  return relays + origins > 0 ? 3 : 5;
}

/** Earliest millisecond at which a source that may be asked is ready again; Infinity if there is none. */
export function nextReadyMilliseconds(states: SourceStates, row: number, originLeased: boolean): number {
  const firstIndex = indexOf(states, row, 0);
  let earliest = Infinity;
  for (let at = firstIndex; at < firstIndex + states.slotsPerRow; at++) {
    if (!mayUseKind(states.kind[at], originLeased)) continue;
    earliest = Math.min(earliest, states.readyAtMilliseconds[at]);
  }
  return earliest;
}

/** A request succeeded: the source is trusted again, and its rate is known better. */
export function recordSuccess(states: SourceStates, row: number, slot: number, observedBytesPerSecond: number): void {
  const at = indexOf(states, row, slot);
  assert(observedBytesPerSecond > 0, 'a success has a rate');
  const before = states.observedBytesPerSecond[at];
  states.failureCount[at] = 0;
  states.observedBytesPerSecond[at] = before + observationWeight * (observedBytesPerSecond - before);
}

/**
 * A request failed or was refused: the source rests. Uniform in [0, min(max, first · 2^failures)) by `draw` (uint32),
 * after the Retry-After that came with it.
 */
export function recordFailure(
  states: SourceStates,
  row: number,
  slot: number,
  nowMilliseconds: number,
  backoffFirstMilliseconds: number,
  backoffMaxMilliseconds: number,
  retryAfterMilliseconds: number,
  draw: number,
): void {
  const at = indexOf(states, row, slot);
  assert(draw >= 0 && draw < drawRange, 'a draw has 32 bits');
  assert(retryAfterMilliseconds >= 0, 'nobody waits for the past');
  let ceiling = Math.min(backoffFirstMilliseconds, backoffMaxMilliseconds);
  const doublings = Math.min(states.failureCount[at], doublingsMax);
  for (let i = 0; i < doublings && ceiling < backoffMaxMilliseconds; i++) ceiling *= 2;
  ceiling = Math.min(ceiling, backoffMaxMilliseconds);
  const restMilliseconds = retryAfterMilliseconds + Math.floor((draw / drawRange) * ceiling);
  states.failureCount[at] = Math.min(failuresMax, states.failureCount[at] + 1);
  states.readyAtMilliseconds[at] = nowMilliseconds + restMilliseconds;
}

/** Slot of a relay that failed so often that another relay should take its place, or `none` (M24). */
export function slotToChange(states: SourceStates, row: number): number {
  const firstIndex = indexOf(states, row, 0);
  for (let slot = 0; slot < states.slotsPerRow; slot++) {
    if (states.kind[firstIndex + slot] !== sourceRelay) continue;
    if (states.failureCount[firstIndex + slot] >= failuresBeforeChange) return slot;
  }
  return none;
}

/**
 * Whether a second source may be asked for what a first is slow to send: position in `hedgeReasons`, 0 = yes.
 * The gain must be real (the second ends before the first would), and all hedged bytes together stay within
 * `hedgeRatio` of the file.
 */
export function mayHedge(
  hedgedBytes: number,
  requestBytes: number,
  fileBytes: number,
  hedgeRatio: number,
  firstLeftMilliseconds: number,
  secondMilliseconds: number,
): number {
  assert(hedgedBytes >= 0 && requestBytes >= 0, 'bytes are not negative');
  if (hedgedBytes + requestBytes > hedgeRatio * fileBytes) return 1;
  return secondMilliseconds < firstLeftMilliseconds ? 0 : 2;
}

/** Whether the loser of a race is worth cancelling: what it still sends must cost more than a new connection. */
export function mayCancel(leftBytes: number, bytesPerSecond: number, roundTripMilliseconds: number): boolean {
  return leftBytes * millisecondsPerSecond > bytesPerSecond * roundTripMilliseconds;
}

function mayUseKind(kind: number, originLeased: boolean): boolean {
  return kind === sourceRelay || (kind === sourceOrigin && originLeased);
}

function indexOf(states: SourceStates, row: number, slot: number): number {
  assert(row >= 0 && row < states.rowCount, 'row out of range');
  assert(slot >= 0 && slot < states.slotsPerRow, 'slot out of range');
  return row * states.slotsPerRow + slot;
}
