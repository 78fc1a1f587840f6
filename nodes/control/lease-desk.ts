/**
 * The owner of one origin's ledger, hosted: messages in, rounds when they are due, each written before any of its
 * grants leaves (M27–M31). Control is a holder itself: it looks at a file only under a lease.
 */
import type { OriginContract } from '#core/quota/contract.ts';
import { type LedgerState, resumedMilliseconds } from '#core/quota/ledger.ts';
import type { HolderMessage, LeaseGrant } from '#core/quota/messages.ts';
import { OriginOwner } from '#core/quota/owner.ts';
import type { QuotaTerms } from '#core/quota/terms.ts';
import { compileOriginContract } from '#nodes/protocol/instruction.ts';
import type { LedgerStore } from '../store/ledger-store.ts';
import type { OriginRecord } from '../store/records.ts';
import { OwnAccess, ownHolder } from './own-access.ts';
import { shareNodes } from './shares.ts';
import type { TaskEntry } from './task-table.ts';

/** Further holders are not heard until others have left: about 1 kB each. */
const holdersMax = 20_000;
/** By how much the clocks of two machines that own a ledger one after the other may differ. */
const wallErrorMaxMilliseconds = 1_000;
/** A lease is renewed at this part of its time; rates are means over so many renewals. */
const renewRatio = 1 / 3;
const renewalsMeasured = 9;

export class LeaseDesk {
  origin: OriginRecord;
  readonly owner: OriginOwner;
  readonly own: OwnAccess;
  /** Grants that have left since the start, and rounds. */
  grantCount = 0;
  roundCount = 0;
  spentBytesPerSecond = 0;
  readonly #ledger: LedgerStore;
  readonly #send: (grant: LeaseGrant) => void;
  readonly #ledgerStartMilliseconds: number;
  readonly #startedAtMilliseconds = performance.now();
  #isWriting = false;
  /** What holders had reported as taken, at each look of the last while. */
  readonly #measured: { atMilliseconds: number; spentBytes: number }[] = [];
  readonly #ttlMilliseconds: number;

  constructor(
    origin: OriginRecord,
    state: LedgerState,
    ledger: LedgerStore,
    tasks: Iterable<TaskEntry>,
    terms: QuotaTerms,
    send: (grant: LeaseGrant) => void,
  ) {
    this.origin = origin;
    this.#ledger = ledger;
    this.#ttlMilliseconds = terms.ttlMilliseconds;
    this.#send = send;
    this.#ledgerStartMilliseconds = resumedMilliseconds(state, Date.now(), wallErrorMaxMilliseconds);
    const options = {
      origin: origin.number,
      contract: contractOf(origin),
      terms,
      nodes: shareNodes(tasks),
      holdersMax,
    };
    this.owner = new OriginOwner(options, state, this.#now());
    this.own = new OwnAccess(origin.number, terms.ttlMilliseconds, (message) => this.receive(message));
  }

  receive(message: HolderMessage): void {
    this.owner.receive(message, this.#now());
  }

  /**
   * Once a second: the rate at which bytes are taken. Holders report with each renewal what they took since the last
   * one: over less than some renewals an even stream would look like gaps and bursts above the contract.
   */
  measure(): void {
    const { spentBytes } = this.owner.accounts.totals;
    const now = performance.now();
    this.#measured.push({ atMilliseconds: now, spentBytes });
    const renewalMilliseconds = this.#ttlMilliseconds * renewRatio;
    const until = now - renewalsMeasured * renewalMilliseconds;
    while (this.#measured.length > 1 && this.#measured[1]!.atMilliseconds <= until) this.#measured.shift();
    const before = this.#measured[0]!.spentBytes;
    const idle = this.#measured.findLast((look) => look.spentBytes === before)!;
    // What is reported first was taken in the renewal before.
    const seconds = (now - idle.atMilliseconds + renewalMilliseconds) / 1000;
    this.spentBytesPerSecond = Math.round((spentBytes - before) / seconds);
  }

  /** Bytes spent within each window of the contract. */
  windowBytes(): number[] {
    const now = this.#now();
    return this.owner.accounts.windows.map((window) => window.used(now));
  }

  change(origin: OriginRecord): void {
    this.origin = origin;
    this.owner.setContract(contractOf(origin), this.#now());
  }

  /** Tasks have come, gone or changed. */
  share(tasks: Iterable<TaskEntry>): void {
    this.owner.setNodes(shareNodes(tasks));
  }

  /** A round, if one is due; false: another process has taken the ledger over, and this one must stop. */
  async run(): Promise<boolean> {
    if (!this.owner.isOwner) return false;
    if (this.#isWriting || this.#now() < this.owner.nextRoundMilliseconds()) return true;
    this.#isWriting = true;
    try {
      const round = this.owner.round(this.#now(), Date.now());
      this.roundCount++;
      if (!(await this.#ledger.write(round.epoch, round.entries))) {
        this.owner.stepDown();
        return false;
      }
      for (const grant of round.grants) {
        this.grantCount++;
        if (grant.holder === ownHolder) this.own.take(grant);
        else this.#send(grant);
      }
      return true;
    } finally {
      this.#isWriting = false;
    }
  }

  #now(): number {
    return this.#ledgerStartMilliseconds + Math.floor(performance.now() - this.#startedAtMilliseconds);
  }
}

/** Of a paused origin nothing is granted, and what was granted is called back. */
function contractOf({ contract, paused }: OriginRecord): OriginContract {
  const compiled = compileOriginContract(contract);
  return paused ? { ...compiled, connections: 0, bytesPerSecond: 0 } : compiled;
}
