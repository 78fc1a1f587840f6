import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InvalidValue } from '#scenarios/format/error.ts';
import { evaluateExpectation, parseExpectation } from '#scenarios/format/expectation.ts';
import { type Measured, readMetric } from '#scenarios/format/metric.ts';
import type { ClassSummary, Quantiles, Summary } from '#scenarios/format/result.ts';

const expectations = suite('expectation');

const seconds: Quantiles = { p50: 10, p90: 20, p95: 30, p99: 40, p999: null, max: null, mean: 15 };
const counts = { total: 5, completed: 4, unfinished: 1, failed: 0, left: 0 };
const bytes = { origin: 1e9, relay: 2e9, peer: 3e9, delivered: 5e9, duplicate: 1e9, discarded: 0, partial: 0 };
const summary: Summary = {
  clients: counts,
  completionSeconds: seconds,
  finishSeconds: { p50: 11, p95: 31, p99: 41, max: 51 },
  firstByteSeconds: { p50: 0.1, p99: 0.4 },
  bound: { which: 'source', at: { p50: 5, p95: 6, p99: 7, max: 8 }, ratio: { p50: 2, p95: 2, p99: 2, max: null } },
  bytes: { ...bytes, originToRelay: 0, relayToRelay: 0, peerToRelay: 0, originSent: 1e9 },
  share: { origin: 0.2, relay: 0.3, peer: 0.5 },
  origin: {
    peakBytesPerSecond: 2e8,
    peakConnections: 7,
    trafficMaxPerWindow: { '1h': 1e9 },
    useWhileShort: 0.96,
    violations: 0,
    violationsAt: [],
  },
  fallback: { opened: 1, byReason: { slow: 1, stalled: 0, blocked: 0, overdue: 0 }, openSeconds: 90 },
  cost: { total: 1.5, origin: 1, relay: 0.5, peer: 0, currency: 'USD' },
  fairness: { jainCompletion: 0.9 },
  control: { messages: 10, bytes: 1000 },
};
const memberSummary = (name: string, p99: number): ClassSummary => ({
  name,
  clients: counts,
  completionSeconds: { ...seconds, p99 },
  bytes,
});
const result: Measured = { summary, byClass: [memberSummary('office', 42)], byTask: [memberSummary('patch', 43)] };

const read: [metric: string, value: number | null][] = [
  ['p99(completion)', 40],
  ['mean(completion)', 15],
  ['p999(completion)', null],
  ['max(finish)', 51],
  ['p50(firstByte)', 0.1],
  ['p99(completion, office)', 42],
  ['p99( completion,patch )', 43],
  ['p99(completion, nobody)', null],
  ['origin.violations', 0],
  ['summary.origin.violations', 0],
  ['clients.unfinished', 1],
  ['origin.trafficMaxPerWindow.1h', 1e9],
  ['origin.trafficMaxPerWindow.24h', null],
  ['fallback.byReason.slow', 1],
  ['cost.total', 1.5],
  ['bound.ratio.max', null],
];

for (const [metric, value] of read) {
  expectations(`${metric} is ${value}`, () => assert.is(readMetric(result, metric), value));
}

const judged: [text: string, shown: string, ok: boolean][] = [
  ['p99(completion) < 20m', 'p99(completion) < 20m', true],
  ['p99(completion)<40s', 'p99(completion) < 40s', false],
  ['p99(completion) <= 40', 'p99(completion) <= 40', true],
  ['  p50(firstByte)   >   50ms ', 'p50(firstByte) > 50ms', true],
  ['max(completion) < 1d', 'max(completion) < 1d', false],
  ['max(completion) != 3', 'max(completion) != 3', false],
  ['origin.violations == 0', 'origin.violations == 0', true],
  ['origin.violations != 0', 'origin.violations != 0', false],
  ['share.peer >= 50%', 'share.peer >= 50%', true],
  ['share.peer > 0.5', 'share.peer > 0.5', false],
  ['bytes.origin < 1GiB', 'bytes.origin < 1GiB', true],
  ['origin.peakBytesPerSecond <= 1.6Gbps', 'origin.peakBytesPerSecond <= 1.6Gbps', true],
  ['origin.trafficMaxPerWindow.1h <= 500GB', 'origin.trafficMaxPerWindow.1h <= 500GB', true],
  ['p50(completion) in [9s, 12s]', 'p50(completion) in [9s, 12s]', true],
  ['p50(completion) in [ 10.1 ,12s]', 'p50(completion) in [10.1, 12s]', false],
  ['bound.at.p50 == 5s', 'bound.at.p50 == 5s', true],
  ['fallback.openSeconds < 2m', 'fallback.openSeconds < 2m', true],
];

for (const [text, shown, ok] of judged) {
  expectations(`${text} ${ok ? 'holds' : 'fails'}`, () => {
    const verdict = evaluateExpectation(parseExpectation(text), result);
    assert.is(verdict.text, shown);
    assert.is(verdict.ok, ok);
    assert.is(parseExpectation(shown).text, shown);
  });
}

const names = { classes: ['office', 'mobile'], tasks: ['patch'], windows: ['1h'] };
const refused: [text: string, message: string][] = [
  ['', '"" has no comparison: one of < <= > >= == != in is needed, such as p99(completion) < 20m'],
  [
    'p99(completion)',
    '"p99(completion)" has no comparison: one of < <= > >= == != in is needed, such as p99(completion) < 20m',
  ],
  [
    'p99(completion) = 3',
    'at character 17: "=" is not a comparison: one of < <= > >= == != in is needed; did you mean "=="?',
  ],
  [
    'p99(completion) <> 3',
    'at character 17: "<>" is not a comparison: one of < <= > >= == != in is needed; did you mean "<"?',
  ],
  [
    'p99(completoin) < 3',
    [
      'at character 1: unknown time "completoin":',
      'allowed are completion, firstByte, finish; did you mean "completion"?',
    ].join(' '),
  ],
  [
    ' p75(completion) < 3',
    [
      'at character 2: "p75" is not kept for completion:',
      'allowed are p50, p90, p95, p99, p999, max, mean; did you mean "p95"?',
    ].join(' '),
  ],
  [
    'p90(finish) < 3',
    'at character 1: "p90" is not kept for finish: allowed are p50, p95, p99, max; did you mean "p50"?',
  ],
  [
    'p99(completion, offce) < 3',
    [
      'at character 1: unknown class or task "offce":',
      'allowed are office, mobile, patch; did you mean "office"?',
    ].join(' '),
  ],
  ['p99(finish, office) < 3', 'at character 1: only completion is kept for each class and task, not finish'],
  ['p99(completion) <', 'at character 18: a value is missing'],
  ['p99(completion) < 3MB', 'at character 19: "3MB" is a size, but p99(completion) is a time'],
  ['bytes.origin < 3s', 'at character 16: "3s" is a time, but bytes.origin is a size'],
  ['origin.violations == 0s', 'at character 22: "0s" is not a number, and origin.violations has no unit'],
  ['p99(completion) in [9s, 3s]', 'at character 20: the range [9s, 3s] ends below where it begins'],
  ['p99(completion) in 9s', 'at character 20: "9s" is not a range such as [9s, 12s]'],
  [
    'origin < 3',
    [
      'at character 1: "origin" is not a number of the summary;',
      'it holds origin.peakBytesPerSecond, origin.peakConnections, origin.useWhileShort, origin.violations',
    ].join(' '),
  ],
  ['cost.currency == 3', 'at character 1: "cost.currency" is not a number of the summary; did you mean "cost.relay"?'],
  ['origin.trafficMaxPerWindow.24h < 3GB', 'at character 1: the contract has no window "24h": allowed are 1h'],
  [
    'p99(x)) < 3',
    'at character 1: "p99(x))" is not a metric: such as p99(completion), or a path such as origin.violations',
  ],
];

for (const [text, message] of refused) {
  expectations(`refuses ${text}`, () => {
    assert.throws(
      () => parseExpectation(text, names),
      (error: Error) => {
        assert.is(error.message, message);
        return error instanceof InvalidValue;
      },
    );
  });
}

expectations('any text is read or refused with a message', () => {
  const parts = fc.array(
    fc.constantFrom(
      'p99',
      '(',
      ')',
      'completion',
      ',',
      ' ',
      'in',
      '[',
      ']',
      '<',
      '=',
      '!',
      '3',
      's',
      '%',
      'origin.',
      'violations',
      '-',
    ),
    { maxLength: 10 },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        parts.map((words) => words.join('')),
      ),
      (text) => {
        try {
          const { text: shown } = parseExpectation(text, names);
          assert.is(parseExpectation(shown, names).text, shown);
        } catch (error) {
          assert.instance(error, InvalidValue);
        }
      },
    ),
    { numRuns: 1000 },
  );
});

expectations.run();
