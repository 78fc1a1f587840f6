/** Intervals by drawing again from what was measured, for statistics that have no formula. */
import type { Prng } from '#core/prng.ts';
import { tQuantile } from '../statistics.ts';

const resamples = 1000;
const confidence = 0.95;
const normalQuantile = 1.959963984540054;

export interface Range {
  low: number;
  high: number;
}

/**
 * 95 % interval of a statistic over clusters (seeds), which are drawn whole: clients of one seed are not independent.
 * Percentiles, widened around their middle for few clusters as Student's t widens a mean's interval (Hesterberg,
 * "What teachers should know about the bootstrap", 2015, expanded percentiles).
 */
export function clusterBootstrap<Cluster>(
  clusters: readonly Cluster[],
  statistic: (drawn: readonly Cluster[]) => number,
  prng: Prng,
): Range {
  const count = clusters.length;
  const values = Array.from({ length: resamples }, () =>
    statistic(Array.from({ length: count }, () => clusters[prng.below(count)]!)),
  ).sort((left, right) => left - right);
  const middle = values[Math.floor(resamples / 2)]!;
  const tail = (1 - confidence) / 2;
  const widening = (tQuantile(1 - tail, count - 1) / normalQuantile) * Math.sqrt(count / (count - 1));
  const at = (share: number): number => middle + (values[Math.round(share * (resamples - 1))]! - middle) * widening;
  return { low: at(tail), high: at(1 - tail) };
}

/** Share of clients, and within which time they were done; rising. */
export type Curve = readonly (readonly [share: number, seconds: number])[];

/** The clients of several seeds together. */
export class PooledCurves {
  /** Every time at which a curve bends; rising. */
  readonly #times: number[];
  /** Of each curve, the share that is done by each of these times. */
  readonly #shares: Float64Array[];

  constructor(curves: readonly Curve[]) {
    const times = new Set(curves.flatMap((curve) => curve.map(([, seconds]) => seconds)));
    this.#times = [...times].sort((left, right) => left - right);
    this.#shares = curves.map((curve) => Float64Array.from(this.#times, (seconds) => shareAt(curve, seconds)));
  }

  /** Over the curves with these numbers, of which one may come several times; null where so many never finished. */
  quantile(probability: number, drawn: readonly number[] = [...this.#shares.keys()]): number | null {
    // Shares are sums of decimals.
    const enough = (probability - 1e-9) * drawn.length;
    const reached = (time: number): boolean => {
      let sum = 0;
      for (const curve of drawn) sum += this.#shares[curve]![time]!;
      return sum >= enough;
    };
    let low = 0;
    let high = this.#times.length - 1;
    if (high < 0 || !reached(high)) return null;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (reached(middle)) high = middle;
      else low = middle + 1;
    }
    return this.#times[low]!;
  }

  interval(probability: number, prng: Prng): Range {
    const statistic = (drawn: readonly number[]): number => this.quantile(probability, drawn) ?? Infinity;
    return clusterBootstrap([...this.#shares.keys()], statistic, prng);
  }
}

/** Linear between the points of the curve. */
function shareAt(curve: Curve, seconds: number): number {
  let low = 0;
  let high = curve.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (curve[middle]![1] <= seconds) low = middle + 1;
    else high = middle;
  }
  const [before, after] = [curve[low - 1], curve[low]];
  if (before === undefined) return 0;
  if (after === undefined) return before[0];
  return before[0] + ((after[0] - before[0]) * (seconds - before[1])) / (after[1] - before[1]);
}
