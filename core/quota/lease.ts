/**
 * What may a holder do at the origin, and until when? (M27–M31)
 *
 * A lease is a promise with an end (Gray & Cheriton 1989). The holder counts its time from the moment it *sent* the
 * request that the lease answers, the owner from the moment it *received* it, plus a slack for drift: the holder always
 * stops first, however late the grant is written, sent, or delivered.
 *
 *     holder   send request ├───────── ttl ─────────┤ stops
 *     owner           receive request ├───────── ttl ─────────┼─ slack ─┤ takes it back
 *
 * No lease, no origin byte.
 */
import { assert } from '../assert.ts';

export interface Lease {
  origin: number;
  holder: number;
  /** Of the ledger's owner: a later owner fences off an earlier one. */
  epoch: number;
  /** Within the holder's account; a later one supersedes. */
  sequence: number;
  slots: number;
  bytesPerSecond: number;
  /** What may be asked for and not have arrived yet, together with what may be asked for at once. */
  burstBytes: number;
  /** Bytes that the holder may have taken in all since its account began; already taken from the windows. */
  prepaidBytes: number;
  ttlMilliseconds: number;
}

/** Stops on a lease that could be read as more than was granted (a negative grant was once read as unlimited). */
export function assertLease(lease: Lease): void {
  for (const amount of [lease.slots, lease.bytesPerSecond, lease.burstBytes, lease.prepaidBytes]) {
    assert(amount >= 0, 'a grant is never negative');
    assert(Number.isSafeInteger(amount), 'a grant is a whole number, never unlimited');
  }
  assert(Number.isSafeInteger(lease.epoch) && lease.epoch >= 0, 'epochs count from zero');
  assert(Number.isSafeInteger(lease.sequence) && lease.sequence >= 0, 'sequences count from zero');
  assert(Number.isSafeInteger(lease.ttlMilliseconds) && lease.ttlMilliseconds >= 1, 'a lease lasts');
}

/** First moment on the holder's clock at which the lease has ended. */
export function holderEndMilliseconds(lease: Lease, requestSentAtMilliseconds: number): number {
  return requestSentAtMilliseconds + lease.ttlMilliseconds;
}

/** First moment on the owner's clock at which nobody can be using the lease any more. */
export function ownerEndMilliseconds(lease: Lease, requestReceivedAtMilliseconds: number, slackMilliseconds: number) {
  return requestReceivedAtMilliseconds + lease.ttlMilliseconds + slackMilliseconds;
}

/** Least slack for clocks that each run wrong by at most `driftMax` (a share): I5 holds from here on, rounded up. */
export function slackNeededMilliseconds(ttlMilliseconds: number, driftMax: number): number {
  assert(driftMax >= 0 && driftMax < 1, 'a drift is a share below one');
  // The holder's ttl lasts ttl / (1 − drift) true time; the owner counts that as up to (1 + drift) of it.
  return Math.ceil((ttlMilliseconds * (1 + driftMax)) / (1 - driftMax)) - ttlMilliseconds;
}

/** Whether `left` comes after `right`: later epoch, or later sequence in the same one. */
export function supersedes(
  left: { epoch: number; sequence: number },
  right: { epoch: number; sequence: number },
): boolean {
  return left.epoch > right.epoch || (left.epoch === right.epoch && left.sequence > right.sequence);
}
