/** One file as the views see it: points (a policy, or a configuration of a study) and the runs behind them. */
import { parseRate, parseSize } from '#scenarios/format/units.ts';
import { type Interval, intervalOf, pairedDifference } from '#sim/lab/statistics.ts';
import { formatPercent, plural } from '../format.ts';
import { metricOf } from './metrics.ts';
import { type ComparisonFile, ReadError, type Result } from './read.ts';
import type { MetricColumn, Study } from './study.ts';

/** What the origin's owner allows; `Infinity` where nothing is said. Absent without any limit. */
export interface Contract {
  bytesPerSecond: number;
  connections: number;
  /** Bytes that may be sent beyond the rate, once. */
  burstBytes: number;
  windows: { name: string; bytes: number }[];
}

export interface Run {
  /** Place in the dataset's runs. */
  index: number;
  point: number;
  name: string;
  seed: number;
  result: Result;
  series: Record<keyof Result['series']['columns'], Float64Array>;
  stepSeconds: number;
  cdf: { share: Float64Array; seconds: Float64Array };
}

export interface Dataset {
  kind: 'run' | 'comparison' | 'study';
  title: string;
  subtitle: string;
  labels: string[];
  /** For the colour: the policy of each point; absent in a study. */
  policies: string[] | null;
  count: number;
  runs: Run[];
  /** Places of runs, by point. */
  runsOf: number[][];
  /** Share of clients that stayed and did not get the file, by point. */
  unserved: Float64Array;
  /** Seconds beyond the contract, mean over the seeds; in a study 1 where a constraint broke. */
  broken: Float64Array;
  own: number;
  baseline: number;
  currency: string;
  contract: Contract | null;
  seeds: number;
  verdict: string;
  study: Study | null;
  column(key: string): MetricColumn;
  /** Of `left` to `right`, as a share of the latter, with its interval where the seeds are paired. */
  difference(left: number, right: number, key: string): Interval | null;
}

export function datasetOf(content: Result | ComparisonFile | Study): Dataset {
  if (content.kind === 'study') return ofStudy(content);
  const results = content.kind === 'run' ? [content] : content.results;
  const names = [...new Set(results.map(nameOf))];
  const runs = results.map((result, index) => runOf(result, index, names.indexOf(nameOf(result))));
  const runsOf = names.map((_, point) => runs.filter((run) => run.point === point).map(({ index }) => index));
  const own = content.kind === 'run' ? names[0]! : content.own;
  const base = content.kind === 'run' ? own : content.baseline;
  const [first] = results as [Result];
  const values = valuesBy(runs, runsOf);
  const means = (key: string) => Float64Array.from(names, (_, point) => mean(values(point, key)));
  const { total } = first.summary.clients;
  const late = means('clients.unfinished');
  const failed = means('clients.failed');
  const seeds = Math.max(...runsOf.map((indices) => indices.length));
  return {
    kind: content.kind,
    title: first.manifest.scenario,
    subtitle: subtitleOf(first, names, seeds, content.kind),
    labels: names,
    policies: names,
    count: names.length,
    runs,
    runsOf,
    unserved: late.map((count, point) => (count + failed[point]!) / total),
    broken: means('origin.violations'),
    own: Math.max(0, names.indexOf(own)),
    baseline: Math.max(0, names.indexOf(base)),
    currency: first.summary.cost.currency,
    contract: contractOf(first),
    seeds,
    verdict: content.kind === 'run' ? '' : content.verdict,
    study: null,
    column: cached((key) => columnOf(names, (point) => intervalOf(values(point, key).map(orNull)))),
    difference: (left, right, key) => pairedDifference(values(left, key).map(orNull), values(right, key).map(orNull)),
  };
}

/** A measured run and a simulated one of the same policy are two points. */
function nameOf({ manifest }: Result): string {
  return manifest.engine === 'pilot' ? `${manifest.policy} (measured)` : manifest.policy;
}

function subtitleOf(first: Result, names: string[], seeds: number, kind: string): string {
  const clients = plural(first.summary.clients.total, 'client');
  const { description } = first.manifest.configuration as { description?: string };
  const how = first.manifest.engine === 'pilot' ? 'measured' : `simulated, ${first.manifest.fidelity}`;
  const size = kind === 'run' ? `seed ${first.manifest.seed}` : plural(seeds, 'seed');
  const policies = kind === 'run' ? first.manifest.policy : plural(names.length, 'policy', 'policies');
  const parts = [description ?? '', clients, policies, size, how];
  return parts.filter((part) => part !== '').join(' · ');
}

function runOf(result: Result, index: number, point: number): Run {
  const { columns, stepSeconds } = result.series;
  const entries = Object.entries(columns).map(([name, values]) => [name, Float64Array.from(values)]);
  const pairs = result.cdf.completionSeconds;
  return {
    index,
    point,
    name: nameOf(result),
    seed: result.manifest.seed,
    result,
    series: Object.fromEntries(entries),
    stepSeconds,
    cdf: {
      share: Float64Array.from(pairs, ([share]) => share),
      seconds: Float64Array.from(pairs, ([, seconds]) => seconds ?? Number.NaN),
    },
  };
}

function valuesBy(runs: Run[], runsOf: number[][]) {
  return (point: number, key: string): number[] => runsOf[point]!.map((index) => metricOf(runs[index]!.result, key));
}

const orNull = (value: number): number | null => (Number.isNaN(value) ? null : value);

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function columnOf(names: string[], interval: (point: number) => Interval | null): MetricColumn {
  const found = names.map((_, point) => interval(point));
  return {
    mean: Float64Array.from(found, (each) => each?.mean ?? Number.NaN),
    low: Float64Array.from(found, (each) => each?.low ?? Number.NaN),
    high: Float64Array.from(found, (each) => each?.high ?? Number.NaN),
  };
}

function cached<Value>(make: (key: string) => Value): (key: string) => Value {
  const made = new Map<string, Value>();
  return (key) => {
    const before = made.get(key);
    if (before !== undefined) return before;
    const value = make(key);
    made.set(key, value);
    return value;
  };
}

interface OriginText {
  contract?: { bandwidth?: unknown; connections?: unknown; burst?: unknown; traffic?: Record<string, unknown> };
}

/** In force at the start; a fault may change it later. */
function contractOf({ manifest }: Result): Contract | null {
  const { origin } = (manifest.configuration ?? {}) as { origin?: OriginText };
  const { bandwidth, connections, burst, traffic = {} } = origin?.contract ?? {};
  const limit = (value: unknown, parse: (text: unknown) => number): number => {
    if (value === undefined || value === 'unlimited') return Infinity;
    try {
      return parse(value);
    } catch {
      throw new ReadError(`This result's contract cannot be read: ${JSON.stringify(value)}.`);
    }
  };
  const contract = {
    bytesPerSecond: limit(bandwidth, parseRate),
    connections: limit(connections, Number),
    burstBytes: burst === undefined ? 0 : limit(burst, parseSize),
    windows: Object.entries(traffic).map(([name, bytes]) => ({ name, bytes: limit(bytes, parseSize) })),
  };
  const isOpen = contract.bytesPerSecond === Infinity && contract.connections === Infinity;
  return isOpen && contract.windows.every(({ bytes }) => bytes === Infinity) ? null : contract;
}

function ofStudy(study: Study): Dataset {
  const { count, feasible, metrics, objectives } = study;
  const empty = new Float64Array(count).fill(Number.NaN);
  const none: MetricColumn = { mean: empty, low: empty, high: empty };
  const held = feasible.reduce((sum, each, row) => sum + (row === study.baseline ? 0 : each), 0);
  const names = objectives.map(({ metric }) => metric).join(', ');
  const parts = [study.scenario, plural(study.trialCount, 'trial'), names];
  const share = formatPercent(held / study.trialCount);
  const constraint = held === study.trialCount ? '' : ` · ${share} keep every constraint`;
  return {
    kind: 'study',
    title: study.name,
    subtitle: `${parts.filter((part) => part !== '').join(' · ')}${constraint}`,
    labels: study.labels,
    policies: null,
    count,
    runs: [],
    runsOf: [],
    unserved: new Float64Array(count),
    broken: Float64Array.from(feasible, (each) => 1 - each),
    own: study.recommended,
    baseline: study.baseline,
    currency: '',
    contract: null,
    seeds: study.seeds,
    verdict: study.verdict,
    study,
    column: (key) => metrics.get(key) ?? none,
    difference: (left, right, key) => {
      const told = right === study.baseline ? study.differences.get(key) : undefined;
      if (told !== undefined && Number.isFinite(told.mean[left]!)) {
        return { mean: told.mean[left]!, low: orNull(told.low[left]!), high: orNull(told.high[left]!) };
      }
      const { mean: means } = metrics.get(key) ?? none;
      const share = (means[left]! - means[right]!) / means[right]!;
      return Number.isFinite(share) ? { mean: share, low: null, high: null } : null;
    },
  };
}
