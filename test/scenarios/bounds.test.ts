import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type BoundInput,
  boundContract,
  earliestFinish,
  lowerBound,
  quantileRank,
  type SourceContract,
  sourceBytesMax,
} from '#scenarios/format/bounds.ts';
import { loadScenario } from '#scenarios/format/load.ts';
import { policies } from '#sim/policies/catalogue.ts';

const bounds = suite('bounds');

interface Client {
  arrival?: number;
  up: number;
  down: number;
  blocked?: boolean;
}

interface World {
  file: number;
  source: number;
  clients: Client[];
  contract?: Partial<SourceContract>;
  relays?: { up: number; full?: boolean }[];
}

function inputOf({ file, source, clients, contract, relays = [] }: World): BoundInput {
  const unlimited = { bytesPerSecondMax: Infinity, burstBytes: Infinity, traffic: [] };
  return {
    fileBytes: file,
    arrivalSeconds: Float64Array.from(clients, ({ arrival = 0 }) => arrival),
    uplinkBytesPerSecond: Float64Array.from(clients, ({ up }) => up),
    downlinkBytesPerSecond: Float64Array.from(clients, ({ down }) => down),
    peering: Uint8Array.from(clients, ({ blocked = false }) => (blocked ? 0 : 1)),
    source: {
      uplinkBytesPerSecond: source,
      ...(contract === undefined ? {} : { contract: { ...unlimited, ...contract } }),
    },
    relays: relays.map(({ up, full = false }) => ({ uplinkBytesPerSecond: up, holdsAll: full })),
  };
}

const near = (actual: number, expected: number) => {
  const off = Math.abs(actual - expected) / Math.max(1e-9, Math.abs(expected));
  assert.ok(actual === expected || off < 1e-9, `${actual} is not ${expected}`);
};
const same = (count: number, client: Client): Client[] => Array.from({ length: count }, () => client);

/** Solved by hand. */
const solved: [what: string, world: World, which: string, last: number][] = [
  [
    'the slowest download',
    {
      file: 100,
      source: 50,
      clients: [
        { up: 99, down: 20 },
        { up: 99, down: 4 },
      ],
    },
    'download',
    25,
  ],
  ['one copy out of the source', { file: 100, source: 4, clients: same(3, { up: 99, down: 1000 }) }, 'source', 25],
  // 4 · 100 bytes through 5 + 4 · 5 bytes per second.
  ['all uploads together', { file: 100, source: 5, clients: same(4, { up: 2.5, down: 1000 }) }, 'aggregate', 400 / 15],
  // Two of four have no peers: 200 bytes from the source alone.
  [
    'the blocked ones',
    {
      file: 100,
      source: 5,
      clients: [...same(2, { up: 50, down: 1000 }), ...same(2, { up: 50, down: 1000, blocked: true })],
    },
    'blocked',
    40,
  ],
  // 300 bytes through 1 + 9: the source's own copy would take 100 s.
  [
    'a relay that starts full stands for the source',
    { file: 100, source: 1, clients: same(3, { up: 0, down: 1000 }), relays: [{ up: 9, full: true }] },
    'aggregate',
    30,
  ],
  [
    'a relay that starts empty does not',
    { file: 100, source: 1, clients: same(3, { up: 0, down: 1000 }), relays: [{ up: 9 }] },
    'source',
    100,
  ],
  // 2 · T + 3 · (T − 10) = 200 (the second arrives at 10).
  [
    'uploads begin with the arrival',
    {
      file: 100,
      source: 2,
      clients: [
        { up: 0, down: 1000 },
        { up: 3, down: 1000, arrival: 10 },
      ],
    },
    'source',
    50,
  ],
  [
    'uploads begin with the arrival, and bind',
    {
      file: 100,
      source: 4,
      clients: [
        { up: 0, down: 1000 },
        { up: 3, down: 1000, arrival: 10 },
      ],
    },
    'aggregate',
    230 / 7,
  ],
  // The burst of 40 at once, the rest at 2 per second.
  [
    'a contract with a burst',
    {
      file: 100,
      source: 1000,
      clients: same(1, { up: 0, down: 1e6 }),
      contract: { bytesPerSecondMax: 2, burstBytes: 40 },
    },
    'source',
    30,
  ],
  // 30 bytes in each 10 s: three windows are full at 30 s, and the last 10 bytes need 1 s more.
  [
    'a contract with a window',
    {
      file: 100,
      source: 10,
      clients: same(1, { up: 0, down: 1e6 }),
      contract: { traffic: [{ windowSeconds: 10, bytesMax: 30 }] },
    },
    'source',
    31,
  ],
  ['nothing to send with', { file: 100, source: 0, clients: same(1, { up: 5, down: 10 }) }, 'source', Infinity],
];

for (const [what, world, which, last] of solved) {
  bounds(what, () => {
    const bound = lowerBound([inputOf(world)]);
    assert.is(bound.which, which);
    near(bound.at.max, last);
  });
}

bounds('all at once, the last one: the formula of Kumar and Ross', () => {
  const rate = fc.double({ min: 0.1, max: 100, noNaN: true });
  const clients = fc.array(fc.record({ up: rate, down: rate }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(clients, rate, rate, (population, source, file) => {
      const { at } = lowerBound([inputOf({ file, source, clients: population })]);
      const up = population.reduce((sum, client) => sum + client.up, 0);
      const slowest = Math.min(...population.map(({ down }) => down));
      near(at.max, Math.max(file / source, file / slowest, (population.length * file) / (source + up)));
    }),
    { numRuns: 300 },
  );
});

/** The same bound by hand and in plain steps: every breakpoint in order, and a line between two of them. */
function naive(world: World, k: number): number {
  const { file, source, clients, relays = [] } = world;
  const relayRate = relays.reduce((sum, { up }) => sum + up, 0);
  const peers = clients.filter(({ blocked }) => blocked !== true);
  const download = clients.map(({ arrival = 0, down }) => arrival + file / down).sort((a, b) => a - b)[k - 1]!;
  const one = relays.some(({ full }) => full === true) ? 0 : file / source;
  const reach = (uploaders: Client[], bytes: number): number => {
    const breaks = [0, ...uploaders.map(({ arrival = 0 }) => arrival).sort((a, b) => a - b), Infinity];
    for (const [index, begin] of breaks.slice(0, -1).entries()) {
      let rate = source + relayRate;
      let sent = (source + relayRate) * begin;
      for (const { arrival = 0, up } of uploaders) {
        if (arrival > begin) continue;
        rate += up;
        sent += up * (begin - arrival);
      }
      const time = begin + (bytes - sent) / rate;
      if (time <= breaks[index + 1]!) return Math.max(begin, time);
    }
    return Infinity;
  };
  const alone = k > peers.length ? reach([], (k - peers.length) * file) : 0;
  return Math.max(download, one, reach(peers, k * file), alone);
}

const rates = fc.double({ min: 0.5, max: 50, noNaN: true });
const worlds: fc.Arbitrary<World> = fc.record({
  file: fc.double({ min: 1, max: 1000, noNaN: true }),
  source: rates,
  clients: fc.array(
    fc.record({
      // One far away puts all the others into one bucket of the computation.
      arrival: fc.oneof(fc.constantFrom(0, 1, 7, 1e5), fc.double({ min: 0, max: 100, noNaN: true })),
      up: fc.oneof(fc.constant(0), rates),
      down: rates,
      blocked: fc.boolean(),
    }),
    { minLength: 1, maxLength: 40 },
  ),
  relays: fc.array(fc.record({ up: rates, full: fc.boolean() }), { maxLength: 3 }),
});

bounds('agrees with a plain computation for every client of any world', () => {
  fc.assert(
    fc.property(worlds, fc.nat(), (world, pick) => {
      const k = 1 + (pick % world.clients.length);
      const actual = earliestFinish(inputOf(world), k);
      const expected = naive(world, k);
      assert.ok(Math.abs(actual - expected) <= 1e-9 * Math.max(1, expected), `${actual} is not ${expected}`);
    }),
    { numRuns: 500 },
  );
});

bounds('never falls from one client to the next, and order does not matter', () => {
  fc.assert(
    fc.property(worlds, (world) => {
      const input = inputOf(world);
      const turned = inputOf({ ...world, clients: world.clients.toReversed() });
      let before = 0;
      for (let k = 1; k <= world.clients.length; k++) {
        const finish = earliestFinish(input, k);
        assert.ok(finish >= before);
        near(earliestFinish(turned, k), finish);
        before = finish;
      }
    }),
    { numRuns: 100 },
  );
});

/** A world in small steps: relays are full, clients hand on what they hold, as fast as chance lets them. */
function played({ file, source, clients, relays = [] }: World, chances: readonly number[], step: number): number[] {
  const held = clients.map(() => 0);
  const finished = clients.map(() => Infinity);
  let sent = relays.length > 0 ? file : 0;
  let draw = 0;
  const chance = () => chances[draw++ % chances.length]!;
  for (let time = 0; time < 1000 && finished.includes(Infinity); time += step) {
    const free = clients.map(({ down, arrival = 0 }) => (arrival <= time ? down * step : 0));
    const give = (budget: number, ownHeld: number, giver?: number) => {
      let left = budget;
      const first = Math.floor(chance() * clients.length);
      for (let turn = 0; turn < clients.length; turn++) {
        const to = (first + turn) % clients.length;
        if (giver === to || (giver !== undefined && clients[to]!.blocked === true)) continue;
        // Nobody can be given more than the giver has, nor hold more than has left the source.
        const missing = Math.min(file, giver === undefined ? file : sent) - held[to]!;
        const bytes = Math.max(0, Math.min(left, free[to]!, missing, ownHeld)) * (0.5 + chance() / 2);
        held[to]! += bytes;
        free[to]! -= bytes;
        left -= bytes;
      }
      return budget - left;
    };
    sent += give(source * step, file);
    for (const { up } of relays) give(up * step, file);
    for (const [index, { up, blocked, arrival = 0 }] of clients.entries()) {
      if (blocked === true || arrival > time) continue;
      give(up * step, held[index]!, index);
    }
    for (const [index, bytes] of held.entries()) {
      if (bytes >= file * (1 - 1e-9)) finished[index] = Math.min(finished[index]!, time + step);
    }
  }
  return finished.sort((a, b) => a - b);
}

bounds('no play of a world is earlier', () => {
  const chances = fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 5, maxLength: 30 });
  fc.assert(
    fc.property(worlds, chances, (world, draws) => {
      const full = { ...world, relays: world.relays!.filter((relay) => relay.full), file: Math.min(world.file, 200) };
      const input = inputOf(full);
      // One step is the grain of a play: nothing in it is finer.
      const step = 0.25;
      for (const [index, time] of played(full, draws, step).entries()) {
        const bound = earliestFinish(input, index + 1);
        assert.ok(time >= bound - step - 1e-6, `client ${index + 1} of ${full.clients.length}: ${time} < ${bound}`);
      }
    }),
    { numRuns: 60 },
  );
});

bounds('no schedule that keeps a contract sends more than the source may', () => {
  const contracts = fc.record({
    bytesPerSecondMax: fc.integer({ min: 1, max: 20 }),
    burstBytes: fc.integer({ min: 0, max: 30 }),
    traffic: fc.array(
      fc.record({ windowSeconds: fc.integer({ min: 1, max: 12 }), bytesMax: fc.integer({ min: 1, max: 80 }) }),
      {
        maxLength: 2,
      },
    ),
  });
  const wishes = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 40, maxLength: 40 });
  fc.assert(
    fc.property(contracts, wishes, fc.integer({ min: 1, max: 40 }), (contract, wished, uplink) => {
      const source = { uplinkBytesPerSecond: uplink, contract };
      // Whole bytes at the end of each second, as many as wished and allowed.
      const sent: number[] = [];
      for (const [second, wish] of wished.entries())
        sent.push(Math.min(wish, allowedAt(second, sent, contract, uplink)));
      for (let from = 0; from < sent.length; from++) {
        let total = 0;
        for (let to = from; to < sent.length; to++) {
          total += sent[to]!;
          const most = sourceBytesMax(source, to - from + 1);
          assert.ok(total <= most + 1e-9, `${total} bytes in ${to - from + 1} s, at most ${most}`);
        }
      }
    }),
    { numRuns: 200 },
  );
});

/** By trying every interval that ends now. */
function allowedAt(second: number, sent: readonly number[], contract: SourceContract, uplink: number): number {
  let allowed = uplink;
  for (let length = 1; length <= second + 1; length++) {
    const before = sent.slice(second + 1 - length).reduce((sum, bytes) => sum + bytes, 0);
    allowed = Math.min(allowed, contract.bytesPerSecondMax * length + contract.burstBytes - before);
    for (const { windowSeconds, bytesMax } of contract.traffic) {
      if (length <= windowSeconds) allowed = Math.min(allowed, bytesMax - before);
    }
  }
  return Math.max(0, allowed);
}

bounds('quantiles and counts', () => {
  assert.is(quantileRank(0.95, 100), 95);
  assert.is(quantileRank(0.5, 5), 3);
  assert.is(quantileRank(0.99, 10), 10);
  assert.is(quantileRank(1, 7), 7);
  assert.is(quantileRank(0.5, 0), 1);
  const input = inputOf({ file: 10, source: 100, clients: [1, 2, 5, 10].map((down) => ({ up: 0, down })) });
  assert.equal(lowerBound([input]).at, { p50: 2, p95: 10, p99: 10, max: 10 });
  // Only two are counted: their last may be the second fastest of all.
  assert.is(lowerBound([input], 2).at.max, 2);
});

bounds('a start that is not 0 moves the source, not the arrivals', () => {
  const input = inputOf({ file: 100, source: 4, clients: [{ up: 0, down: 10 }] });
  near(lowerBound([{ ...input, startSeconds: 60 }]).at.max, 85);
});

bounds('the contract of a scenario is the widest that its faults allow', () => {
  const text = `
version: 1
name: x
file: { size: 1GB }
origin: { uplink: 1Gbps, contract: { bandwidth: 80Mbps, burst: 1MB, traffic: { 1m: 100MB } } }
clients: [{ name: a, count: 1, uplink: 1Mbps, downlink: 1Mbps }]
faults:
  - { at: 1s, origin: main, contract: { bandwidth: 160Mbps } }
  - { at: 2s, origin: main, contract: { bandwidth: 8Mbps, burst: 2MB, traffic: { 1m: 50MB } } }`;
  const { scenario } = loadScenario(text, { file: 'x.yaml', policies });
  assert.equal(boundContract(scenario), {
    bytesPerSecondMax: 20e6,
    burstBytes: 2e6,
    traffic: [{ windowSeconds: 60, bytesMax: 100e6 }],
  });
});

bounds('a million clients in a moment', () => {
  const count = 1_000_000;
  const input = inputOf({ file: 1e9, source: 1e9, clients: [] });
  const spread = (client: number) => ((client * 7919) % count) / count;
  input.arrivalSeconds = Float64Array.from({ length: count }, (_, client) => 600 * spread(client));
  input.uplinkBytesPerSecond = new Float64Array(count).fill(1e6);
  input.downlinkBytesPerSecond = Float64Array.from({ length: count }, (_, client) => 5e6 + 1e7 * spread(client + 7));
  input.peering = new Uint8Array(count).fill(1);
  const before = performance.now();
  const { at } = lowerBound([input]);
  assert.ok(performance.now() - before < 3000);
  // Σ u · (T − a) with arrivals of mean 300 s, and the source's own share of one in a thousand.
  assert.ok(Math.abs(at.max - (1e15 + 300e12) / 1.001e12) < 1, `${at.max}`);
});

bounds.run();
