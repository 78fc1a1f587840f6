import fc from 'fast-check';
import { suite } from 'uvu';
import { is, ok, throws } from 'uvu/assert';
import { deficit } from '#core/fallback/deficit.ts';
import { closed, openBlocked, openOverdue, openSlow, openStalled } from '#core/fallback/fallback-states.ts';

const test = suite('core/fallback/deficit');

const megabyte = 1e6;

test('what is missing to the threshold, to the deadline, or all that is free', () => {
  const of = (reason: number, left: number, forecast: number, brake = 1, fill: 'deficit' | 'rest' = 'deficit') =>
    deficit(fill, reason, megabyte, 100 * megabyte, left, forecast, 8 * megabyte, brake) / megabyte;
  is(of(openSlow, Infinity, 0.25e6), 0.75, 'threshold');
  is(of(openSlow, 50_000, 0.25e6), 1.75, 'the deadline asks for 2 MB/s');
  is(of(openStalled, 1000, 0.25e6), 8, 'never more than is free');
  is(of(openOverdue, 0, 0.25e6), 8, 'too late already');
  is(of(openBlocked, Infinity, 0), 8, 'peers cannot help');
  is(of(openSlow, Infinity, 0.25e6, 1, 'rest'), 8);
  is(of(openSlow, Infinity, 0.25e6, 0.5), 0.375, 'braked');
  is(of(openSlow, Infinity, 2e6), 0, 'nothing is missing');
});

test('within the free downlink and the brake, falling as peers bring more', () => {
  const rates = fc.integer({ min: 0, max: 10_000_000 });
  fc.assert(
    fc.property(
      fc.constantFrom('deficit' as const, 'rest' as const),
      fc.constantFrom(openSlow, openStalled, openBlocked, openOverdue),
      rates,
      rates,
      rates,
      rates,
      fc.oneof(fc.integer({ min: -5, max: 100_000 }), fc.constant(Infinity)),
      fc.constantFrom(0, 0.25, 1),
      (fill, reason, threshold, remaining, forecast, free, left, brake) => {
        const target = deficit(fill, reason, threshold, remaining, left, forecast, free, brake);
        ok(target >= 0 && target <= free * brake);
        ok(deficit(fill, reason, threshold, remaining, left, forecast + 1000, free, brake) <= target);
        if (remaining === 0) is(target, 0);
        if (fill === 'deficit' && reason === openSlow && left > 0 && remaining > 0 && brake === 1) {
          const enough = forecast + target >= threshold || target === free;
          ok(enough, 'the threshold is reached, or all that is free is used');
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('an unlimited downlink with the brake shut is nothing, not NaN; a closed row has none', () => {
  is(deficit('rest', openSlow, 1, 1, 1, 1, Infinity, 0), 0);
  throws(() => deficit('rest', closed, 1, 1, 1, 1, 1, 1), /closed row/);
  throws(() => deficit('rest', openSlow, 1, 1, 1, 1, 1, 1.5), /brake/);
});

test.run();
