import fc from 'fast-check';
import { suite } from 'uvu';
import { equal, is, throws } from 'uvu/assert';
import { SpeedMeters, unitBytes } from '#core/fallback/speed-meter.ts';

const test = suite('core/fallback/speed-meter');

/** A count that grows along straight lines: `perTick` bytes for `ticks` ticks each. */
interface Stretch {
  ticks: number;
  perTick: number;
}

const stretches = fc.array(
  fc.record({ ticks: fc.integer({ min: 1, max: 25 }), perTick: fc.integer({ min: 0, max: 3_000_000 }) }),
  { minLength: 1, maxLength: 12 },
);

/** Count at every tick from the start on: the naive model keeps them all. */
function counts(parts: Stretch[]): number[] {
  const list = [0];
  for (const part of parts) for (let i = 0; i < part.ticks; i++) list.push(list[list.length - 1] + part.perTick);
  return list;
}

/** Bytes per second over the last `window` of `list`, in whole units, as the meter promises it. */
function modelRate(list: number[], window: number, tickMilliseconds: number): number {
  const end = list.length - 1;
  const ticks = Math.min(window, end);
  if (ticks === 0) return 0;
  const units = Math.floor(list[end] / unitBytes) - Math.floor(list[end - ticks] / unitBytes);
  return (units * unitBytes * 1000) / (ticks * tickMilliseconds);
}

function picture(meters: SpeedMeters, row: number): string {
  return `short ${meters.rateShort(row)} long ${meters.rateLong(row)} forecast ${meters.forecast(row)}`;
}

test('a young row is measured over its age, an old one over its windows', () => {
  const meters = new SpeedMeters(1, 1000, 2, 4);
  meters.start(0, 7);
  is(picture(meters, 0), 'short 0 long 0 forecast 0');
  meters.advance(0, 8, 640, 640);
  is(picture(meters, 0), 'short 640 long 640 forecast 640');
  meters.advance(0, 11, 640, 0);
  is(picture(meters, 0), 'short 0 long 160 forecast 0');
  meters.advance(0, 13, 640 + 2 * 6400, 6400);
  is(picture(meters, 0), 'short 6400 long 3200 forecast 3200');
});

test('rates are those of a model that keeps every count, polled or filled', () => {
  fc.assert(
    fc.property(
      stretches,
      fc.integer({ min: 0, max: 9 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 0, max: 30 }),
      fc.constantFrom(100, 1000),
      (parts, startTick, short, longer, tickMilliseconds) => {
        const polled = new SpeedMeters(3, tickMilliseconds, short, short + longer);
        const filled = new SpeedMeters(3, tickMilliseconds, short, short + longer);
        for (let row = 0; row < 3; row++) {
          polled.start(row, startTick);
          filled.start(row, startTick);
        }
        const list = counts(parts);
        let tick = 0;
        for (const part of parts) {
          for (let i = 0; i < part.ticks; i++) {
            tick++;
            // Polling says a slope of its own (what it saw in this tick); nothing is missing, so it must not matter.
            polled.advance(1, startTick + tick, list[tick], 12345);
          }
          filled.advance(1, startTick + tick, list[tick], part.perTick);
          const seen = list.slice(0, tick + 1);
          is(polled.rateShort(1), modelRate(seen, short, tickMilliseconds));
          is(polled.rateLong(1), modelRate(seen, short + longer, tickMilliseconds));
          is(filled.forecast(1), Math.min(polled.rateShort(1), polled.rateLong(1)));
          is(picture(filled, 1), picture(polled, 1));
        }
        equal(Reflect.get(filled, 'ring'), Reflect.get(polled, 'ring'), 'same ring');
        is(polled.rateShort(0) + polled.rateShort(2), 0, 'neighbour rows untouched');
      },
    ),
    { numRuns: 300 },
  );
});

test('a window is right when the count passes 2^32 units', () => {
  const meters = new SpeedMeters(1, 1000, 5, 30);
  const wrapBytes = 2 ** 32 * unitBytes;
  meters.start(0, 0);
  meters.advance(0, 100, wrapBytes - 640, 640);
  meters.advance(0, 103, wrapBytes - 640 + 3 * 640, 640);
  is(meters.rateShort(0), 640);
  meters.advance(0, 200, wrapBytes * 3, 64_000_000);
  is(meters.rateLong(0), 64_000_000);
});

test('a line that starts a fraction below the last count is no jump', () => {
  const meters = new SpeedMeters(1, 1000, 2, 4);
  meters.start(0, 0);
  meters.advance(0, 3, 0.3, 0.1 + 1e-12);
  is(meters.rateShort(0), 0);
  is(meters.rateLong(0), 0);
  meters.advance(0, 5, 64, 0);
  meters.advance(0, 7, 64 - 1e-9, 0);
  is(meters.rateShort(0), 0, 'not 2^32 units');
});

test('time and counts never run back', () => {
  const meters = new SpeedMeters(1, 1000, 2, 4);
  meters.start(0, 5);
  throws(() => meters.advance(0, 4, 0, 0), /never run back/);
  throws(() => meters.advance(0, 6, 0, -1), /never runs back/);
  throws(() => meters.advance(1, 6, 0, 0), /row out of range/);
});

test.run();
