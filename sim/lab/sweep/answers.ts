/** What a study found: ranking, front, recommendation, how much each knob matters, and what to doubt. */
import { Prng } from '#core/prng.ts';
import { evaluateExpectation } from '#scenarios/format/expectation.ts';
import type { Study } from '#scenarios/format/study.ts';
import { type Difference, differenceOf, rowOf, type TrialRow, valuesOf } from './answer-rows.ts';
import { type Curve, PooledCurves, type Range } from './bootstrap.ts';
import type { Evaluation } from './evaluation.ts';
import { type Share, varianceShareOfTrials, varianceShares } from './importance.ts';
import { paretoFront, ranking, recommendedOf } from './recommendation.ts';
import type { Evaluated, Search } from './search.ts';
import type { StoredResult } from './trial.ts';

export interface Importance {
  knob: string;
  /** By objective; absent where nothing varies. */
  shares: (Share | null)[];
  /** Some objective depends on it, beyond chance. */
  matters: boolean;
}

/** A quantile of the clients of all seeds together. */
export interface Pooled {
  objective: number;
  value: number;
  interval: Range;
}

export interface Answers {
  baseline: TrialRow;
  /** From best to worst. */
  trials: TrialRow[];
  /** Numbers of the trials that nobody beats in every objective. */
  front: number[];
  recommended: TrialRow | undefined;
  /** The next best in the first objective, and how the recommended one compares with it, by objective. */
  runnerUp: { row: TrialRow; difference: (Difference | null)[] } | undefined;
  pooled: Pooled[];
  importance: Importance[];
  /** Of the study's `expect`, for the recommended trial; the worst seed's value. */
  expectations: { text: string; value: number | null; ok: boolean }[];
}

/** Below this chance of being nothing, an effect counts as one. */
export const significance = 0.05;
/** With fewer trials the variance cannot be shared out. */
const trialsForImportance = 6;

export function answersOf(study: Study, search: Search, evaluation: Evaluation): Answers {
  const row = (trial: Evaluated): TrialRow => rowOf(study, trial, search.baseline);
  const ranked = ranking(search);
  const best = recommendedOf(search, study);
  const results = best === undefined ? [] : resultsOf(evaluation, best);
  return {
    baseline: row(search.baseline),
    trials: ranked.map(row),
    front: paretoFront(search).map(({ candidate }) => candidate.number),
    recommended: best && row(best),
    runnerUp: best && runnerUpOf(study, search, best, row),
    pooled: pooledOf(study, results),
    importance: importanceOf(study, search),
    expectations: study.expect.map((expectation) => {
      const judged = results.map((result) => evaluateExpectation(expectation, result));
      return judged.find(({ ok }) => !ok) ?? judged[0] ?? { text: expectation.text, value: null, ok: false };
    }),
  };
}

function runnerUpOf(study: Study, search: Search, best: Evaluated, row: (trial: Evaluated) => TrialRow) {
  if (study.objectives.length > 1) return undefined;
  const other = ranking(search).find((trial) => trial !== best && trial.fate === 'complete');
  return other && { row: row(other), difference: [differenceOf(best, other, 0)] };
}

function resultsOf(evaluation: Evaluation, { candidate }: Evaluated): StoredResult[] {
  return evaluation.recordsOf(candidate).flatMap(({ result }) => (result === null ? [] : [result]));
}

/** Seeds are drawn whole: the clients of one seed share its population and its faults. */
function pooledOf(study: Study, results: readonly StoredResult[]): Pooled[] {
  const curves = results.map(({ cdf }) => cdf.completionSeconds as Curve);
  if (curves.length < 2) return [];
  const pooled = new PooledCurves(curves);
  return study.objectives.flatMap(({ metric }, objective) => {
    const digits = /^p(\d+)\(completion\)$/.exec(metric.text)?.[1];
    if (digits === undefined) return [];
    const probability = Number(`0.${digits}`);
    const value = pooled.quantile(probability);
    if (value === null) return [];
    const prng = new Prng(study.sampler.seed, `bootstrap/${metric.text}`);
    return [{ objective, value, interval: pooled.interval(probability, prng) }];
  });
}

function importanceOf(study: Study, search: Search): Importance[] {
  const judged = search.trials.filter(({ fate, measures }) => fate !== 'failed' && measures.length > 0);
  const points = judged.map(({ candidate }) => candidate.point);
  const columns = study.objectives.map((_, index) => {
    const values = judged.map((trial) => search.observation(trial).objectives[index]!);
    if (study.space.length === 1) return shareOfOnlyKnob(study, judged, index);
    const isUsable = values.length >= trialsForImportance && values.every(Number.isFinite);
    return isUsable ? varianceShares(search.axes, points, values, study.sampler.seed) : null;
  });
  return study.space.map(({ path }, knob) => {
    const shares = columns.map((column) => column?.[knob] ?? null);
    return { knob: path, shares, matters: shares.some((share) => share !== null && share.p < significance) };
  });
}

/** Over the seeds that every trial has; null where some run has no value. */
function shareOfOnlyKnob(study: Study, judged: readonly Evaluated[], objective: number): Share[] | null {
  const replications = Math.min(...judged.map(({ measures }) => measures.length));
  const runs = judged.map(({ measures }) => valuesOf(measures.slice(0, replications), objective));
  if (judged.length < 2 || replications < 2 || runs.flat().some((value) => value === null)) return null;
  return [varianceShareOfTrials(runs as number[][], study.sampler.seed)];
}
