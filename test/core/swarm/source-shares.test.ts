import fc from 'fast-check';
import { suite } from 'uvu';
import { equal, is, ok, throws } from 'uvu/assert';
import { shareReasons, sourceKinds } from '#core/record.ts';
import { SourceShares, shareOrigin, sharePeer, shareRelay } from '#core/swarm/source-shares.ts';

const test = suite('core/swarm/source-shares');

const look = (shares: SourceShares, source: number, speed = 100, floor = 0) =>
  `${Math.round(shares.brake(source, speed, floor) * 100)} ${shareReasons[shares.reason(source, speed, floor)]}`;

test('free below the low water, braked up to the cap, stopped until back at the low water', () => {
  const shares = new SourceShares(1000, [0.2, 1, 1]);
  is(look(shares, shareOrigin), '100 free');
  shares.deliver(shareOrigin, 9);
  is(look(shares, shareOrigin), '100 free', 'too little to judge');
  shares.deliver(sharePeer, 91);
  is(look(shares, shareOrigin), '100 free', '9 %');
  shares.deliver(sharePeer, 6);
  shares.deliver(shareOrigin, 14);
  equal([shares.share(shareOrigin), look(shares, shareOrigin)], [23 / 120, '42 near-cap']);
  shares.deliver(shareOrigin, 1);
  shares.deliver(shareOrigin, 1);
  is(look(shares, shareOrigin), '0 at-cap');
  is(shares.mayUse(shareOrigin, 100, 0), false);
  shares.deliver(shareRelay, 10);
  is(look(shares, shareOrigin), '0 at-cap', 'between the waters it stays as it was');
  shares.deliver(sharePeer, 8);
  is(look(shares, shareOrigin), '100 free', '25 of 140: below the low water');
  is(look(shares, sharePeer), '100 free', 'a cap of 1 is none');
});

test('the speed floor opens a brake as far as the speed is short; a ban stays a ban', () => {
  const shares = new SourceShares(100, [0, 0.1, 1]);
  shares.deliver(shareRelay, 50);
  shares.deliver(sharePeer, 50);
  equal(
    [100, 75, 50, 0].map((speed) => look(shares, shareRelay, speed, 100)),
    ['0 at-cap', '25 speed-floor', '50 speed-floor', '100 speed-floor'],
  );
  is(look(shares, shareOrigin, 0, 100), '0 forbidden');
});

test('with a source that gives way to its brake the cap is kept, and it comes back when others deliver', () => {
  const caps = fc.tuple(fc.integer({ min: 1, max: 99 }), fc.integer({ min: 1, max: 99 }));
  const demands = fc.array(fc.tuple(fc.nat(2), fc.integer({ min: 0, max: 40 })), {
    minLength: 50,
    maxLength: 300,
  });
  fc.assert(
    fc.property(caps, demands, ([originCap, relayCap], list) => {
      const cap = [originCap / 100, relayCap / 100, 1];
      const shares = new SourceShares(10_000, cap);
      let delivered = 0;
      for (const [source, bytes] of list) {
        const brake = shares.brake(source, 1, 0);
        ok(brake >= 0 && brake <= 1);
        is(shares.mayUse(source, 1, 0), brake > 0);
        if (brake > 0) {
          shares.deliver(source, bytes);
          delivered += bytes;
        }
        if (delivered < 100) continue;
        for (const one of [shareOrigin, shareRelay]) {
          // One delivery may carry a source over its cap, and so may the grace at the start; no more than that.
          const over = shares.deliveredBytes[one] - cap[one] * delivered;
          ok(over <= 40 + 100, `${sourceKinds[one]} is ${over} over`);
        }
      }
      shares.deliver(sharePeer, 1_000_000);
      is(shares.brake(shareOrigin, 1, 0), 1);
    }),
    { numRuns: 300 },
  );
});

test('sources and caps are checked', () => {
  throws(() => new SourceShares(1, [0, 0]), /a cap for each/);
  throws(() => new SourceShares(1, [0, 0, 2]), /share of one/);
  throws(() => new SourceShares(1, [1, 1, 1]).deliver(3, 1), /source out of range/);
});

test.run();
