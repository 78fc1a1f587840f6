/**
 * What do a holder and the owner of an origin's ledger say to each other? (M31)
 *
 * Plain data: it survives JSON, and it may be lost, late, doubled or out of order.
 *
 *     holder                                   owner
 *     request     n, demand, spent so far  ──▶
 *                                          ◀──  grant        answers request n (written before it leaves)
 *     acknowledge sequence, spent so far   ──▶  what the lease supersedes is free
 *                                          ◀──  grant        answers request n again, of less: a revocation
 *     acknowledge (connections closed)     ──▶
 *     release     spent in the end         ──▶  all is free
 *
 * Each request is also a report and repeats the last acknowledgement, so that a lost message costs time only. All
 * counts are totals since the account began: a repeated one changes nothing. An account is one uninterrupted stretch
 * of a holder's use; it ends with its last lease, with a release, or with the holder's process.
 */
import { quotaBytesMax, quotaSlotsMax } from './contract.ts';
import type { Lease } from './lease.ts';

interface FromHolder {
  origin: number;
  /** Its number at the owner. */
  holder: number;
  /** Grows with each new account of the holder, over restarts too. */
  account: number;
  /** Bytes that have come in all, or are given up for lost, since the account began. */
  spentBytes: number;
}

/** Asks for a lease, or for its renewal; and reports. */
export interface LeaseRequest extends FromHolder {
  kind: 'request';
  /** Counts the holder's requests; the grant names it, and so when its time began. */
  number: number;
  /** Row of the contract's tree under which the holder stands (task and role). */
  node: number;
  demandBytesPerSecond: number;
  slotsWanted: number;
  /** The last lease that it keeps to; 0, 0 = none. */
  epoch: number;
  sequence: number;
}

/** Says that the holder keeps to a lease and uses nothing of an earlier one; and reports. */
export interface LeaseAcknowledgement extends FromHolder {
  kind: 'acknowledge';
  epoch: number;
  sequence: number;
}

/** Gives everything back; the account is closed, `spentBytes` is final. */
export interface LeaseRelease extends FromHolder {
  kind: 'release';
}

export type HolderMessage = LeaseRequest | LeaseAcknowledgement | LeaseRelease;

/** A lease; of less than the one before, it is a revocation. */
export interface LeaseGrant extends Lease {
  kind: 'grant';
  account: number;
  /** The request whose sending began the lease's time. */
  number: number;
}

/** What of a foreign value is wrong, or `undefined` if it is a holder's message that the owner may take. */
export function flawOfHolderMessage(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return 'a message is an object';
  const message = value as Record<string, unknown>;
  const counts = ['origin', 'holder', 'account', 'spentBytes'];
  if (message.kind === 'request') counts.push('number', 'node', 'epoch', 'sequence');
  else if (message.kind === 'acknowledge') counts.push('epoch', 'sequence');
  else if (message.kind !== 'release') return 'kind: one of request, acknowledge, release';
  const flaw = flawOfCounts(message, counts, Number.MAX_SAFE_INTEGER);
  if (flaw !== undefined || message.kind !== 'request') return flaw;
  return (
    flawOfCounts(message, ['demandBytesPerSecond'], quotaBytesMax) ??
    flawOfCounts(message, ['slotsWanted'], quotaSlotsMax)
  );
}

/** What of a foreign value is wrong, or `undefined` if it is a grant that a holder may take. */
export function flawOfGrant(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return 'a message is an object';
  const message = value as Record<string, unknown>;
  if (message.kind !== 'grant') return 'kind: grant';
  const counts = ['origin', 'holder', 'account', 'number', 'epoch', 'sequence', 'prepaidBytes', 'ttlMilliseconds'];
  return (
    flawOfCounts(message, counts, Number.MAX_SAFE_INTEGER) ??
    flawOfCounts(message, ['bytesPerSecond', 'burstBytes'], quotaBytesMax) ??
    flawOfCounts(message, ['slots'], quotaSlotsMax)
  );
}

function flawOfCounts(message: Record<string, unknown>, names: string[], max: number): string | undefined {
  for (const name of names) {
    const count = message[name];
    if (!Number.isSafeInteger(count) || (count as number) < 0 || (count as number) > max) {
      return `${name}: a whole number from 0 to ${max}`;
    }
  }
  return undefined;
}
