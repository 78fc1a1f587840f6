import { Prng } from '#core/prng.ts';
import type { Sampler, SamplerOptions } from './sampler.ts';
import { freshPoints } from './unit-cube.ts';

/**
 * Primitive polynomials and initial direction numbers of S. Joe and F. Y. Kuo, "Constructing Sobol sequences with
 * better two-dimensional projections", SIAM J. Sci. Comput. 30 (2008), from the second dimension on (the first is
 * van der Corput's): [degree, coefficients, ...direction numbers].
 */
const polynomials: readonly (readonly number[])[] = [
  [1, 0, 1],
  [2, 1, 1, 3],
  [3, 1, 1, 3, 1],
  [3, 2, 1, 1, 1],
  [4, 1, 1, 1, 3, 3],
  [4, 4, 1, 3, 5, 13],
  [5, 2, 1, 1, 5, 5, 17],
  [5, 4, 1, 1, 5, 5, 5],
  [5, 7, 1, 1, 7, 11, 19],
  [5, 11, 1, 1, 5, 1, 1],
  [5, 13, 1, 1, 1, 3, 11],
  [5, 14, 1, 3, 5, 5, 31],
  [6, 1, 1, 3, 3, 9, 7, 49],
  [6, 13, 1, 1, 1, 15, 21, 21],
  [6, 16, 1, 3, 1, 13, 27, 49],
  [6, 19, 1, 1, 1, 15, 7, 5],
  [6, 22, 1, 3, 1, 15, 13, 25],
  [6, 25, 1, 1, 5, 5, 19, 61],
  [7, 1, 1, 3, 7, 11, 23, 15, 103],
  [7, 4, 1, 3, 7, 13, 13, 15, 69],
];

const bits = 32;

/** Direction numbers of one dimension, as 32-bit fractions. */
function directionsOf(dimension: number): Uint32Array {
  const directions = new Uint32Array(bits);
  if (dimension === 0) {
    for (let bit = 0; bit < bits; bit++) directions[bit] = (1 << (bits - 1 - bit)) >>> 0;
    return directions;
  }
  const [degree, coefficients, ...initial] = polynomials[dimension - 1]! as [number, number, ...number[]];
  for (let bit = 0; bit < bits; bit++) {
    if (bit < degree) {
      directions[bit] = initial[bit]! << (bits - 1 - bit);
      continue;
    }
    let value = directions[bit - degree]! ^ (directions[bit - degree]! >>> degree);
    for (let term = 1; term < degree; term++) {
      if ((coefficients >> (degree - 1 - term)) & 1) value ^= directions[bit - term]!;
    }
    directions[bit] = value;
  }
  return directions;
}

/** The sequence in Gray code's order, from the origin on; each point costs one exclusive or per dimension. */
export class SobolSequence {
  readonly #directions: Uint32Array[];
  readonly #state: Uint32Array;
  #index = 0;

  constructor(dimensions: number) {
    this.#directions = Array.from({ length: dimensions }, (_, dimension) => directionsOf(dimension));
    this.#state = new Uint32Array(dimensions);
  }

  /** Each coordinate as 32 bits of a fraction. */
  next(): Uint32Array {
    const point = this.#state.slice();
    const flipped = Math.clz32(~this.#index & (this.#index + 1)) ^ 31;
    for (const [dimension, directions] of this.#directions.entries()) this.#state[dimension]! ^= directions[flipped]!;
    this.#index++;
    return point;
  }
}

/** Spread more evenly than chance; a seeded digital shift keeps that and moves the points off the origin. */
export class SobolSampler implements Sampler {
  readonly #options: SamplerOptions;

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  next(history: readonly unknown[]): number[][] {
    const { axes, trials, seed } = this.#options;
    if (history.length > 0) return [];
    const prng = new Prng(seed, 'sobol-sampler');
    const shifts = axes.map(() => prng.bits());
    const sequence = new SobolSequence(axes.length);
    return freshPoints(axes, [], trials, () =>
      [...sequence.next()].map((coordinate, axis) => ((coordinate ^ shifts[axis]!) >>> 0) / 2 ** bits),
    );
  }
}
