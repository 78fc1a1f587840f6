/**
 * How much must HTTP bring while it is open? (M23, specification S106: HTTP takes the rest)
 *
 * It fills the gap between what is wanted and what BitTorrent may be counted on to bring:
 *
 *     bytes/s ^ ─ ─ ─ ─ ─ ─ ─ ─ ─ free downlink
 *             |   target = max(θ, remaining / time to the deadline)
 *             |   ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒  deficit, times the brake φ
 *             |   ██████████████  forecast of BitTorrent (the smaller window)
 *
 * The target is all that is free when peers cannot help (`blocked`), when the deadline has passed, or when the policy
 * fills the `rest`. Rejected: a fixed rate per client (a thousand clients a little too slow would ask for a thousand
 * full downlinks).
 */
import { assert } from '../assert.ts';
import type { FallbackPolicy } from '../policy.ts';
import { millisecondsPerSecond } from '../units.ts';
import { closed, closeRecovered, openBlocked } from './fallback-states.ts';

/**
 * Target rate of HTTP, bytes/s: never more than the free downlink. The brake φ (0..1, sent by control when relays or
 * the origin pass their high water) scales every kind (M23).
 */
export function deficit(
  policyFill: FallbackPolicy['fill'],
  reason: number,
  thresholdBytesPerSecond: number,
  remainingBytes: number,
  deadlineLeftMilliseconds: number,
  forecastBytesPerSecond: number,
  freeDownlinkBytesPerSecond: number,
  brake: number,
): number {
  assert(reason !== closed && reason < closeRecovered, 'a closed row has no deficit');
  assert(brake >= 0 && brake <= 1, 'a brake is a share of one');
  assert(freeDownlinkBytesPerSecond >= 0, 'a free downlink is not negative');
  if (remainingBytes <= 0 || brake === 0) return 0;
  if (policyFill === 'rest' || reason === openBlocked || deadlineLeftMilliseconds <= 0) {
    return brake * freeDownlinkBytesPerSecond;
  }
  const neededBytesPerSecond = (remainingBytes * millisecondsPerSecond) / deadlineLeftMilliseconds;
  const targetBytesPerSecond = Math.max(thresholdBytesPerSecond, neededBytesPerSecond);
  const missingBytesPerSecond = Math.max(0, targetBytesPerSecond - forecastBytesPerSecond);
  return brake * Math.min(missingBytesPerSecond, freeDownlinkBytesPerSecond);
}
