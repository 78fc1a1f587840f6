import { suite } from 'uvu';
import { equal, is, ok } from 'uvu/assert';
import * as record from '#core/record.ts';
import { type DecisionRecord, describeDecision, sameDecision } from '#core/record.ts';

const test = suite('core/record');

const one: DecisionRecord = {
  atMilliseconds: 32_500,
  row: 7,
  policyVersion: 'hybrid@1',
  decision: {
    kind: 'fallback',
    reason: 'slow',
    tick: 32,
    shortBytesPerSecond: 900_000,
    longBytesPerSecond: 1_100_000,
    thresholdBytesPerSecond: 1_000_000,
    progressBytes: 5,
  },
};

test('lists of reasons: each once, in kebab case, within a byte', () => {
  const lists = Object.entries(record).filter(([name]) => name.endsWith('Reasons'));
  ok(lists.length >= 10);
  for (const [name, list] of lists) {
    const reasons = list as unknown as readonly string[];
    is(new Set(reasons).size, reasons.length, name);
    ok(reasons.length <= 256 && reasons.every((reason) => /^[a-z]+(-[a-z]+)*$/.test(reason)), name);
  }
});

test('positions that a stored trace relies on', () => {
  equal([...record.fallbackReasons], ['no-change', 'slow', 'stalled', 'blocked', 'overdue', 'recovered']);
  equal([...record.sourceKinds], ['origin', 'relay', 'peer']);
});

test('a record survives JSON, and every changed field is seen', () => {
  const copy = JSON.parse(JSON.stringify(one)) as DecisionRecord;
  is(sameDecision(one, copy), true);
  is(sameDecision(one, { ...copy, atMilliseconds: 32_501 }), false);
  is(sameDecision(one, { ...copy, row: 8 }), false);
  is(sameDecision(one, { ...copy, policyVersion: 'hybrid@2' }), false);
  for (const [name, value] of Object.entries(one.decision)) {
    const changed = { ...one.decision, [name]: typeof value === 'number' ? value + 1 : `${value}x` };
    is(sameDecision(one, { ...copy, decision: changed as DecisionRecord['decision'] }), false, name);
  }
  const { progressBytes: _, ...fewer } = { ...one.decision } as Record<string, unknown>;
  is(sameDecision(one, { ...copy, decision: fewer as unknown as DecisionRecord['decision'] }), false);
});

test('a line for people', () => is(describeDecision(one), '32.5 s  #7  fallback: slow'));

test.run();
