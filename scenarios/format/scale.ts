import { scenarioLimits } from '#core/limits.ts';
import { resampledArrivals } from './arrivals.ts';
import type { Completion } from './completion.ts';
import type { ArriveText, ClientText } from './configuration.ts';
import { ScenarioError } from './error.ts';
import { parseQuantity, printQuantity } from './units.ts';

/**
 * Brings the classes to so many clients in all, in the same proportions. The course of arrivals over time stays:
 * a Poisson rate grows with its class, a listed trace is thinned out or repeated evenly.
 */
export function scaleClients(classes: ClientText[], total: number, warn: Completion['warn']): void {
  const most = scenarioLimits.clientsMax;
  if (!Number.isSafeInteger(total) || total < 1 || total > most) {
    throw new ScenarioError(`--clients ${total}: must be a whole number from 1 to ${most}`);
  }
  const counts = largestRemainder(
    classes.map(({ count }) => count),
    total,
  );
  for (const [index, client] of classes.entries()) {
    const count = counts[index]!;
    if (count === client.count) continue;
    if (count === 0) warn(['clients', index], `of ${total} clients none is left for the class "${client.name}"`);
    else client.arrive = scaledArrival(client.arrive, client.count, count);
    if (count === 0 && client.arrive.seconds !== undefined) client.arrive = { at: '0s' };
    client.count = count;
  }
}

function scaledArrival(arrive: ArriveText, before: number, after: number): ArriveText {
  if (arrive.seconds !== undefined) return { seconds: resampledArrivals(arrive.seconds, after) };
  if (arrive.poisson === undefined) return arrive;
  const rate = (parseQuantity('frequency', arrive.poisson) * after) / before;
  return { ...arrive, poisson: printQuantity('frequency', rate) };
}

/** Whole shares of `total`, proportional to `weights`; what rounding leaves goes to the largest remainders. */
export function largestRemainder(weights: readonly number[], total: number): number[] {
  const sum = weights.reduce((a, b) => a + b, 0);
  if (sum === 0) return weights.map(() => 0);
  const exact = weights.map((weight) => (weight * total) / sum);
  const shares = exact.map(Math.floor);
  const left = total - shares.reduce((a, b) => a + b, 0);
  // Ties go to the earlier one, so that the result does not depend on a sort's whims.
  const order = exact.map((value, index) => ({ index, remainder: value - shares[index]! }));
  order.sort((a, b) => b.remainder - a.remainder || a.index - b.index);
  for (const { index } of order.slice(0, left)) shares[index]!++;
  return shares;
}
