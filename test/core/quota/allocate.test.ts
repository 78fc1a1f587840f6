import fc from 'fast-check';
import { suite } from 'uvu';
import { equal, is, ok } from 'uvu/assert';
import { Allocator, grantMet, HolderTable } from '#core/quota/allocate.ts';
import { grantReasons } from '#core/record.ts';
import { isExact, levelOf } from './max-min-oracle.ts';

const test = suite('core/quota/allocate');

interface Holder {
  demand: number;
  floor?: number;
  ceiling?: number;
  weight?: number;
  band?: number;
  slots?: number;
  since?: number;
}

function tableOf(list: Holder[]): HolderTable {
  const holders = new HolderTable(Math.max(1, list.length));
  for (const one of list) {
    const row = holders.add(one.demand);
    holders.floorBytesPerSecond[row] = one.floor ?? 0;
    holders.ceilingBytesPerSecond[row] = one.ceiling ?? Infinity;
    holders.weight[row] = one.weight ?? 1;
    holders.band[row] = one.band ?? 0;
    holders.slotsWanted[row] = one.slots ?? 1;
    holders.unservedSinceMilliseconds[row] = one.since ?? 0;
  }
  return holders;
}

function allocated(list: Holder[], rate: number, connections = Infinity): HolderTable {
  const holders = tableOf(list);
  new Allocator(holders.countMax).allocate(holders, rate, connections);
  return holders;
}

/** One holder a line: band, rate granted of rate asked, slots, reason. */
function picture(holders: HolderTable): string[] {
  const rows = Array.from({ length: holders.count }, (_, row) => row);
  return rows.map(
    (row) =>
      `${holders.band[row]}: ${holders.grantBytesPerSecond[row]}/${holders.demandBytesPerSecond[row]} ` +
      `${holders.grantSlots[row]} ${grantReasons[holders.grantReason[row]]}`,
  );
}

const ratesOf = (holders: HolderTable) => [...holders.grantBytesPerSecond.slice(0, holders.count)];
const slotsOf = (holders: HolderTable) => [...holders.grantSlots.slice(0, holders.count)];
const total = (list: number[]) => list.reduce((sum, one) => sum + one, 0);

const holderLists = fc.array(
  fc.record({
    demand: fc.integer({ min: 0, max: 60 }),
    floor: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 30 })),
    ceiling: fc.oneof(fc.constant(Infinity), fc.integer({ min: 0, max: 60 })),
    weight: fc.integer({ min: 1, max: 5 }),
    band: fc.integer({ min: 0, max: 3 }),
    slots: fc.integer({ min: 0, max: 4 }),
    since: fc.integer({ min: 0, max: 5 }),
  }),
  { maxLength: 10 },
);
const limits = fc.oneof(fc.integer({ min: 0, max: 250 }), fc.constant(Infinity));
const slotLimits = fc.oneof(fc.integer({ min: 0, max: 20 }), fc.constant(Infinity));
const wantOf = (one: Holder) => Math.min(one.demand, one.ceiling ?? Infinity);

test('trap: capacity 120, wants 1 5 50 1 20 5 10', () => {
  const wants = [1, 5, 50, 1, 20, 5, 10];
  equal(
    ratesOf(
      allocated(
        wants.map((demand) => ({ demand })),
        120,
      ),
    ),
    wants,
  );
});

test('floors first, then bands, then weights', () => {
  const list = [
    { demand: 100, band: 1, floor: 10 },
    { demand: 60, band: 0, weight: 1 },
    { demand: 60, band: 0, weight: 2 },
    { demand: 5, band: 2 },
    { demand: 0, band: 0, floor: 20 },
  ];
  equal(picture(allocated(list, 100)), [
    '1: 10/100 1 floor',
    '0: 30/60 1 fair-share',
    '0: 60/60 1 met',
    '2: 0/5 0 no-capacity',
    '0: 0/0 0 no-demand',
  ]);
  equal(ratesOf(allocated(list, 8)), [8, 0, 0, 0, 0], 'the lower band owns a floor, the higher has none');
  equal(ratesOf(allocated(list, 140)), [20, 60, 60, 0, 0]);
});

test('fewer slots than holders: the longest unserved first, band by band', () => {
  const list = [
    { demand: 9, since: 30 },
    { demand: 9, since: 10 },
    { demand: 9, since: 20 },
    { demand: 9, since: 0, band: 1 },
  ];
  equal(slotsOf(allocated(list, 100, 2)), [0, 1, 1, 0]);
  equal(slotsOf(allocated(list, 100, 4)), [1, 1, 1, 1]);
  const more = [
    { demand: 9, slots: 5 },
    { demand: 9, slots: 2 },
    { demand: 9, slots: 9, band: 1 },
  ];
  equal(slotsOf(allocated(more, 100, 8)), [5, 2, 1]);
  equal(slotsOf(allocated(more, 100, 6)), [3, 2, 1], 'one for each before anybody has two');
  equal(picture(allocated(list, 10, 1)), ['0: 0/9 0 no-slot', '0: 9/9 1 met', '0: 0/9 0 no-slot', '1: 0/9 0 no-slot']);
});

test('the limits hold, nobody gets more than it asks, nothing is negative, nothing lies idle', () => {
  fc.assert(
    fc.property(holderLists, limits, slotLimits, (list, rate, connections) => {
      const holders = allocated(list, rate, connections);
      const rates = ratesOf(holders);
      const slots = slotsOf(holders);
      ok(total(rates) <= rate, 'rate');
      ok(total(slots) <= connections, 'slots');
      for (const [row, one] of list.entries()) {
        ok(rates[row] >= 0 && Number.isInteger(rates[row]));
        ok(rates[row] <= wantOf(one), 'within the demand');
        ok(slots[row] <= one.slots, 'within the slots asked for');
        is(rates[row] > 0, slots[row] > 0, 'a rate needs a slot, a slot a rate');
        if (holders.grantReason[row] === grantMet) is(rates[row], wantOf(one));
      }
      const withSlot = list.filter(
        (_, row) => slots[row] > 0 || grantReasons[holders.grantReason[row]] === 'no-capacity',
      );
      is(total(rates), Math.min(rate, total(withSlot.map(wantOf))), 'no capacity lies idle');
    }),
    { numRuns: 600 },
  );
});

test('within each band the exact weighted max–min above the floors; a lower band keeps nothing but its floor', () => {
  fc.assert(
    fc.property(holderLists, fc.integer({ min: 0, max: 250 }), (drawn, rate) => {
      const list = drawn.map((one) => ({ ...one, slots: 1 }));
      const rates = ratesOf(allocated(list, rate));
      const floorOf = (one: Holder) => Math.min(one.floor ?? 0, wantOf(one));
      const bands = [0, 1, 2, 3].map((band) => list.flatMap((one, row) => (one.band === band ? [row] : [])));
      // Floors, the naive way: whole bands while they fit, then a fair share of one, then none.
      let left = rate;
      const exactFloors = bands.map((rows) => {
        const sum = total(rows.map((row) => floorOf(list[row])));
        const got = Math.min(sum, left);
        left -= got;
        return { whole: got === sum, got };
      });
      for (const [band, rows] of bands.entries()) {
        const { whole, got } = exactFloors[band];
        const amount = got + left;
        const wants = rows.map((row) => ({
          least: whole ? floorOf(list[row]) : 0,
          most: whole ? wantOf(list[row]) : floorOf(list[row]),
          weight: list[row].weight,
        }));
        const level = levelOf(wants, amount);
        for (const [at, row] of rows.entries()) ok(isExact(wants[at], level, rates[row]), `row ${row}: ${rates[row]}`);
        const granted = total(rows.map((row) => rates[row]));
        is(granted, Math.min(amount, total(wants.map(({ most }) => most))));
        left = amount - granted;
      }
    }),
    { numRuns: 800 },
  );
});

test('an idle holder changes nothing; splitting one in two of half weight leaves the others their share', () => {
  fc.assert(
    fc.property(holderLists, fc.integer({ min: 0, max: 250 }), (list, rate) => {
      const before = ratesOf(allocated(list, rate));
      const idle = { demand: 0, floor: 50, weight: 5, band: 0, slots: 1, since: 0, ceiling: 9 };
      equal(ratesOf(allocated([...list, idle], rate)).slice(0, list.length), before);
      if (list.length === 0) return;
      const even = list.map((one) => ({
        ...one,
        weight: one.weight * 2,
        slots: 1,
        demand: one.demand * 2,
        floor: one.floor * 2,
        ceiling: one.ceiling * 2,
      }));
      const whole = ratesOf(allocated(even, rate));
      const [first, ...others] = even;
      const half = {
        ...first,
        weight: first.weight / 2,
        demand: first.demand / 2,
        floor: first.floor / 2,
        ceiling: first.ceiling / 2,
      };
      const split = ratesOf(allocated([half, ...others, half], rate));
      for (let row = 1; row < even.length; row++) ok(Math.abs(split[row] - whole[row]) <= 1);
    }),
    { numRuns: 300 },
  );
});

function limited(
  list: Holder[],
  rate: number,
  connections: number,
  committed: number[],
  slots: number[],
  newest = committed,
  newestSlots = slots,
) {
  const holders = tableOf(list);
  const allocator = new Allocator(holders.countMax);
  allocator.allocate(holders, rate, connections);
  const promised = {
    bytesPerSecond: Float64Array.from(committed),
    slots: Float64Array.from(slots),
    newestBytesPerSecond: Float64Array.from(newest),
    newestSlots: Float64Array.from(newestSlots),
  };
  allocator.limitToFree(holders, promised, rate, connections);
  return holders;
}

test('trap: a cut from 100 to 10 with two holders of 50 grants five each, not minus forty', () => {
  const two = [{ demand: 50 }, { demand: 50 }];
  equal(ratesOf(allocated(two, 10)), [5, 5]);
  const holders = limited(two, 10, Infinity, [50, 50], [1, 1]);
  equal(picture(holders), ['0: 5/50 1 fair-share', '0: 5/50 1 fair-share']);
  const third = limited([...two, { demand: 50 }], 10, Infinity, [50, 50, 0], [1, 1, 0]);
  equal(ratesOf(third), [4, 3, 0], 'a third gets nothing while 100 are promised');
});

test('trap: after a cut two holders in turn cannot keep the sum above the limit', () => {
  const two = [
    { demand: 9, since: 0 },
    { demand: 9, since: 1 },
  ];
  const holders = limited(two, 9, 1, [9, 9], [1, 1], [0, 9], [0, 1]);
  equal(picture(holders), ['0: 0/9 0 not-yet-free', '0: 0/9 0 no-slot'], 'the first has given up already: not again');
});

test('trap: what a shrink frees is not granted again before the holder knows', () => {
  const list = [{ demand: 10 }, { demand: 90 }];
  equal(ratesOf(limited(list, 100, 9, [80, 0], [1, 0])), [10, 20], '80 are promised until acknowledged');
  equal(ratesOf(limited(list, 100, 9, [10, 20], [1, 1])), [10, 90]);
  const holders = limited([{ demand: 9 }, { demand: 9 }], 100, 1, [0, 9], [0, 1]);
  equal(picture(holders), ['0: 0/9 0 not-yet-free', '0: 0/9 0 no-slot'], 'the slot is not free yet either');
});

test('grants and promises together never pass the limit, nor what was promised before a cut', () => {
  const promised = fc.array(fc.integer({ min: 0, max: 80 }), { minLength: 10, maxLength: 10 });
  fc.assert(
    fc.property(holderLists, limits, slotLimits, promised, promised, (list, rate, connections, rates, slots) => {
      const targets = allocated(list, rate, connections);
      const holders = limited(list, rate, connections, rates, slots);
      const ratePromised = total(rates.slice(0, list.length));
      const slotPromised = total(slots.slice(0, list.length));
      const rateAfter = total(list.map((_, row) => Math.max(rates[row], holders.grantBytesPerSecond[row])));
      const slotAfter = total(list.map((_, row) => Math.max(slots[row], holders.grantSlots[row])));
      ok(rateAfter <= Math.max(rate, ratePromised), 'rate');
      ok(slotAfter <= Math.max(connections, slotPromised), 'slots');
      for (const row of list.keys()) {
        ok(holders.grantBytesPerSecond[row] >= 0 && holders.grantSlots[row] >= 0);
        ok(holders.grantBytesPerSecond[row] <= targets.grantBytesPerSecond[row], 'never above the target');
      }
      if (ratePromised <= 0 && slotPromised <= 0) equal(picture(holders), picture(targets));
    }),
    { numRuns: 500 },
  );
});

test('a table may be used again', () => {
  const holders = tableOf([{ demand: 50, floor: 40, band: 3, slots: 9, ceiling: 1 }]);
  const allocator = new Allocator(2);
  allocator.allocate(holders, 100, 100);
  holders.clear();
  holders.add(30);
  allocator.allocate(holders, 20, 1);
  equal(picture(holders), ['0: 20/30 1 fair-share']);
});

test.run();
