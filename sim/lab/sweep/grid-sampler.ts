import type { Sampler, SamplerOptions } from './sampler.ts';
import { gridPoint, pointCount } from './unit-cube.ts';

/** Every combination, the last axis fastest; all at once. */
export class GridSampler implements Sampler {
  readonly #options: SamplerOptions;

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  next(history: readonly unknown[]): number[][] {
    const { axes, trials } = this.#options;
    if (history.length > 0) return [];
    const count = Math.min(trials, pointCount(axes));
    return Array.from({ length: count }, (_, index) => gridPoint(axes, index));
  }
}
