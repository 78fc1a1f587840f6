import fc from 'fast-check';
import { suite } from 'uvu';
import { equal, is } from 'uvu/assert';
import { evaluate, nextTick } from '#core/fallback/fallback-policy.ts';
import { begin, FallbackStates, noChange, openBlocked, setThreshold } from '#core/fallback/fallback-states.ts';
import { SpeedMeters } from '#core/fallback/speed-meter.ts';
import { fallbackDefaults } from '#core/limits.ts';
import type { FallbackPolicy, FallbackTrigger } from '#core/policy.ts';
import { fallbackReasons } from '#core/record.ts';
import { type Happening, jump, poll, type World } from './two-ways.ts';

const test = suite('core/fallback/fallback-policy');

const triggers = fc.subarray<FallbackTrigger>(['slow', 'stalled', 'blocked', 'overdue'], { minLength: 1 });
const policies = fc.record({
  triggers,
  delay: fc.constantFrom(0, 0, 500, 4000, 9500),
  threshold: fc.constant(1_000_000),
  hold: fc.constantFrom(0, 1000, 3000, 7500, 30_000),
  stallProgress: fc.constantFrom(0.01, 0.05),
  stallPeriod: fc.constantFrom(1000, 5000, 20_000, 60_000),
  blockedAttempts: fc.integer({ min: 1, max: 4 }),
  overdue: fc.constantFrom(1, 1.5),
  closeRatio: fc.constantFrom(1, 1.3),
  closeHold: fc.constantFrom(0, 2000, 10_000),
  fill: fc.constant('deficit' as const),
  adaptive: fc.constant(true),
}) satisfies fc.Arbitrary<FallbackPolicy>;

/** Rates around θ = 1000 bytes/ms, some so near that the 64-byte units decide; small ones; nothing. */
const bytesPerMillisecond = fc.oneof(
  fc.constantFrom(0, 999, 1000, 1001, 1299, 1300, 1301),
  fc.integer({ min: 0, max: 3000 }),
);
const happenings = fc
  .array(
    fc.tuple(
      fc.oneof(
        fc.integer({ min: 0, max: 150 }).map((n) => n * 1000),
        fc.integer({ min: 0, max: 150_000 }),
      ),
      fc.oneof(
        { weight: 6, arbitrary: fc.record({ kind: fc.constant('peers' as const), bytesPerMillisecond }) },
        { weight: 2, arbitrary: fc.record({ kind: fc.constant('http' as const), bytesPerMillisecond }) },
        {
          weight: 1,
          arbitrary: fc.record({ kind: fc.constant('handshake' as const), succeeded: fc.boolean() }),
        },
        { weight: 1, arbitrary: fc.constant({ kind: 'blocked' as const }) },
        {
          weight: 1,
          arbitrary: fc.record({
            kind: fc.constant('threshold' as const),
            bytesPerSecond: fc.oneof(fc.constant(1_000_000), fc.integer({ min: 0, max: 2_000_000 })),
          }),
        },
        {
          weight: 1,
          arbitrary: fc.record({
            kind: fc.constant('estimate' as const),
            milliseconds: fc.integer({ min: 0, max: 90_000 }),
          }),
        },
      ),
    ),
    { maxLength: 14 },
  )
  .map((list) => list.map(([atMilliseconds, what]) => ({ atMilliseconds, ...what })))
  .map((list) => list.sort((a, b) => a.atMilliseconds - b.atMilliseconds));

const worlds: fc.Arbitrary<World> = fc.record({
  policy: policies,
  short: fc.constantFrom(1, 2, 5),
  long: fc.constantFrom(5, 30),
  startTick: fc.constantFrom(0, 3),
  fileBytes: fc.constantFrom(100_000_000, 1_000_000_000),
  happenings,
  endTick: fc.constantFrom(100, 400),
});

function shifted(world: World): World {
  const startMilliseconds = world.startTick * 1000;
  const later = world.happenings.map((one) => ({
    ...one,
    atMilliseconds: one.atMilliseconds + startMilliseconds,
  }));
  return { ...world, happenings: later };
}

test('polling every tick and waking at nextTick see the same changes at the same ticks', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(worlds, (drawn) => {
      const world = shifted(drawn);
      const polled = poll(world);
      const jumped = jump(world);
      equal(jumped.log, polled);
      is(jumped.early, 0, 'with whole bytes no wake-up is in vain');
      for (const line of polled) seen.add(line.split(' ')[1]);
    }),
    { numRuns: 1500 },
  );
  equal([...seen].sort(), ['blocked', 'overdue', 'recovered', 'slow', 'stalled'], 'every answer was met');
});

test('rates a hair from the threshold: the rounding to units decides the same in both', () => {
  const near = fc.integer({ min: 999_900, max: 1_000_100 });
  fc.assert(
    fc.property(near, near, fc.integer({ min: 0, max: 40 }), fc.integer({ min: 1, max: 5 }), (a, b, hold, short) => {
      const policy = {
        ...fallbackDefaults,
        triggers: ['slow' as const],
        hold: hold * 1000,
        closeHold: 3000,
      };
      const states = new FallbackStates(2, policy, 1000);
      const meters = new SpeedMeters(2, 1000, short, 30);
      begin(states, meters, 0, 0, 0, 1e9);
      begin(states, meters, 1, 0, 0, 1e9);
      setThreshold(states, 0, 1_000_000);
      const polled: string[] = [];
      const bytesAt = (tick: number) => Math.min(tick, 50) * a + Math.max(0, tick - 50) * b;
      for (let tick = 1; tick <= 300; tick++) {
        const answer = evaluate(states, meters, 0, tick, bytesAt(tick), 0, bytesAt(tick), 0);
        if (answer !== noChange) polled.push(`${tick} ${answer}`);
      }
      const jumped: string[] = [];
      for (const [from, until, slope] of [
        [0, 50, a],
        [50, 300, b],
      ]) {
        for (;;) {
          const tick = nextTick(states, meters, 1, from, bytesAt(from), slope, bytesAt(from), slope);
          if (tick > until) break;
          const answer = evaluate(states, meters, 1, tick, bytesAt(tick), slope, bytesAt(tick), slope);
          jumped.push(`${tick} ${answer}`);
        }
        evaluate(states, meters, 1, until, bytesAt(until), slope, bytesAt(until), slope);
      }
      equal(jumped, polled);
    }),
    { numRuns: 400 },
  );
});

/** A film: one letter per second, peers' rate in hundreds of kB/s (`.` = 0, `9` = 900 kB/s, `A` = 1 MB/s). */
function film(policy: Partial<FallbackPolicy>, letters: string, extra: Happening[] = [], fileBytes = 1e9): string[] {
  const rates = [...letters].map((letter, second) => ({
    atMilliseconds: second * 1000,
    kind: 'peers' as const,
    bytesPerMillisecond: letter === '.' ? 0 : Number.parseInt(letter, 16) * 100,
  }));
  const happenings = [...rates, ...extra].sort((a, b) => a.atMilliseconds - b.atMilliseconds);
  const merged = { ...fallbackDefaults, ...policy };
  const world = {
    policy: merged,
    short: 1,
    long: 30,
    startTick: 0,
    fileBytes,
    happenings,
    endTick: letters.length,
  };
  const polled = poll(world);
  equal(jump(world).log, polled);
  return polled;
}

test('slow: only a hold without one good tick opens; closing needs a hold above 1.3 θ', () => {
  const policy = { triggers: ['slow' as const], hold: 4000, closeHold: 3000 };
  equal(film(policy, '9999A9999A9999'), []);
  equal(film(policy, 'FFF99999FFFF'), ['8 slow', '12 recovered']);
  equal(film(policy, 'FFF99999CCCCCCC'), ['8 slow'], 'above the threshold is not enough to close');
  equal(film(policy, '9999999', []), ['5 slow'], 'first tick 1, four seconds later');
  equal(film({ ...policy, hold: 3500 }, '9999999'), ['5 slow'], 'three and a half ticks are four');
  const exact = { ...policy, threshold: 800_000, closeRatio: 1 };
  equal(film(exact, '888888888'), [], 'exactly the threshold is not slow');
  equal(film(exact, '777777888888'), ['5 slow'], 'and not recovered');
  equal(film({ ...policy, delay: 5000 }, '9999999999'), ['9 slow'], 'the hold begins after the delay');
});

test('stalled: too little of the file between two checkpoints', () => {
  const policy = { triggers: ['stalled' as const], stallProgress: 0.01, stallPeriod: 5000 };
  equal(film(policy, 'A.........A....', [], 1e8), ['10 stalled'], '1 MB of 100 MB is enough, nothing is not');
  equal(film(policy, '....A....A....A', [], 1e8), [], 'tumbling: once in every period');
});

test('blocked: by attempts without success, or known; it never closes', () => {
  const policy = { triggers: ['blocked' as const], blockedAttempts: 3, closeHold: 1000 };
  const fail = (at: number): Happening => ({ atMilliseconds: at, kind: 'handshake', succeeded: false });
  const succeed = (at: number): Happening => ({ atMilliseconds: at, kind: 'handshake', succeeded: true });
  equal(film(policy, 'FFFFFFFFFF', [fail(100), fail(200), fail(2300)]), ['3 blocked']);
  equal(film(policy, 'FFFFFFFFFF', [fail(100), succeed(150), fail(200), fail(2300), fail(2400)]), []);
  equal(film(policy, 'FFFFFFFFFF', [{ atMilliseconds: 4000, kind: 'blocked' }, succeed(5000)]), ['5 blocked']);
  const slow = { ...policy, triggers: ['blocked' as const, 'slow' as const], hold: 2000 };
  const known: Happening[] = [{ atMilliseconds: 6500, kind: 'blocked' }];
  equal(film(slow, '999999999FFFFF', known), ['3 slow', '7 blocked'], 'an open row turns blocked');
});

test('overdue: once for each estimate', () => {
  const policy = { triggers: ['overdue' as const], overdue: 1.5, closeHold: 2000 };
  const estimate = (at: number, milliseconds: number): Happening => ({
    atMilliseconds: at,
    kind: 'estimate',
    milliseconds,
  });
  equal(film(policy, 'FFFFFFFFFFFFFFFF', [estimate(0, 4000)]), ['7 overdue', '10 recovered']);
  equal(film(policy, 'FFFFFFFFFFFFFFFF', [estimate(0, 4000), estimate(11_500, 8000)]), [
    '7 overdue',
    '10 recovered',
    '13 overdue',
    '16 recovered',
  ]);
});

test('several at one tick: blocked, stalled, overdue, slow', () => {
  const estimate: Happening = { atMilliseconds: 0, kind: 'estimate', milliseconds: 3000 };
  const base = { hold: 3000, stallPeriod: 4000, overdue: 1 };
  const all: FallbackTrigger[] = ['slow', 'overdue', 'stalled', 'blocked'];
  const blocked: Happening = { atMilliseconds: 3500, kind: 'blocked' };
  equal(film({ ...base, triggers: all }, '.....', [estimate, blocked]), ['4 blocked']);
  equal(film({ ...base, triggers: all }, '.....', [estimate]), ['4 stalled']);
  equal(film({ ...base, triggers: ['slow', 'overdue'] }, '.....', [estimate]), ['4 overdue']);
  equal(film({ ...base, triggers: ['slow'] }, '.....', [estimate]), ['4 slow']);
});

test('a process that slept looks at the ticks it missed and answers once', () => {
  const states = new FallbackStates(1, { ...fallbackDefaults, triggers: ['slow'], hold: 10_000 }, 1000);
  const meters = new SpeedMeters(1, 1000, 5, 30);
  begin(states, meters, 0, 0, 0, 1e9);
  is(evaluate(states, meters, 0, 5, 50, 10, 50, 10), noChange);
  is(fallbackReasons[evaluate(states, meters, 0, 500, 5000, 10, 5000, 10)], 'slow');
  is(states.openedAtTick[0], 500, 'opened when it woke');
  is(evaluate(states, meters, 0, 500, 5000, 10, 5000, 10), noChange, 'asked twice, answered once');
});

test('fractional rates: a wake-up may be early, never in the past, and costs few', () => {
  fc.assert(
    fc.property(fc.double({ min: 999_980, max: 1_000_020, noNaN: true }), (slope) => {
      const states = new FallbackStates(1, { ...fallbackDefaults, triggers: ['slow'] }, 1000);
      const meters = new SpeedMeters(1, 1000, 5, 30);
      begin(states, meters, 0, 0, 0, 1e12);
      let tick = 0;
      let wakes = 0;
      while (tick < 100_000) {
        const next = nextTick(states, meters, 0, tick, tick * slope, slope, tick * slope, slope);
        if (next === Infinity) break;
        is(next > tick, true);
        tick = next;
        wakes++;
        if (evaluate(states, meters, 0, tick, tick * slope, slope, tick * slope, slope) !== noChange) break;
      }
      is(wakes <= 100_000 / 64, true);
    }),
    { numRuns: 50 },
  );
});

test('blocked is answered by its own constant', () => is(fallbackReasons[openBlocked], 'blocked'));

test.run();
