/** What the page says of results, against computations of its own kind: brute force, and planted effects. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Dataset, datasetOf } from '#viz/data/dataset.ts';
import { bestTrade, inWords, paretoSet, ranking } from '#viz/data/decision.ts';
import { metricKind } from '#viz/data/metrics.ts';
import { readContent } from '#viz/data/read.ts';
import { formatChange, formatCount, formatMoney, formatPercent } from '#viz/format.ts';
import { addressOf, type State, stateOf } from '#viz/store.ts';
import { explained } from '#viz/views/parameters-importance.ts';
import { tinyResult } from '../lab/tiny-result.ts';

const deciding = suite('deciding');

/** Policies with the given values, one seed each. */
function datasetWith(
  values: { p95: number | null; cost: number; violations?: number; unfinished?: number }[],
): Dataset {
  const results = values.map(({ p95, cost, violations = 0, unfinished = 0 }, index) => {
    const result = tinyResult(`policy-${index}`, 1);
    result.summary.completionSeconds.p95 = p95;
    result.summary.cost.total = cost;
    result.summary.origin.violations = violations;
    result.summary.clients.unfinished = unfinished;
    return result;
  });
  const comparison = { version: 1, kind: 'comparison', own: 'policy-0', baseline: 'policy-0', results };
  return datasetOf(readContent(JSON.stringify(comparison)) as never);
}

deciding('the Pareto set is what nobody beats in both', () => {
  const place = fc.integer({ min: 1, max: 12 });
  fc.assert(
    fc.property(fc.array(fc.tuple(place, place), { minLength: 1, maxLength: 12 }), (values) => {
      const data = datasetWith(values.map(([p95, cost]) => ({ p95, cost })));
      const all = values.map((_, point) => point);
      const found = paretoSet(data, all, 'p95(completion)', 'cost.total').map((point) => values[point]!.join());
      const beaten = ([a, b]: number[]) => values.some(([c, d]) => c! <= a! && d! <= b! && (c! < a! || d! < b!));
      const expected = new Set(values.filter((value) => !beaten(value)).map((value) => value.join()));
      assert.equal([...found].sort(), [...expected].sort());
    }),
    { numRuns: 60 },
  );
});

deciding('who keeps the contract and serves everybody comes first, whatever else is cheaper', () => {
  const data = datasetWith([
    { p95: 10, cost: 1, violations: 3 },
    { p95: 30, cost: 3 },
    { p95: null, cost: 0.5, unfinished: 2 },
    { p95: 20, cost: 3 },
  ]);
  assert.equal(ranking(data, [0, 1, 2, 3], 'p95(completion)', 'cost.total'), [3, 1, 0, 2]);
  assert.is(bestTrade(data, [1, 3], 'p95(completion)', 'cost.total'), 3);
});

deciding('a difference is stated only as far as the seeds tell it', () => {
  const results = ['a', 'b'].flatMap((policy) =>
    [1, 2, 3].map((seed) => {
      const result = tinyResult(policy, seed);
      // Cost: always a fifth less. Time: sometimes less, sometimes more.
      result.summary.cost.total = (policy === 'a' ? 0.8 : 1) * (9 + seed);
      result.summary.completionSeconds.p95 = policy === 'a' ? 10 + (seed - 2) * 4 : 10;
      return result;
    }),
  );
  const comparison = { version: 1, kind: 'comparison', own: 'b', baseline: 'b', results };
  const data = datasetOf(readContent(JSON.stringify(comparison)) as never);
  const cost = inWords(data, 0, 1, metricKind('cost.total'));
  assert.equal([cost.text, cost.better, cost.isCertain], ['20 % cheaper', 1, true]);
  const time = inWords(data, 0, 1, metricKind('p95(completion)'));
  assert.equal([time.text, time.better], ['no clear difference', 0]);
});

deciding('a planted knob explains what it was planted to, an idle one nothing', () => {
  const rows = 600;
  const active = Float64Array.from({ length: rows }, (_, row) => row % 5);
  const idle = Float64Array.from({ length: rows }, (_, row) => (row * 7919) % 601);
  const noise = Float64Array.from({ length: rows }, (_, row) => ((row * 104_729) % 997) / 997);
  const variance = (values: Float64Array) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / rows;
    return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / rows;
  };
  const outcome = active.map((value, row) => value + noise[row]!);
  const expected = variance(active) / (variance(active) + variance(noise));
  assert.ok(Math.abs(explained(active, outcome) - expected) < 0.02, `${explained(active, outcome)} for ${expected}`);
  assert.ok(explained(idle, outcome) < 0.03);
});

deciding('numbers are written for people', () => {
  assert.equal([1_234_567, 12_345, 0.4, 39.4, 7].map(formatCount), ['1.23 million', '12,345', '0.4', '39.4', '7']);
  assert.equal([0, 0.038_57, 0.2684, 12.345, 12_345].map(formatMoney), ['0', '0.039', '0.27', '12.35', '12,345']);
  assert.equal([0, 0.0004, 0.123, 0.0567, 1].map(formatPercent), ['0 %', '<0.1 %', '12 %', '5.7 %', '100 %']);
  assert.equal([-0.184, 0.006].map(formatChange), ['−18 %', '+0.6 %']);
});

deciding('an address brings the state back', () => {
  const initial: State = {
    ...{ focus: 0, seed: 0, selection: null, pinned: [], x: 'p95(completion)', y: 'cost.total', cursorSeconds: null },
    ...{ share: false, source: null, clock: false, client: 0, playSeconds: 0, left: -1, right: -1 },
  };
  const state: State = {
    ...initial,
    ...{ focus: 3, selection: new Set([1, 2]), pinned: [2], y: 'origin.violations', share: true, cursorSeconds: 12.5 },
  };
  assert.equal(stateOf(addressOf(state, initial), initial, 8), state);
  assert.is(addressOf(initial, initial), '');
  const odd = 'focus=99&pinned=x.99.1&selection=-1&share=maybe&cursorSeconds=NaN&unknown=1';
  assert.equal(stateOf(odd, initial, 8), { ...initial, pinned: [1] });
});

deciding.run();
