/**
 * Which grants leave in this round? (steps 3–8 of the design)
 *
 * The owner's rows go into the allocator's table in the order of the holders' numbers (so that the order in which equal
 * messages came changes nothing), the targets come back, bounded by what is free beside what is committed. A holder is
 * told when it asked, when it has to give something back, and when a connection has become free for it.
 */
import { Allocator, HolderTable, type Promised } from './allocate.ts';
import { heldBackBytesPerSecond } from './forecast.ts';
import { assertLease } from './lease.ts';
import { LimitsNow, prepaidBytesOf } from './limits-now.ts';
import type { LeaseGrant } from './messages.ts';
import type { OriginOwner } from './owner.ts';
import { sortRows } from './row-order.ts';

export class RoundPlan {
  readonly limits = new LimitsNow();
  private readonly table: HolderTable;
  private readonly allocator: Allocator;
  /** The owner's row in each row of the table. */
  private readonly rows: Uint32Array;
  private readonly spareRows: Uint32Array;
  private readonly promised: Promised;
  private readonly committedBytes: Float64Array;
  private readonly newestBytes: Float64Array;
  private readonly burstBytes: Float64Array;
  private readonly prepaidBytes: Float64Array;

  constructor(holdersMax: number) {
    this.table = new HolderTable(holdersMax);
    this.allocator = new Allocator(holdersMax);
    this.rows = new Uint32Array(holdersMax);
    this.spareRows = new Uint32Array(holdersMax);
    this.promised = {
      bytesPerSecond: new Float64Array(holdersMax),
      slots: new Float64Array(holdersMax),
      newestBytesPerSecond: new Float64Array(holdersMax),
      newestSlots: new Float64Array(holdersMax),
    };
    this.newestBytes = new Float64Array(holdersMax);
    this.committedBytes = new Float64Array(holdersMax);
    this.burstBytes = new Float64Array(holdersMax);
    this.prepaidBytes = new Float64Array(holdersMax);
  }

  /** Appends the round's grants to `grants`; they are then promised. */
  grant(owner: OriginOwner, nowMilliseconds: number, grants: LeaseGrant[]): void {
    const { table, limits } = this;
    limits.update(owner.contract, owner.accounts.windows, owner.options.terms, nowMilliseconds);
    this.fillTable(owner, nowMilliseconds);
    this.allocator.holdBack(heldBackBytesPerSecond(owner.forecastBytesPerSecond, this.firstBandDemand()));
    this.allocator.allocate(table, limits.bytesPerSecond, limits.slots, owner.nodes);
    this.allocator.limitToFree(table, this.promised, limits.bytesPerSecond, limits.slots);
    this.limitBurst(owner);
    this.limitPrepaid(owner);
    for (let at = 0; at < table.count; at++) {
      if (this.isTold(owner, at, nowMilliseconds)) grants.push(this.promise(owner, at, nowMilliseconds));
    }
  }

  private fillTable(owner: OriginOwner, nowMilliseconds: number): void {
    const { accounts } = owner;
    const { promises } = accounts;
    let count = 0;
    for (let row = 0; row < accounts.end; row++) {
      const isIdle = accounts.demandBytesPerSecond[row] === 0 && promises.count[row] === 0;
      if (accounts.isUsed[row] === 0 || isIdle) continue;
      this.rows[count] = row;
      count++;
    }
    sortRows(accounts.holder, this.rows, this.spareRows, count, smallerFirst);
    this.table.clear();
    for (let at = 0; at < count; at++) this.fillRow(owner, at, nowMilliseconds);
  }

  private firstBandDemand(): number {
    const { table } = this;
    let demand = 0;
    for (let at = 0; at < table.count; at++) if (table.band[at] === 0) demand += table.demandBytesPerSecond[at];
    return demand;
  }

  private fillRow(owner: OriginOwner, at: number, nowMilliseconds: number): void {
    const { accounts, needs, options } = owner;
    const { promises } = accounts;
    const row = this.rows[at];
    const node = owner.nodes[accounts.node[row]];
    const { table } = this;
    const asked = accounts.demandBytesPerSecond[row];
    const need = Math.max(needs.bytesPerSecond[row], node.holderFloorBytesPerSecond);
    const isServed = promises.newestSlots(row) > 0;
    const canBeTold = accounts.number[row] > 0 && !promises.isFull(row);
    const isHeldBack = this.limits.isShort && node.band > 0 && !isServed;
    const entry = table.add(canBeTold && !isHeldBack ? Math.min(asked, need) : 0);
    table.floorBytesPerSecond[entry] = node.holderFloorBytesPerSecond;
    table.ceilingBytesPerSecond[entry] = node.holderCeilingBytesPerSecond;
    table.band[entry] = node.band;
    table.node[entry] = accounts.node[row];
    // A client that is slow leaves its connections to others; a relay has few, and with fewer it would be slower still.
    const slotsMax = need < asked && node.band > 0 ? 1 : Infinity;
    table.slotsWanted[entry] = Math.min(slotsMax, accounts.slotsWanted[row]);
    const turnEnd = accounts.servedSinceMilliseconds[row] + options.terms.turnMilliseconds;
    const isInTurn = isServed && nowMilliseconds < turnEnd;
    // Whoever has had its turn comes after all who wait.
    const since = isServed ? nowMilliseconds : accounts.unservedSinceMilliseconds[row];
    table.unservedSinceMilliseconds[entry] = isInTurn ? -Infinity : since;
    this.promised.slots[at] = promises.committedSlots[row];
    this.promised.bytesPerSecond[at] = promises.committedBytesPerSecond[row];
    this.promised.newestSlots[at] = promises.newestSlots(row);
    this.promised.newestBytesPerSecond[at] = promises.newestBytesPerSecond(row);
  }

  /** Each holder's part of the burst is that of its rate; a raise waits until others have given theirs up. */
  private limitBurst(owner: OriginOwner): void {
    const { table, limits, burstBytes } = this;
    const { promises } = owner.accounts;
    for (let at = 0; at < table.count; at++) {
      const rate = table.grantBytesPerSecond[at];
      burstBytes[at] = rate === 0 ? 0 : burstOf(rate, limits.bytesPerSecond, limits.burstBytes);
      this.committedBytes[at] = promises.committedBurstBytes[this.rows[at]];
      this.newestBytes[at] = promises.newestBurstBytes(this.rows[at]);
    }
    this.allocator.limitColumn(table, burstBytes, this.committedBytes, this.newestBytes, limits.burstBytes);
  }

  private limitPrepaid(owner: OriginOwner): void {
    const { table, limits, prepaidBytes } = this;
    const { accounts, options } = owner;
    let committedSum = 0;
    for (let at = 0; at < table.count; at++) {
      const row = this.rows[at];
      const rate = table.grantBytesPerSecond[at];
      prepaidBytes[at] = rate === 0 ? 0 : prepaidBytesOf(rate, options.terms) + this.burstBytes[at];
      this.committedBytes[at] = accounts.promises.committedPrepaidBytes[row] - accounts.spentBytes[row];
      this.newestBytes[at] = Math.max(0, accounts.promises.newestPrepaidBytes(row) - accounts.spentBytes[row]);
      committedSum += this.committedBytes[at];
    }
    const limitBytes = committedSum + limits.freeBytes;
    this.allocator.limitColumn(table, prepaidBytes, this.committedBytes, this.newestBytes, limitBytes);
    for (let at = 0; at < table.count; at++) {
      if (this.burstBytes[at] > 0 && prepaidBytes[at] > 0) continue;
      table.grantBytesPerSecond[at] = 0;
      table.grantSlots[at] = 0;
      this.burstBytes[at] = 0;
      prepaidBytes[at] = 0;
    }
  }

  private isTold(owner: OriginOwner, at: number, nowMilliseconds: number): boolean {
    const { accounts } = owner;
    const { promises } = accounts;
    const row = this.rows[at];
    if (accounts.number[row] === 0 || promises.isFull(row)) return false;
    // Its lease would end before it arrives; the holder asks again by itself.
    if (accounts.requestedAtMilliseconds[row] + ttlOf(owner, row) <= nowMilliseconds) return false;
    const heldSlots = promises.newestSlots(row);
    const heldBytesPerSecond = promises.newestBytesPerSecond(row);
    const slots = this.table.grantSlots[at];
    const bytesPerSecond = this.table.grantBytesPerSecond[at];
    if (slots === 0 && heldSlots === 0) return false;
    if (accounts.isAnswered[row] === 0) return true;
    if (heldSlots === 0) return true;
    return slots < heldSlots || bytesPerSecond * 8 < heldBytesPerSecond * 7;
  }

  private promise(owner: OriginOwner, at: number, nowMilliseconds: number): LeaseGrant {
    const { accounts, options } = owner;
    const { slackMilliseconds, turnMilliseconds } = options.terms;
    const row = this.rows[at];
    const ttlMilliseconds = ttlOf(owner, row);
    const slots = this.table.grantSlots[at];
    const isTurnOver = nowMilliseconds >= accounts.servedSinceMilliseconds[row] + turnMilliseconds;
    if (slots > 0 && (accounts.promises.newestSlots(row) === 0 || isTurnOver)) {
      accounts.servedSinceMilliseconds[row] = nowMilliseconds;
    }
    const isWaiting = slots === 0 && accounts.demandBytesPerSecond[row] > 0;
    const { unservedSinceMilliseconds: since } = accounts;
    since[row] = isWaiting ? Math.min(since[row], nowMilliseconds) : Infinity;
    accounts.isAnswered[row] = 1;
    accounts.sequence[row]++;
    const lease = {
      epoch: owner.epoch,
      sequence: accounts.sequence[row],
      slots,
      bytesPerSecond: this.table.grantBytesPerSecond[at],
      burstBytes: this.burstBytes[at],
      prepaidBytes: accounts.spentBytes[row] + this.prepaidBytes[at],
      ttlMilliseconds,
    };
    const before = accounts.promises.committedPrepaidBytes[row];
    accounts.promises.add(row, lease, accounts.requestedAtMilliseconds[row] + ttlMilliseconds + slackMilliseconds);
    accounts.book(row, before);
    const grant: LeaseGrant = {
      kind: 'grant',
      origin: options.origin,
      holder: accounts.holder[row],
      account: accounts.account[row],
      number: accounts.number[row],
      ...lease,
    };
    assertLease(grant);
    return grant;
  }
}

/** A lease under a sub-lease ends, slack included, before that does. */
function ttlOf(owner: OriginOwner, row: number): number {
  const { ttlMilliseconds, slackMilliseconds } = owner.options.terms;
  const requestedAt = owner.accounts.requestedAtMilliseconds[row];
  return Math.min(ttlMilliseconds, owner.leaseEndMaxMilliseconds - slackMilliseconds - requestedAt);
}

function smallerFirst(holder: Float64Array, left: number, right: number): boolean {
  return holder[left] < holder[right];
}

/** About burst · rate / limit; that the sum stays within the burst is seen to when it is granted. */
function burstOf(bytesPerSecond: number, limitBytesPerSecond: number, burstBytes: number): number {
  return Math.min(burstBytes, Math.floor((bytesPerSecond / limitBytesPerSecond) * burstBytes));
}
