/** How much of the first objective's variance each knob explains by itself (the first-order effect, by groups). */
import type { Study } from '#viz/data/study.ts';

const groupsMax = 12;

/** What the study says, or else what its trials say; the largest first. */
export function importances({ importance, knobs, metrics, objectives }: Study): { path: string; share: number }[] {
  const { mean } = metrics.get(objectives[0]!.metric)!;
  const found =
    importance.length > 0 ? importance : knobs.map(({ path, values }) => ({ path, share: explained(values, mean) }));
  return found.toSorted((left, right) => right.share - left.share);
}

/** Variance between groups of equal size over the whole variance, less what chance alone would give. */
export function explained(knob: Float64Array, outcome: Float64Array): number {
  const rows = [...knob.keys()].filter((row) => Number.isFinite(knob[row]!) && Number.isFinite(outcome[row]!));
  const distinct = new Set(rows.map((row) => knob[row]!));
  if (rows.length < 3 || distinct.size < 2) return 0;
  const sorted = rows.toSorted((left, right) => knob[left]! - knob[right]!);
  const groupOf = grouping(sorted, knob, distinct.size);
  const mean = rows.reduce((sum, row) => sum + outcome[row]!, 0) / rows.length;
  const sums = new Map<number, { sum: number; count: number }>();
  let total = 0;
  sorted.forEach((row, order) => {
    const value = outcome[row]! - mean;
    total += value * value;
    const group = sums.get(groupOf(order)) ?? { sum: 0, count: 0 };
    group.sum += value;
    group.count++;
    sums.set(groupOf(order), group);
  });
  if (total === 0) return 0;
  let between = 0;
  for (const { sum, count } of sums.values()) between += (sum * sum) / count;
  const free = rows.length - sums.size;
  if (free <= 0) return between / total;
  // Adjusted as R² is: groups of pure chance explain something, too.
  return Math.max(0, 1 - ((total - between) / free) * ((rows.length - 1) / total));
}

/** Each value its own group, or groups of equal size where there are too many values. */
function grouping(sorted: number[], knob: Float64Array, distinct: number): (order: number) => number {
  if (distinct > groupsMax) return (order) => Math.floor((order * groupsMax) / sorted.length);
  const values = [...new Set(sorted.map((row) => knob[row]!))];
  return (order) => values.indexOf(knob[sorted[order]!]!);
}
