/**
 * Leases of an origin, as they travel (M27–M31): the messages of core/quota/messages.ts as they are, in an envelope.
 * A node opens its row of `Leaseholders` with the numbers of its assignment (`lease`), passes on what that says, and
 * gives it what comes; control checks that the numbers are those of the node that speaks.
 *
 * An `account` must grow over restarts: take the wall clock in milliseconds when the process starts, or more.
 */
import * as Type from 'typebox';
import { bytes, bytesPerSecond, count, milliseconds, object, slots } from './fields.ts';

const fromHolder = { origin: count(), holder: count(), account: count(), spentBytes: bytes() };

const request = object({
  kind: Type.Literal('request'),
  ...fromHolder,
  number: count(),
  node: count(),
  demandBytesPerSecond: bytesPerSecond(),
  slotsWanted: slots(),
  epoch: count(),
  sequence: count(),
});
const acknowledgement = object({
  kind: Type.Literal('acknowledge'),
  ...fromHolder,
  epoch: count(),
  sequence: count(),
});
const release = object({ kind: Type.Literal('release'), ...fromHolder });

const grant = object({
  kind: Type.Literal('grant'),
  origin: count(),
  holder: count(),
  account: count(),
  number: count(),
  epoch: count(),
  sequence: count(),
  slots: slots(),
  bytesPerSecond: bytesPerSecond(),
  burstBytes: bytesPerSecond(),
  prepaidBytes: bytes(),
  ttlMilliseconds: milliseconds(),
});

export const leaseFromNode = object({
  kind: Type.Literal('lease'),
  message: Type.Union([request, acknowledgement, release]),
});
export const leaseFromControl = object({ kind: Type.Literal('lease'), message: grant });
