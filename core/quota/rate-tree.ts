/**
 * How is a rate divided down the tree: bands, then nodes, then holders? (M28, M30; I9, I10)
 *
 * Floors first, band by band; then, band by band, what each node wants up to its ceiling; a band gets what those before
 * it leave over, so that idle rate is lent. Within a band nodes share by weight, within a node its holders do, both by
 * water-filling above their floors. Holders that stand under no node share their band directly, as one more node of
 * weight 1.
 */
import { assert } from '../assert.ts';
import type { HolderTable } from './allocate.ts';
import { quotaBytesMax } from './contract.ts';
import { quotaBandCount, type ShareNode } from './tree.ts';
import { WaterFilling } from './water-filling.ts';

const noNodes: readonly ShareNode[] = [];

export class RateTree {
  private readonly holderFilling: WaterFilling;
  private nodeFilling = new WaterFilling(quotaBandCount);
  /** Of each group: the bands' own first, then the nodes. */
  private wantBytesPerSecond = new Float64Array(quotaBandCount);
  private floorBytesPerSecond = new Float64Array(quotaBandCount);
  private holderFloorBytesPerSecond = new Float64Array(quotaBandCount);
  private firstMember = new Uint32Array(quotaBandCount + 1);
  private readonly members: Uint32Array;
  /** Of what is left after the first band, so much is not lent to lower ones beyond their floors (a forecast). */
  heldBackBytesPerSecond = 0;

  constructor(rowCountMax: number) {
    this.holderFilling = new WaterFilling(rowCountMax);
    this.members = new Uint32Array(rowCountMax);
  }

  /** Writes `share` of every row; `want` is what each may get at most. */
  divide(holders: HolderTable, want: Float64Array, bytesPerSecond: number, nodes: readonly ShareNode[] = noNodes) {
    const groupCount = quotaBandCount + nodes.length;
    if (this.wantBytesPerSecond.length < groupCount) this.grow(groupCount * 2);
    this.sumUp(holders, want, bytesPerSecond, nodes, groupCount);
    this.divideAmongGroups(bytesPerSecond, nodes, groupCount);
    this.collectMembers(holders, groupCount);
    for (let group = 0; group < groupCount; group++) this.divideGroup(holders, want, group);
  }

  get share(): Float64Array {
    return this.holderFilling.share;
  }

  private grow(groupCount: number): void {
    this.nodeFilling = new WaterFilling(groupCount);
    this.wantBytesPerSecond = new Float64Array(groupCount);
    this.floorBytesPerSecond = new Float64Array(groupCount);
    this.holderFloorBytesPerSecond = new Float64Array(groupCount);
    this.firstMember = new Uint32Array(groupCount + 1);
  }

  private sumUp(
    holders: HolderTable,
    want: Float64Array,
    bytesPerSecond: number,
    nodes: readonly ShareNode[],
    groupCount: number,
  ): void {
    this.wantBytesPerSecond.fill(0, 0, groupCount);
    this.holderFloorBytesPerSecond.fill(0, 0, groupCount);
    for (let row = 0; row < holders.count; row++) {
      const group = groupOf(holders, row);
      assert(group < groupCount, 'a holder stands under a node that there is');
      this.wantBytesPerSecond[group] += want[row];
      this.holderFloorBytesPerSecond[group] += Math.min(holders.floorBytesPerSecond[row], want[row]);
    }
    for (let group = 0; group < groupCount; group++) {
      const node = nodes[group - quotaBandCount];
      const ceiling = node === undefined ? Infinity : node.ceilingBytesPerSecond;
      const floor = node === undefined ? 0 : node.floorBytesPerSecond;
      // Nobody can get more than all; it keeps sums within the exact range.
      const most = Math.min(this.wantBytesPerSecond[group], ceiling, bytesPerSecond);
      this.wantBytesPerSecond[group] = most;
      this.floorBytesPerSecond[group] = Math.min(most, Math.max(floor, this.holderFloorBytesPerSecond[group]));
    }
  }

  private divideAmongGroups(bytesPerSecond: number, nodes: readonly ShareNode[], groupCount: number): void {
    const filling = this.nodeFilling;
    if (bytesPerSecond === Infinity) {
      for (let group = 0; group < groupCount; group++) filling.share[group] = this.wantBytesPerSecond[group];
      return;
    }
    assert(bytesPerSecond <= quotaBytesMax, 'within the exact range');
    for (let group = 0; group < groupCount; group++) {
      filling.least[group] = 0;
      filling.most[group] = this.floorBytesPerSecond[group];
      filling.weight[group] = nodes[group - quotaBandCount]?.weight ?? 1;
    }
    const left = this.fillBands(bytesPerSecond, 0, nodes, groupCount);
    for (let group = 0; group < groupCount; group++) {
      filling.least[group] = filling.share[group];
      filling.most[group] = this.wantBytesPerSecond[group];
    }
    this.fillBands(left, this.heldBackBytesPerSecond, nodes, groupCount);
  }

  /** Fills each band's groups from their leasts up with what the bands before leave over; answers what is left. */
  private fillBands(bytesPerSecond: number, heldBack: number, nodes: readonly ShareNode[], groupCount: number): number {
    const filling = this.nodeFilling;
    let left = bytesPerSecond;
    for (let band = 0; band < quotaBandCount; band++) {
      let memberCount = 0;
      let leastSum = 0;
      for (let group = 0; group < groupCount; group++) {
        const isInBand = group < quotaBandCount ? group === band : nodes[group - quotaBandCount].band === band;
        if (!isInBand) continue;
        filling.members[memberCount] = group;
        memberCount++;
        leastSum += filling.least[group];
      }
      left = filling.fill(memberCount, left + leastSum);
      if (band === 0) left = Math.max(0, left - heldBack);
    }
    return left;
  }

  /** Sorts the rows by group, in their order (a counting sort). */
  private collectMembers(holders: HolderTable, groupCount: number): void {
    const { firstMember, members } = this;
    firstMember.fill(0, 0, groupCount + 1);
    for (let row = 0; row < holders.count; row++) firstMember[groupOf(holders, row) + 1]++;
    for (let group = 0; group < groupCount; group++) firstMember[group + 1] += firstMember[group];
    for (let row = holders.count - 1; row >= 0; row--) {
      const end = groupOf(holders, row) + 1;
      firstMember[end]--;
      members[firstMember[end]] = row;
    }
    // Every entry has moved down to its own group's first member; the last one is the end.
    for (let group = 0; group < groupCount; group++) firstMember[group] = firstMember[group + 1];
    firstMember[groupCount] = holders.count;
  }

  private divideGroup(holders: HolderTable, want: Float64Array, group: number): void {
    const filling = this.holderFilling;
    const first = this.firstMember[group];
    const memberCount = this.firstMember[group + 1] - first;
    if (memberCount === 0) return;
    const amount = this.nodeFilling.share[group];
    // While the floors do not fit, they are all that anybody may have.
    const areFloorsMet = amount >= this.holderFloorBytesPerSecond[group];
    for (let at = 0; at < memberCount; at++) {
      const row = this.members[first + at];
      const floor = Math.min(holders.floorBytesPerSecond[row], want[row]);
      filling.members[at] = row;
      filling.least[row] = areFloorsMet ? floor : 0;
      filling.most[row] = areFloorsMet ? want[row] : floor;
      filling.weight[row] = holders.weight[row];
    }
    filling.fill(memberCount, amount);
  }
}

/** A holder's group: its node, or its band. */
function groupOf(holders: HolderTable, row: number): number {
  return holders.node[row] < 0 ? holders.band[row] : quotaBandCount + holders.node[row];
}
