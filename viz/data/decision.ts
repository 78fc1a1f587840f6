/** Who is ahead: the Pareto set, the order of the ranking, and differences in words. */
import { holdsZero } from '#sim/lab/statistics.ts';
import { formatChange, formatPercent } from '../format.ts';
import type { Dataset } from './dataset.ts';
import { type MetricKind, metricKind } from './metrics.ts';

/** A policy that serves everybody and keeps the contract, or a trial that keeps every constraint. */
export function qualifies(data: Dataset, point: number): boolean {
  return data.unserved[point] === 0 && data.broken[point] === 0;
}

export function pointsWhere(data: Dataset, holds: (point: number) => boolean): number[] {
  const found: number[] = [];
  for (let point = 0; point < data.count; point++) if (holds(point)) found.push(point);
  return found;
}

/** As a smaller value is the better one. */
function valueIn(data: Dataset, key: string): (point: number) => number {
  const { mean } = data.column(key);
  const sign = metricKind(key).moreIsBetter ? -1 : 1;
  return (point) => sign * mean[point]!;
}

/** Points that no other one beats in both metrics, from the best in `x` on. */
export function paretoSet(data: Dataset, candidates: number[], x: string, y: string): number[] {
  const xOf = valueIn(data, x);
  const yOf = valueIn(data, y);
  const sorted = candidates
    .filter((point) => Number.isFinite(xOf(point)) && Number.isFinite(yOf(point)))
    .sort((left, right) => xOf(left) - xOf(right) || yOf(left) - yOf(right));
  const front: number[] = [];
  let best = Infinity;
  for (const point of sorted) {
    if (yOf(point) >= best) continue;
    best = yOf(point);
    front.push(point);
  }
  return front;
}

export function bestBy(data: Dataset, candidates: number[], key: string): number {
  const of = valueIn(data, key);
  return bestOf(candidates, of);
}

/** Half of the one is worth twice the other; a metric that is free or absent does not count. */
export function bestTrade(data: Dataset, candidates: number[], x: string, y: string): number {
  const xs = data.column(x).mean;
  const ys = data.column(y).mean;
  return bestOf(candidates, (point) => xs[point]! * (ys[point] === 0 ? 1 : ys[point]!));
}

function bestOf(candidates: number[], of: (point: number) => number): number {
  let best = -1;
  for (const point of candidates) {
    if (Number.isFinite(of(point)) && (best === -1 || of(point) < of(best))) best = point;
  }
  return best;
}

/** Those who qualify first, then those who serve everybody; within a group by the trade-off. */
export function ranking(data: Dataset, points: number[], x: string, y: string): number[] {
  const xs = data.column(x).mean;
  const ys = data.column(y).mean;
  const group = (point: number) => (data.unserved[point]! > 0 ? 2 : data.broken[point]! > 0 ? 1 : 0);
  const score = (point: number) => {
    const value = xs[point]! * (ys[point] === 0 ? 1 : ys[point]!);
    return Number.isNaN(value) ? Infinity : value;
  };
  const difference = (left: number, right: number) => (score(left) === score(right) ? 0 : score(left) - score(right));
  return points.toSorted((left, right) => group(left) - group(right) || difference(left, right) || left - right);
}

export interface Words {
  /** "53 % slower", "no clear difference". */
  text: string;
  /** "39 to 67 %", where the seeds give one. */
  range: string;
  isCertain: boolean;
  better: -1 | 0 | 1;
}

/** How `left` stands to `right`, with its 95 % interval. */
export function inWords(data: Dataset, left: number, right: number, kind: MetricKind): Words {
  const found = data.difference(left, right, kind.key);
  if (found === null) return { text: 'no value', range: '', isCertain: false, better: 0 };
  const { mean, low, high } = found;
  const bounded = low !== null && high !== null;
  const range = bounded ? `${formatChange(low)} to ${formatChange(high)}` : '';
  if (mean === 0 && low === high) return { text: 'the same', range: '', isCertain: bounded, better: 0 };
  if (bounded && holdsZero(found)) return { text: 'no clear difference', range, isCertain: false, better: 0 };
  const isLess = mean < 0;
  const better = isLess === !kind.moreIsBetter ? 1 : -1;
  return { text: amount(mean, isLess ? kind.less : kind.more, kind.whole), range, isCertain: bounded, better };
}

/** "53 % slower"; from double on a factor reads better: "2.1× the time". */
function amount(change: number, word: string, whole: string): string {
  const factor = 1 + change;
  if (factor >= 2) return `${Number(factor.toPrecision(factor < 10 ? 2 : 3))}× ${whole}`;
  return `${formatPercent(Math.abs(change))} ${word}`;
}
