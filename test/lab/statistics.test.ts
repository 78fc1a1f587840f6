import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { holdsZero, intervalOf, pairedDifference, tDistribution, tQuantile } from '#sim/lab/statistics.ts';

const statistics = suite('statistics');

/** NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2: upper critical values, three decimals. */
const published: [degrees: number, ...values: number[]][] = [
  [1, 3.078, 6.314, 12.706, 31.821, 63.657],
  [2, 1.886, 2.92, 4.303, 6.965, 9.925],
  [3, 1.638, 2.353, 3.182, 4.541, 5.841],
  [4, 1.533, 2.132, 2.776, 3.747, 4.604],
  [5, 1.476, 2.015, 2.571, 3.365, 4.032],
  [9, 1.383, 1.833, 2.262, 2.821, 3.25],
  [10, 1.372, 1.812, 2.228, 2.764, 3.169],
  [19, 1.328, 1.729, 2.093, 2.539, 2.861],
  [29, 1.311, 1.699, 2.045, 2.462, 2.756],
  [30, 1.31, 1.697, 2.042, 2.457, 2.75],
  [60, 1.296, 1.671, 2.0, 2.39, 2.66],
  [100, 1.29, 1.66, 1.984, 2.364, 2.626],
];
const probabilities = [0.9, 0.95, 0.975, 0.99, 0.995];

statistics('quantiles of t are those of the published table', () => {
  for (const [degrees, ...values] of published) {
    for (const [column, value] of values.entries()) {
      const found = tQuantile(probabilities[column]!, degrees);
      assert.ok(Math.abs(found - value) <= 0.00051, `t(${probabilities[column]}, ${degrees}) = ${found}, not ${value}`);
    }
  }
});

statistics('with many degrees of freedom t is normal', () => {
  assert.ok(Math.abs(tQuantile(0.975, 1e7) - 1.959964) < 1e-5);
});

statistics('closed forms for one and two degrees of freedom', () => {
  for (const value of [-30, -2, -0.1, 0.1, 0.5, 1, 7, 100]) {
    const one = 0.5 + Math.atan(value) / Math.PI;
    const two = 0.5 + value / (2 * Math.sqrt(2 + value * value));
    assert.ok(Math.abs(tDistribution(value, 1) - one) < 1e-12, `df 1 at ${value}`);
    assert.ok(Math.abs(tDistribution(value, 2) - two) < 1e-12, `df 2 at ${value}`);
  }
});

statistics('the quantile is the inverse of the distribution, and symmetric', () => {
  for (const degrees of [1, 2, 7, 40, 1000]) {
    for (const probability of [0.5, 0.51, 0.8, 0.975, 0.9999]) {
      const value = tQuantile(probability, degrees);
      assert.ok(Math.abs(tDistribution(value, degrees) - probability) < 1e-12);
      assert.ok(Math.abs(tQuantile(1 - probability, degrees) + value) < 1e-9 * Math.max(1, value));
    }
  }
});

statistics('an interval as by hand', () => {
  // Mean 3, standard deviation √2.5, t(0.975, 4) = 2.776445.
  const { mean, low, high } = intervalOf([1, 2, 3, 4, 5])!;
  const half = 2.776445105 * Math.sqrt(2.5 / 5);
  assert.is(mean, 3);
  assert.ok(Math.abs(low! - (3 - half)) < 1e-8);
  assert.ok(Math.abs(high! - (3 + half)) < 1e-8);
});

statistics('one value has no interval, and a missing value leaves none', () => {
  assert.equal(intervalOf([4]), { mean: 4, low: null, high: null });
  assert.is(intervalOf([4, null]), null);
  assert.is(intervalOf([]), null);
  assert.equal(intervalOf([2, 2, 2]), { mean: 2, low: 2, high: 2 });
});

statistics('what the seeds share cancels in a paired difference', () => {
  const baseline = [100, 200, 300];
  const difference = pairedDifference([90, 190, 290], baseline)!;
  assert.ok(Math.abs(difference.mean + 0.05) < 1e-12);
  assert.ok(Math.abs(difference.high! - difference.low!) < 1e-12);
  assert.not.ok(holdsZero(difference));
  assert.ok(holdsZero(pairedDifference([90, 210, 300], baseline)!));
  assert.is(pairedDifference([1, null], [1, 1]), null);
  assert.is(pairedDifference([1, 1], [0, 0]), null);
});

statistics.run();
