import { Prng } from '#core/prng.ts';
import type { Sampler, SamplerOptions } from './sampler.ts';
import { freshPoints } from './unit-cube.ts';

/** Points drawn evenly, all at once. */
export class RandomSampler implements Sampler {
  readonly #options: SamplerOptions;

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  next(history: readonly unknown[]): number[][] {
    const { axes, trials, seed } = this.#options;
    if (history.length > 0) return [];
    const prng = new Prng(seed, 'random-sampler');
    return freshPoints(axes, [], trials, () => axes.map(() => prng.real()));
  }
}
