/**
 * How do several control servers share one origin? (M31)
 *
 * One of them owns the origin's ledger. Another asks it for a lease as any holder does, and passes the lease on: it is
 * the owner of a contract that consists of its lease. Its own leases end before the lease that they are part of; it
 * acknowledges a lease of less when all that it has promised fits into it. So it needs no ledger: if it crashes, its
 * holders stop by themselves, and its successor, with a new account, waits until the old lease has ended.
 */
import { assert } from '../assert.ts';
import { quotaBytesMax, quotaSlotsMax } from './contract.ts';
import { type HolderClock, Leaseholders } from './leaseholders.ts';
import type { HolderMessage, LeaseAcknowledgement, LeaseGrant, LeaseRelease, LeaseRequest } from './messages.ts';
import { OriginOwner, type OwnerOptions } from './owner.ts';
import { subTerms } from './terms.ts';

/** Prepaid bytes are a window that nothing ever leaves. */
const forEverMilliseconds = 1_000_000_000_000;
const row = 0;

export class SubOwner {
  readonly #options: OwnerOptions;
  readonly #lease = new Leaseholders(1);
  /** Of the present account. */
  #owner: OriginOwner;
  #shownSequence = 0;

  /**
   * `options` are those of the origin's owner (its contract is not looked at); `holder` and `node` are this server's at
   * that owner, `account` is larger than any that this server has had.
   */
  constructor(options: OwnerOptions, holder: number, node: number, account: number, clock: HolderClock) {
    this.#options = { ...options, terms: subTerms(options.terms), isSubLease: true };
    this.#lease.open(row, options.origin, holder, node, account);
    this.#owner = this.#begin(clock);
  }

  #begin(clock: HolderClock): OriginOwner {
    const contract = contractOf(0, 0, 0, 0);
    const state = {
      epoch: this.#lease.account[row],
      holders: [],
      buckets: [],
      totals: { grantedBytes: 0, returnedBytes: 0, spentBytes: 0 },
      ledgerMilliseconds: 0,
      wallMilliseconds: 0,
      isReplacement: false,
    };
    this.#shownSequence = 0;
    return new OriginOwner({ ...this.#options, contract }, state, clock.monotonicMilliseconds);
  }

  // ---- Towards the owner of the ledger ------------------------------------------------------------------------

  /** Asks for what this server's holders ask for. */
  request(clock: HolderClock): LeaseRequest {
    this.#settle(clock);
    const { accounts } = this.#owner;
    let bytesPerSecond = 0;
    let slots = 0;
    for (let at = 0; at < accounts.end; at++) {
      if (accounts.isUsed[at] === 0) continue;
      bytesPerSecond += accounts.demandBytesPerSecond[at];
      slots += accounts.slotsWanted[at];
    }
    return this.#lease.request(row, clock, Math.min(quotaBytesMax, bytesPerSecond), Math.min(quotaSlotsMax, slots));
  }

  /** A lease from above; what it allows is shared in the next round. */
  receiveGrant(grant: LeaseGrant, clock: HolderClock): boolean {
    this.#settle(clock);
    return this.#lease.receive(row, clock, grant);
  }

  /** As soon as all that was promised fits into the lease; `undefined` = nothing new to say. */
  acknowledgement(clock: HolderClock): LeaseAcknowledgement | undefined {
    this.#settle(clock);
    return this.#lease.acknowledgement(row);
  }

  /** The last word on a lease that has lapsed: all of this server's leases under it have ended, too. */
  releaseLapsed(): LeaseRelease | undefined {
    return this.#lease.releaseLapsed(row);
  }

  /** Tells the lease what has become of it; after its end begins anew, with holders who have to ask again. */
  #settle(clock: HolderClock): void {
    const { accounts } = this.#owner;
    const { spentBytes } = accounts.totals;
    if (!this.#lease.isLive(row, clock)) {
      // What nobody reported may have been spent.
      this.#lease.passOn(row, spentBytes + accounts.reservedBytes, false);
      if (this.#lease.expire(row, clock)) this.#owner = this.#begin(clock);
      return;
    }
    this.#owner.expire(clock.monotonicMilliseconds);
    this.#lease.passOn(row, accounts.totals.spentBytes, this.#fits());
  }

  #fits(): boolean {
    const { accounts } = this.#owner;
    const { promises, totals } = accounts;
    let slots = 0;
    let bytesPerSecond = 0;
    let burstBytes = 0;
    for (let at = 0; at < accounts.end; at++) {
      slots += promises.committedSlots[at];
      bytesPerSecond += promises.committedBytesPerSecond[at];
      burstBytes += promises.committedBurstBytes[at];
    }
    return (
      slots <= this.#lease.slots[row] &&
      bytesPerSecond <= this.#lease.bytesPerSecond[row] &&
      burstBytes <= this.#lease.burstBytes(row) &&
      totals.spentBytes + accounts.reservedBytes <= this.#lease.prepaidOf(row)
    );
  }

  // ---- Towards this server's holders --------------------------------------------------------------------------

  receive(message: HolderMessage, clock: HolderClock): void {
    this.#settle(clock);
    this.#owner.receive(message, clock.monotonicMilliseconds);
  }

  nextRoundMilliseconds(): number {
    return this.#owner.nextRoundMilliseconds();
  }

  /** Shares the lease; nothing has to be written. Without a live lease there is nothing to grant. */
  round(clock: HolderClock): LeaseGrant[] {
    this.#settle(clock);
    const owner = this.#owner;
    const now = clock.monotonicMilliseconds;
    if (this.#lease.isLive(row, clock)) {
      const { sequence } = this.#lease.inForce(row);
      if (sequence !== this.#shownSequence) this.#show(now);
      this.#shownSequence = sequence;
      // A lease that answers an earlier request ends earlier: nothing of it outlives the one above.
      owner.leaseEndMaxMilliseconds = this.#lease.endMilliseconds(row);
      assert(owner.leaseEndMaxMilliseconds > now, 'a live lease ends later');
    }
    return owner.round(now, clock.wallMilliseconds).grants;
  }

  #show(nowMilliseconds: number): void {
    const lease = this.#lease;
    const prepaidBytes = lease.prepaidOf(row);
    const contract = contractOf(lease.slots[row], lease.bytesPerSecond[row], lease.burstBytes(row), prepaidBytes);
    this.#owner.setContract(contract, nowMilliseconds);
  }

  /** What all of this server's leases come to, for whoever watches. */
  committed(): { slots: number; bytesPerSecond: number } {
    const { promises, end } = this.#owner.accounts;
    let slots = 0;
    let bytesPerSecond = 0;
    for (let at = 0; at < end; at++) {
      slots += promises.committedSlots[at];
      bytesPerSecond += promises.committedBytesPerSecond[at];
    }
    return { slots, bytesPerSecond };
  }
}

function contractOf(connections: number, bytesPerSecond: number, burstBytes: number, prepaidBytes: number) {
  const windows = [{ windowMilliseconds: forEverMilliseconds, bytes: prepaidBytes }];
  return { connections, bytesPerSecond, burstBytes, windows };
}
