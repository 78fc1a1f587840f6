import fc from 'fast-check';
import { suite } from 'uvu';
import { equal, is, ok, throws } from 'uvu/assert';
import { RollingWindow } from '#core/quota/rolling-window.ts';

const test = suite('core/quota/rolling-window');

type Spending = [at: number, bytes: number];

/** What the window is about, counted by brute force over all that happened. */
function usedExactly(spendings: Spending[], now: number, windowMilliseconds: number): number {
  return spendings.reduce((sum, [at, bytes]) => (at > now - windowMilliseconds ? sum + bytes : sum), 0);
}

const waits = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 400 }));
const steps = fc.array(fc.record({ wait: waits, bytes: fc.integer({ min: 0, max: 100 }) }), {
  maxLength: 60,
});
const windows = fc.integer({ min: 1, max: 100 });
const bucketCounts = fc.integer({ min: 1, max: 12 });

test('a film: a window of 10 ms in buckets of 5 ms', () => {
  const window = new RollingWindow(10, 2);
  window.spend(4, 7);
  const seen = [4, 9, 13, 14, 15].map((now) => `${now}:${window.used(now)}`);
  equal(seen, ['4:7', '9:7', '13:7', '14:0', '15:0'], 'until its bucket [0, 5) is wholly outside (now − 10, now]');
});

test('trap: two counters let 119 through where 60 a minute are allowed; this lets 60', () => {
  const window = new RollingWindow(60_000, 6);
  const let60 = (now: number) => {
    const bytes = window.left(now, 60);
    window.spend(now, bytes);
    return bytes;
  };
  equal([59_999, 60_000, 60_001, 119_998].map(let60), [60, 0, 0, 0]);
  is(let60(119_999), 60);
});

test('never less than what was spent, more by at most one bucket', () => {
  fc.assert(
    fc.property(windows, bucketCounts, steps, (windowMilliseconds, bucketCount, list) => {
      const window = new RollingWindow(windowMilliseconds, bucketCount);
      const spendings: Spending[] = [];
      let now = 0;
      for (const { wait, bytes } of list) {
        now += wait;
        window.spend(now, bytes);
        spendings.push([now, bytes]);
        const used = window.used(now);
        ok(used >= usedExactly(spendings, now, windowMilliseconds), 'too few');
        const longer = windowMilliseconds + window.bucketMilliseconds - 1;
        ok(used <= usedExactly(spendings, now, longer), 'more than one bucket too many');
      }
    }),
    { numRuns: 600 },
  );
});

test('I3: with promises settled late, early or not wholly, no stretch of a window holds more than the limit', () => {
  const promises = fc.array(
    fc.record({
      wait: waits,
      bytes: fc.integer({ min: 0, max: 40 }),
      spent: fc.integer({ min: 0, max: 100 }),
      settleAfter: fc.integer({ min: 0, max: 120 }),
    }),
    { maxLength: 40 },
  );
  fc.assert(
    fc.property(windows, bucketCounts, fc.integer({ min: 1, max: 90 }), promises, (span, count, limit, list) => {
      const window = new RollingWindow(span, count);
      const spendings: Spending[] = [];
      let open: { at: number; bytes: number; spent: number }[] = [];
      let now = 0;
      const settleUntil = (end: number) => {
        const due = open.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
        open = open.filter(({ at }) => at > end);
        for (const one of due) window.settle(one.at, one.bytes, one.spent);
      };
      for (const step of list) {
        settleUntil(now + step.wait);
        now += step.wait;
        if (!window.reserve(now, step.bytes, limit)) continue;
        const spent = Math.floor((step.bytes * step.spent) / 100);
        // It is spent right away, and told only when the promise is settled.
        spendings.push([now, spent]);
        open.push({ at: now + step.settleAfter, bytes: step.bytes, spent });
        ok(window.used(now) + window.reservedBytes <= limit);
      }
      for (const [end] of spendings) {
        const until = spendings.filter(([at]) => at <= end);
        ok(usedExactly(until, end, span) <= limit, 'too much');
      }
      settleUntil(Infinity);
      is(window.reservedBytes, 0);
    }),
    { numRuns: 600 },
  );
});

test('the room that is foretold is there, and not a millisecond sooner', () => {
  fc.assert(
    fc.property(windows, bucketCounts, steps, fc.integer({ min: 1, max: 300 }), (span, count, list, wanted) => {
      const limit = 250;
      const make = () => {
        const window = new RollingWindow(span, count);
        let now = 0;
        for (const { wait, bytes } of list) {
          now += wait;
          window.spend(now, bytes);
        }
        return { window, now };
      };
      const { window, now } = make();
      const at = window.roomAtMilliseconds(now, wanted, limit);
      if (at === Infinity) return ok(wanted > limit);
      ok(window.left(at, limit) >= wanted);
      if (at > now) ok(make().window.left(at - 1, limit) < wanted);
    }),
    { numRuns: 500 },
  );
});

test('time never runs back; what was not promised is not settled', () => {
  const window = new RollingWindow(10, 2);
  is(window.reserve(5, 8, 10), true);
  is(window.reserve(5, 3, 10), false);
  is(window.left(5, 1), 0, 'after a cut nothing is left, not less than nothing');
  throws(() => window.used(4), /never runs back/);
  throws(() => window.settle(5, 9, 0), /only what was promised/);
  throws(() => window.settle(5, 8, 9), /no more is spent/);
  throws(() => window.spend(5, -1), /not negative/);
});

test.run();
