import { suite } from 'uvu';
import { equal, is, not, throws } from 'uvu/assert';
import { SafeShare, safeShareOf } from '#core/quota/safe-share.ts';
import { assertTerms, partOf, quotaTermsDefault, subTerms } from '#core/quota/terms.ts';

const test = suite('core/quota/safe-share');
const contract = {
  connections: 100,
  bytesPerSecond: 1_000_003,
  burstBytes: 100_000,
  windows: [{ windowMilliseconds: 60_000, bytes: 1_000_000 }],
};

test('the parts come to the safe share and no more', () => {
  const parts = [0, 1, 2].map((position) => safeShareOf(contract, quotaTermsDefault, position, 3));
  equal(
    parts.map(({ connections }) => connections),
    [2, 2, 1],
  );
  is(
    parts.reduce((sum, { bytesPerSecond }) => sum + bytesPerSecond, 0),
    50_000,
  );
  is(
    parts.reduce((sum, { windows }) => sum + windows[0].bytes, 0),
    50_000,
  );
});

test('a relay without control uses its part: connections, tokens, window', () => {
  const safe = new SafeShare(safeShareOf(contract, quotaTermsDefault, 0, 1), quotaTermsDefault, 0, true);
  for (let open = 0; open < 5; open++) is(safe.connect(), true);
  is(safe.connect(), false);
  is(safe.availableBytes(0), 0, 'tokens are earned');
  is(safe.ask(100, 5000), true);
  is(safe.ask(100, 1), false);
  safe.arrive(120, 5000);
  is(safe.availableBytes(1120), 5000, 'no more than the burst');
  let taken = 5000;
  for (let at = 1120; at < 60_000; at += 100) {
    const bytes = safe.availableBytes(at);
    if (bytes > 0) safe.ask(at, bytes);
    safe.arrive(at, bytes);
    taken += bytes;
  }
  is(taken, 50_000, 'the window is full');
  const restarted = new SafeShare(safe.part, quotaTermsDefault, 0, false);
  is(restarted.availableBytes(59_000), 0, 'nobody knows what it used');
  is(restarted.availableBytes(61_000), 5000);
});

test('terms under which the contract would not hold are refused', () => {
  not.throws(() => assertTerms(quotaTermsDefault));
  throws(() => assertTerms({ ...quotaTermsDefault, slackMilliseconds: 10 }), /slack below 11 ms/);
  throws(() => assertTerms({ ...quotaTermsDefault, safeShareThousandths: 100 }), /stay below the limit/);
  throws(() => assertTerms({ ...quotaTermsDefault, ttlMilliseconds: 0.5 }), /whole/);
  throws(() => assertTerms(subTerms(quotaTermsDefault)), /low water/);
  is(partOf(2 ** 53 - 1, 900), Number(((2n ** 53n - 1n) * 900n) / 1000n));
  is(partOf(1, 900), 0);
});

test.run();
