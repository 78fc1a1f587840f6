/**
 * The course of a study: which points, which seeds of them, and when to stop one early. It depends on the study and on
 * the measures alone, never on when a simulation ended or where it ran. So the same study asks for the same runs
 * again, and what has been stored is not run anew.
 */
import type { Study } from '#scenarios/format/study.ts';
import { axesOf, baselineOf, type Candidate, candidateAt, type Measure, type RunRequest } from './candidate.ts';
import { bestFirst, dominates } from './pareto.ts';
import { isWorse, looksOf } from './race.ts';
import { type Observation, type Sampler, samplerOf } from './sampler.ts';
import type { Axis } from './unit-cube.ts';

/** Measures in the order of the requests. Rejecting ends the search. */
export type Evaluate = (requests: readonly RunRequest[]) => Promise<Measure[]>;

export type Fate = 'running' | 'complete' | 'stopped' | 'violates' | 'failed';

/** A candidate and what is known about it, at the full population. */
export interface Evaluated {
  candidate: Candidate;
  /** By replication, from 0 on. */
  measures: Measure[];
  fate: Fate;
}

type SearchedStudy = Pick<Study, 'space' | 'sampler' | 'replications' | 'objectives'> &
  Pick<Study, 'race' | 'halving' | 'baseline'>;

export class Search {
  readonly #study: SearchedStudy;
  readonly #evaluate: Evaluate;
  readonly #sampler: Sampler;
  readonly axes: readonly Axis[];
  readonly baseline: Evaluated;
  readonly trials: Evaluated[] = [];
  /** Whether the search has come to its end. */
  isDone = false;

  constructor(study: SearchedStudy, evaluate: Evaluate) {
    this.#study = study;
    this.#evaluate = evaluate;
    this.axes = axesOf(study.space);
    this.#sampler = samplerOf(study.sampler, this.axes);
    this.baseline = { candidate: baselineOf(study as Study), measures: [], fate: 'running' };
  }

  async run(): Promise<void> {
    for (;;) {
      const points = this.#sampler.next(this.trials.map((trial) => this.observation(trial)));
      if (points.length === 0) break;
      const batch = points.map((point, index): Evaluated => {
        const candidate = candidateAt(this.#study as Study, point, this.trials.length + index + 1);
        return { candidate, measures: [], fate: 'running' };
      });
      this.trials.push(...batch);
      await this.#judge(batch);
    }
    // Without any trial there is nothing to hold against it.
    await this.#extend([this.baseline], this.#study.replications);
    this.#settle([this.baseline]);
    this.isDone = true;
  }

  /** As a sampler sees it: everything small is good. */
  observation({ candidate, measures, fate }: Evaluated): Observation {
    return {
      point: candidate.point,
      objectives: this.#study.objectives.map((_, index) => mean(this.costs(measures, index))),
      feasible: fate !== 'violates' && fate !== 'failed' && measures.length > 0,
    };
  }

  /** The values of one objective, by seed, with small ones good; Infinity where there is none. */
  costs(measures: readonly Measure[], objective: number): number[] {
    const sign = this.#study.objectives[objective]!.direction === 'minimize' ? 1 : -1;
    return measures.map(({ objectives }) => {
      const value = objectives[objective];
      return value === null || value === undefined ? Infinity : sign * value;
    });
  }

  async #judge(batch: Evaluated[]): Promise<void> {
    const { race, halving, replications } = this.#study;
    const contenders = halving === undefined ? batch : await this.#halve(batch, halving);
    const looks = race === undefined ? [] : looksOf(race.after, replications);
    let alive = contenders;
    for (const [index, seeds] of looks.entries()) {
      // The baseline runs beside the first batch: no worker waits for it.
      await this.#extend(index === 0 ? [...alive, this.baseline] : alive, seeds);
      this.#settle(alive);
      this.#stopWorse(alive, { alpha: race!.alpha, looks: looks.length });
      alive = alive.filter(({ fate }) => fate === 'running');
    }
    await this.#extend([...alive, this.baseline], replications);
    this.#settle([...contenders, this.baseline]);
    for (const trial of contenders) if (trial.fate === 'running') trial.fate = 'complete';
  }

  /** Brings the trials up to so many seeds, all of them at once. */
  async #extend(trials: readonly Evaluated[], seeds: number): Promise<void> {
    const requests = trials.flatMap(({ candidate, measures }) =>
      Array.from({ length: Math.max(0, seeds - measures.length) }, (_, index) => ({
        candidate,
        replication: measures.length + index,
        clients: 1,
      })),
    );
    if (requests.length === 0) return;
    const measures = await this.#evaluate(requests);
    const owners = new Map(trials.map((trial) => [trial.candidate.number, trial]));
    for (const [index, { candidate }] of requests.entries()) {
      owners.get(candidate.number)!.measures.push(measures[index]!);
    }
  }

  /** One seed that failed, or that breaks a constraint, is enough. */
  #settle(trials: readonly Evaluated[]): void {
    for (const trial of trials) {
      if (trial.measures.some(({ error }) => error !== undefined)) trial.fate = 'failed';
      else if (trial.measures.some(({ violated }) => violated.length > 0)) trial.fate = 'violates';
      else if (trial === this.baseline && trial.measures.length > 0) trial.fate = 'complete';
    }
  }

  /** Stops whom some other trial beats in every objective. */
  #stopWorse(batch: readonly Evaluated[], level: { alpha: number; looks: number }): void {
    const rivals = this.trials.filter(({ fate }) => fate === 'running' || fate === 'complete');
    const seen = new Map(rivals.map((rival) => [rival, this.observation(rival)]));
    for (const trial of batch) {
      if (trial.fate !== 'running') continue;
      const own = seen.get(trial)!;
      // A test for each pair would stop some by chance alone: only the best of those that are better is a rival.
      const better = rivals.filter((rival) => rival !== trial && dominates(seen.get(rival)!, own));
      const [best] = bestFirst(better.map((rival) => seen.get(rival)!)).map((index) => better[index]!);
      if (best !== undefined && this.#isWorse(trial, best, level)) trial.fate = 'stopped';
    }
  }

  #isWorse(trial: Evaluated, rival: Evaluated, level: { alpha: number; looks: number }): boolean {
    const count = Math.min(trial.measures.length, rival.measures.length);
    return this.#study.objectives.every((_, objective) => {
      const costs = this.costs(trial.measures.slice(0, count), objective);
      const others = this.costs(rival.measures.slice(0, count), objective);
      return isWorse(...comparable(costs, others), level);
    });
  }

  /** Round after round more seeds and more clients for fewer trials; the answer is who takes part in the last one. */
  async #halve(batch: Evaluated[], halving: NonNullable<Study['halving']>): Promise<Evaluated[]> {
    const { factor } = halving;
    let alive = batch;
    let { replications, clients } = halving;
    while (alive.length > 1 && (replications < this.#study.replications || clients < 1)) {
      const requests = alive.flatMap(({ candidate }) =>
        Array.from({ length: replications }, (_, replication) => ({ candidate, replication, clients })),
      );
      const found = await this.#evaluate(requests);
      const seen = alive.map((trial, index): Observation => {
        const measures = found.slice(index * replications, (index + 1) * replications);
        const isSound = measures.every(({ error, violated }) => error === undefined && violated.length === 0);
        if (clients === 1) trial.measures = measures;
        return { ...this.observation({ ...trial, measures, fate: 'running' }), feasible: isSound };
      });
      const order = bestFirst(seen);
      const kept = new Set(order.slice(0, Math.ceil(alive.length / factor)).map((index) => alive[index]!));
      for (const trial of alive) if (!kept.has(trial)) trial.fate = 'stopped';
      this.#settle(alive);
      alive = alive.filter((trial) => kept.has(trial));
      replications = Math.min(this.#study.replications, replications * factor);
      clients = Math.min(1, clients * factor);
    }
    return alive;
  }
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? Infinity : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** What has no value (clients that never finished) counts as twice the worst value that there is. */
function comparable(values: readonly number[], others: readonly number[]): [number[], number[]] {
  const known = [...values, ...others].filter(Number.isFinite);
  const most = known.length === 0 ? 1 : Math.max(...known);
  const bad = most + Math.abs(most);
  const finite = (list: readonly number[]) => list.map((value) => (Number.isFinite(value) ? value : bad));
  return [finite(values), finite(others)];
}
