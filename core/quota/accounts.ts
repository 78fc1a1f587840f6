/**
 * What has each holder of an origin been promised, and what of it is spent? (M29; I3, I16)
 *
 * One row per holder. Prepaid bytes are kept by double entry: what is granted is reserved in every window until it is
 * reported as spent, given back by an acknowledgement or a release, or written off with its account:
 *
 *     granted − returned − spent = Σ over accounts of (prepaid − spent) = reserved
 */
import { assert } from '../assert.ts';
import type { HolderRecord, LedgerTotals } from './ledger.ts';
import { Promises } from './promises.ts';
import type { RollingWindow } from './rolling-window.ts';

/** 2^52: well below where doubles stop counting single bytes. */
const foldedAtBytes = 4_503_599_627_370_496;

export class Accounts {
  readonly rowsMax: number;
  /** Rows in use or freed: 0 … end − 1. */
  end = 0;
  readonly promises: Promises;
  readonly isUsed: Uint8Array;
  readonly holder: Float64Array;
  /** Accounts before this one are closed. */
  readonly account: Float64Array;
  readonly node: Int32Array;
  /** Last request, 0 = none of this account. */
  readonly number: Float64Array;
  readonly requestedAtMilliseconds: Float64Array;
  readonly isAnswered: Uint8Array;
  readonly demandBytesPerSecond: Float64Array;
  readonly slotsWanted: Int32Array;
  readonly heardAtMilliseconds: Float64Array;
  readonly unservedSinceMilliseconds: Float64Array;
  readonly servedSinceMilliseconds: Float64Array;
  /** The last sequence given out. */
  readonly sequence: Float64Array;
  readonly spentBytes: Float64Array;
  /** Whether the ledger has to hear of the row. */
  readonly isChanged: Uint8Array;
  /** The windows that all prepaid bytes are taken from. */
  windows: RollingWindow[] = [];
  reservedBytes = 0;
  readonly totals: LedgerTotals = { grantedBytes: 0, returnedBytes: 0, spentBytes: 0 };
  readonly #rowOf = new Map<number, number>();
  readonly #free: number[] = [];

  constructor(rowsMax: number) {
    assert(rowsMax >= 1, 'a table has a row');
    const column = () => new Float64Array(rowsMax);
    this.rowsMax = rowsMax;
    this.promises = new Promises(rowsMax);
    this.isUsed = new Uint8Array(rowsMax);
    this.holder = column();
    this.account = column();
    this.node = new Int32Array(rowsMax);
    this.number = column();
    this.requestedAtMilliseconds = column();
    this.isAnswered = new Uint8Array(rowsMax);
    this.demandBytesPerSecond = column();
    this.slotsWanted = new Int32Array(rowsMax);
    this.heardAtMilliseconds = column();
    this.unservedSinceMilliseconds = column();
    this.servedSinceMilliseconds = column();
    this.sequence = column();
    this.spentBytes = column();
    this.isChanged = new Uint8Array(rowsMax);
  }

  get count(): number {
    return this.#rowOf.size;
  }

  /** The holder's row, or −1. */
  rowOf(holder: number): number {
    return this.#rowOf.get(holder) ?? -1;
  }

  /** A row for a new holder, or −1 if the table is full. */
  add(holder: number): number {
    const row = this.#free.pop() ?? (this.end < this.rowsMax ? this.end++ : -1);
    if (row === -1) return -1;
    this.#rowOf.set(holder, row);
    this.isUsed[row] = 1;
    this.holder[row] = holder;
    this.sequence[row] = 0;
    this.servedSinceMilliseconds[row] = 0;
    this.open(row, 0, 0);
    return row;
  }

  remove(row: number): void {
    assert(this.promises.count[row] === 0, 'nothing is promised any more');
    this.close(row, 0);
    this.#rowOf.delete(this.holder[row]);
    this.#free.push(row);
    this.isUsed[row] = 0;
    this.isChanged[row] = 0;
  }

  /** Begins an account that has spent `spentBytes` already (known of from before a lost ledger; else 0). */
  open(row: number, account: number, spentBytes: number): void {
    this.account[row] = account;
    this.number[row] = 0;
    this.isAnswered[row] = 1;
    this.demandBytesPerSecond[row] = 0;
    this.slotsWanted[row] = 0;
    this.unservedSinceMilliseconds[row] = Infinity;
    this.spentBytes[row] = spentBytes;
    this.promises.clear(row, spentBytes);
    this.isChanged[row] = 1;
  }

  /** Counts a report. What is more than was promised (a holder that does not keep to its lease) counts as well. */
  report(row: number, nowMilliseconds: number, spentBytes: number): void {
    const bytes = spentBytes - this.spentBytes[row];
    if (bytes <= 0) return;
    const before = this.promises.committedPrepaidBytes[row];
    if (spentBytes > before) {
      this.promises.committedPrepaidBytes[row] = spentBytes;
      this.#reserve(spentBytes - before);
    }
    this.spentBytes[row] = spentBytes;
    this.#spend(nowMilliseconds, bytes);
    this.isChanged[row] = 1;
  }

  /** After a change of the row's promises: books what became reserved or free. */
  book(row: number, prepaidBytesBefore: number): void {
    const bytes = this.promises.committedPrepaidBytes[row] - prepaidBytesBefore;
    if (bytes > 0) this.#reserve(bytes);
    if (bytes < 0) this.#return(-bytes);
    this.isChanged[row] = 1;
  }

  /** All leases of the row have ended: what was prepaid and not reported counts as spent. */
  writeOff(row: number, nowMilliseconds: number): void {
    this.report(row, nowMilliseconds, this.promises.committedPrepaidBytes[row]);
    this.close(row, this.account[row] + 1);
  }

  /** The holder has given everything back; the account's leases are void. */
  release(row: number, nowMilliseconds: number, spentBytes: number): void {
    this.report(row, nowMilliseconds, spentBytes);
    this.#return(this.promises.committedPrepaidBytes[row] - this.spentBytes[row]);
    this.promises.clear(row, this.spentBytes[row]);
    this.close(row, this.account[row] + 1);
  }

  /** Keeps the totals exact for ever: what is settled on both sides is left out of both. */
  foldTotals(): void {
    const { totals } = this;
    if (totals.grantedBytes < foldedAtBytes) return;
    totals.grantedBytes -= totals.returnedBytes + totals.spentBytes;
    totals.returnedBytes = 0;
    totals.spentBytes = 0;
  }

  private close(row: number, nextAccount: number): void {
    assert(this.promises.committedPrepaidBytes[row] === this.spentBytes[row], 'a closed account holds nothing');
    this.open(row, nextAccount, 0);
  }

  #reserve(bytes: number): void {
    this.totals.grantedBytes += bytes;
    this.reservedBytes += bytes;
    for (const window of this.windows) window.reservedBytes += bytes;
  }

  #return(bytes: number): void {
    this.totals.returnedBytes += bytes;
    this.reservedBytes -= bytes;
    for (const window of this.windows) window.reservedBytes -= bytes;
  }

  #spend(nowMilliseconds: number, bytes: number): void {
    this.totals.spentBytes += bytes;
    this.reservedBytes -= bytes;
    for (const window of this.windows) window.settle(nowMilliseconds, bytes, bytes);
  }

  record(row: number): HolderRecord {
    return {
      holder: this.holder[row],
      account: this.account[row],
      node: this.node[row],
      number: this.number[row],
      sequence: this.sequence[row],
      spentBytes: this.spentBytes[row],
      prepaidBytes: this.promises.committedPrepaidBytes[row],
      promises: this.promises.records(row),
    };
  }

  /** Puts back what a ledger knows; every promise counts anew from now, because nobody knows how old it is. */
  restore(record: HolderRecord, nowMilliseconds: number, slackMilliseconds: number): void {
    const row = this.add(record.holder);
    assert(row !== -1, 'the table has room for the whole ledger');
    this.account[row] = record.account;
    this.node[row] = record.node;
    this.number[row] = record.number;
    this.requestedAtMilliseconds[row] = nowMilliseconds;
    this.heardAtMilliseconds[row] = nowMilliseconds;
    this.sequence[row] = record.sequence;
    this.spentBytes[row] = record.spentBytes;
    this.promises.clear(row, record.prepaidBytes);
    for (const promise of record.promises) {
      this.promises.add(row, promise, nowMilliseconds + promise.ttlMilliseconds + slackMilliseconds);
    }
    const bytes = record.prepaidBytes - record.spentBytes;
    this.reservedBytes += bytes;
    for (const window of this.windows) window.reservedBytes += bytes;
    this.isChanged[row] = 0;
  }
}
