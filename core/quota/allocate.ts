/**
 * Who may fetch how much from the origin? (M27, M28, M30; invariants I7–I9, I12)
 *
 * A table of holders (clients and relays) goes in with what each asks for, whole grants come out. In this order:
 *
 *     1  slots   one for each holder that asks; fewer slots than holders: by band, the longest unserved first.
 *                Slots left over are shared, band by band, up to what each wants
 *     2  floors  band by band, as far as the rate goes
 *     3  demand  band by band, each up to min(demand, ceiling), weighted max–min within the band (`RateTree`)
 *     4  a slot without a rate goes back (nobody could use it)
 *
 * Band 0 comes first. Never a grant above the demand, never a negative one, the sums never above the limits.
 * `limitToFree` then bounds grants by what is really free: what a holder was promised counts until it has acknowledged
 * less, so that capacity freed by a cut is not given twice. The table is filled anew for each round by its owner
 * (the ledger), which knows what expired, what was acknowledged, and what the windows leave.
 *
 * Rejected: shares proportional to demand (asking for more would pay), one pass over all bands with huge weights
 * (a band is a promise, a weight is a preference).
 */
import { assert } from '../assert.ts';
import { quotaSlotsMax } from './contract.ts';
import { RateTree } from './rate-tree.ts';
import { sortRows } from './row-order.ts';
import { quotaBandCount, type ShareNode } from './tree.ts';
import { WaterFilling } from './water-filling.ts';

// Positions in `grantReasons`.
export const grantNoDemand = 0;
export const grantMet = 1;
export const grantFairShare = 2;
export const grantFloor = 3;
export const grantNoSlot = 4;
export const grantNoCapacity = 5;
export const grantNotYetFree = 6;

/** The holders of one origin in one round: what they ask for, and what they get. Whole numbers. */
export class HolderTable {
  readonly countMax: number;
  count = 0;
  readonly demandBytesPerSecond: Float64Array;
  readonly floorBytesPerSecond: Float64Array;
  /** Infinity = none. */
  readonly ceilingBytesPerSecond: Float64Array;
  readonly weight: Float64Array;
  /** Of its node, if it stands under one. */
  readonly band: Uint8Array;
  /** Position in the list of nodes; −1 = directly under its band. */
  readonly node: Int32Array;
  readonly slotsWanted: Int32Array;
  /** Since when it asks without having been served. */
  readonly unservedSinceMilliseconds: Float64Array;

  readonly grantBytesPerSecond: Float64Array;
  readonly grantSlots: Int32Array;
  /** Position in `grantReasons`. */
  readonly grantReason: Uint8Array;

  constructor(countMax: number) {
    assert(countMax >= 1, 'a table has a row');
    this.countMax = countMax;
    this.demandBytesPerSecond = new Float64Array(countMax);
    this.floorBytesPerSecond = new Float64Array(countMax);
    this.ceilingBytesPerSecond = new Float64Array(countMax);
    this.weight = new Float64Array(countMax);
    this.band = new Uint8Array(countMax);
    // A caller that fills the columns itself need not know of nodes.
    this.node = new Int32Array(countMax).fill(-1);
    this.slotsWanted = new Int32Array(countMax);
    this.unservedSinceMilliseconds = new Float64Array(countMax);
    this.grantBytesPerSecond = new Float64Array(countMax);
    this.grantSlots = new Int32Array(countMax);
    this.grantReason = new Uint8Array(countMax);
  }

  clear(): void {
    this.count = 0;
  }

  /** Adds a holder without floor or ceiling, weight 1, band 0, one slot; answers its row, to set more columns. */
  add(demandBytesPerSecond: number): number {
    assert(this.count < this.countMax, 'the table is full');
    const row = this.count;
    this.count++;
    this.demandBytesPerSecond[row] = demandBytesPerSecond;
    this.floorBytesPerSecond[row] = 0;
    this.ceilingBytesPerSecond[row] = Infinity;
    this.weight[row] = 1;
    this.band[row] = 0;
    this.node[row] = -1;
    this.slotsWanted[row] = 1;
    this.unservedSinceMilliseconds[row] = 0;
    return row;
  }
}

/** What each row was promised: the largest that it may still be using, and the newest lease. */
export interface Promised {
  bytesPerSecond: Float64Array;
  slots: Float64Array;
  newestBytesPerSecond: Float64Array;
  newestSlots: Float64Array;
}

/** Shares the limits among a table's holders; owns the scratch for `countMax` of them. */
export class Allocator {
  private readonly slots: WaterFilling;
  private readonly rates: RateTree;
  private readonly want: Float64Array;
  private readonly asked: Float64Array;
  private readonly order: Uint32Array;
  private readonly spare: Uint32Array;
  private readonly bandRows = new Uint32Array(quotaBandCount);
  /** Read by the orders. */
  holders: HolderTable;
  committed: Float64Array;
  target: Float64Array;

  constructor(countMax: number) {
    this.slots = new WaterFilling(countMax);
    this.rates = new RateTree(countMax);
    this.want = new Float64Array(countMax);
    this.order = new Uint32Array(countMax);
    this.spare = new Uint32Array(countMax);
    this.holders = new HolderTable(1);
    this.committed = new Float64Array(1);
    this.target = new Float64Array(1);
    this.asked = new Float64Array(countMax);
  }

  /** What a forecast keeps from being lent to the bands after the first, 0 = nothing. */
  holdBack(bytesPerSecond: number): void {
    assert(isWhole(bytesPerSecond), 'what is held back is whole');
    this.rates.heldBackBytesPerSecond = bytesPerSecond;
  }

  /** Writes the grants of all holders: targets, as if nobody had anything yet. `Infinity` = not limited. */
  allocate(holders: HolderTable, bytesPerSecond: number, connections: number, nodes?: readonly ShareNode[]): void {
    assert(holders.count <= this.order.length, 'the scratch has room');
    assert(bytesPerSecond >= 0 && isWhole(bytesPerSecond), 'a rate limit is whole and not negative');
    assert(connections >= 0 && isWhole(connections), 'a slot limit is whole and not negative');
    this.holders = holders;
    this.bandRows.fill(0);
    for (let row = 0; row < holders.count; row++) {
      assert(holders.band[row] < quotaBandCount, 'band out of range');
      assert(isWhole(holders.demandBytesPerSecond[row]), 'a demand is whole');
      assert(isWhole(holders.floorBytesPerSecond[row]), 'a floor is whole');
      assert(isWhole(holders.ceilingBytesPerSecond[row]), 'a ceiling is whole');
      assert(Number.isInteger(holders.weight[row]), 'a weight is whole');
      assert(holders.slotsWanted[row] >= 0, 'nobody wants a negative slot');
      this.bandRows[holders.band[row]]++;
    }
    this.shareSlots(Math.min(connections, quotaSlotsMax));
    this.shareRates(bytesPerSecond, nodes);
    for (let row = 0; row < holders.count; row++) this.explain(row);
  }

  /**
   * Bounds the grants just allocated by what is free beside what was promised before: a decrease is free only when it
   * is acknowledged or expired. Most urgent first: band, then deficit, then row.
   */
  limitToFree(holders: HolderTable, promised: Promised, bytesPerSecond: number, connections: number): void {
    const { grantBytesPerSecond, grantSlots, grantReason } = holders;
    const { asked } = this;
    for (let row = 0; row < holders.count; row++) asked[row] = grantBytesPerSecond[row];
    this.limitColumn(holders, asked, promised.bytesPerSecond, promised.newestBytesPerSecond, bytesPerSecond);
    for (let row = 0; row < holders.count; row++) {
      if (asked[row] < grantBytesPerSecond[row]) grantReason[row] = grantNotYetFree;
      grantBytesPerSecond[row] = asked[row];
      asked[row] = grantSlots[row];
    }
    this.limitColumn(holders, asked, promised.slots, promised.newestSlots, connections);
    for (let row = 0; row < holders.count; row++) {
      if (asked[row] < grantSlots[row]) grantReason[row] = grantNotYetFree;
      grantSlots[row] = asked[row];
      if (grantBytesPerSecond[row] === 0) grantSlots[row] = 0;
      if (grantSlots[row] === 0) grantBytesPerSecond[row] = 0;
    }
  }

  /**
   * Bounds `targets` (one per row) by what is free of `limit` beside what is committed. While more is committed than
   * the limit (after a cut), nobody gets more than in its newest lease either: else two holders in turn could keep the
   * sum above the limit for ever.
   */
  limitColumn(
    holders: HolderTable,
    targets: Float64Array,
    committed: Float64Array,
    newest: Float64Array,
    limit: number,
  ): void {
    const { count } = holders;
    let free = limit;
    let raises = 0;
    for (let row = 0; row < count; row++) {
      assert(committed[row] >= newest[row] && newest[row] >= 0, 'what is committed covers the newest lease');
      free -= committed[row];
      raises += Math.max(0, targets[row] - committed[row]);
      this.order[row] = row;
    }
    if (free < 0) {
      for (let row = 0; row < count; row++) targets[row] = Math.min(targets[row], newest[row]);
      return;
    }
    if (raises <= free) return;
    this.holders = holders;
    this.committed = committed;
    this.target = targets;
    sortRows(this, this.order, this.spare, count, moreUrgent);
    for (let at = 0; at < count; at++) {
      const row = this.order[at];
      const raise = Math.min(targets[row] - committed[row], free);
      if (raise < 0) continue;
      targets[row] = committed[row] + raise;
      free -= raise;
    }
  }

  private shareSlots(connections: number): void {
    const { holders, slots } = this;
    let asking = 0;
    for (let row = 0; row < holders.count; row++) {
      slots.least[row] = 0;
      slots.most[row] = 0;
      slots.weight[row] = holders.weight[row];
      holders.grantSlots[row] = 0;
      if (wantOf(holders, row) === 0 || holders.slotsWanted[row] === 0) continue;
      this.order[asking] = row;
      asking++;
    }
    if (asking > connections) sortRows(this, this.order, this.spare, asking, longerUnserved);
    const served = Math.min(asking, connections);
    for (let at = 0; at < served; at++) {
      const row = this.order[at];
      slots.least[row] = 1;
      slots.most[row] = holders.slotsWanted[row];
    }
    let left = connections - served;
    for (let band = 0; band < quotaBandCount; band++) {
      if (this.bandRows[band] === 0) continue;
      left = this.fillBand(slots, band, left);
    }
    for (let row = 0; row < holders.count; row++) holders.grantSlots[row] = slots.share[row];
  }

  private shareRates(bytesPerSecond: number, nodes: readonly ShareNode[] | undefined): void {
    const { holders, rates, want } = this;
    for (let row = 0; row < holders.count; row++) want[row] = holders.grantSlots[row] > 0 ? wantOf(holders, row) : 0;
    rates.divide(holders, want, bytesPerSecond, nodes);
    for (let row = 0; row < holders.count; row++) {
      holders.grantBytesPerSecond[row] = rates.share[row];
      if (rates.share[row] === 0) holders.grantSlots[row] = 0;
    }
  }

  /** Fills one band from its leasts up with `left` more; answers what of it is left. */
  private fillBand(filling: WaterFilling, band: number, left: number): number {
    const { holders } = this;
    let memberCount = 0;
    let leastSum = 0;
    for (let row = 0; row < holders.count; row++) {
      if (holders.band[row] !== band) continue;
      filling.members[memberCount] = row;
      memberCount++;
      leastSum += filling.least[row];
    }
    return filling.fill(memberCount, left + leastSum);
  }

  private explain(row: number): void {
    const { holders } = this;
    const want = wantOf(holders, row);
    const grant = holders.grantBytesPerSecond[row];
    const hadSlot = this.slots.share[row] > 0;
    assert(grant >= 0 && grant <= holders.demandBytesPerSecond[row], 'a grant is within its demand');
    if (want === 0 || holders.slotsWanted[row] === 0) holders.grantReason[row] = grantNoDemand;
    else if (!hadSlot) holders.grantReason[row] = grantNoSlot;
    else if (grant === want) holders.grantReason[row] = grantMet;
    else if (grant === 0) holders.grantReason[row] = grantNoCapacity;
    else holders.grantReason[row] = grant === holders.floorBytesPerSecond[row] ? grantFloor : grantFairShare;
  }
}

function wantOf(holders: HolderTable, row: number): number {
  return Math.min(holders.demandBytesPerSecond[row], holders.ceilingBytesPerSecond[row]);
}

/** By band, then who waits longest, then by row. */
function longerUnserved(allocator: Allocator, left: number, right: number): boolean {
  const { band, unservedSinceMilliseconds: since } = allocator.holders;
  if (band[left] !== band[right]) return band[left] < band[right];
  if (since[left] !== since[right]) return since[left] < since[right];
  return left < right;
}

/** By band, then who lacks most, then by row. */
function moreUrgent(allocator: Allocator, left: number, right: number): boolean {
  const { target, committed, holders } = allocator;
  if (holders.band[left] !== holders.band[right]) return holders.band[left] < holders.band[right];
  const leftDeficit = target[left] - committed[left];
  const rightDeficit = target[right] - committed[right];
  if (leftDeficit !== rightDeficit) return leftDeficit > rightDeficit;
  return left < right;
}

function isWhole(value: number): boolean {
  return value === Infinity || (Number.isInteger(value) && value >= 0);
}
