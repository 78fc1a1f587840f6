/** Statistics of sweeps against published values, closed forms, and the values of an independent tool (scipy 1.17). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Prng } from '#core/prng.ts';
import { intervalOf } from '#sim/lab/statistics.ts';
import { PooledCurves } from '#sim/lab/sweep/bootstrap.ts';
import { varianceShareOfTrials, varianceShares } from '#sim/lab/sweep/importance.ts';
import { bestFirst, crowdingOf, frontsOf, hypervolume } from '#sim/lab/sweep/pareto.ts';
import { looksOf, pairedP } from '#sim/lab/sweep/race.ts';
import { SobolSequence } from '#sim/lab/sweep/sobol-sampler.ts';
import { signedRank } from '#sim/lab/sweep/wilcoxon.ts';
import { normal } from './planted.ts';

const statistics = suite('statistics of sweeps');

const near = (found: number, wanted: number, tolerance: number): void =>
  assert.ok(Math.abs(found - wanted) <= tolerance, `${found}, not ${wanted}`);

statistics('Wilcoxon: the exact distribution gives the published critical values', () => {
  // Wilcoxon and Wilcox 1964: the largest sum of the smaller ranks that is significant, two-sided 0.05 and 0.01.
  const critical: [pairs: number, at5: number, at1: number][] = [
    [8, 3, 0],
    [10, 8, 3],
    [12, 13, 7],
    [15, 25, 15],
    [20, 52, 37],
    [25, 89, 68],
    [30, 137, 109],
  ];
  for (const [pairs, at5, at1] of critical) {
    for (const [sum, level] of [
      [at5, 0.05],
      [at1, 0.01],
    ] as const) {
      assert.ok(signedRank(withNegativeRanks(pairs, sum)).p <= level, `${pairs} pairs, ${sum}`);
      assert.ok(signedRank(withNegativeRanks(pairs, sum + 1)).p > level, `${pairs} pairs, ${sum + 1}`);
    }
  }
});

/** Differences of 1 … n, of which some are negative and add up to the sum. */
function withNegativeRanks(pairs: number, sum: number): number[] {
  let left = sum;
  const differences: number[] = [];
  for (let rank = pairs; rank >= 1; rank--) {
    const isNegative = rank <= left;
    if (isNegative) left -= rank;
    differences.push(isNegative ? -rank : rank);
  }
  assert.is(left, 0);
  return differences;
}

statistics('Wilcoxon: as scipy has it, exact and normal', () => {
  const values = [1.2, -0.3, 2.2, 0.7, -1.1, 3.4, 0.9, 1.8, -0.2, 2.6, 0.4, 1.5];
  const found = signedRank(values);
  near(found.p, 0.01611328125, 1e-12);
  assert.is(found.positiveRanks, 78 - 9);
  assert.equal(signedRank([0, 0]), { pairs: 0, positiveRanks: 0, p: 1 });
  const many = [
    0.646, 1.122, 0.63, -1.003, 1.205, 0.746, -0.237, 0.881, 0.665, 0.594, 0.328, 0.847, -0.436, 0.137, -0.182, 0.899,
    0.34, 0.008, -0.482, 0.043, 0.308, 0.024, 1.594, 1.307, -2.411, -1.589, 0.125, -0.122, 0.514, 0.517, 2.418, -0.812,
    -0.078, 2.343, 0.947, 0.963, -0.214, -1.348, 0.467, 0.409, -0.927, -0.383, 0.228, -0.645, 0.202, 0.395, 0.336,
    -0.206, 0.894, 1.191, 0.621, -0.518, 1.032, -0.201, 1.179, -0.772, 1.214, 0.28, -0.949, -0.014,
  ];
  near(signedRank(many).p, 0.015281075670749017, 1e-6);
});

statistics('the paired test of races is the one of scipy', () => {
  const p = pairedP([5.1, 4.8, 6.2, 5.5, 5.9], [4.2, 4.6, 5.1, 5.3, 5.0]);
  near(p, 0.013028716661492308, 1e-10);
  assert.is(pairedP([2, 3], [1, 2]), 0);
  assert.is(pairedP([1, 2], [1, 2]), 1);
  assert.equal(looksOf(4, 10), [4, 6, 8]);
  assert.equal(looksOf(6, 7), [6]);
});

statistics('fronts, crowding and hypervolume by hand', () => {
  const points = [
    [1, 5],
    [2, 3],
    [4, 1],
    [3, 4],
    [5, 5],
  ].map((objectives) => ({ objectives, feasible: true }));
  assert.equal(frontsOf(points), [0, 0, 0, 1, 2]);
  assert.equal(crowdingOf(points.slice(0, 3)), [Infinity, 2, Infinity]);
  assert.equal(bestFirst([...points, { objectives: [0, 0], feasible: false }]).slice(-1), [5]);
  // (6−1)·(6−5) + (6−2)·(5−3) + (6−4)·(3−1)
  assert.is(
    hypervolume(
      [
        [1, 5],
        [2, 3],
        [4, 1],
        [3, 4],
      ],
      [6, 6],
    ),
    5 + 8 + 4,
  );
  // A cube of 2³ with a corner of 1³ more on one side.
  assert.is(
    hypervolume(
      [
        [1, 1, 1],
        [0, 2, 2],
      ],
      [3, 3, 3],
    ),
    8 + 1,
  );
  assert.is(hypervolume([[7, 1]], [6, 6]), 0);
  // Points on 1 − √x: the area above the curve, below 1, is 1/3 … from below by steps.
  const front = Array.from({ length: 2001 }, (_, index) => [index / 2000, 1 - Math.sqrt(index / 2000)]);
  near(hypervolume(front, [1, 1]), 2 / 3, 1e-3);
});

statistics('variance shares: first-order indices of the Ishigami function', () => {
  // Ishigami and Homma 1990 with a = 7, b = 0.1: S1 = 0.3139, S2 = 0.4424, S3 = 0; a fourth knob does nothing.
  const sequence = new SobolSequence(4);
  const points = Array.from({ length: 4096 }, () => [...sequence.next()].map((bits) => bits / 2 ** 32));
  const values = points.map((point) => {
    const [a, b, c] = point.map((value) => (2 * value - 1) * Math.PI) as [number, number, number];
    return Math.sin(a) + 7 * Math.sin(b) ** 2 + 0.1 * c ** 4 * Math.sin(a);
  });
  const shares = varianceShares(Array(4).fill({ ordered: true }), points, values, 1);
  for (const [index, wanted] of [0.3139, 0.4424, 0, 0].entries()) near(shares[index]!.share, wanted, 0.02);
  assert.ok(shares[0]!.p < 0.01 && shares[1]!.p < 0.01 && shares[3]!.p > 0.05);
});

statistics('variance share of the only knob: blocks by seed, by hand', () => {
  // Seeds differ by 100, trials by 1: centred by seed, the groups are {−1 − d, −1 + d}, {d, −d}, {1, 1} with d = 0.1;
  // between 4, within 0.04 with 3 degrees: (4 − 2 · 0.04 / 3) / 4.04.
  const share = varianceShareOfTrials(
    [
      [-1.1, 98.9 + 0.2],
      [0.1, 99.9],
      [1, 101],
    ],
    1,
  );
  near(share.share, (4 - (2 * 0.04) / 3) / 4.04, 1e-9);
  const twenty = (shift: number) => Array.from({ length: 20 }, (_, seed) => seed * 1000 + ((seed * 7919) % 13) + shift);
  assert.ok(varianceShareOfTrials([twenty(0), twenty(1), twenty(2)], 1).p < 0.01);
  assert.is(varianceShareOfTrials([twenty(0), twenty(0), twenty(0)], 1).share, 0);
  const noise = (trial: number) => Array.from({ length: 20 }, (_, seed) => (seed * 7919 + trial * 104_729) % 101);
  assert.ok(varianceShareOfTrials([noise(1), noise(2), noise(3)], 1).p > 0.05);
});

statistics('variance shares: ε² of a table by hand, and of values that do not vary', () => {
  // Groups {1, 2, 3} and {5, 6, 7}: between 24, within 4 with 4 degrees: (24 − 1·1) / 28.
  const points = [0.25, 0.25, 0.25, 0.75, 0.75, 0.75].map((value) => [value]);
  const [share] = varianceShares([{ levels: 2, ordered: true }], points, [1, 2, 3, 5, 6, 7], 1);
  near(share!.share, 23 / 28, 1e-12);
  const [none] = varianceShares([{ levels: 2, ordered: true }], points, Array(6).fill(45.533), 1);
  assert.is(none!.share, 0);
});

/** Share of intervals over 30 seeds that hold the truth; a chance of its own, or one run in fifty would fail. */
function coverage(interval: (prng: Prng) => { low: number; high: number }, truth: number, rounds: number): number {
  const prng = new Prng(1, 'coverage');
  let hits = 0;
  for (let round = 0; round < rounds; round++) {
    const { low, high } = interval(prng);
    if (low <= truth && truth <= high) hits++;
  }
  return hits / rounds;
}

statistics('95 % intervals of means over 30 seeds hold the truth as often as they say', () => {
  const share = coverage(
    (prng) => {
      const { low, high } = intervalOf(Array.from({ length: 30 }, () => 10 + 2 * normal(prng)))!;
      return { low: low!, high: high! };
    },
    10,
    4000,
  );
  console.log(`coverage of t intervals: ${(share * 100).toFixed(1)} %`);
  assert.ok(share >= 0.93 && share <= 0.97, `${share}`);
});

statistics('95 % intervals of pooled quantiles by bootstrap over 30 seeds hold the truth as often as they say', () => {
  // A seed shifts all of its clients, whose times are uniform on [0, 1): with even shifts the pooled median is 0.5.
  const share = coverage(
    (prng) => {
      const curves = Array.from({ length: 30 }, () => {
        const shift = 0.1 * normal(prng);
        return Array.from({ length: 21 }, (_, index) => [index / 20, shift + index / 20] as const);
      });
      return new PooledCurves(curves).interval(0.5, prng);
    },
    0.5,
    1000,
  );
  console.log(`coverage of bootstrap intervals: ${(share * 100).toFixed(1)} %`);
  assert.ok(share >= 0.93 && share <= 0.97, `${share}`);
});

statistics('a pooled quantile is that of all clients together', () => {
  const one = [
    [0, 1],
    [0.5, 2],
    [1, 3],
  ] as const;
  const other = [
    [0, 11],
    [0.5, 12],
    [1, 13],
  ] as const;
  assert.is(new PooledCurves([one, other]).quantile(0.5), 3);
  assert.is(new PooledCurves([one, other]).quantile(0.75), 12);
  assert.is(new PooledCurves([[[0.4, 5]], [[0.4, 6]]]).quantile(0.5), null);
  assert.is(new PooledCurves([]).quantile(0.5), null);
});

statistics.run();
