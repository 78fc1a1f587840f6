import fc from 'fast-check';
import { suite } from 'uvu';
import { is, not, ok, throws } from 'uvu/assert';
import { assertContract } from '#core/quota/contract.ts';
import {
  assertLease,
  holderEndMilliseconds,
  type Lease,
  ownerEndMilliseconds,
  slackNeededMilliseconds,
  supersedes,
} from '#core/quota/lease.ts';

const test = suite('core/quota/lease');

const lease: Lease = {
  origin: 0,
  holder: 3,
  epoch: 2,
  sequence: 5,
  slots: 2,
  bytesPerSecond: 1000,
  burstBytes: 500,
  prepaidBytes: 12_000,
  ttlMilliseconds: 10_000,
};

test('a lease is never negative and never unlimited', () => {
  not.throws(() => assertLease(lease));
  throws(() => assertLease({ ...lease, bytesPerSecond: -40 }), /never negative/);
  throws(() => assertLease({ ...lease, slots: Infinity }), /never unlimited/);
  throws(() => assertLease({ ...lease, prepaidBytes: 0.5 }), /whole/);
  throws(() => assertLease({ ...lease, ttlMilliseconds: 0 }), /lasts/);
});

test('I5: the holder stops before the owner takes it back, for any drift and any delay', () => {
  const drift = fc.integer({ min: -500, max: 500 });
  fc.assert(
    fc.property(
      drift,
      drift,
      fc.integer({ min: 0, max: 5000 }),
      fc.integer({ min: 1, max: 100_000 }),
      (holderDrift, ownerDrift, delay, ttlMilliseconds) => {
        const slack = slackNeededMilliseconds(ttlMilliseconds, 500e-6);
        const one = { ...lease, ttlMilliseconds };
        // True times; each clock shows true time times its own pace.
        const holderPace = 1 + holderDrift * 1e-6;
        const ownerPace = 1 + ownerDrift * 1e-6;
        const requested = 1000;
        const granted = requested + delay;
        const holderEnd = holderEndMilliseconds(one, requested * holderPace) / holderPace;
        const ownerEnd = ownerEndMilliseconds(one, granted * ownerPace, slack) / ownerPace;
        ok(holderEnd <= ownerEnd + 1e-6, `${holderEnd} > ${ownerEnd}`);
      },
    ),
    { numRuns: 500 },
  );
  is(slackNeededMilliseconds(10_000, 0), 0);
  is(slackNeededMilliseconds(10_000, 500e-6), 11);
});

test('later epochs supersede, later sequences within an epoch', () => {
  is(supersedes({ ...lease, sequence: 6 }, lease), true);
  is(supersedes(lease, lease), false);
  is(supersedes({ ...lease, epoch: 3, sequence: 0 }, lease), true);
  is(supersedes({ ...lease, epoch: 1, sequence: 9 }, lease), false);
});

test('a contract is whole numbers or no limit', () => {
  const contract = {
    connections: 100,
    bytesPerSecond: Infinity,
    burstBytes: 0,
    windows: [{ windowMilliseconds: 3_600_000, bytes: 1e12 }],
  };
  not.throws(() => assertContract(contract));
  throws(() => assertContract({ ...contract, connections: 1.5 }), /connections/);
  throws(() => assertContract({ ...contract, bytesPerSecond: -1 }), /bytes per second/);
  throws(() => assertContract({ ...contract, windows: [{ windowMilliseconds: 0, bytes: 1 }] }), /lasts/);
});

test.run();
