/** The cumulative curve of a policy: mean over its seeds at each share, with the fastest and the slowest seed. */
import type { Dataset, Run } from '#viz/data/dataset.ts';

export interface Curve {
  name: string;
  point: number;
  /** Rising, of all clients that stayed. */
  share: Float64Array;
  seconds: Float64Array;
  low: Float64Array;
  high: Float64Array;
  isBand: boolean;
}

export function curveOf(data: Dataset, point: number, clock: boolean): Curve {
  const runs = data.runsOf[point]!.map((index) => data.runs[index]!);
  const curves = runs.map((run) => (clock ? onClock(run) : run.cdf));
  // What all seeds reach; a share that one seed never reaches has no mean.
  const shares = [...(curves[0]?.share ?? [])].filter((share) => curves.every((curve) => reaches(curve, share)));
  const columns = shares.map((share) => curves.map((curve) => at(curve, share)));
  return {
    name: data.labels[point]!,
    point,
    share: Float64Array.from(shares),
    seconds: Float64Array.from(columns, (values) => values.reduce((sum, value) => sum + value, 0) / values.length),
    low: Float64Array.from(columns, (values) => Math.min(...values)),
    high: Float64Array.from(columns, (values) => Math.max(...values)),
    isBand: runs.length > 1,
  };
}

interface Quantiles {
  share: Float64Array;
  seconds: Float64Array;
}

function onClock({ series, result }: Run): Quantiles {
  const stayed = result.summary.clients.total - result.summary.clients.left;
  const share: number[] = [];
  const seconds: number[] = [];
  for (let percent = 1, row = 0; percent <= 100; percent++) {
    while (row < series.completed.length && series.completed[row]! < (percent / 100) * stayed - 1e-9) row++;
    if (row === series.completed.length) break;
    share.push(percent / 100);
    seconds.push(series.time[row]!);
  }
  return { share: Float64Array.from(share), seconds: Float64Array.from(seconds) };
}

function reaches({ share, seconds }: Quantiles, wanted: number): boolean {
  const row = rowOf(share, wanted);
  return row < share.length && Number.isFinite(seconds[row]!);
}

function at({ share, seconds }: Quantiles, wanted: number): number {
  return seconds[rowOf(share, wanted)]!;
}

function rowOf(share: Float64Array, wanted: number): number {
  let row = 0;
  while (row < share.length && share[row]! < wanted - 1e-9) row++;
  return row;
}

/** When this share had the file; `null` if it never had. */
export function secondsAt({ share, seconds }: Quantiles, wanted: number): number | null {
  const row = rowOf(share, wanted);
  return row < share.length ? seconds[row]! : null;
}
