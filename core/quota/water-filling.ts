/**
 * How is one amount shared fairly among holders with a least, a most and a weight each? (M28, M30; I8, I9)
 *
 * Weighted max–min: a level λ rises like water; each holder has weight·λ, but never less than its least and never more
 * than its most. λ stops when the amount is used up. Exact: all comparisons are of whole numbers, and what rounding
 * down leaves over goes out one unit each to those who lost a fraction: each share is the exact one rounded up or down,
 * and the sum is the amount.
 *
 *     weight 1, least 0, most 8    ▏▒▒▒▒▒▒▒▒│        the level λ = 8.5 lies at the stroke
 *     weight 1, least 9, most 20   ▏▒▒▒▒▒▒▒▒▒        above the level: its least
 *     weight 2, least 0, most 40   ▏▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒    twice the level: 17
 *
 * The sweep goes through the levels at which somebody rises off its least or stops at its most. It stops in front of
 * the first one that the amount does not reach. Rejected: two rounds of equal shares (gave 78 to a holder that asked
 * for 50), bisection on a fraction (an answer that depends on when one stops).
 */
import { assert } from '../assert.ts';
import { quotaBytesMax } from './contract.ts';
import { sortRows } from './row-order.ts';

/** With it, weight · amount is exact. */
export const quotaWeightMax = 1_000;

const rises = 0;
const stops = 1;

/** The scratch of a sharing, and its answer in `share`. Rows are those of the caller's table. */
export class WaterFilling {
  /** Set by the caller for the rows that it names in `members`. */
  readonly least: Float64Array;
  readonly most: Float64Array;
  readonly weight: Float64Array;
  readonly members: Uint32Array;
  /** The answer. */
  readonly share: Float64Array;
  private readonly turns: Uint32Array;
  private readonly spare: Uint32Array;
  private readonly isAfloat: Uint8Array;

  constructor(rowCountMax: number) {
    assert(rowCountMax >= 1, 'a table has a row');
    this.least = new Float64Array(rowCountMax);
    this.most = new Float64Array(rowCountMax);
    this.weight = new Float64Array(rowCountMax);
    this.members = new Uint32Array(rowCountMax);
    this.share = new Float64Array(rowCountMax);
    this.turns = new Uint32Array(rowCountMax * 2);
    this.spare = new Uint32Array(rowCountMax * 2);
    this.isAfloat = new Uint8Array(rowCountMax);
  }

  /** Shares `amount` among the first `memberCount` members; answers what is left over. */
  fill(memberCount: number, amount: number): number {
    assert(amount >= 0, 'an amount is not negative');
    let leastSum = 0;
    let mostSum = 0;
    for (let at = 0; at < memberCount; at++) {
      const row = this.members[at];
      this.checkRow(row);
      leastSum += this.least[row];
      mostSum += this.most[row];
    }
    if (mostSum <= amount) {
      for (let at = 0; at < memberCount; at++) this.share[this.members[at]] = this.most[this.members[at]];
      return amount - mostSum;
    }
    assert(amount <= quotaBytesMax, 'within the exact range');
    if (leastSum > amount) {
      // Not even the leasts fit: they are then the mosts, and nobody has a least.
      for (let at = 0; at < memberCount; at++) {
        this.most[this.members[at]] = this.least[this.members[at]];
        this.least[this.members[at]] = 0;
      }
      leastSum = 0;
    }
    this.sweep(memberCount, amount, leastSum);
    return 0;
  }

  private sweep(memberCount: number, amount: number, leastSum: number): void {
    for (let at = 0; at < memberCount; at++) {
      const row = this.members[at];
      this.share[row] = this.least[row];
      this.isAfloat[row] = 0;
      this.turns[2 * at] = 2 * row + rises;
      this.turns[2 * at + 1] = 2 * row + stops;
    }
    sortRows(this, this.turns, this.spare, 2 * memberCount, turnsBefore);
    // What those get who are not afloat, and the weights of those who are.
    let settled = leastSum;
    let weightSum = 0;
    for (let at = 0; at < 2 * memberCount; at++) {
      const turn = this.turns[at];
      const row = rowOf(turn);
      const turnAmount = this.amountOf(turn);
      // turnAmount / weight > (amount − settled) / weightSum, in whole numbers.
      if (weightSum > 0 && turnAmount > quotient((amount - settled) * this.weight[row], weightSum)) break;
      if (turn % 2 === rises) {
        this.isAfloat[row] = 1;
        settled -= this.least[row];
        weightSum += this.weight[row];
      } else {
        this.isAfloat[row] = 0;
        this.share[row] = this.most[row];
        settled += this.most[row];
        weightSum -= this.weight[row];
      }
    }
    this.shareLevel(memberCount, amount - settled, weightSum);
  }

  /** Those who float share the rest by weight, rounded down; units left over go to those who lost a fraction. */
  private shareLevel(memberCount: number, rest: number, weightSum: number): void {
    let left = rest;
    for (let at = 0; at < memberCount; at++) {
      const row = this.members[at];
      if (this.isAfloat[row] === 0) continue;
      this.share[row] = quotient(rest * this.weight[row], weightSum);
      left -= this.share[row];
    }
    for (let at = 0; at < memberCount && left > 0; at++) {
      const row = this.members[at];
      if (this.isAfloat[row] === 0 || (rest * this.weight[row]) % weightSum === 0) continue;
      this.share[row]++;
      left--;
    }
    assert(left === 0, 'an amount is shared to the unit');
  }

  /** The level of a turn is this over the row's weight. */
  amountOf(turn: number): number {
    return turn % 2 === rises ? this.least[rowOf(turn)] : this.most[rowOf(turn)];
  }

  private checkRow(row: number): void {
    assert(this.least[row] >= 0 && this.least[row] <= this.most[row], 'the least is below the most');
    assert(this.most[row] <= quotaBytesMax, 'within the exact range');
    assert(this.weight[row] >= 1 && this.weight[row] <= quotaWeightMax, 'weights are 1 to 1000');
  }
}

/** By level; at equal levels by row, and each row rises before it stops. */
function turnsBefore(filling: WaterFilling, left: number, right: number): boolean {
  const leftLevel = filling.amountOf(left) * filling.weight[rowOf(right)];
  const rightLevel = filling.amountOf(right) * filling.weight[rowOf(left)];
  return leftLevel < rightLevel || (leftLevel === rightLevel && left < right);
}

function rowOf(turn: number): number {
  return (turn - (turn % 2)) / 2;
}

/** ⌊product / divisor⌋ without the rounding of a division. */
function quotient(product: number, divisor: number): number {
  return (product - (product % divisor)) / divisor;
}
