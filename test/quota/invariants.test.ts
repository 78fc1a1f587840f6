// test-time-limit: 120s
/**
 * What must hold whatever fails: I1–I8 and I16, each as a property over courses that press on it. The oracles are
 * `OriginTruth` (what the origin sees) and `PotentialUse` (what holders could do); neither knows the owner's books.
 */
import fc from 'fast-check';
import { suite } from 'uvu';
import { slackNeededMilliseconds } from '#core/quota/lease.ts';
import { Leaseholders } from '#core/quota/leaseholders.ts';
import { courses, holds, kinds, run } from './courses.ts';
import { Machine } from './machine.ts';
import { ContractViolation } from './origin-truth.ts';

const test = suite('quota/invariants');
const { want, use, release, crash, sleep, stepWall, cutOff, failover, loss, limit, deepCut, weight, wire } = kinds;
const runs = 60;

test('I1: never more connections than promised, at any instant', () => {
  const course = courses(want, crash, failover, wire, cutOff, release);
  holds(
    'I1',
    fc.property(course, (one) => {
      const few = { connections: 1 + (one.seed % 6), bytesPerSecond: 5000, burstBytes: 5000, windows: [] };
      run(one, () => ({ contract: few, hasSafeShare: false }));
    }),
    runs,
  );
});

test('I2: for all s < t, no more bytes than rate · (t − s) + burst', () => {
  const course = courses(want, use, crash, failover, wire, sleep, limit);
  holds(
    'I2',
    fc.property(
      course,
      (one) =>
        void run(one, ({ contract }) => ({
          contract: { ...contract, bytesPerSecond: 20_000, burstBytes: 4_000 },
        })),
    ),
    runs,
  );
});

test('I3: no window ever holds more than promised', () => {
  const course = courses(want, use, crash, failover, wire, sleep, loss, release);
  holds(
    'I3',
    fc.property(
      course,
      (one) =>
        void run(one, ({ contract, terms }) => ({
          contract: {
            ...contract,
            bytesPerSecond: 20_000,
            burstBytes: 20_000,
            windows: [
              { windowMilliseconds: 3000, bytes: 25_000 },
              { windowMilliseconds: 20_000, bytes: 60_000 },
            ],
          },
          terms: { ...terms, windowBucketCount: 1 + (one.seed % 9) },
        })),
    ),
    runs,
  );
});

test('I4: epochs are fenced; with the ledger lost nothing new is granted before the longest ttl and slack', () => {
  const course = courses(want, failover, loss, wire, crash);
  holds(
    'I4',
    fc.property(course, (one) => {
      const world = run(one);
      const { ttlMilliseconds, slackMilliseconds } = world.options.terms;
      // The owner's clock may run fast by the drift.
      const quiet = ((ttlMilliseconds + slackMilliseconds) * 999) / 1000;
      for (const { at, epoch } of world.losses) {
        const early = world.grants.find((entry) => entry.grant.epoch >= epoch && entry.at < at + quiet);
        if (early !== undefined) throw new ContractViolation('I4', `granted ${early.at - at} ms after the loss`);
      }
    }),
    runs,
  );
});

test('I5: the holder stops before the owner takes it back, for any drift within the terms', () => {
  const drift = fc.integer({ min: -500, max: 500 });
  const times = fc.integer({ min: 0, max: 20_000 });
  holds(
    'I5',
    fc.property(
      drift,
      drift,
      times,
      times,
      times,
      times,
      fc.integer({ min: 1, max: 60_000 }),
      (holderDrift, ownerDrift, sentAt, delay, backDelay, wallBack, ttlMilliseconds) => {
        const [holder, owner] = [new Machine(holderDrift), new Machine(ownerDrift)];
        const table = new Leaseholders(1);
        table.open(0, 0, 0, 0, 1);
        const { number } = table.request(0, holder.clock(sentAt), 1, 1);
        const receivedAt = sentAt + delay;
        const lease = { origin: 0, holder: 0, epoch: 1, sequence: 1, slots: 1, bytesPerSecond: 1, burstBytes: 1 };
        const grantedAt = receivedAt + backDelay;
        table.receive(0, holder.clock(grantedAt), {
          kind: 'grant',
          account: 1,
          number,
          ...lease,
          prepaidBytes: 1,
          ttlMilliseconds,
        });
        holder.wallStepMilliseconds -= wallBack;
        const end = owner.clock(receivedAt).monotonicMilliseconds + ttlMilliseconds;
        const slack = slackNeededMilliseconds(ttlMilliseconds, 500e-6) + 1;
        let at = Math.max(grantedAt, receivedAt + Math.floor(ttlMilliseconds * 0.998));
        while (owner.clock(at).monotonicMilliseconds < end + slack) at++;
        if (table.isLive(0, holder.clock(at)))
          throw new ContractViolation('I5', `still in use ${at - sentAt} ms after asking`);
      },
    ),
    500,
  );
});

test('I6: a decrease is not granted again before it is acknowledged or expired', () => {
  const course = courses(want, want, weight, wire, cutOff, use);
  holds(
    'I6',
    fc.property(course, (one) => void run(one)),
    runs,
  );
});

test('I7: after a cut nothing grows, nothing is negative, and within ttl and slack the limit is kept', () => {
  const course = courses(want, deepCut, wire, failover, crash, weight);
  holds(
    'I7',
    fc.property(course, (one) => void run(one, () => ({ hasSafeShare: false }))),
    runs,
  );
});

test('I8: nobody is granted more than it asks for', () => {
  const course = courses(want, want, use, crash, failover, wire);
  holds(
    'I8',
    fc.property(course, (one) => void run(one)),
    runs,
  );
});

test('I16: granted − returned − spent − reserved is 0 in every ledger', () => {
  const course = courses(want, use, release, crash, sleep, stepWall, failover, loss, wire);
  holds(
    'I16',
    fc.property(course, (one) => void run(one)),
    runs,
  );
});

test('everything at once', () => {
  const all = courses(want, use, release, crash, sleep, stepWall, cutOff, failover, loss, limit, weight, wire);
  holds(
    'all',
    fc.property(all, (one) => void run(one)),
    2 * runs,
  );
});

test.run();
