/** The numbers that can be an axis or a column: how they are named, read and written. */
import { formatBytes, formatRate, formatSeconds } from '#scenarios/format/units.ts';
import { formatCount, formatMoney, formatPercent } from '../format.ts';
import type { Result } from './read.ts';

export interface MetricKind {
  /** As expectations name it. */
  key: string;
  /** For an axis. */
  label: string;
  /** Within a sentence. */
  noun: string;
  show(value: number): string;
  /** What a smaller and a larger value are called; smaller is better unless `moreIsBetter`. */
  less: string;
  more: string;
  /** "2.1× the cost" */
  whole: string;
  moreIsBetter?: boolean;
  unit: 'time' | 'money' | 'rate' | 'bytes' | 'share' | 'factor' | 'count';
}

const time = { show: formatSeconds, less: 'faster', more: 'slower', whole: 'the time', unit: 'time' } as const;
const fewer = { less: 'less', more: 'more', whole: 'as much' };

export const metricKinds: readonly MetricKind[] = [
  { key: 'p50(completion)', label: 'Completion time, median', noun: 'p50', ...time },
  { key: 'p90(completion)', label: 'Completion time, 90 % done', noun: 'p90', ...time },
  { key: 'p95(completion)', label: 'Completion time, 95 % done', noun: 'p95', ...time },
  { key: 'p99(completion)', label: 'Completion time, 99 % done', noun: 'p99', ...time },
  { key: 'max(completion)', label: 'Completion time, last client', noun: 'last client', ...time },
  {
    key: 'cost.total',
    label: 'Cost',
    noun: 'cost',
    show: formatMoney,
    less: 'cheaper',
    more: 'dearer',
    whole: 'the cost',
    unit: 'money',
  },
  {
    key: 'origin.peakBytesPerSecond',
    label: 'Origin, peak rate',
    noun: 'origin peak',
    show: formatRate,
    unit: 'rate',
    ...fewer,
  },
  {
    key: 'bytes.originSent',
    label: 'Origin, bytes sent',
    noun: 'origin bytes',
    show: formatBytes,
    unit: 'bytes',
    ...fewer,
  },
  {
    key: 'origin.violations',
    label: 'Contract violated, seconds',
    noun: 'violations',
    show: (value) => `${formatCount(value)} s`,
    unit: 'count',
    ...fewer,
  },
  {
    key: 'bound.ratio.max',
    label: 'Last finish, multiple of the lower bound',
    noun: '× bound',
    show: (value) => `${Number(value.toPrecision(3))}×`,
    unit: 'factor',
    ...fewer,
  },
  {
    key: 'share.peer',
    label: 'Share of bytes from peers',
    noun: 'peer share',
    show: formatPercent,
    unit: 'share',
    moreIsBetter: true,
    ...fewer,
  },
];

export function metricKind(key: string): MetricKind {
  return metricKinds.find((each) => each.key === key) ?? unnamed(key);
}

function unnamed(key: string): MetricKind {
  const isTime = /completion|firstByte|finish|Seconds/.test(key);
  if (isTime) return { key, label: key, noun: key, ...time };
  return { key, label: key, noun: key, show: (value) => String(Number(value.toPrecision(3))), unit: 'count', ...fewer };
}

/** `p99(completion)` or a path below `summary`; `NaN` where there is no value. */
export function metricOf(result: Result, key: string): number {
  const call = /^(\w+)\((\w+)\)$/.exec(key);
  const path = call === null ? key.split('.') : [`${call[2]}Seconds`, call[1]!];
  let value: unknown = result.summary;
  for (const name of path) value = (value as Record<string, unknown> | undefined)?.[name];
  return typeof value === 'number' ? value : Number.NaN;
}
