import { Prng } from '#core/prng.ts';
import { bestFirst } from './pareto.ts';
import type { Observation, Sampler, SamplerOptions } from './sampler.ts';
import { SobolSampler } from './sobol-sampler.ts';
import { type Axis, freshPoints } from './unit-cube.ts';

/** Chance that two parents mix at all. */
const crossoverShare = 0.9;
/** The larger, the nearer children stay to their parents (Deb's distribution indices). */
const crossoverIndex = 10;
const mutationIndex = 10;

/**
 * NSGA-II (Deb and others, "A fast and elitist multiobjective genetic algorithm", IEEE Trans. Evol. Comput. 6, 2002).
 * The parents are the best of all that is known, not only of the last generation: a simulation is dearer than its
 * memory.
 */
export class Nsga2Sampler implements Sampler {
  readonly #options: SamplerOptions;

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  next(history: readonly Observation[]): number[][] {
    const { axes, trials, seed, batch } = this.#options;
    if (history.length === 0) return new SobolSampler({ ...this.#options, trials: Math.min(batch, trials) }).next([]);
    const count = Math.min(batch, trials - history.length);
    if (count <= 0) return [];
    const prng = new Prng(seed, `nsga2-sampler/${history.length}`);
    const parents = bestFirst(history)
      .slice(0, batch)
      .map((index) => history[index]!.point);
    const taken = history.map(({ point }) => point);
    // Parents stand in order of merit, so the smaller place wins.
    const winner = (): readonly number[] => parents[Math.min(prng.below(parents.length), prng.below(parents.length))]!;
    return freshPoints(axes, taken, count, () => mutated(axes, crossed(axes, winner(), winner(), prng), prng));
  }
}

function crossed(axes: readonly Axis[], left: readonly number[], right: readonly number[], prng: Prng): number[] {
  if (prng.real() >= crossoverShare) return [...left];
  return axes.map((axis, index) => {
    const [one, other] = [left[index]!, right[index]!];
    if (isNominal(axis)) return prng.real() < 0.5 ? one : other;
    const chance = prng.real();
    const spread =
      chance < 0.5 ? (2 * chance) ** (1 / (crossoverIndex + 1)) : (1 / (2 - 2 * chance)) ** (1 / (crossoverIndex + 1));
    const side = prng.real() < 0.5 ? 1 : -1;
    return clamped((one + other + side * spread * (one - other)) / 2);
  });
}

function mutated(axes: readonly Axis[], point: number[], prng: Prng): number[] {
  return point.map((value, index) => {
    if (prng.real() >= 1 / axes.length) return value;
    if (isNominal(axes[index]!)) return prng.real();
    const chance = prng.real();
    const power = 1 / (mutationIndex + 1);
    const step = chance < 0.5 ? (2 * chance) ** power - 1 : 1 - (2 - 2 * chance) ** power;
    return clamped(value + step);
  });
}

function isNominal({ levels, ordered }: Axis): boolean {
  return levels !== undefined && !ordered;
}

function clamped(value: number): number {
  return Math.min(Math.max(value, 0), 1 - 2 ** -32);
}
