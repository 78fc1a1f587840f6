/** Wilcoxon's signed rank test for paired values. */

export interface SignedRank {
  /** Pairs that differ. */
  pairs: number;
  /** Sum of the ranks of positive differences. */
  positiveRanks: number;
  /** Two-sided. */
  p: number;
}

/** Up to here the distribution is counted, ties included; above, it is as good as normal. */
const exactPairsMax = 50;

/** Of the differences of pairs; those of zero are left out. */
export function signedRank(differences: readonly number[]): SignedRank {
  const kept = differences.filter((difference) => difference !== 0);
  const ranks = ranksOf(kept.map(Math.abs));
  let positiveRanks = 0;
  for (const [index, difference] of kept.entries()) if (difference > 0) positiveRanks += ranks[index]!;
  const pairs = kept.length;
  if (pairs === 0) return { pairs, positiveRanks, p: 1 };
  const p = pairs <= exactPairsMax ? exactP(ranks, positiveRanks) : normalP(ranks, positiveRanks);
  return { pairs, positiveRanks, p };
}

/** From 1 on; equal values share the mean of their ranks. */
function ranksOf(values: readonly number[]): number[] {
  const order = [...values.keys()].sort((left, right) => values[left]! - values[right]!);
  const ranks: number[] = [];
  for (let first = 0; first < order.length; ) {
    let end = first;
    while (end < order.length && values[order[end]!] === values[order[first]!]) end++;
    for (let place = first; place < end; place++) ranks[order[place]!] = (first + 1 + end) / 2;
    first = end;
  }
  return ranks;
}

/** Counts the signs that give each sum; ranks are halves, hence twice of each. */
function exactP(ranks: readonly number[], positiveRanks: number): number {
  const total = ranks.reduce((sum, rank) => sum + 2 * rank, 0);
  const ways = new Float64Array(total + 1);
  ways[0] = 1;
  for (const rank of ranks) {
    for (let sum = total; sum >= 2 * rank; sum--) ways[sum]! += ways[sum - 2 * rank]!;
  }
  const smaller = Math.min(2 * positiveRanks, total - 2 * positiveRanks);
  let tail = 0;
  for (let sum = 0; sum <= smaller; sum++) tail += ways[sum]!;
  return Math.min(1, (2 * tail) / 2 ** ranks.length);
}

/** With a correction for continuity; ties lessen the variance by themselves. */
function normalP(ranks: readonly number[], positiveRanks: number): number {
  const mean = ranks.reduce((sum, rank) => sum + rank, 0) / 2;
  const variance = ranks.reduce((sum, rank) => sum + rank * rank, 0) / 4;
  const z = Math.max(0, Math.abs(positiveRanks - mean) - 0.5) / Math.sqrt(variance);
  return Math.min(1, 2 * normalAbove(z));
}

/** Chance that a standard normal value is above z ≥ 0, by Simpson's rule: the tail beyond 12 is nothing. */
function normalAbove(z: number): number {
  const end = 12;
  if (z >= end) return 0;
  const steps = 2000;
  const width = (end - z) / steps;
  let sum = 0;
  for (let step = 0; step <= steps; step++) {
    const weight = step === 0 || step === steps ? 1 : step % 2 === 1 ? 4 : 2;
    sum += weight * Math.exp(-((z + step * width) ** 2) / 2);
  }
  return (sum * width) / 3 / Math.sqrt(2 * Math.PI);
}
