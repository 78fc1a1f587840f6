import fc from 'fast-check';
import { suite } from 'uvu';
import { equal, is, ok } from 'uvu/assert';
import { adaptThreshold, type ThresholdSituation, thresholdReason } from '#core/fallback/threshold.ts';
import { thresholdReasons } from '#core/record.ts';

const test = suite('core/fallback/threshold');

const base = 1_000_000;
const usual: ThresholdSituation = {
  fileBytes: 1e9,
  network: 'wired',
  clients: 500,
  cohortFirstQuartile: 0,
  cohortSize: 0,
};
const picture = (change: Partial<ThresholdSituation>) => {
  const situation = { ...usual, ...change };
  return `${adaptThreshold(base, situation)} ${thresholdReasons[thresholdReason(base, situation)]}`;
};

test('known situations', () => {
  equal(picture({}), '1000000 base');
  equal(picture({ network: 'unknown' }), '1000000 base');
  equal(picture({ network: 'mobile' }), '500000 adapted');
  equal(picture({ fileBytes: 1e6 }), '500000 adapted');
  equal(picture({ fileBytes: 64e9 }), '1500000 adapted');
  equal(picture({ clients: 2_000_000 }), '500000 adapted');
  equal(picture({ fileBytes: 1e6, network: 'mobile', clients: 2_000_000 }), '125000 adapted');
  equal(picture({ cohortFirstQuartile: 400_000, cohortSize: 100 }), '300000 cohort');
  equal(picture({ cohortFirstQuartile: 9e6, cohortSize: 100 }), '1000000 base');
  equal(picture({ cohortFirstQuartile: 0, cohortSize: 7 }), '1000000 base');
});

const situations: fc.Arbitrary<ThresholdSituation> = fc.record({
  fileBytes: fc.integer({ min: 0, max: 100_000_000_000 }),
  network: fc.constantFrom('wired', 'mobile', 'unknown'),
  clients: fc.integer({ min: 0, max: 3_000_000 }),
  cohortFirstQuartile: fc.integer({ min: 0, max: 5_000_000 }),
  cohortSize: fc.integer({ min: 0, max: 50 }),
});

test('monotone: up with the file, down with the clients and on mobile networks, up with the cohort', () => {
  fc.assert(
    fc.property(situations, fc.integer({ min: 0, max: 50_000_000_000 }), (situation, more) => {
      const own = adaptThreshold(base, situation);
      ok(adaptThreshold(base, { ...situation, fileBytes: situation.fileBytes + more }) >= own);
      ok(adaptThreshold(base, { ...situation, clients: situation.clients + more }) <= own);
      ok(adaptThreshold(base, { ...situation, network: 'mobile' }) <= own);
      ok(adaptThreshold(base, { ...situation, cohortFirstQuartile: situation.cohortFirstQuartile + more }) >= own);
      ok(adaptThreshold(base * 2, situation) >= own);
    }),
    { numRuns: 500 },
  );
});

test('bounded; and when everybody is equally slow, nobody is under the threshold', () => {
  fc.assert(
    fc.property(situations, (situation) => {
      const own = adaptThreshold(base, situation);
      ok(own <= base * 2);
      ok(own >= base / 8 || thresholdReasons[thresholdReason(base, situation)] === 'cohort');
      if (situation.cohortSize >= 8) ok(own <= 0.75 * situation.cohortFirstQuartile);
    }),
    { numRuns: 500 },
  );
  for (const slow of [0, 1000, 50_000]) {
    is(slow < adaptThreshold(base, { ...usual, cohortFirstQuartile: slow, cohortSize: 40 }), false);
  }
});

test.run();
