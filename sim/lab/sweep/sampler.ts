/** What every sampler sees and gives: points of the unit cube, one coordinate for each knob. */
import type { Study } from '#scenarios/format/study.ts';
import { GridSampler } from './grid-sampler.ts';
import { Nsga2Sampler } from './nsga2-sampler.ts';
import { RandomSampler } from './random-sampler.ts';
import { SobolSampler } from './sobol-sampler.ts';
import { TpeSampler } from './tpe-sampler.ts';
import type { Axis } from './unit-cube.ts';

/** A point that has been evaluated. */
export interface Observation {
  point: readonly number[];
  /** All to be minimised; Infinity where nothing was measured. */
  objectives: readonly number[];
  /** No constraint was violated, and nothing failed. */
  feasible: boolean;
}

export interface SamplerOptions {
  axes: readonly Axis[];
  /** How many points at most. */
  trials: number;
  seed: number;
  /** How many points an adaptive sampler gives at a time. */
  batch: number;
}

/**
 * Depends on its options and on the history alone, never on when or where a trial ran: so a study that goes on after
 * a crash asks for the same points.
 */
export interface Sampler {
  /** The next points, none of them given before; none at all: it is done. */
  next(history: readonly Observation[]): number[][];
}

export function samplerOf({ kind, trials, seed, batch }: Study['sampler'], axes: readonly Axis[]): Sampler {
  const options = { axes, trials, seed, batch };
  switch (kind) {
    case 'grid':
      return new GridSampler(options);
    case 'random':
      return new RandomSampler(options);
    case 'sobol':
      return new SobolSampler(options);
    case 'tpe':
      return new TpeSampler(options);
    case 'nsga2':
      return new Nsga2Sampler(options);
    default:
      return kind satisfies never;
  }
}
