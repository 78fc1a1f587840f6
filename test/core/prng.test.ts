import fc from 'fast-check';
import { suite } from 'uvu';
import { equal, is, not, ok, throws } from 'uvu/assert';
import { clientBits, clientReal, mix, Prng, scaled } from '#core/prng.ts';

const test = suite('core/prng');

const seeds = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const values = <Value>(count: number, draw: (index: number) => Value): Value[] =>
  Array.from({ length: count }, (_, k) => draw(k));

/** Σ (seen − expected)² / expected over equal cells: about `cells` when they are equally likely. */
function chiSquare(counts: number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/** Six standard deviations above its mean: one property in a thousand million fails by chance. */
function isUniform(counts: number[]): boolean {
  const freedom = counts.length - 1;
  return chiSquare(counts) < freedom + 6 * Math.sqrt(2 * freedom) + 18;
}

test('known first values: what was simulated once is simulated alike for ever', () => {
  const prng = new Prng(1, 'arrivals');
  equal(
    values(4, () => prng.bits()),
    [2_821_794_215, 671_376_587, 698_834_401, 3_615_927_301],
  );
  equal(
    values(3, () => prng.below(100)),
    [96, 99, 93],
  );
  equal(
    values(2, () => prng.real()),
    [0.04952437526950293, 0.31162926371647126],
  );
  equal(
    values(4, (draw) => clientBits(1, 7, draw)),
    [839_142_847, 57_965_899, 1_380_581_786, 4_108_901_993],
  );
  is(mix(0, 0), 0);
  is(mix(1, 2), 232_174_035);
});

test('equal seeds and names draw alike; another name or seed draws otherwise, and shifts nothing', () => {
  fc.assert(
    fc.property(seeds, fc.nat(20), (seed, between) => {
      const one = new Prng(seed, 'one');
      const again = new Prng(seed, 'one');
      const other = new Prng(seed, 'other');
      const next = new Prng(seed + 1 > Number.MAX_SAFE_INTEGER ? 0 : seed + 1, 'one');
      const first = values(8, () => one.bits());
      for (let draw = 0; draw < between; draw++) other.bits();
      equal(
        values(8, () => again.bits()),
        first,
      );
      not.equal(
        values(8, () => other.bits()),
        first,
      );
      not.equal(
        values(8, () => next.bits()),
        first,
      );
    }),
    { numRuns: 100 },
  );
});

test('below() keeps to its range and reaches each value about equally often', () => {
  fc.assert(
    fc.property(seeds, fc.integer({ min: 1, max: 20 }), (seed, count) => {
      const prng = new Prng(seed, 'below');
      const seen = values(count, () => 0);
      for (let draw = 0; draw < 200 * count; draw++) seen[prng.below(count)]++;
      is(seen.length, count);
      ok(isUniform(seen), `${seen}`);
    }),
    { numRuns: 100 },
  );
  throws(() => new Prng(1, 'x').below(0), /positive/);
});

test('two streams are independent: pairs of them fill a square evenly', () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const one = new Prng(seed, 'arrivals/office');
      const other = new Prng(seed, 'arrivals/mobile');
      const cells = values(64, () => 0);
      for (let draw = 0; draw < 6400; draw++) cells[one.below(8) * 8 + other.below(8)]++;
      ok(isUniform(cells), `${cells}`);
    }),
    { numRuns: 30 },
  );
});

test("a client's draws are uniform over clients, over draws, and from one draw to the next", () => {
  fc.assert(
    fc.property(fc.nat(2 ** 31), fc.nat(1_000_000), (seed, from) => {
      const overClients = values(64, () => 0);
      const overDraws = values(64, () => 0);
      const pairs = values(64, () => 0);
      for (let k = 0; k < 6400; k++) {
        overClients[scaled(clientBits(seed, from + k, 0), 64)]++;
        overDraws[scaled(clientBits(seed, from, k), 64)]++;
        pairs[scaled(clientBits(seed, from + k, 0), 8) * 8 + scaled(clientBits(seed, from + k, 1), 8)]++;
      }
      for (const cells of [overClients, overDraws, pairs]) ok(isUniform(cells), `${cells}`);
    }),
    { numRuns: 50 },
  );
});

test('reals are in [0, 1), words of 32 bits onto any range', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.nat(), fc.integer({ min: 1, max: 1e6 }), (seed, client, draw, count) => {
      const real = clientReal(seed, client, draw);
      ok(real >= 0 && real < 1);
      const index = scaled(clientBits(seed, client, draw), count);
      ok(Number.isInteger(index) && index >= 0 && index < count);
    }),
  );
  is(scaled(0, 7), 0);
  is(scaled(0xffffffff, 7), 6);
  is(scaled(0xffffffff, 1e9), 999_999_999);
});

test('a shuffle keeps all, and each order of three is about as likely', () => {
  const prng = new Prng(5, 'shuffle');
  const column = Int32Array.from({ length: 100 }, (_, k) => k);
  prng.shuffle(column, 60);
  equal(
    [...column.slice(60)],
    values(40, (k) => 60 + k),
  );
  equal(
    [...column].sort((a, b) => a - b),
    values(100, (k) => k),
  );
  const orders = new Map<string, number>();
  for (let round = 0; round < 6000; round++) {
    const three = Int32Array.of(0, 1, 2);
    prng.shuffle(three, 3);
    orders.set(`${three}`, (orders.get(`${three}`) ?? 0) + 1);
  }
  is(orders.size, 6);
  ok(isUniform([...orders.values()]), `${[...orders]}`);
});

test.run();
