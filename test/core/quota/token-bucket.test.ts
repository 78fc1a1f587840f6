import fc from 'fast-check';
import { suite } from 'uvu';
import { equal, is, ok, throws } from 'uvu/assert';
import { quotaBytesMax } from '#core/quota/contract.ts';
import { TokenBuckets } from '#core/quota/token-bucket.ts';

const test = suite('core/quota/token-bucket');

/** The naive model: exact thousandths of bytes in a BigInt. */
class Model {
  tokens: bigint;
  at = 0;
  rate: bigint;
  burst: bigint;

  constructor(rate: number, burst: number, tokens: number) {
    this.rate = BigInt(rate);
    this.burst = BigInt(burst) * 1000n;
    this.tokens = BigInt(tokens) * 1000n;
  }

  refill(now: number): void {
    this.tokens += this.rate * BigInt(now - this.at);
    if (this.tokens > this.burst) this.tokens = this.burst;
    this.at = now;
  }

  available(now: number): number {
    this.refill(now);
    return Number(this.tokens / 1000n);
  }
}

const sizes = fc.oneof(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 0, max: quotaBytesMax }));
const steps = fc.array(
  fc.record({
    wait: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 5000 }), fc.constant(10_000_000_000)),
    share: fc.integer({ min: 0, max: 110 }),
    isLookedAt: fc.boolean(),
    rate: fc.option(sizes, { freq: 6 }),
    burst: fc.option(sizes, { freq: 6 }),
  }),
  { maxLength: 40 },
);

test('a film: 3 bytes a second, burst 5', () => {
  const buckets = new TokenBuckets(2);
  buckets.open(1, 0, 3, 5, 5);
  const seen = [0, 100, 333, 334, 667, 1000, 2000, 9000].map((now) => {
    if (now === 0) buckets.take(1, 0, 5);
    return `${now}:${buckets.available(1, now)}`;
  });
  equal(seen, ['0:0', '100:0', '333:0', '334:1', '667:2', '1000:3', '2000:5', '9000:5']);
  is(buckets.take(1, 9000, 6), false, 'all or nothing');
  is(buckets.take(1, 9000, 4), true);
  is(buckets.waitMilliseconds(1, 9000, 5), 1334);
  is(buckets.waitMilliseconds(1, 9000, 6), Infinity, 'more than the burst');
  buckets.close(1, 9100);
  is(buckets.available(1, 99_000), 0, 'tokens of an expired lease are void');
});

test('it is the exact bucket, whatever is asked when', () => {
  fc.assert(
    fc.property(sizes, sizes, steps, (rate, burst, list) => {
      const buckets = new TokenBuckets(1);
      buckets.open(0, 0, rate, burst, burst);
      const model = new Model(rate, burst, burst);
      let now = 0;
      for (const step of list) {
        now += step.wait;
        const available = model.available(now);
        if (step.isLookedAt) {
          is(buckets.available(0, now), available);
          const bytes = Math.floor((available / 100) * step.share);
          const taken = buckets.take(0, now, bytes);
          is(taken, bytes <= available);
          if (taken) model.tokens -= BigInt(bytes) * 1000n;
        }
        if (step.rate === null && step.burst === null) continue;
        model.rate = BigInt(step.rate ?? Number(model.rate));
        model.burst = BigInt(step.burst ?? Number(model.burst / 1000n)) * 1000n;
        model.refill(now);
        buckets.change(0, now, Number(model.rate), Number(model.burst / 1000n));
      }
    }),
    { numRuns: 500 },
  );
});

test('a full bucket carries nothing over its brim', () => {
  const buckets = new TokenBuckets(1);
  buckets.open(0, 0, 3, 1, 0);
  is(buckets.available(0, 333), 0);
  is(buckets.take(0, 334, 1), true, '1.002 bytes came, one fits');
  is(buckets.available(0, 667), 0, '0.999 bytes later');
  is(buckets.available(0, 668), 1);
});

test('I2: over every stretch of time no more than rate · time + burst is taken', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9999 }), fc.integer({ min: 0, max: 50 }), steps, (rate, burst, list) => {
      const buckets = new TokenBuckets(1);
      buckets.open(0, 0, rate, burst, burst);
      const taken: [at: number, bytes: number][] = [];
      let now = 0;
      for (const { wait } of list) {
        now += wait % 50;
        const bytes = buckets.available(0, now);
        ok(buckets.take(0, now, bytes), 'greedy');
        taken.push([now, bytes]);
      }
      for (const [first, [start]] of taken.entries()) {
        let sum = 0;
        for (const [at, bytes] of taken.slice(first)) {
          sum += bytes;
          ok(sum * 1000 <= rate * (at - start) + burst * 1000, `${sum} in ${at - start} ms`);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('being asked every millisecond loses nothing: a slow bucket fills as fast as one that is left alone', () => {
  const buckets = new TokenBuckets(2);
  buckets.open(0, 0, 7, 1000, 0);
  buckets.open(1, 0, 7, 1000, 0);
  for (let now = 1; now <= 60_000; now++) buckets.available(0, now);
  is(buckets.available(0, 60_000), 420);
  is(buckets.available(1, 60_000), 420);
});

test('the wait is the first millisecond at which it works', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3000 }),
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 0, max: 500 }),
      fc.integer({ min: 0, max: 999 }),
      (rate, burst, wanted, idle) => {
        const buckets = new TokenBuckets(3);
        for (let row = 0; row < 3; row++) buckets.open(row, 0, rate, burst, 0);
        for (let row = 0; row < 3; row++) buckets.available(row, idle);
        const wait = buckets.waitMilliseconds(0, idle, wanted);
        if (wait === Infinity) return ok(wanted > burst);
        is(buckets.take(1, idle + wait, wanted), true);
        if (wait > 0) is(buckets.take(2, idle + wait - 1, wanted), false);
      },
    ),
    { numRuns: 300 },
  );
});

test('time never runs back, bytes are whole', () => {
  const buckets = new TokenBuckets(1);
  buckets.open(0, 10, 5, 5, 5);
  throws(() => buckets.available(0, 9), /never runs back/);
  throws(() => buckets.take(0, 10, 0.5), /whole/);
  throws(() => buckets.take(0, 10, -1), /not negative/);
  throws(() => buckets.open(0, 10, -1, 5, 5), /exact range/);
});

test.run();
