/**
 * Leases of an origin, as they travel (M27–M31). What they mean is in core/quota: these are its messages, with names
 * instead of row numbers. The holder is whoever's connection it is, one per node, task and origin.
 *
 * Loss, repetition and reordering are harmless: each request carries all that the holder needs, each grant all that it
 * may, and `sequence` says which is later.
 */
import * as Type from 'typebox';
import { bytes, bytesPerSecond, count, identity, milliseconds, name, object, slots } from './fields.ts';

const holder = { origin: name(), task: identity() };
/** Which grant is spoken of. */
const stamp = { epoch: count(), sequence: count() };

/** Asks for a lease or renews it (at a third of its ttl); zero for both gives everything back. */
export const leaseRequest = object({
  kind: Type.Literal('lease-request'),
  ...holder,
  /** Counts up with each request of this holder; the grant echoes it, and the ttl counts from when it was sent. */
  request: count(),
  demandBytesPerSecond: bytesPerSecond(),
  slots: slots(),
});
/** What was spent under a grant so far. `final`: nothing more will be, the rest of what was prepaid comes back. */
export const leaseReport = object({
  kind: Type.Literal('lease-report'),
  ...holder,
  ...stamp,
  spentBytes: bytes(),
  openConnections: slots(),
  final: Type.Boolean(),
});
/** From now on the holder keeps to this grant, and no longer to an earlier one: a decrease is free only now. */
export const leaseAcknowledge = object({ kind: Type.Literal('lease-acknowledge'), ...holder, ...stamp });

export const leaseGrant = object({
  kind: Type.Literal('lease-grant'),
  ...holder,
  ...stamp,
  /** Echo of the request that it answers: the holder's ttl counts from the moment it sent that one. */
  request: count(),
  slots: slots(),
  bytesPerSecond: bytesPerSecond(),
  burstBytes: bytes(),
  prepaidBytes: bytes(),
  ttlMilliseconds: milliseconds(),
});
/** Stop now: the task was cancelled or the contract was cut. Answered by a final report; else the ttl ends it. */
export const leaseRevoke = object({ kind: Type.Literal('lease-revoke'), ...holder, ...stamp });

export type LeaseRequest = Type.Static<typeof leaseRequest>;
export type LeaseReport = Type.Static<typeof leaseReport>;
export type LeaseAcknowledge = Type.Static<typeof leaseAcknowledge>;
export type LeaseGrant = Type.Static<typeof leaseGrant>;
export type LeaseRevoke = Type.Static<typeof leaseRevoke>;
