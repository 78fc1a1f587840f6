/** How much of the variance each knob explains by itself. */
import { Prng } from '#core/prng.ts';
import { type Axis, levelAt } from './unit-cube.ts';

export interface Share {
  /** Share of the variance of the objective, 0 … 1; the rest is other knobs, their interplay, and noise. */
  share: number;
  /** Chance that a knob without any effect would seem to explain as much. */
  p: number;
}

const permutations = 999;

/**
 * One-way analysis of variance for each axis: ε², which does not grow by itself with the number of groups (T. L.
 * Kelley, 1935). With evenly spread points it estimates Sobol's first-order index.
 */
export function varianceShares(
  axes: readonly Axis[],
  points: readonly (readonly number[])[],
  values: readonly number[],
  seed: number,
): Share[] {
  const prng = new Prng(seed, 'importance');
  return axes.map((axis, index) => {
    const groups = groupsOf(
      axis,
      points.map((point) => point[index]!),
    );
    const share = explained(groups, values);
    const shuffled = Int32Array.from(values.keys());
    let asMuch = 1;
    for (let round = 0; round < permutations; round++) {
      prng.shuffle(shuffled, shuffled.length);
      const permuted = Array.from(shuffled, (place) => values[place]!);
      if (explained(groups, permuted) >= share - 1e-12) asMuch++;
    }
    return { share: Math.min(1, Math.max(0, share)), p: asMuch / (permutations + 1) };
  });
}

/**
 * The same for a study of one knob, whose trials differ in nothing else: then the runs are what varies, in blocks, as
 * replication k of every trial shares its seed. `runs[trial][replication]`, the same number in each. Values are
 * shuffled within a block (the permutation test of a randomised block design; R. A. Fisher, 1935).
 */
export function varianceShareOfTrials(runs: readonly (readonly number[])[], seed: number): Share {
  const replications = runs[0]?.length ?? 0;
  const prng = new Prng(seed, 'importance');
  const blocks = Array.from({ length: replications }, (_, replication) => {
    const block = runs.map((trial) => trial[replication]!);
    const mean = block.reduce((sum, value) => sum + value, 0) / block.length;
    return block.map((value) => value - mean);
  });
  const scale = Math.max(...runs.flat().map(Math.abs), 0);
  const groups = blocks.flatMap((block) => [...block.keys()]);
  const share = explained(groups, blocks.flat(), scale);
  const order = Int32Array.from(runs.keys());
  let asMuch = 1;
  for (let round = 0; round < permutations; round++) {
    const permuted = blocks.flatMap((block) => {
      prng.shuffle(order, order.length);
      return Array.from(order, (place) => block[place]!);
    });
    if (explained(groups, permuted, scale) >= share - 1e-12) asMuch++;
  }
  return { share: Math.min(1, Math.max(0, share)), p: asMuch / (permutations + 1) };
}

/** The group of each point: its level, or one of about √n equally large ranges. */
function groupsOf({ levels }: Axis, coordinates: readonly number[]): number[] {
  const count = Math.max(2, Math.floor(Math.sqrt(coordinates.length)));
  if (levels !== undefined && levels <= count) return coordinates.map((coordinate) => levelAt(coordinate, levels));
  const order = coordinates.toSorted((left, right) => left - right);
  // Equal coordinates fall into one group.
  const rank = new Map(order.map((coordinate, place) => [coordinate, place]));
  return coordinates.map((coordinate) => Math.floor((rank.get(coordinate)! * count) / coordinates.length));
}

/** ε². Values that differ by no more than the rounding of numbers of the size of `scale` do not vary. */
function explained(groups: readonly number[], values: readonly number[], scale?: number): number {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const totals = new Map<number, { sum: number; count: number }>();
  let total = 0;
  for (const [index, value] of values.entries()) {
    const group = totals.get(groups[index]!) ?? { sum: 0, count: 0 };
    group.sum += value;
    group.count++;
    totals.set(groups[index]!, group);
    total += (value - mean) ** 2;
  }
  let between = 0;
  for (const group of totals.values()) between += group.count * (group.sum / group.count - mean) ** 2;
  const degrees = totals.size - 1;
  // What is left of equal values is rounding.
  if (total <= 1e-20 * count * (scale ?? mean) ** 2 || degrees === 0 || count <= totals.size) return 0;
  return (between - (degrees * (total - between)) / (count - totals.size)) / total;
}
