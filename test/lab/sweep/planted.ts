/** Objectives whose optimum is known, with the noise of a simulation: a part that all trials of a seed share, and their own. */
import { Prng } from '#core/prng.ts';
import type { Study } from '#scenarios/format/study.ts';
import type { Measure, RunRequest } from '#sim/lab/sweep/candidate.ts';
import { hypervolume } from '#sim/lab/sweep/pareto.ts';
import { type Evaluate, Search } from '#sim/lab/sweep/search.ts';

export type Planted = (point: readonly number[]) => number[];

/** A valley in a bowl: 4 knobs, of which two matter much and one not at all; smallest, 1, at (0.3, 0.7, 0.5, any). */
export const bowl: Planted = ([a, b, c]) => [1 + 8 * (a! - 0.3) ** 2 + 6 * (b! - 0.7) ** 2 + (c! - 0.5) ** 2];

/** ZDT1 (Zitzler, Deb, Thiele 2000) with four knobs: the front is 1 − √x where all knobs but the first are 0. */
export const zdt1: Planted = ([first, ...rest]) => {
  const g = 1 + (9 * rest.reduce((sum, value) => sum + value, 0)) / rest.length;
  return [first!, g * (1 - Math.sqrt(first! / g))];
};

export interface PlantedOptions {
  planted: Planted;
  knobs: number;
  /** Standard deviation of each trial's own noise, by seed. */
  noise: number;
  kind: Study['sampler']['kind'];
  trials: number;
  seed: number;
  replications?: number;
  race?: Study['race'];
  halving?: Study['halving'];
  batch?: number;
}

/** Runs a search on it; `runs` counts simulations. */
export async function searched(options: PlantedOptions): Promise<{ search: Search; runs: number }> {
  const { planted, knobs, noise, kind, trials, seed, replications = 1, race, halving, batch = 4 } = options;
  const count = planted(Array(knobs).fill(0.5)).length;
  const study = {
    space: Array.from({ length: knobs }, (_, index) => ({
      path: `knob${index}`,
      ordered: true,
      valueAt: (coordinate: number) => coordinate,
      edgeOf: () => undefined,
    })),
    baseline: [],
    sampler: { kind, trials, seed, batch },
    replications,
    objectives: Array.from({ length: count }, () => ({
      direction: 'minimize' as const,
      text: '',
      metric: {} as never,
    })),
    ...(race === undefined ? {} : { race }),
    ...(halving === undefined ? {} : { halving }),
  };
  let runs = 0;
  const evaluate: Evaluate = async (requests) => {
    runs += requests.length;
    return requests.map((request) => measured(planted, noise, seed, request));
  };
  const search = new Search(study, evaluate);
  await search.run();
  return { search, runs: runs - replications };
}

function measured(planted: Planted, noise: number, seed: number, { candidate, replication }: RunRequest): Measure {
  const shared = normal(new Prng(seed, `shared/${replication}`));
  const own = new Prng(seed, `own/${replication}/${candidate.point.join()}`);
  const point = candidate.number === 0 ? candidate.point.concat(0.5, 0.5, 0.5, 0.5) : candidate.point;
  const objectives = planted(point).map((value) => value + noise * (3 * shared + normal(own)));
  return { objectives, violated: [] };
}

export function normal(prng: Prng): number {
  return Math.sqrt(-2 * Math.log(1 - prng.real())) * Math.cos(2 * Math.PI * prng.real());
}

/** What the points are truly worth, best first objective. */
export function trueBest({ trials }: Search, planted: Planted): number {
  return Math.min(...trials.map(({ candidate }) => planted(candidate.point)[0]!));
}

export function trueHypervolume({ trials }: Search, planted: Planted): number {
  return hypervolume(
    trials.map(({ candidate }) => planted(candidate.point)),
    [1.1, 6],
  );
}
