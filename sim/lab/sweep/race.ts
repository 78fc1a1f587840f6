/** When a trial may stop early: a paired test over seeds says that another one is better. */
import { tDistribution } from '../statistics.ts';

/** A few looks: each costs power, since their chances of a false alarm add up. */
const looksMax = 5;

/** After how many seeds a race looks, from `after` to below `replications`. */
export function looksOf(after: number, replications: number): number[] {
  const step = Math.max(1, Math.ceil((replications - after) / looksMax));
  const looks: number[] = [];
  for (let seeds = after; seeds < replications; seeds += step) looks.push(seeds);
  return looks;
}

/**
 * Whether the values are larger than the rival's, seed by seed, beyond chance: Student's paired test, one-sided, its
 * level shared out over the looks (Bonferroni), so that all looks together err with `alpha` at most.
 */
export function isWorse(
  values: readonly number[],
  rival: readonly number[],
  { alpha, looks }: { alpha: number; looks: number },
): boolean {
  return pairedP(values, rival) < alpha / looks;
}

/** Chance of a difference as large as this, or larger, where there is none. */
export function pairedP(values: readonly number[], rival: readonly number[]): number {
  const differences = values.map((value, index) => value - rival[index]!);
  const count = differences.length;
  if (count < 2) return 1;
  const mean = differences.reduce((sum, difference) => sum + difference, 0) / count;
  const squares = differences.reduce((sum, difference) => sum + (difference - mean) ** 2, 0);
  if (squares === 0) return mean > 0 ? 0 : 1;
  const t = mean / Math.sqrt(squares / (count - 1) / count);
  return 1 - tDistribution(t, count - 1);
}
