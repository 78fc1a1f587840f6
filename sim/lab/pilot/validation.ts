/** Measured runs held against simulated ones of the same scenario. */
import { readMetric } from '#scenarios/format/expectation.ts';
import type { LabResult } from '../execute.ts';
import { holdsZero, type Interval, intervalOf, tQuantile } from '../statistics.ts';
import type { PilotResult } from './pilot.ts';

/** How an error is said: as a share of what was measured, in points of a share, or as a difference. */
export const errorKinds = {
  'p50(completion)': 'relative',
  'p95(completion)': 'relative',
  'max(completion)': 'relative',
  'p50(firstByte)': 'relative',
  'share.origin': 'points',
  'share.relay': 'points',
  'share.peer': 'points',
  'bytes.originSent': 'relative',
  'origin.peakBytesPerSecond': 'relative',
  'fallback.opened': 'difference',
} as const;

export type ValidatedMetric = keyof typeof errorKinds;
export const validatedMetrics = Object.keys(errorKinds) as ValidatedMetric[];

export interface ValidatedRow {
  metric: ValidatedMetric;
  measured: Interval | null;
  simulated: Interval | null;
  /** Of the simulated mean; null where there is nothing to hold it against. */
  error: number | null;
}

/** One scenario under one policy. */
export interface Validation {
  scenario: string;
  policy: string;
  /** Set aside before the model was touched. */
  isHoldout: boolean;
  /** Runs in which the machine was too busy; they are in none of the figures. */
  rejected: number;
  measured: PilotResult[];
  simulated: LabResult[];
  rows: ValidatedRow[];
}

export function validationRows(measured: readonly LabResult[], simulated: readonly LabResult[]): ValidatedRow[] {
  return validatedMetrics.map((metric) => {
    const [there, here] = [measured, simulated].map((results) =>
      intervalOf(results.map((result) => readMetric(result, metric))),
    );
    const row = { metric, measured: there ?? null, simulated: here ?? null };
    return { ...row, error: errorOf(row) };
  });
}

function errorOf({ metric, measured, simulated }: Omit<ValidatedRow, 'error'>): number | null {
  if (measured === null || simulated === null) return null;
  const difference = simulated.mean - measured.mean;
  if (errorKinds[metric] !== 'relative') return difference;
  return measured.mean === 0 ? null : difference / measured.mean;
}

/** Whether one policy is above another, in fact and as predicted. */
export interface OrderedPair {
  scenario: string;
  isHoldout: boolean;
  metric: 'p50(completion)' | 'bytes.originSent';
  policies: [string, string];
  /** Second less first. */
  measured: number;
  simulated: number;
  /** The measured difference exceeds its 95 % interval. */
  isCertain: boolean;
  isRight: boolean;
}

/** Every pair of policies of each scenario. */
export function orderedPairs(validations: readonly Validation[]): OrderedPair[] {
  const pairs: OrderedPair[] = [];
  for (const [index, first] of validations.entries()) {
    for (const second of validations.slice(index + 1)) {
      if (second.scenario !== first.scenario) continue;
      for (const metric of ['p50(completion)', 'bytes.originSent'] as const) {
        const pair = pairOf(first, second, metric);
        if (pair !== undefined) pairs.push(pair);
      }
    }
  }
  return pairs;
}

function pairOf(first: Validation, second: Validation, metric: OrderedPair['metric']): OrderedPair | undefined {
  const means = (results: readonly LabResult[]) => results.map((result) => readMetric(result, metric));
  const measured = differenceOf(means(first.measured), means(second.measured));
  const simulated = differenceOf(means(first.simulated), means(second.simulated));
  if (measured === null || simulated === null) return undefined;
  return {
    scenario: first.scenario,
    isHoldout: first.isHoldout,
    metric,
    policies: [first.policy, second.policy],
    measured: measured.mean,
    simulated: simulated.mean,
    isCertain: measured.low !== null && !holdsZero(measured),
    isRight: Math.sign(measured.mean) === Math.sign(simulated.mean),
  };
}

/** Of the means of two independent samples, after Welch. */
function differenceOf(first: readonly (number | null)[], second: readonly (number | null)[]): Interval | null {
  const [one, other] = [momentsOf(first), momentsOf(second)];
  if (one === null || other === null) return null;
  const mean = other.mean - one.mean;
  if (one.count < 2 || other.count < 2) return { mean, low: null, high: null };
  const [a, b] = [one.variance / one.count, other.variance / other.count];
  if (a + b === 0) return { mean, low: mean, high: mean };
  const degrees = (a + b) ** 2 / (a ** 2 / (one.count - 1) + b ** 2 / (other.count - 1));
  const half = tQuantile(0.975, Math.max(1, Math.floor(degrees))) * Math.sqrt(a + b);
  return { mean, low: mean - half, high: mean + half };
}

function momentsOf(values: readonly (number | null)[]): { count: number; mean: number; variance: number } | null {
  if (values.length === 0 || values.includes(null)) return null;
  const known = values as readonly number[];
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  const squares = known.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { count: known.length, mean, variance: known.length < 2 ? 0 : squares / (known.length - 1) };
}

/** Absolute errors of one metric over scenarios and policies. */
export function absoluteErrors(validations: readonly Validation[], metric: ValidatedMetric): number[] {
  return validations
    .map(({ rows }) => rows.find((row) => row.metric === metric)?.error ?? null)
    .filter((error) => error !== null)
    .map(Math.abs)
    .sort((left, right) => left - right);
}

export function median(sorted: readonly number[]): number | null {
  if (sorted.length === 0) return null;
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}
