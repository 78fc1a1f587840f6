/** The trials of a study as numbers: means, intervals, differences to the baseline. */
import type { Study } from '#scenarios/format/study.ts';
import { type Interval, intervalOf, pairedDifference } from '../statistics.ts';
import type { Evaluated, Fate, Search } from './search.ts';
import { signedRank } from './wilcoxon.ts';

export interface Difference extends Interval {
  pairs: number;
  /** Wilcoxon's signed rank test, two-sided. */
  p: number;
}

export interface TrialRow {
  number: number;
  /** Each `path=value`. */
  set: readonly string[];
  fate: Fate;
  seeds: number;
  /** By objective: mean over seeds and its 95 % interval; `null` where a seed has no value. */
  metrics: (Interval | null)[];
  /** By objective, seed by seed, as shares of the baseline's mean; `null` where a value is missing. */
  difference: (Difference | null)[];
  /** What is wrong with it. */
  reasons: string[];
}

export function rowOf(study: Study, trial: Evaluated, baseline: Evaluated): TrialRow {
  const { candidate, fate, measures } = trial;
  const sound = measures.filter(({ error }) => error === undefined);
  return {
    number: candidate.number,
    set: candidate.set,
    fate,
    seeds: measures.length,
    metrics: study.objectives.map((_, index) => intervalOf(valuesOf(sound, index))),
    difference: study.objectives.map((_, index) => differenceOf(trial, baseline, index)),
    reasons: [...new Set(measures.flatMap(({ violated, error }) => (error === undefined ? violated : [error])))],
  };
}

export function valuesOf(measures: Evaluated['measures'], objective: number): (number | null)[] {
  return measures.map(({ objectives }) => objectives[objective] ?? null);
}

/** Over the seeds that both have. */
export function differenceOf(trial: Evaluated, other: Evaluated, objective: number): Difference | null {
  const pairs = Math.min(trial.measures.length, other.measures.length);
  if (pairs === 0 || trial === other) return null;
  const values = valuesOf(trial.measures.slice(0, pairs), objective);
  const base = valuesOf(other.measures.slice(0, pairs), objective);
  const interval = pairedDifference(values, base);
  if (interval === null) return null;
  const { p } = signedRank(values.map((value, index) => value! - base[index]!));
  return { ...interval, pairs, p };
}

/** The trials that may be recommended: judged to the end, nothing failed, no constraint violated. */
export function eligible(search: Search): Evaluated[] {
  return search.trials.filter(({ fate, measures }) => fate === 'complete' && measures.length > 0);
}
