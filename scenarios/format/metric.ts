import { InvalidValue } from './error.ts';
import { allowed, didYouMean } from './nearest.ts';
import type { ClassSummary, RunResult, Summary } from './result.ts';

/** What a metric measures decides which units a value may carry. */
export type Dimension = 'time' | 'size' | 'rate' | 'share' | 'number';

/** A number of a result, by name: `p99(completion, office)` or a path below `summary`. */
export interface Metric {
  /** In one spelling. */
  text: string;
  dimension: Dimension;
  /** Below `summary`, or below the class or task of that name. */
  path: string[];
  /** Name of a class or task. */
  member: string | undefined;
}

/** Names that metrics may use; what is left out is not checked. */
export interface MetricNames {
  classes?: readonly string[];
  tasks?: readonly string[];
  /** Windows of the contract. */
  windows?: readonly string[];
}

/** What metrics are read from; `byTask` is present where a scenario has several. */
export type Measured = Pick<RunResult, 'summary' | 'byClass'> & { byTask?: ClassSummary[] };

const zeros = { p50: 0, p90: 0, p95: 0, p99: 0, p999: 0, max: 0, mean: 0 };
const finish = { p50: 0, p95: 0, p99: 0, max: 0 };
const sources = { origin: 0, relay: 0, peer: 0 };

/** Every number that a summary has, so that a misspelt path is found before a run rather than after it. */
const summaryShape: Summary = {
  clients: { total: 0, completed: 0, unfinished: 0, failed: 0, left: 0 },
  completionSeconds: zeros,
  finishSeconds: finish,
  firstByteSeconds: { p50: 0, p99: 0 },
  bound: { which: 'download', at: finish, ratio: finish },
  bytes: {
    ...sources,
    ...{ delivered: 0, duplicate: 0, discarded: 0, partial: 0 },
    ...{ originToRelay: 0, relayToRelay: 0, peerToRelay: 0, originSent: 0 },
  },
  share: sources,
  origin: {
    peakBytesPerSecond: 0,
    peakConnections: 0,
    trafficMaxPerWindow: {},
    useWhileShort: 0,
    violations: 0,
    violationsAt: [],
  },
  fallback: { opened: 0, byReason: { slow: 0, stalled: 0, blocked: 0, overdue: 0 }, openSeconds: 0 },
  cost: { total: 0, ...sources, currency: '' },
  fairness: { jainCompletion: 0 },
  control: { messages: 0, bytes: 0 },
};

/** `completion`, … as a summary calls them, with the statistics it keeps. */
const times: Record<string, { field: string; statistics: readonly string[] }> = {
  completion: { field: 'completionSeconds', statistics: Object.keys(zeros) },
  firstByte: { field: 'firstByteSeconds', statistics: ['p50', 'p99'] },
  finish: { field: 'finishSeconds', statistics: Object.keys(finish) },
};

export function parseMetric(text: string, names: MetricNames = {}): Metric {
  const call = /^\s*([A-Za-z0-9.]+)\s*\(([^()]*)\)\s*$/.exec(text);
  if (call !== null) return timeMetric(call[1]!, call[2]!, names);
  const path = text.trim().replace(/^summary\./, '');
  if (!/^[A-Za-z0-9_.]+$/.test(path)) {
    throw new InvalidValue(
      `"${text.trim()}" is not a metric: such as p99(completion), or a path such as origin.violations`,
    );
  }
  return pathMetric(path, names);
}

function timeMetric(statistic: string, inside: string, names: MetricNames): Metric {
  const [what = '', member, ...more] = inside.split(',').map((part) => part.trim());
  const found = Object.hasOwn(times, what) ? times[what] : undefined;
  if (found === undefined) throw new InvalidValue(`unknown time "${what}": ${allowed(what, Object.keys(times))}`);
  const { field, statistics } = found;
  if (!statistics.includes(statistic)) {
    throw new InvalidValue(`"${statistic}" is not kept for ${what}: ${allowed(statistic, statistics)}`);
  }
  if (more.length > 0) throw new InvalidValue(`"${inside}" names more than one class or task`);
  if (member === undefined) {
    return { text: `${statistic}(${what})`, dimension: 'time', path: [field, statistic], member };
  }
  if (what !== 'completion') throw new InvalidValue(`only completion is kept for each class and task, not ${what}`);
  const { classes, tasks } = names;
  const known = [...(classes ?? []), ...(tasks ?? [])];
  if (classes !== undefined && !known.includes(member)) {
    throw new InvalidValue(`unknown class or task "${member}": ${allowed(member, known)}`);
  }
  return { text: `${statistic}(${what}, ${member})`, dimension: 'time', path: [field, statistic], member };
}

function pathMetric(text: string, { windows }: MetricNames): Metric {
  const path = text.split('.');
  if (text.startsWith('origin.trafficMaxPerWindow.')) {
    const window = path.slice(2).join('.');
    if (windows !== undefined && !windows.includes(window)) {
      throw new InvalidValue(`the contract has no window "${window}": ${allowed(window, windows)}`);
    }
    return { text, dimension: 'size', path: ['origin', 'trafficMaxPerWindow', window], member: undefined };
  }
  const paths = numberPaths(summaryShape, '');
  if (!paths.includes(text)) {
    const below = paths.filter((candidate) => candidate.startsWith(`${text}.`));
    const hint = below.length > 0 ? `; it holds ${below.join(', ')}` : didYouMean(text, [...paths, ...callExamples]);
    throw new InvalidValue(`"${text}" is not a number of the summary${hint}`);
  }
  return { text, dimension: dimensionOf(text), path, member: undefined };
}

const callExamples = ['p50(completion)', 'p95(completion)', 'p99(completion)', 'max(finish)'];

function numberPaths(shape: object, prefix: string): string[] {
  const paths: string[] = [];
  for (const [key, value] of Object.entries(shape)) {
    if (typeof value === 'number') paths.push(prefix + key);
    else if (typeof value === 'object' && !Array.isArray(value)) paths.push(...numberPaths(value, `${prefix}${key}.`));
  }
  return paths;
}

function dimensionOf(path: string): Dimension {
  if (/Seconds(\.|$)|^bound\.at\./.test(path)) return path.includes('PerSecond') ? 'rate' : 'time';
  if (/PerSecond$/.test(path)) return 'rate';
  if (/^bytes\.|\.bytes$/.test(path)) return 'size';
  return path.startsWith('share.') || path === 'origin.useWhileShort' ? 'share' : 'number';
}

/** The number that a result has under a metric's name; `null` where it has none. */
export function readMetric(result: Measured, metric: Metric | string): number | null {
  const { path, member } = typeof metric === 'string' ? parseMetric(metric) : metric;
  const named = ({ name }: { name: string }): boolean => name === member;
  let value: unknown =
    member === undefined ? result.summary : (result.byClass.find(named) ?? result.byTask?.find(named));
  for (const key of path) value = (value as Record<string, unknown> | null | undefined)?.[key];
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
