/** A point of a study: values of its knobs, and the simulations that judge it. */
import type { Expectation } from '#scenarios/format/expectation.ts';
import { evaluateExpectation, type Measured, readMetric } from '#scenarios/format/expectation.ts';
import type { Study } from '#scenarios/format/study.ts';
import type { Knob } from '#scenarios/format/study-space.ts';
import type { Axis } from './unit-cube.ts';

/** A value for each knob. */
export interface Candidate {
  /** In the order of the sampler, from 1; 0 is the baseline. */
  number: number;
  point: readonly number[];
  /** Each `path=value`, as `--set` takes it. */
  set: readonly string[];
}

export const baselineNumber = 0;

/** One simulation of a candidate: which seed, and with how much of the population. */
export interface RunRequest {
  candidate: Candidate;
  /** From 0; the same number is the same population, arrivals and faults for every candidate. */
  replication: number;
  /** Share of the study's clients. */
  clients: number;
}

/** What the search reads from one simulation. */
export interface Measure {
  /** As the scenario measures them; `null` where there is no value, such as a quantile of unfinished clients. */
  objectives: readonly (number | null)[];
  /** The texts of the constraints that do not hold. */
  violated: readonly string[];
  /** Why there is no result. */
  error?: string;
}

export function axesOf(space: readonly Knob[]): Axis[] {
  return space.map(({ levels, ordered }) => ({ ...(levels === undefined ? {} : { levels }), ordered }));
}

export function candidateAt(study: Study, point: readonly number[], number: number): Candidate {
  const set = study.space.map((knob, index) => `${knob.path}=${JSON.stringify(knob.valueAt(point[index]!))}`);
  return { number, point, set };
}

export function baselineOf(study: Study): Candidate {
  return { number: baselineNumber, point: [], set: study.baseline };
}

/** "fallback.threshold=512KiB/s, relays=3": short, without what all paths share. */
export function labelOf({ number, set }: Candidate): string {
  if (number === baselineNumber) return 'the baseline';
  return set.map(readable).join(', ');
}

/** `policy.fallback.threshold="1MiB/s"` as people write it. */
export function readable(assignment: string): string {
  const at = assignment.indexOf('=');
  const value = assignment.slice(at + 1).replace(/^"(.*)"$/, '$1');
  return `${assignment.slice(0, at).replace(/^policy\./, '')}=${value}`;
}

export function measureOf(study: Pick<Study, 'objectives' | 'constraints'>, result: Measured): Measure {
  const broken = study.constraints.filter((constraint: Expectation) => !evaluateExpectation(constraint, result).ok);
  return {
    objectives: study.objectives.map(({ metric }) => readMetric(result, metric)),
    violated: broken.map(({ text }) => text),
  };
}
