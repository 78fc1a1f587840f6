import { Prng } from '#core/prng.ts';
import { bestFirst } from './pareto.ts';
import type { Observation, Sampler, SamplerOptions } from './sampler.ts';
import { SobolSampler } from './sobol-sampler.ts';
import { type Axis, freshPoints, snapped } from './unit-cube.ts';

/** Points spread evenly before anything is learned from them. */
const startupMax = 10;
/** The best of them are the model of what is good. */
const goodShare = 0.15;
/** Points drawn from that model, of which the most promising is taken. */
const candidates = 24;
/** Width of a kernel before any point is known, as a share of the axis. */
const widthFirst = 0.2;
/** Chance that a kernel over words leaves its word. */
const strayShare = 0.25;

/**
 * A tree-structured Parzen estimator (Bergstra and others, "Algorithms for hyper-parameter optimization", NeurIPS
 * 2011), with kernels over all axes at once: takes points where the density of good ones is high against the others'.
 */
export class TpeSampler implements Sampler {
  readonly #options: SamplerOptions;

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  next(history: readonly Observation[]): number[][] {
    const { axes, trials, seed, batch } = this.#options;
    const startup = Math.max(1, Math.min(startupMax, Math.ceil(trials / 3)));
    if (history.length === 0) return new SobolSampler({ ...this.#options, trials: startup }).next([]);
    const count = Math.min(batch, trials - history.length);
    if (count <= 0) return [];
    const prng = new Prng(seed, `tpe-sampler/${history.length}`);
    const order = bestFirst(history);
    const goodCount = Math.ceil(goodShare * history.length);
    const pointOf = (index: number): readonly number[] => history[index]!.point;
    const good = new Parzen(axes, order.slice(0, goodCount).map(pointOf));
    const others = order.slice(goodCount).map(pointOf);
    const taken = history.map(({ point }) => point);
    return freshPoints(axes, taken, count, (fresh) => {
      // What is under way counts as bad, so that a batch spreads.
      const bad = new Parzen(axes, [...others, ...fresh]);
      let best: number[] = [];
      let bestGain = -Infinity;
      for (let candidate = 0; candidate < candidates; candidate++) {
        const point = snapped(axes, good.draw(prng));
        const gain = good.logDensity(point) - bad.logDensity(point);
        if (gain <= bestGain) continue;
        best = point;
        bestGain = gain;
      }
      return best;
    });
  }
}

/** A mixture of one kernel for each point, and one that is nearly even, so that nowhere is out of reach. */
class Parzen {
  readonly #axes: readonly Axis[];
  readonly #points: readonly (readonly number[])[];
  readonly #width: number;

  constructor(axes: readonly Axis[], points: readonly (readonly number[])[]) {
    this.#axes = axes;
    this.#points = points;
    // Scott's rule.
    this.#width = widthFirst * Math.max(points.length, 1) ** (-1 / (axes.length + 4));
  }

  draw(prng: Prng): number[] {
    const centre = this.#points[prng.below(this.#points.length + 1)];
    return this.#axes.map((axis, index) => {
      if (centre === undefined) return prng.real();
      if (isNominal(axis)) return prng.real() < strayShare ? prng.real() : centre[index]!;
      return drawInside(prng, centre[index]!, this.#width);
    });
  }

  logDensity(point: readonly number[]): number {
    let sum = 1;
    for (const centre of this.#points) {
      let product = 1;
      for (const [index, axis] of this.#axes.entries()) {
        product *= isNominal(axis)
          ? nominalDensity(axis.levels!, point[index] === centre[index])
          : normalInside(point[index]!, centre[index]!, this.#width);
      }
      sum += product;
    }
    return Math.log(sum / (this.#points.length + 1));
  }
}

function isNominal({ levels, ordered }: Axis): boolean {
  return levels !== undefined && !ordered;
}

/** Against an even chance, which is 1. */
function nominalDensity(levels: number, isSame: boolean): number {
  return strayShare + (isSame ? (1 - strayShare) * levels : 0);
}

function drawInside(prng: Prng, mean: number, width: number): number {
  for (;;) {
    const radius = Math.sqrt(-2 * Math.log(1 - prng.real()));
    const value = mean + width * radius * Math.cos(2 * Math.PI * prng.real());
    if (value >= 0 && value < 1) return value;
  }
}

/** Density of a normal distribution that is cut off at 0 and 1. */
function normalInside(value: number, mean: number, width: number): number {
  const density = Math.exp(-(((value - mean) / width) ** 2) / 2) / (width * Math.sqrt(2 * Math.PI));
  return density / (normalBelow((1 - mean) / width) - normalBelow(-mean / width));
}

/** The normal distribution function, by the approximation 26.2.17 of Abramowitz and Stegun (error below 1e-7). */
function normalBelow(value: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(value));
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (series * Math.exp((-value * value) / 2)) / Math.sqrt(2 * Math.PI);
  return value > 0 ? 1 - tail : tail;
}
