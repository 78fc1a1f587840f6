/** Comparisons whose numbers are planted into one real result, for what a small simulation does not happen to show. */
import { tinyResult } from '../lab/tiny-result.ts';

const planted = [
  { policy: 'hybrid', p95: 20, cost: 3, violations: 0 },
  { policy: 'p2p-cdn', p95: 15, cost: 5, violations: 0 },
  { policy: 'cdn', p95: 30, cost: 6, violations: 0 },
  { policy: 'p2p', p95: 45, cost: 1.5, violations: 0 },
  { policy: 'kraken-like', p95: 12, cost: 2, violations: 4 },
];

/** Three seeds each, around the planted values. */
export function plantedComparison(): string {
  const results = planted.flatMap(({ policy, p95, cost, violations }) =>
    [1, 2, 3].map((seed) => {
      const result = tinyResult(policy, seed);
      result.summary.completionSeconds.p95 = p95 + (seed - 2) * 0.5;
      result.summary.cost.total = cost * (1 + (seed - 2) * 0.02);
      Object.assign(result.summary.origin, { violations, peakBytesPerSecond: 10e6 });
      return result;
    }),
  );
  return JSON.stringify({ version: 1, kind: 'comparison', own: 'hybrid', baseline: 'hybrid', verdict: '', results });
}
