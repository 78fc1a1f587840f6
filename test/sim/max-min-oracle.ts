/**
 * Max–min fair rates, found another way than the simulator's: the water rises by bisection, and whoever crosses a
 * link that cannot take a drop more stays where it is. Slow, and without a heap, lists or stale entries.
 */
export interface Pipe {
  /** Links that it crosses. */
  links: number[];
  cap: number;
}

const bisections = 200;

export function maxMinRates(pipes: Pipe[], capacities: number[]): number[] {
  const rates: (number | undefined)[] = pipes.map(() => undefined);
  while (rates.includes(undefined)) {
    const at = (level: number) => pipes.map(({ cap }, k) => rates[k] ?? Math.min(level, cap));
    const level = highest((wanted) => fits(pipes, capacities, at(wanted)));
    const now = at(level);
    const more = (k: number) => now.map((rate, j) => (j === k ? rate + Math.max(1e-9, rate * 1e-9) : rate));
    for (const [k, { cap }] of pipes.entries()) {
      if (rates[k] === undefined && (cap <= level || !fits(pipes, capacities, more(k)))) rates[k] = now[k];
    }
  }
  return rates as number[];
}

/** The highest level that fits. */
function highest(isFitting: (level: number) => boolean): number {
  let low = 0;
  let high = 1e15;
  for (let step = 0; step < bisections; step++) {
    const middle = (low + high) / 2;
    if (isFitting(middle)) low = middle;
    else high = middle;
  }
  return low;
}

function fits(pipes: Pipe[], capacities: number[], rates: number[]): boolean {
  const sums = capacities.map(() => 0);
  for (const [k, { links }] of pipes.entries()) for (const link of links) sums[link] += rates[k];
  return sums.every((sum, link) => sum <= capacities[link]);
}
