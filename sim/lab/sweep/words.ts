/** Differences in words. */
import type { Objective, Study } from '#scenarios/format/study.ts';
import { formatBytes, formatRate, formatSeconds } from '#scenarios/format/units.ts';
import { holdsZero, type Interval, tQuantile } from '../statistics.ts';
import { count } from '../table.ts';
import type { Difference } from './answer-rows.ts';

/** Beyond so many seeds two trials may as well be called equal. */
const seedsMax = 1000;

/** "p95(completion) −18.4 % [−21.0, −15.9], n = 30 pairs" */
export function differenceText({ metric }: Objective, difference: Difference | null, withPairs: boolean): string {
  if (difference === null) return `${metric.text} cannot be compared`;
  const { mean, low, high, pairs } = difference;
  const range = low === null || high === null ? '' : ` [${percentage(low)}, ${percentage(high)}]`;
  const verdict = low !== null && holdsZero(difference) ? ' (no change)' : '';
  return `${metric.text} ${percentage(mean)} %${range}${verdict}${withPairs ? `, n = ${count(pairs)} pairs` : ''}`;
}

/** "is faster and cheaper than the baseline"; what is not known is left out. */
export function comparisonWords({ objectives }: Study, differences: readonly (Difference | null)[]): string {
  const better: string[] = [];
  const worse: string[] = [];
  for (const [index, objective] of objectives.entries()) {
    const difference = differences[index];
    if (!difference || difference.low === null || holdsZero(difference)) continue;
    const isBetter = difference.mean < 0 === (objective.direction === 'minimize');
    const words = adjectives(objective);
    (isBetter ? better : worse).push(words[isBetter ? 0 : 1]);
  }
  const join = (words: string[]) => [...new Set(words)].join(' and ');
  if (better.length + worse.length === 0) return 'does as well as';
  const parts = [better, worse].filter((words) => words.length > 0).map(join);
  return `is ${parts.join(' but ')} than`;
}

function adjectives({ metric }: Objective): [string, string] {
  if (metric.dimension === 'time') return ['faster', 'slower'];
  return metric.text.startsWith('cost')
    ? ['cheaper', 'dearer']
    : [`better at ${metric.text}`, `worse at ${metric.text}`];
}

/** A sign always, one digit behind the point below 100. */
function percentage(share: number): string {
  const value = share * 100;
  const text = Math.abs(value) < 99.95 ? Math.abs(value).toFixed(1) : count(Math.abs(value));
  if (Number(text) === 0) return '±0.0';
  return `${value < 0 ? '−' : '+'}${text}`;
}

export function valueText({ metric }: Objective, value: number | null): string {
  if (value === null || !Number.isFinite(value)) return '—';
  switch (metric.dimension) {
    case 'time':
      return formatSeconds(value);
    case 'size':
      return formatBytes(value);
    case 'rate':
      return formatRate(value);
    case 'share':
      return `${(value * 100).toFixed(1)} %`;
    default:
      return String(Number(value.toPrecision(4)));
  }
}

/** "512 s [498 s, 526 s]" */
export function intervalText(objective: Objective, interval: Interval | null): string {
  if (interval === null) return '—';
  const { mean, low, high } = interval;
  const range = low === null ? '' : ` [${valueText(objective, low)}, ${valueText(objective, high)}]`;
  return valueText(objective, mean) + range;
}

/**
 * How many more seeds would tell a difference of this size from none, if its mean and its spread stay as they are;
 * Infinity above a thousand.
 */
export function seedsToSettle({ mean, low, high, pairs }: Difference): number {
  if (low === null || high === null || mean === 0) return Infinity;
  const deviation = ((high - low) / 2 / tQuantile(0.975, pairs - 1)) * Math.sqrt(pairs);
  for (let seeds = pairs; seeds <= seedsMax; seeds++) {
    if ((tQuantile(0.975, seeds - 1) * deviation) / Math.sqrt(seeds) < Math.abs(mean)) return seeds - pairs;
  }
  return Infinity;
}
