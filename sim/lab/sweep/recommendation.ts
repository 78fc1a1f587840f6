/** Which trial of a study to take. */
import type { Study } from '#scenarios/format/study.ts';
import { eligible } from './answer-rows.ts';
import { dominates, frontsOf } from './pareto.ts';
import type { Evaluated, Search } from './search.ts';

/**
 * Eligible trials that no other one beats in every objective, the best in the first objective first; of those that are
 * equal in all of them, one.
 */
export function paretoFront(search: Search): Evaluated[] {
  const trials = eligible(search);
  const seen = new Map(trials.map((trial) => [trial, search.observation(trial)]));
  const isFirst = (trial: Evaluated) => !trials.some((other) => dominates(seen.get(other)!, seen.get(trial)!));
  const first = (trial: Evaluated): number => seen.get(trial)!.objectives[0]!;
  const isOnly = (trial: Evaluated, index: number, all: Evaluated[]): boolean => {
    const key = (each: Evaluated): string => seen.get(each)!.objectives.join();
    return all.findIndex((other) => key(other) === key(trial)) === index;
  };
  return trials
    .filter(isFirst)
    .filter(isOnly)
    .sort((left, right) => first(left) - first(right));
}

/**
 * Of the front, the trial with the smallest product of its objectives: half the time is worth twice the price. Where a
 * product means nothing (a zero, or something below), the smallest sum, each objective counted from its best to its
 * worst on the front.
 */
export function recommendedOf(search: Search, study: Pick<Study, 'objectives'>): Evaluated | undefined {
  const front = paretoFront(search);
  const costs = front.map((trial) => search.observation(trial).objectives);
  const directions = study.objectives.map(({ direction }) => direction);
  const isPositive = costs.every((row) =>
    row.every((cost, index) => (directions[index] === 'minimize' ? cost > 0 : cost < 0) && Number.isFinite(cost)),
  );
  const score = (row: readonly number[]): number =>
    isPositive
      ? row.reduce((sum, cost) => sum + Math.sign(cost) * Math.log(Math.abs(cost)), 0)
      : row.reduce(
          (sum, cost, index) =>
            sum +
            placeBetween(
              cost,
              costs.map((other) => other[index]!),
            ),
          0,
        );
  let best: Evaluated | undefined;
  let bestScore = Infinity;
  for (const [index, trial] of front.entries()) {
    const own = score(costs[index]!);
    if (own >= bestScore) continue;
    best = trial;
    bestScore = own;
  }
  return best ?? front[0];
}

function placeBetween(value: number, all: readonly number[]): number {
  const known = all.filter(Number.isFinite);
  if (!Number.isFinite(value)) return 2;
  const [low, high] = [Math.min(...known), Math.max(...known)];
  return high > low ? (value - low) / (high - low) : 0;
}

/** From best to worst: who can be recommended, front by front, then who was stopped, then the rest. */
export function ranking(search: Search): Evaluated[] {
  const places: Record<Evaluated['fate'], number> = { complete: 0, running: 1, stopped: 2, violates: 3, failed: 4 };
  const seen = search.trials.map((trial) => search.observation(trial));
  const fronts = frontsOf(seen);
  const order = [...search.trials.keys()].sort((left, right) => {
    const byFate = places[search.trials[left]!.fate] - places[search.trials[right]!.fate];
    const [one, other] = [seen[left]!.objectives[0]!, seen[right]!.objectives[0]!];
    // Two infinite values are equal, though their difference is not zero.
    return byFate || fronts[left]! - fronts[right]! || (one === other ? left - right : one - other);
  });
  return order.map((index) => search.trials[index]!);
}
