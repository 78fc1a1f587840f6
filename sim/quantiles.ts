/** What a column of sorted values amounts to: nearest-rank quantiles, fairness, a cumulative curve. */
import { quantileRank } from '#scenarios/format/bounds.ts';
import type { FinishQuantiles, Quantiles } from '#scenarios/format/result.ts';

const curvePoints = 100;

/** Nearest rank; null where it falls on one that never got there. */
export function at(sorted: Float64Array, share: number): number | null {
  if (sorted.length === 0) return null;
  const value = sorted[quantileRank(share, sorted.length) - 1];
  return Number.isFinite(value) ? value : null;
}

export function quantiles(sorted: Float64Array): FinishQuantiles {
  return { p50: at(sorted, 0.5), p95: at(sorted, 0.95), p99: at(sorted, 0.99), max: at(sorted, 1) };
}

export function allQuantiles(sorted: Float64Array): Quantiles {
  let sum = 0;
  for (const value of sorted) sum += value;
  const mean = sorted.length === 0 || !Number.isFinite(sum) ? null : sum / sorted.length;
  return { ...quantiles(sorted), p90: at(sorted, 0.9), p999: at(sorted, 0.999), mean };
}

/** Jain's index of fairness, (Σx)² / (n Σx²), over those who finished. */
export function jain(completion: Float64Array): number | null {
  let sum = 0;
  let squares = 0;
  let count = 0;
  for (const value of completion) {
    if (!Number.isFinite(value)) break;
    sum += value;
    squares += value * value;
    count++;
  }
  return count === 0 || squares === 0 ? null : (sum * sum) / (count * squares);
}

export function curve(completion: Float64Array): [number, number][] {
  const points: [number, number][] = [];
  for (let point = 1; point <= curvePoints; point++) {
    const share = point / curvePoints;
    const value = at(completion, share);
    if (value !== null) points.push([share, value]);
  }
  return points;
}
