/**
 * Who holds what of one origin? The owner of its ledger decides, and nobody else. (M27–M31; I1–I16)
 *
 * A state machine without clock and sockets: messages go in by `receive`, and `round` answers what to write and what to
 * send, in this order. From `round` on, everything in it counts as promised, whether or not it is ever sent.
 *
 *     owner.receive(message, now)          any number of times
 *     const round = owner.round(now, wall) once a second, and soon after a request (`nextRoundMilliseconds`)
 *     if (ledger.write(round.epoch, round.entries)) send(round.grants); else owner.stepDown();
 *
 * `now` is ledger time: whole milliseconds that never run back (see `resumedMilliseconds`).
 */
import { assert } from '../assert.ts';
import { Accounts } from './accounts.ts';
import { assertContract, type OriginContract } from './contract.ts';
import type { LedgerEntry, LedgerState } from './ledger.ts';
import { windowOf, windowsOf } from './limits-now.ts';
import type { HolderMessage, LeaseGrant, LeaseRequest } from './messages.ts';
import { Needs } from './need.ts';
import { RoundPlan } from './round-plan.ts';
import { assertTerms, assertTimes, type QuotaTerms } from './terms.ts';
import { assertNode, type ShareNode } from './tree.ts';

export interface OwnerOptions {
  /** The origin's number; messages of others are ignored. */
  origin: number;
  contract: OriginContract;
  terms: QuotaTerms;
  /** A request names one by its position. */
  nodes: ShareNode[];
  /** Further holders are not heard. */
  holdersMax: number;
  /** It shares a sub-lease (`SubOwner`): reserves and water marks are kept above it. */
  isSubLease?: boolean;
}

/** What a round of the owner comes to. Nothing of `grants` may leave before all of `entries` is written. */
export interface Round {
  epoch: number;
  entries: LedgerEntry[];
  grants: LeaseGrant[];
}

export class OriginOwner {
  readonly epoch: number;
  readonly options: OwnerOptions;
  readonly accounts: Accounts;
  readonly needs: Needs;
  contract: OriginContract;
  nodes: ShareNode[];
  /** Nothing is granted before: leases may be in use of which a lost ledger knew. */
  quietUntilMilliseconds = -Infinity;
  /** Grants end before this moment (a sub-lease's end); Infinity = none. */
  leaseEndMaxMilliseconds = Infinity;
  isOwner = true;
  /** What the first band is expected to ask for (`Forecast`); lower bands do not borrow it. 0 = no forecast. */
  forecastBytesPerSecond = 0;
  /** Messages that were not heard because the table was full. */
  unheardCount = 0;
  readonly #plan: RoundPlan;
  #hasUnanswered = false;
  #lastRoundMilliseconds = -Infinity;
  /** Ledger time at which buckets were last written. */
  #writtenAtMilliseconds: number;
  #forgotten: number[] = [];

  /**
   * Takes over what `state` holds. A ledger that replaces a lost one knows of nothing: nothing is granted before the
   * longest lease has ended, and from then on every window counts as full.
   */
  constructor(options: OwnerOptions, state: LedgerState, nowMilliseconds: number) {
    assertContract(options.contract);
    if (options.isSubLease) assertTimes(options.terms);
    else assertTerms(options.terms);
    for (const node of options.nodes) assertNode(node);
    this.options = options;
    this.epoch = state.epoch;
    this.contract = options.contract;
    this.nodes = options.nodes;
    this.accounts = new Accounts(options.holdersMax);
    this.needs = new Needs(options.holdersMax);
    this.#plan = new RoundPlan(options.holdersMax);
    this.#writtenAtMilliseconds = nowMilliseconds;
    const { accounts } = this;
    accounts.windows = windowsOf(options.contract, options.terms);
    Object.assign(accounts.totals, state.totals);
    for (const bucket of state.buckets) {
      const index = options.contract.windows.findIndex(
        ({ windowMilliseconds }) => windowMilliseconds === bucket.window,
      );
      accounts.windows[index]?.restore(nowMilliseconds, bucket.bucket, bucket.bytes);
    }
    for (const record of state.holders) {
      accounts.restore(record, nowMilliseconds, options.terms.slackMilliseconds);
      this.needs.open(accounts.rowOf(record.holder), nowMilliseconds, record.spentBytes);
    }
    if (state.isReplacement) {
      this.quietUntilMilliseconds = nowMilliseconds + options.terms.ttlMilliseconds + options.terms.slackMilliseconds;
    }
  }

  /** The leases of a lost ledger have all ended; what they spent is unknown, but not more than each window allows. */
  #endQuiet(nowMilliseconds: number): void {
    this.quietUntilMilliseconds = -Infinity;
    for (const [index, window] of this.accounts.windows.entries()) {
      const { bytes } = this.contract.windows[index];
      if (bytes !== Infinity) window.spend(nowMilliseconds, bytes);
    }
  }

  /** Takes a message that has been checked (`flawOfHolderMessage`) and comes from the holder that it names. */
  receive(message: HolderMessage, nowMilliseconds: number): void {
    if (message.origin !== this.options.origin) return;
    let row = this.accounts.rowOf(message.holder);
    if (row === -1) {
      if (message.kind !== 'request' || message.node >= this.nodes.length) return;
      row = this.accounts.add(message.holder);
      if (row === -1) {
        this.unheardCount++;
        return;
      }
      this.#open(row, message, nowMilliseconds);
    }
    this.#expire(row, nowMilliseconds);
    if (message.kind === 'request') this.#request(row, message, nowMilliseconds);
    else if (message.account !== this.accounts.account[row]) return;
    else if (message.kind === 'release') this.accounts.release(row, nowMilliseconds, message.spentBytes);
    else this.#acknowledge(row, message.epoch, message.sequence, message.spentBytes, nowMilliseconds);
  }

  #open(row: number, message: LeaseRequest, nowMilliseconds: number): void {
    this.accounts.open(row, message.account, message.spentBytes);
    this.needs.open(row, nowMilliseconds, message.spentBytes);
  }

  #request(row: number, message: LeaseRequest, nowMilliseconds: number): void {
    const { accounts } = this;
    if (message.account < accounts.account[row] || message.node >= this.nodes.length) return;
    if (message.account > accounts.account[row]) {
      // The holder's connections of before may be open still (it was restarted): it waits until they cannot be.
      if (accounts.promises.count[row] > 0) return;
      this.#open(row, message, nowMilliseconds);
    }
    this.#acknowledge(row, message.epoch, message.sequence, message.spentBytes, nowMilliseconds);
    if (message.number <= accounts.number[row]) return;
    accounts.number[row] = message.number;
    accounts.requestedAtMilliseconds[row] = nowMilliseconds;
    accounts.heardAtMilliseconds[row] = nowMilliseconds;
    accounts.node[row] = message.node;
    accounts.demandBytesPerSecond[row] = message.slotsWanted > 0 ? message.demandBytesPerSecond : 0;
    accounts.slotsWanted[row] = message.demandBytesPerSecond > 0 ? message.slotsWanted : 0;
    accounts.isAnswered[row] = 0;
    accounts.isChanged[row] = 1;
    this.#hasUnanswered = true;
    if (accounts.demandBytesPerSecond[row] === 0) accounts.unservedSinceMilliseconds[row] = Infinity;
    else if (accounts.unservedSinceMilliseconds[row] === Infinity) {
      accounts.unservedSinceMilliseconds[row] = nowMilliseconds;
    }
  }

  #acknowledge(row: number, epoch: number, sequence: number, spentBytes: number, nowMilliseconds: number): void {
    const { accounts, needs } = this;
    const { promises } = accounts;
    accounts.report(row, nowMilliseconds, spentBytes);
    const before = promises.committedPrepaidBytes[row];
    const held = promises.newestBytesPerSecond(row);
    if (promises.acknowledge(row, epoch, sequence, accounts.spentBytes[row])) accounts.book(row, before);
    needs.measure(row, nowMilliseconds, accounts.spentBytes[row], held, this.options.terms);
  }

  #expire(row: number, nowMilliseconds: number): void {
    const { promises } = this.accounts;
    if (!promises.expire(row, nowMilliseconds)) return;
    this.accounts.isChanged[row] = 1;
    if (promises.count[row] === 0) this.accounts.writeOff(row, nowMilliseconds);
  }

  /** When `round` is due: within a second, and soon if somebody waits for an answer. */
  nextRoundMilliseconds(): number {
    const { roundMilliseconds, roundMinMilliseconds } = this.options.terms;
    return this.#lastRoundMilliseconds + (this.#hasUnanswered ? roundMinMilliseconds : roundMilliseconds);
  }

  /** Shares what may be promised now. `wallMilliseconds` is written for whoever takes over. */
  round(nowMilliseconds: number, wallMilliseconds: number): Round {
    assert(this.isOwner, 'an owner that has stepped down grants nothing');
    this.#lastRoundMilliseconds = nowMilliseconds;
    this.#hasUnanswered = false;
    this.expire(nowMilliseconds);
    // A sub-lease reports its totals upwards; its account ends long before they would be too large.
    if (!this.options.isSubLease) this.accounts.foldTotals();
    const isQuietOver = this.quietUntilMilliseconds !== -Infinity && nowMilliseconds >= this.quietUntilMilliseconds;
    if (isQuietOver) this.#endQuiet(nowMilliseconds);
    const grants: LeaseGrant[] = [];
    if (this.quietUntilMilliseconds === -Infinity) this.#plan.grant(this, nowMilliseconds, grants);
    const entries = this.#entries(nowMilliseconds, wallMilliseconds);
    if (isQuietOver) entries.push({ kind: 'settled' });
    return { epoch: this.epoch, entries, grants };
  }

  /** Takes back what has ended by now (step 1); `round` does it first. */
  expire(nowMilliseconds: number): void {
    const { accounts } = this;
    for (let row = 0; row < accounts.end; row++) {
      if (accounts.isUsed[row] === 0) continue;
      this.#expire(row, nowMilliseconds);
      this.#forget(row, nowMilliseconds);
    }
  }

  #forget(row: number, nowMilliseconds: number): void {
    const { accounts } = this;
    const since = nowMilliseconds - accounts.heardAtMilliseconds[row];
    if (accounts.promises.count[row] > 0 || since < this.options.terms.forgetMilliseconds) return;
    this.#forgotten.push(accounts.holder[row]);
    accounts.remove(row);
  }

  /** Everything that changed since the last round, and the time. */
  #entries(nowMilliseconds: number, wallMilliseconds: number): LedgerEntry[] {
    const { accounts } = this;
    const entries: LedgerEntry[] = this.#forgotten.map((holder) => ({ kind: 'forget', holder }));
    this.#forgotten = [];
    for (let row = 0; row < accounts.end; row++) {
      if (accounts.isChanged[row] === 0) continue;
      accounts.isChanged[row] = 0;
      entries.push({ kind: 'holder', record: accounts.record(row) });
    }
    for (const [index, window] of accounts.windows.entries()) {
      window.used(nowMilliseconds);
      const { windowMilliseconds } = this.contract.windows[index];
      const last = window.bucketAt(nowMilliseconds);
      const first = Math.max(window.bucketAt(this.#writtenAtMilliseconds), last - window.bucketCount + 1);
      for (let bucket = first; bucket <= last; bucket++) {
        const place = window.placeOf(bucket);
        entries.push({ kind: 'bucket', window: windowMilliseconds, place, bucket, bytes: window.bytesOf(bucket) });
      }
    }
    this.#writtenAtMilliseconds = nowMilliseconds;
    entries.push({ kind: 'totals', totals: { ...accounts.totals } });
    entries.push({ kind: 'time', ledgerMilliseconds: nowMilliseconds, wallMilliseconds });
    return entries;
  }

  /** Another owner has taken over. */
  stepDown(): void {
    this.isOwner = false;
  }

  /** A changed contract counts from this moment; a window that is new begins empty but for what is prepaid. */
  setContract(contract: OriginContract, nowMilliseconds: number): void {
    assertContract(contract);
    const { accounts } = this;
    const before = this.contract.windows;
    accounts.windows = contract.windows.map(({ windowMilliseconds }) => {
      const index = before.findIndex((window) => window.windowMilliseconds === windowMilliseconds);
      if (index >= 0) return accounts.windows[index];
      const window = windowOf(windowMilliseconds, this.options.terms);
      window.used(nowMilliseconds);
      window.reservedBytes = accounts.reservedBytes;
      return window;
    });
    this.contract = contract;
    this.#lastRoundMilliseconds = -Infinity;
  }

  /** Changed bands, weights, floors or ceilings; nodes keep their positions. */
  setNodes(nodes: ShareNode[]): void {
    assert(nodes.length >= this.nodes.length, 'nodes keep their positions');
    for (const node of nodes) assertNode(node);
    this.nodes = nodes;
    this.#lastRoundMilliseconds = -Infinity;
  }
}
