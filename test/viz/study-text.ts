/** A study file of any size in the shape of `sweep export`; its numbers are drawn, its dependence is known. */
import { Prng } from '#core/prng.ts';

export function studyText(trials: number): string {
  const prng = new Prng(1, 'trials');
  const thresholds = ['256KiB/s', '512KiB/s', '1MiB/s', '2MiB/s'];
  const trial = (number: number) => {
    const place = Math.floor(prng.real() * thresholds.length);
    const relays = 1 + Math.floor(prng.real() * 8);
    const hold = (5 + prng.real() * 55).toFixed(1);
    const seconds = (900 / relays ** 0.6) * (1.2 - 0.08 * place) * (0.95 + prng.real() * 0.1);
    const cost = 20 + relays * 4 + place * 2 + prng.real();
    const interval = (mean: number) => ({ mean, low: mean * 0.96, high: mean * 1.04 });
    return {
      number,
      values: {
        'policy.fallback.threshold': thresholds[place],
        'policy.fallback.hold': `${hold}s`,
        'relays.eu-relay.count': relays,
      },
      fate: prng.real() < 0.1 ? 'violates' : 'complete',
      metrics: { 'p95(completion)': interval(seconds), 'cost.total': interval(cost) },
      difference: {},
      reasons: [],
      runs: [],
    };
  };
  return JSON.stringify({
    version: 1,
    kind: 'study',
    name: 'tune-fallback',
    manifest: { scenario: 'office-and-mobile', seeds: [1, 2, 3, 4, 5] },
    objectives: ['minimize p95(completion)', 'minimize cost.total'],
    constraints: ['origin.violations == 0'],
    baseline: { ...trial(0), values: {}, fate: 'complete' },
    trials: Array.from({ length: trials }, (_, index) => trial(index + 1)),
    recommended: null,
    importance: [],
  });
}
