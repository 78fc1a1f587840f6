import fc from 'fast-check';
import { suite } from 'uvu';
import { equal, is, ok, throws } from 'uvu/assert';
import { relayReasons } from '#core/record.ts';
import { canServe, chooseRelay, type RelayChoice, RelayTable, relayReason } from '#core/scheduler/relay-choice.ts';
import { none } from '#core/units.ts';

const test = suite('core/scheduler/relay-choice');

interface Relay {
  region: number;
  load: number;
  capacity: number;
  history: number;
  up: boolean;
  /** From regions 0 and 1. */
  latency: [number, number];
}

function tableOf(list: Relay[]): RelayTable {
  const relays = new RelayTable(list.length, 3);
  relays.setDistance(0, 1, 50);
  relays.setDistance(0, 2, 100);
  relays.setDistance(1, 2, 80);
  for (const [relay, one] of list.entries()) {
    relays.region[relay] = one.region;
    relays.load[relay] = one.load;
    relays.capacity[relay] = one.capacity;
    relays.historyBytesPerSecond[relay] = one.history;
    relays.up[relay] = one.up ? 1 : 0;
    relays.latencyMilliseconds[relay] = one.latency[0];
    relays.latencyMilliseconds[list.length + relay] = one.latency[1];
  }
  return relays;
}

const plain: Relay = { region: 0, load: 0, capacity: 10, history: 0, up: true, latency: [20, 20] };
const three = [
  { ...plain, region: 2, latency: [10, 90] as [number, number] },
  { ...plain, region: 1, load: 3, history: 5e6 },
  { ...plain, region: 0, load: 9, history: 2e6, latency: [30, 5] as [number, number] },
];
const kinds: RelayChoice[] = ['geography', 'latency', 'load', 'history', 'combined'];

function ask(list: Relay[], kind: RelayChoice, region = 0, draw = 0, except = none): string {
  const relays = tableOf(list);
  const relay = chooseRelay(kind, relays, region, draw, except);
  return `${relay} ${relayReasons[relayReason(kind, relays, relay, except)]}`;
}

test('each criterion picks its own', () => {
  equal(
    kinds.map((kind) => ask(three, kind)),
    ['2 geography', '0 latency', '0 load', '1 history', '1 combined'],
  );
  equal(
    kinds.map((kind) => ask(three, kind, 1)),
    ['1 geography', '2 latency', '0 load', '1 history', '1 combined'],
  );
});

test('a relay that nobody has observed counts as middling: tried before a poor one, after a good one', () => {
  const poor = { ...plain, history: 1e6 };
  const busy = { ...plain, history: 5e6, load: 9 };
  is(ask([poor, plain, busy], 'combined'), '1 combined');
  is(ask([{ ...poor, history: 3e6 }, plain, busy], 'combined'), '0 combined');
});

test('down and full relays are skipped, and the answer says why there is none', () => {
  const down = { ...plain, up: false };
  const full = { ...plain, load: 10 };
  is(ask([down, full, plain], 'load'), '2 only-one');
  is(ask([down, full], 'load'), '-1 all-full');
  is(ask([down, down], 'load'), '-1 all-down');
  is(ask([], 'load'), '-1 none-given');
  is(ask([plain, plain, down], 'geography', 0, 0, 0), '1 only-one', 'another one than 0');
  is(ask([plain], 'geography', 0, 0, 0), '-1 all-down');
});

test('equal relays are taken in turn by the draw, the same draw takes the same', () => {
  const relays = tableOf([plain, plain, { ...plain, load: 1 }, plain]);
  const taken = Array.from({ length: 8 }, (_, draw) => chooseRelay('load', relays, 0, draw));
  equal(taken, [0, 1, 3, 3, 0, 1, 3, 3]);
});

const relayLists = fc.array(
  fc.record({
    region: fc.integer({ min: 0, max: 2 }),
    load: fc.integer({ min: 0, max: 5 }),
    capacity: fc.integer({ min: 0, max: 5 }),
    history: fc.integer({ min: 0, max: 5 }),
    up: fc.boolean(),
    latency: fc.tuple(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 200 })),
  }),
  { maxLength: 8 },
);

/** The naive model: what the criterion says of each relay in plain words; Infinity for one that cannot serve. */
function costs(kind: RelayChoice, list: Relay[], region: number): number[] {
  const distance = [
    [0, 50, 100],
    [50, 0, 80],
    [100, 80, 0],
  ];
  const serves = (one: Relay) => one.up && one.load < one.capacity;
  const bestHistory = Math.max(0, ...list.filter(serves).map(({ history }) => history));
  const history = (one: Relay) => (one.history === 0 ? 0.5 : 1 - one.history / bestHistory);
  const latency = (one: Relay) => one.latency[region] / (one.latency[region] + 50);
  const load = (one: Relay) => one.load / one.capacity;
  const geography = (one: Relay) => distance[region][one.region] / 100;
  const combined = (one: Relay) => (4 * load(one) + 3 * history(one) + 2 * latency(one) + geography(one)) / 10;
  const cost = { geography, latency, load, history, combined }[kind];
  return list.map((one) => (serves(one) ? cost(one) : Infinity));
}

test('nobody is better than the chosen one, whatever the draw', () => {
  fc.assert(
    fc.property(
      relayLists,
      fc.constantFrom(...kinds),
      fc.integer({ min: 0, max: 1 }),
      fc.nat(2 ** 32 - 1),
      (list, kind, region, draw) => {
        const relays = tableOf(list);
        const relay = chooseRelay(kind, relays, region, draw);
        const all = costs(kind, list, region);
        const best = Math.min(...all);
        is(relay === none, best === Infinity);
        if (relay === none) return;
        ok(canServe(relays, relay));
        ok(all[relay] <= best + 1e-12, `${relay} costs ${all[relay]}, the best ${best}`);
      },
    ),
    { numRuns: 500 },
  );
});

test('a region or a distance that is none stops', () => {
  const relays = tableOf([plain]);
  throws(() => chooseRelay('load', relays, 3, 0), /region out of range/);
  throws(() => relays.setDistance(1, 1, 5), /no distance/);
});

test.run();
