/** Results of several policies over the same seeds, put side by side. */
import { readMetric } from '#scenarios/format/expectation.ts';
import type { LabResult } from './execute.ts';
import { type Interval, intervalOf, pairedDifference } from './statistics.ts';
import { verdictOf } from './verdict.ts';

/** What a comparison shows, as expectations name it. */
export const comparedMetrics = [
  'clients.completed',
  'clients.unfinished',
  'clients.failed',
  'p50(completion)',
  'p99(completion)',
  'max(completion)',
  'bound.ratio.p50',
  'bound.ratio.max',
  'share.origin',
  'share.relay',
  'share.peer',
  'origin.peakBytesPerSecond',
  'origin.peakConnections',
  'origin.violations',
  'bytes.originSent',
  'cost.total',
] as const;

export type ComparedMetric = (typeof comparedMetrics)[number];

const differing = ['p50(completion)', 'p99(completion)', 'cost.total'] as const;

/** Means with 95 % intervals; `null` where a seed has no value, such as a quantile of unfinished clients. */
export interface Row {
  policy: string;
  metrics: Record<ComparedMetric, Interval | null>;
  /** Seed by seed, as shares of the baseline's mean; absent for the baseline itself. */
  difference?: Record<(typeof differing)[number], Interval | null>;
}

/** The file that `sluice compare --out` writes. */
export interface Comparison {
  version: 1;
  kind: 'comparison';
  scenario: string;
  seeds: number[];
  /** The scenario's policy. */
  own: string;
  /** The policy that the others are held against: the scenario's own, if it takes part. */
  baseline: string;
  results: LabResult[];
  table: Row[];
  verdict: string;
}

/** The results of one policy, a seed each. */
export interface Contender {
  policy: string;
  results: LabResult[];
}

export function valuesOf({ results }: Contender, metric: string): (number | null)[] {
  return results.map((result) => readMetric(result, metric));
}

export function comparisonOf(contenders: Contender[], own: string): Comparison {
  const baseline = baselineOf(
    contenders.map(({ policy }) => policy),
    own,
  );
  const [first] = contenders[0]!.results;
  const base = contenders.find(({ policy }) => policy === baseline)!;
  return {
    version: 1,
    kind: 'comparison',
    scenario: first!.manifest.scenario,
    seeds: contenders[0]!.results.map(({ manifest }) => manifest.seed),
    own,
    baseline,
    results: contenders.flatMap(({ results }) => results),
    table: contenders.map((contender) => rowOf(contender, base)),
    verdict: verdictOf(contenders, own),
  };
}

export function baselineOf(policies: string[], own: string): string {
  return policies.includes(own) ? own : policies[0]!;
}

function rowOf(contender: Contender, base: Contender): Row {
  const of = (metric: string) => intervalOf(valuesOf(contender, metric));
  const metrics = Object.fromEntries(comparedMetrics.map((metric) => [metric, of(metric)])) as Row['metrics'];
  const row: Row = { policy: contender.policy, metrics };
  if (contender === base) return row;
  const pairs = differing.map((metric) => [
    metric,
    pairedDifference(valuesOf(contender, metric), valuesOf(base, metric)),
  ]);
  return { ...row, difference: Object.fromEntries(pairs) };
}
