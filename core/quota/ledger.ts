/**
 * What has the owner of an origin promised? (M31; I4, I16)
 *
 * The owner's memory decides; the ledger is what survives it. A round's entries are written, all or none, before one of
 * its grants leaves; a write under an epoch that is not the latest is refused, and the owner that tried steps down.
 *
 *     const round = owner.round(now);
 *     if (ledger.write(round.epoch, round.entries)) send(round.grants); else owner.stepDown();
 *
 * A database does the same with a wait at `write` (one transaction for the entries and the task state they belong to);
 * a grant that leaves late only lasts shorter. Entries are upserts: writing one twice changes nothing.
 */
import { assert } from '../assert.ts';

/** A lease that may be in use: sent, not superseded by an acknowledged one. */
export interface PromiseRecord {
  epoch: number;
  sequence: number;
  slots: number;
  bytesPerSecond: number;
  burstBytes: number;
  prepaidBytes: number;
  ttlMilliseconds: number;
}

/** All that is known about one holder; what is not in it can be asked again. */
export interface HolderRecord {
  holder: number;
  account: number;
  node: number;
  /** Last request, which a revocation answers. */
  number: number;
  /** The last sequence given out. */
  sequence: number;
  /** Bytes counted as spent, since the account began; the rest of what was promised is reserved. */
  spentBytes: number;
  /** Largest total promised and not acknowledged away. */
  prepaidBytes: number;
  promises: PromiseRecord[];
}

/** Totals of all accounts since the ledger began, or was last folded: granted − returned − spent = reserved. */
export interface LedgerTotals {
  grantedBytes: number;
  returnedBytes: number;
  spentBytes: number;
}

/** Bytes spent in one bucket of one window, in all. A window's buckets take turns in its ring: `place` is the key. */
export interface BucketRecord {
  window: number;
  place: number;
  bucket: number;
  bytes: number;
}

export type LedgerEntry =
  | { kind: 'holder'; record: HolderRecord }
  | { kind: 'forget'; holder: number }
  | ({ kind: 'bucket' } & BucketRecord)
  /** The leases of the lost ledger that this one replaces have ended, and the windows count them. */
  | { kind: 'settled' }
  | { kind: 'totals'; totals: LedgerTotals }
  /** The ledger's time (see `resumedMilliseconds`), with the wall time at which it was so. */
  | { kind: 'time'; ledgerMilliseconds: number; wallMilliseconds: number };

/** What a ledger holds when an owner takes it over. */
export interface LedgerState {
  /** Of the new owner. */
  epoch: number;
  holders: HolderRecord[];
  buckets: BucketRecord[];
  totals: LedgerTotals;
  ledgerMilliseconds: number;
  wallMilliseconds: number;
  /** It replaces a lost ledger, and no owner has waited yet until that one's leases have ended. */
  isReplacement: boolean;
}

export interface Ledger {
  /** Begins the next epoch, which fences off every earlier owner; answers all that was promised. */
  takeOver(): LedgerState;
  /** Writes all entries and answers true, or, if `epoch` is not the latest, writes nothing and answers false. */
  write(epoch: number, entries: LedgerEntry[]): boolean;
}

/**
 * At which ledger time a new owner goes on. Ledger time never runs ahead of true time: bytes must not leave a window
 * early. So of the time that passed by the wall clocks, as much is left out as two control servers' may differ by.
 */
export function resumedMilliseconds(
  state: { ledgerMilliseconds: number; wallMilliseconds: number },
  wallMilliseconds: number,
  wallErrorMaxMilliseconds: number,
): number {
  const passed = wallMilliseconds - state.wallMilliseconds - wallErrorMaxMilliseconds;
  return state.ledgerMilliseconds + Math.max(0, Math.floor(passed));
}

/** A ledger in memory: for the simulator, for tests, and for one control server that keeps nothing. */
export class MemoryLedger implements Ledger {
  #epoch: number;
  readonly #holders = new Map<number, HolderRecord>();
  readonly #buckets = new Map<string, BucketRecord>();
  #totals: LedgerTotals = { grantedBytes: 0, returnedBytes: 0, spentBytes: 0 };
  #time = { ledgerMilliseconds: 0, wallMilliseconds: 0 };

  #isReplacement: boolean;

  /** A ledger that replaces a lost one starts above that one's last epoch: the owner of then is fenced off at once. */
  constructor(replacedEpoch?: number) {
    this.#epoch = replacedEpoch === undefined ? 0 : replacedEpoch + 1;
    this.#isReplacement = replacedEpoch !== undefined;
  }

  get epoch(): number {
    return this.#epoch;
  }

  takeOver(): LedgerState {
    this.#epoch++;
    return this.read();
  }

  /** What it holds, without taking it over (for an auditor). */
  read(): LedgerState {
    return {
      epoch: this.#epoch,
      holders: [...this.#holders.values()].map((record) => ({ ...record, promises: [...record.promises] })),
      buckets: [...this.#buckets.values()].map((bucket) => ({ ...bucket })),
      totals: { ...this.#totals },
      ...this.#time,
      isReplacement: this.#isReplacement,
    };
  }

  write(epoch: number, entries: LedgerEntry[]): boolean {
    assert(epoch <= this.#epoch, 'an epoch begins at its ledger');
    if (epoch < this.#epoch) return false;
    for (const entry of entries) this.#put(entry);
    return true;
  }

  #put(entry: LedgerEntry): void {
    switch (entry.kind) {
      case 'holder':
        this.#holders.set(entry.record.holder, entry.record);
        return;
      case 'forget':
        this.#holders.delete(entry.holder);
        return;
      case 'bucket':
        this.#buckets.set(`${entry.window}/${entry.place}`, entry);
        return;
      case 'settled':
        this.#isReplacement = false;
        return;
      case 'totals':
        this.#totals = entry.totals;
        return;
      case 'time':
        this.#time = { ledgerMilliseconds: entry.ledgerMilliseconds, wallMilliseconds: entry.wallMilliseconds };
        return;
      default:
        entry satisfies never;
    }
  }
}

/** What in a ledger does not add up; empty = nothing. Reads the ledger alone (an auditor's view of I16). */
export function auditLedger(state: LedgerState): string[] {
  const problems: string[] = [];
  let reservedBytes = 0;
  for (const { holder, spentBytes, prepaidBytes, promises } of state.holders) {
    if (spentBytes > prepaidBytes) problems.push(`holder ${holder}: spent ${spentBytes} of ${prepaidBytes} prepaid`);
    for (const promise of promises) {
      if (promise.prepaidBytes > prepaidBytes) problems.push(`holder ${holder}: promised more than is reserved`);
    }
    reservedBytes += prepaidBytes - spentBytes;
  }
  const { grantedBytes, returnedBytes, spentBytes } = state.totals;
  const left = grantedBytes - returnedBytes - spentBytes - reservedBytes;
  if (left !== 0) problems.push(`granted − returned − spent − reserved is ${left}, not 0`);
  return problems;
}
