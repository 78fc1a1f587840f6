import fc from 'fast-check';
import { suite } from 'uvu';
import { equal, is, ok, throws } from 'uvu/assert';
import { uploadReasons } from '#core/record.ts';
import { nextUpload, startUpload, type UploadLimits, uploadReason } from '#core/swarm/upload-share.ts';

const test = suite('core/swarm/upload-share');

const usual: UploadLimits = { floorRatio: 0.1, ceilingRatio: 0.8 };

/** The share second by second, for own traffic second by second, in per cent of the uplink. */
function film(own: number[], limits = usual): string[] {
  const uplink = 1600;
  let share = startUpload(uplink, limits);
  const seen = [`${share / 16} start`];
  for (const percent of own) {
    const next = nextUpload(share, uplink, (uplink * percent) / 100, limits);
    seen.push(`${next / 16} ${uploadReasons[uploadReason(share, next, uplink, limits)]}`);
    share = next;
  }
  return seen;
}

test('up by a sixteenth a second, down by half when the machine needs it, between floor and ceiling', () => {
  equal(film([0, 0, 0, 0, 0, 0, 0]), [
    '45 start',
    '51.25 probe',
    '57.5 probe',
    '63.75 probe',
    '70 probe',
    '76.25 probe',
    '80 ceiling',
    '80 ceiling',
  ]);
  equal(film([60, 60, 80, 100, 100, 50]), [
    '45 start',
    '22.5 back-off',
    '28.75 probe',
    '14.375 back-off',
    '10 floor',
    '10 floor',
    '16.25 probe',
  ]);
  equal(film([80, 80]), ['45 start', '18 back-off', '18 steady'], 'no more than nine tenths of what is free');
});

test('always between floor and ceiling, within what is free unless the floor is more; it settles there', () => {
  const ratio = fc.integer({ min: 0, max: 100 }).map((percent) => percent / 100);
  fc.assert(
    fc.property(
      ratio,
      ratio,
      fc.integer({ min: 1, max: 1e9 }),
      fc.array(ratio, { minLength: 1 }),
      (a, b, uplink, own) => {
        const limits = { floorRatio: Math.min(a, b), ceilingRatio: Math.max(a, b) };
        let share = startUpload(uplink, limits);
        const floor = uplink * limits.floorRatio;
        const ceiling = uplink * limits.ceilingRatio;
        for (const busy of own) {
          share = nextUpload(share, uplink, busy * uplink, limits);
          ok(share >= floor && share <= ceiling);
          ok(share <= Math.max(floor, uplink - busy * uplink), 'one step is enough to make room');
        }
        for (let i = 0; i < 60; i++) share = nextUpload(share, uplink, 0.5 * uplink, limits);
        const rest = Math.max(floor, Math.min(ceiling, 0.9 * 0.5 * uplink));
        ok(Math.abs(share - rest) <= uplink * 1e-9, `${share} is not at rest at ${rest}`);
      },
    ),
    { numRuns: 300 },
  );
});

test('limits are checked', () => {
  is(startUpload(0, usual), 0);
  throws(() => startUpload(10, { floorRatio: 0.9, ceilingRatio: 0.8 }), /floor/);
  throws(() => nextUpload(1, 10, -1, usual), /not negative/);
});

test.run();
