import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Contender, comparisonOf } from '#sim/lab/comparison.ts';
import { comparisonText } from '#sim/lab/comparison-text.ts';
import { verdictOf } from '#sim/lab/verdict.ts';
import { tinyResult } from './tiny-result.ts';

const verdict = suite('verdict');

interface Numbers {
  p50?: number | number[];
  p99: number | number[];
  cost: number;
  unfinished?: number;
  violations?: number;
}

/** A real result with the numbers of a tale. */
function contender(policy: string, { p50 = 10, p99, cost, unfinished = 0, violations = 0 }: Numbers): Contender {
  const each = Array.isArray(p99) ? p99 : [p99, p99 + 1, p99 - 1];
  const results = each.map((seconds, index) => {
    const result = tinyResult(policy, index);
    const { summary } = result;
    summary.clients = { total: 100, completed: 100 - unfinished, unfinished, failed: 0, left: 0 };
    summary.completionSeconds.p50 = Array.isArray(p50) ? p50[index]! : p50;
    summary.completionSeconds.p99 = unfinished > 0 ? null : seconds;
    summary.completionSeconds.max = summary.completionSeconds.p99;
    summary.cost.total = cost;
    summary.origin.violations = violations;
    return result;
  });
  return { policy, results };
}

verdict('names the winner, its margin, and what others do better at which price', () => {
  const text = verdictOf(
    [
      contender('hybrid', { p50: 100, p99: 351, cost: 10 }),
      contender('cdn', { p50: 300, p99: 985, cost: 21.74 }),
      contender('kraken-like', { p50: 97, p99: 0, cost: 12, unfinished: 20 }),
    ],
    'hybrid',
  );
  assert.is(
    text,
    "hybrid: 2.8× faster than cdn at p99 (5m 51s against 16m 25s), costs 54 % less, keeps the origin's contract; " +
      'kraken-like is 3 % faster at p50 but leaves 20 % of the clients unfinished.',
  );
});

verdict(
  'a policy that leaves clients unfinished never wins, nor one that breaks the contract if another keeps it',
  () => {
    const slow = contender('slow', { p99: 1000, cost: 10 });
    const rash = contender('rash', { p99: 10, cost: 1, violations: 5 });
    const torn = contender('torn', { p99: 1, cost: 1, unfinished: 1 });
    assert.match(verdictOf([torn, rash, slow], 'slow'), /^slow: 100× slower than rash at p99 .*, which rash breaks;/);
    assert.match(verdictOf([torn, rash], 'torn'), /^rash: the only one that serves every client, .*breaks the origin/);
    assert.match(verdictOf([torn], 'torn'), /^torn: leaves 1 % of the clients unfinished, .*nothing to compare/);
  },
);

verdict('the scenario’s own policy is not let off', () => {
  const text = verdictOf(
    [
      contender('mine', { p50: 30, p99: 300, cost: 30 }),
      contender('best', { p99: 100, cost: 10 }),
      contender('next', { p99: 110, cost: 10 }),
    ],
    'mine',
  );
  assert.match(text, /^best: 9\.1 % faster than next/);
  assert.match(text, /the scenario's own policy, mine, is 3\.0× slower at p99 and costs 3\.0× as much/);
});

verdict('chance is not taken for a difference', () => {
  const text = verdictOf(
    [contender('a', { p99: [100, 110, 90], cost: 10 }), contender('b', { p99: [105, 95, 106], cost: 10 })],
    'a',
  );
  assert.match(text, /^a: as fast at p99 as b .*, costs as much, .*no other policy is faster or cheaper\.$/);
});

verdict('unfinished clients stand in the table, and no line is too wide', () => {
  const comparison = comparisonOf(
    [
      contender('hybrid', { p99: 12_345, cost: 1_234_567.8 }),
      contender('delivery-optimization-like', { p99: 1, cost: 0.00012, unfinished: 20, violations: 12_345 }),
    ],
    'hybrid',
  );
  const text = comparisonText(comparison);
  assert.match(text, /delivery-optimization-like +20 \(20 %\) .* — .* —/);
  assert.match(text, /^> hybrid +0 +10 s/m);
  assert.match(text, /Verdict: hybrid: the only one that serves every client/);
  for (const line of text.split('\n')) assert.ok([...line].length <= 120, line);
  const row = comparison.table[1]!;
  assert.is(row.metrics['p99(completion)'], null);
  assert.is(row.metrics['clients.unfinished']!.mean, 20);
  assert.is(row.difference!['p99(completion)'], null);
});

verdict.run();
