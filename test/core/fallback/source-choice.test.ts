import fc from 'fast-check';
import { suite } from 'uvu';
import { equal, is, ok, throws } from 'uvu/assert';
import {
  assignSource,
  bestOfKind,
  chooseSource,
  failuresBeforeChange,
  mayCancel,
  mayHedge,
  nextReadyMilliseconds,
  recordFailure,
  recordSuccess,
  SourceStates,
  slotToChange,
  sourceNone,
  sourceOrigin,
  sourceReason,
  sourceRelay,
} from '#core/fallback/source-choice.ts';
import { hedgeReasons, sourceReasons } from '#core/record.ts';
import { none } from '#core/units.ts';

const test = suite('core/fallback/source-choice');

const row = 1;
const halfDraw = 2 ** 31;

/** Slots of row 1: a far fast relay, a near slow relay, the origin. */
function threeSources(): SourceStates {
  const states = new SourceStates(3, 3);
  assignSource(states, row, 0, 10, sourceRelay, 4_000_000, 200);
  assignSource(states, row, 1, 11, sourceRelay, 1_000_000, 10);
  assignSource(states, row, 2, 0, sourceOrigin, 9_000_000, 50);
  return states;
}

function ask(states: SourceStates, now: number, bytes: number, leased: boolean): string {
  const slot = chooseSource(states, row, sourceRelay, sourceOrigin, leased, now, bytes);
  return `${slot} ${sourceReasons[sourceReason(states, row, slot, leased)]}`;
}

const fail = (states: SourceStates, slot: number, now: number, draw = halfDraw, retryAfter = 0) =>
  recordFailure(states, row, slot, now, 1000, 30_000, retryAfter, draw);

test('relay with the best predicted end, another relay, the origin under a lease, nobody', () => {
  const states = threeSources();
  is(ask(states, 0, 4_000_000, true), '0 best-relay', 'much to fetch: the fast one');
  is(ask(states, 0, 10_000, true), '1 best-relay', 'little to fetch: the near one');
  fail(states, 0, 0);
  is(ask(states, 0, 4_000_000, true), '1 other-relay');
  fail(states, 1, 0);
  is(ask(states, 499, 4_000_000, true), '2 origin');
  is(ask(states, 499, 4_000_000, false), '-1 no-lease');
  is(nextReadyMilliseconds(states, row, false), 500, 'half of a second, by the draw');
  is(ask(states, 500, 4_000_000, true), '0 other-relay');
  fail(states, 2, 500);
  fail(states, 0, 500);
  fail(states, 1, 500);
  is(ask(states, 600, 4_000_000, true), '-1 backing-off');
  recordSuccess(states, row, 1, 2_000_000);
  is(states.observedBytesPerSecond[row * 3 + 1], 1_250_000, 'a quarter of the way to what was seen');
  is(ask(new SourceStates(3, 3), 0, 1, true), '-1 no-source');
});

test('the order is the policy’s; a hedge asks another slot', () => {
  const states = threeSources();
  is(chooseSource(states, row, sourceOrigin, sourceNone, true, 0, 1), 2);
  is(chooseSource(states, row, sourceOrigin, sourceRelay, false, 0, 1_000), 1);
  is(chooseSource(states, row, sourceNone, sourceNone, true, 0, 1), none);
  is(bestOfKind(states, row, sourceRelay, 0, 4_000_000, 0), 1);
});

test('full jitter: uniform from now to a ceiling that doubles up to the most, after Retry-After', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 40 }),
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.integer({ min: 1, max: 5000 }),
      fc.integer({ min: 1, max: 600_000 }),
      fc.integer({ min: 0, max: 9000 }),
      (earlier, draw, first, most, retryAfter) => {
        const states = threeSources();
        for (let i = 0; i < earlier; i++) recordFailure(states, row, 0, 0, first, most, 0, 0);
        is(states.readyAtMilliseconds[row * 3], 0, 'a draw of zero may return at once');
        recordFailure(states, row, 0, 7, first, most, retryAfter, draw);
        const ceiling = Math.min(most, first * 2 ** earlier);
        const rest = states.readyAtMilliseconds[row * 3] - 7;
        is(rest, retryAfter + Math.floor((draw / 2 ** 32) * ceiling));
        ok(rest < retryAfter + ceiling);
        is(states.readyAtMilliseconds[0], 0, 'other rows untouched');
      },
    ),
    { numRuns: 500 },
  );
});

test('a relay that fails again and again makes room for another; the origin stays', () => {
  const states = threeSources();
  for (let i = 0; i < failuresBeforeChange; i++) {
    is(slotToChange(states, row), none);
    fail(states, 1, i);
    fail(states, 2, i);
  }
  is(slotToChange(states, row), 1);
  recordSuccess(states, row, 1, 5);
  is(slotToChange(states, row), none, 'a success wipes the slate');
  for (let i = 0; i < 257; i++) fail(states, 1, i);
  is(slotToChange(states, row), 1, 'a count that would not fit stays at its most');
  assignSource(states, row, 1, 12, sourceRelay, 1_000_000, 10);
  is(slotToChange(states, row), none);
  is(nextReadyMilliseconds(states, row, false), 0);
});

test('hedging has a budget and needs a gain; cancelling must be worth a connection', () => {
  const ask = (hedged: number, first: number, second: number) =>
    hedgeReasons[mayHedge(hedged, 10, 1000, 0.05, first, second)];
  equal(
    [ask(0, 100, 50), ask(40, 100, 50), ask(41, 100, 50), ask(0, 50, 50)],
    ['hedged', 'hedged', 'over-budget', 'no-gain'],
  );
  is(mayCancel(1_000_000, 1_000_000, 100), true);
  is(mayCancel(50_000, 1_000_000, 100), false);
});

test('rows, slots and kinds are checked', () => {
  const states = threeSources();
  throws(() => chooseSource(states, 3, sourceRelay, sourceOrigin, true, 0, 1), /row out of range/);
  throws(() => recordSuccess(states, 0, 3, 1), /slot out of range/);
  throws(() => assignSource(states, 0, 0, 1, 9, 1, 1), /relay or the origin/);
});

test.run();
