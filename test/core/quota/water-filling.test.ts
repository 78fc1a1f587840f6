import fc from 'fast-check';
import { suite } from 'uvu';
import { equal, is, ok, throws } from 'uvu/assert';
import { quotaBytesMax } from '#core/quota/contract.ts';
import { quotaWeightMax, WaterFilling } from '#core/quota/water-filling.ts';
import { isExact, levelOf, type Want } from './max-min-oracle.ts';

const test = suite('core/quota/water-filling');

function share(wants: Want[], amount: number, filling = new WaterFilling(Math.max(1, wants.length))) {
  for (const [row, want] of wants.entries()) {
    filling.least[row] = want.least;
    filling.most[row] = want.most;
    filling.weight[row] = want.weight;
    filling.members[row] = row;
  }
  const left = filling.fill(wants.length, amount);
  return { shares: [...filling.share.slice(0, wants.length)], left };
}

const plain = (most: number): Want => ({ least: 0, most, weight: 1 });
const total = (list: number[]) => list.reduce((sum, one) => sum + one, 0);

const amounts = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 30 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: quotaBytesMax }) },
);
const wants = fc
  .tuple(amounts, amounts, fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: quotaWeightMax })))
  .map(([a, b, weight]): Want => ({ least: Math.min(a, b), most: Math.max(a, b), weight }));

test('the picture of the header', () => {
  const three = [
    { least: 0, most: 8, weight: 1 },
    { least: 9, most: 20, weight: 1 },
    { least: 0, most: 40, weight: 2 },
  ];
  equal(share(three, 34), { shares: [8, 9, 17], left: 0 });
});

test('trap: capacity 120, wants 1 5 50 1 20 5 10: everybody gets what it asked for, and 28 are left', () => {
  equal(share([1, 5, 50, 1, 20, 5, 10].map(plain), 120), { shares: [1, 5, 50, 1, 20, 5, 10], left: 28 });
  equal(share([1, 5, 50, 1, 20, 5, 10].map(plain), 60), { shares: [1, 5, 19, 1, 19, 5, 10], left: 0 });
});

test('shares are the exact ones to a unit, and their sum is the amount', () => {
  fc.assert(
    fc.property(fc.array(wants, { maxLength: 9 }), amounts, (list, amount) => {
      fc.pre(total(list.map(({ least }) => least)) <= amount);
      const { shares, left } = share(list, amount);
      const level = levelOf(list, amount);
      for (const [row, want] of list.entries()) {
        ok(isExact(want, level, shares[row]), `row ${row} got ${shares[row]}`);
      }
      is(total(shares) + left, amount);
      is(left, Math.max(0, amount - total(list.map(({ most }) => most))));
    }),
    { numRuns: 1500 },
  );
});

test('by the definition: nobody can get a unit more without one who has no more per weight losing it', () => {
  fc.assert(
    fc.property(fc.array(wants, { minLength: 2, maxLength: 6 }), amounts, (list, amount) => {
      fc.pre(total(list.map(({ least }) => least)) <= amount);
      const { shares } = share(list, amount);
      for (const [poor, one] of list.entries()) {
        if (shares[poor] === one.most) continue;
        for (const [rich, other] of list.entries()) {
          if (shares[rich] === other.least) continue;
          const richer = BigInt(shares[rich] - 1) * BigInt(one.weight);
          ok(richer <= BigInt(shares[poor] + 1) * BigInt(other.weight), `${rich} has too much, ${poor} too little`);
        }
      }
    }),
    { numRuns: 600 },
  );
});

test('leasts that do not fit are shared as if they were wants', () => {
  const list = [
    { least: 10, most: 50, weight: 1 },
    { least: 40, most: 50, weight: 1 },
    { least: 40, most: 50, weight: 3 },
  ];
  equal(share(list, 50), { shares: [10, 10, 30], left: 0 });
});

test('order does not matter beyond a unit; twice the amounts give twice the shares', () => {
  fc.assert(
    fc.property(fc.array(wants, { minLength: 1, maxLength: 8 }), fc.integer({ min: 0, max: 200 }), (list, amount) => {
      const small = list.map((one) => ({
        ...one,
        least: one.least % 20,
        most: (one.least % 20) + (one.most % 30),
      }));
      fc.pre(total(small.map(({ least }) => least)) <= amount);
      const { shares } = share(small, amount);
      const turned = share([...small].reverse(), amount).shares.reverse();
      for (const row of shares.keys()) ok(Math.abs(shares[row] - turned[row]) <= 1);
      const doubled = small.map((one) => ({ ...one, least: one.least * 2, most: one.most * 2 }));
      const more = share(doubled, amount * 2).shares;
      for (const row of shares.keys()) ok(Math.abs(more[row] - 2 * shares[row]) <= 2);
    }),
    { numRuns: 300 },
  );
});

test('scratch of an earlier round leaves no trace', () => {
  const filling = new WaterFilling(9);
  fc.assert(
    fc.property(fc.array(wants, { minLength: 1, maxLength: 9 }), amounts, (list, amount) => {
      equal(share(list, amount, filling), share(list, amount));
    }),
    { numRuns: 300 },
  );
});

test('unlimited, nobody, nothing; what is out of range stops', () => {
  equal(share([plain(5), plain(7)], Infinity), { shares: [5, 7], left: Infinity });
  equal(share([], 10), { shares: [], left: 10 });
  equal(share([plain(5), plain(7)], 0), { shares: [0, 0], left: 0 });
  throws(() => share([{ least: 3, most: 2, weight: 1 }], 5), /below/);
  throws(() => share([{ least: 0, most: 2, weight: 0 }], 5), /weights/);
  throws(() => share([plain(5)], -40), /not negative/);
});

test.run();
