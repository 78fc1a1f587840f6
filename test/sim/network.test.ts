import fc from 'fast-check';
import { suite } from 'uvu';
import { equal, is, ok } from 'uvu/assert';
import { Prng } from '#core/prng.ts';
import { none } from '#core/units.ts';
import { maxMinRates } from './max-min-oracle.ts';
import { second, type Wire, Wires, type WiresOptions } from './wires.ts';

const test = suite('sim/network');

const near = (actual: number, expected: number, ratio = 1e-9) =>
  ok(Math.abs(actual - expected) <= ratio * Math.max(1, Math.abs(expected)), `${actual} is not ${expected}`);

/** Bytes are counted by whoever receives, too: a microsecond's worth of flow is the grain of an event's time. */
function checkBytes(wires: Wires): void {
  for (const wire of wires.active) wires.network.settle(wire.transfer);
  const all = [...wires.active, ...wires.ended];
  const flowed = all.reduce((sum, wire) => sum + wire.flowed, 0);
  const counted = [0, 1, 2].reduce((sum, kind) => sum + wires.flow.total(kind as 0), 0);
  ok(Math.abs(flowed - counted) <= 1e-9 * flowed + 20 * all.length, `${flowed} flowed, ${counted} counted`);
}

type Action =
  | { kind: 'start'; source: number; target: number; bytes: number; cap: number; delay: number }
  | { kind: 'stop'; pick: number }
  | { kind: 'cap'; pick: number; cap: number }
  | { kind: 'capacity'; link: number; capacity: number };
interface Course {
  options: WiresOptions;
  actions: { after: number; action: Action }[];
}

const rate = fc.oneof(fc.constantFrom(1e3, 1e4, 1e4, 3e4, 1e5, 1e6), fc.integer({ min: 500, max: 2e6 }));
const cap = fc.oneof({ weight: 3, arbitrary: fc.constant(Infinity) }, rate);
const endpointsMax = 6;

function course(fidelities: WiresOptions['fidelity'][], actionsMax: number): fc.Arbitrary<Course> {
  const counts = fc.record({
    endpoints: fc.integer({ min: 2, max: endpointsMax }),
    regions: fc.integer({ min: 1, max: 3 }),
  });
  return counts.chain(({ endpoints, regions }) => {
    const endpoint = fc.nat(endpoints - 1);
    const region = fc.nat(regions - 1);
    const each = <Value>(arbitrary: fc.Arbitrary<Value>) =>
      fc.array(arbitrary, { minLength: endpoints, maxLength: endpoints });
    const pair = fc.record({ from: region, to: region, capacity: rate });
    const action: fc.Arbitrary<Action> = fc.oneof(
      {
        weight: 6,
        arbitrary: fc
          .record({ source: endpoint, target: endpoint, bytes: fc.integer({ min: 1, max: 1e6 }), cap })
          .chain((start) =>
            fc.constantFrom(0, 0, 300, 150_000).map((delay) => ({ kind: 'start' as const, ...start, delay })),
          ),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('stop' as const), pick: fc.nat(30) }) },
      fc.record({ kind: fc.constant('cap' as const), pick: fc.nat(30), cap }),
      fc.record({ kind: fc.constant('capacity' as const), link: fc.nat(2 * endpoints - 1), capacity: rate }),
    );
    return fc.record({
      options: fc.record({
        up: each(rate),
        down: each(rate),
        regions: each(region),
        pairs: fc.uniqueArray(pair, { maxLength: 3, selector: ({ from, to }) => `${from}-${to}` }),
        fidelity: fc.constantFrom(...fidelities),
      }),
      actions: fc.array(
        fc.record({ after: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 3 * second })), action }),
        { minLength: 1, maxLength: actionsMax },
      ),
    });
  });
}

/** Takes every step of a course; `settled` looks at the rates before time goes on. */
function follow({ options, actions }: Course, settled: (wires: Wires) => void = () => {}): Wires {
  const wires = new Wires(options);
  for (const { after, action } of actions) {
    if (after > 0) {
      wires.settle();
      if (!wires.network.isStale) settled(wires);
    }
    wires.runTo(wires.now + after);
    act(wires, action);
  }
  wires.settle();
  return wires;
}

function act(wires: Wires, action: Action): void {
  const { active, network } = wires;
  const wire = 'pick' in action ? active[action.pick % Math.max(1, active.length)] : undefined;
  if (action.kind === 'start') {
    if (action.source !== action.target) wires.start(action.source, action.target, action.bytes, action);
  } else if (action.kind === 'capacity') network.setCapacity(action.link, action.capacity);
  else if (wire === undefined) return;
  else if (action.kind === 'stop') wires.stop(wire);
  else network.setCap(wire.transfer, action.cap);
}

function linksOf({ network }: Wires, { transfer, source, target }: Wire): number[] {
  const pair = network.pairLinkOf(transfer);
  return [network.uplink(source), network.downlink(target), ...(pair === none ? [] : [pair])];
}

function capacitiesOf({ network }: Wires): number[] {
  return Array.from({ length: network.linkCount }, (_, link) => network.capacity(link));
}

// `Wires` looks at every link after every event, and integrates every rate.
for (const fidelity of ['reference', 'standard', 'scale'] as const) {
  test(`${fidelity}: no link over its capacity at any moment, no byte lost, everything ends`, () => {
    fc.assert(
      fc.property(course([fidelity], 40), (given) => {
        const wires = follow(given);
        checkBytes(wires);
        const stopped = new Set(wires.ended);
        wires.runOut();
        equal(wires.active, [], 'nobody starves');
        for (const wire of wires.ended) {
          // What has ended by itself has all its bytes, and ends in the microsecond in which the last one came.
          if (!stopped.has(wire)) near(wire.flowed, wire.bytes, 1e-9 + 2e6 / second / wire.bytes);
        }
        checkBytes(wires);
      }),
      { numRuns: 250 },
    );
  });
}

test('reference: rates are those of a naive solver at every moment', () => {
  fc.assert(
    fc.property(course(['reference'], 25), (given) => {
      follow(given, (wires) => {
        const caps = wires.active.map(({ transfer }) => wires.network.transfers[transfer * 8 + 3]);
        const pipes = wires.active.map((wire, k) => ({ links: linksOf(wires, wire), cap: caps[k] }));
        const expected = maxMinRates(pipes, capacitiesOf(wires));
        for (const [k, value] of wires.rates().entries()) near(value, expected[k], 1e-6);
      });
    }),
    { numRuns: 60 },
  );
});

test('reference, by the definition: whoever could have more would take it from one who has no more', () => {
  fc.assert(
    fc.property(course(['reference'], 25), (given) => {
      follow(given, (wires) => {
        const capacities = capacitiesOf(wires);
        for (const wire of wires.active) {
          const own = wires.rate(wire);
          const isHeld = linksOf(wires, wire).some((link) => {
            const others = wires.active.filter((other) => linksOf(wires, other).includes(link));
            const sum = others.reduce((total, other) => total + wires.rate(other), 0);
            const most = Math.max(...others.map((other) => wires.rate(other)));
            return sum >= capacities[link] * (1 - 1e-9) && own >= most * (1 - 1e-9);
          });
          const isCapped = own >= wires.network.transfers[wire.transfer * 8 + 3] * (1 - 1e-9);
          ok(isHeld || isCapped, `${wire.source} -> ${wire.target} has ${own} and no link that holds it back`);
        }
      });
    }),
    { numRuns: 150 },
  );
});

/** Rates worked out by hand; starts are [source, target, cap]. */
const solved: [
  what: string,
  options: Omit<WiresOptions, 'fidelity'>,
  starts: [number, number, number?][],
  rates: number[],
][] = [
  [
    'an uplink is shared evenly',
    { up: [90, 0, 0, 0], down: [0, 99, 99, 99] },
    [
      [0, 1],
      [0, 2],
      [0, 3],
    ],
    [30, 30, 30],
  ],
  [
    'what one leaves, the others take',
    { up: [90, 0, 0, 0], down: [0, 10, 99, 99] },
    [
      [0, 1],
      [0, 2],
      [0, 3],
    ],
    [10, 40, 40],
  ],
  [
    'a cap leaves as much',
    { up: [90, 0, 0, 0], down: [0, 99, 99, 99] },
    [
      [0, 1, 20],
      [0, 2],
      [0, 3],
    ],
    [20, 35, 35],
  ],
  // Uplink 0 gives 30 each; downlink 2 has 100 for 30 and what uplink 1 gives: 60.
  [
    'two uplinks meet',
    { up: [60, 60, 0, 0], down: [0, 0, 100, 100] },
    [
      [0, 2],
      [0, 3],
      [1, 2],
    ],
    [30, 30, 60],
  ],
  // Downlink 2 holds two back at 20 each; uplink 0 then has 80 for its other one.
  [
    'a full downlink frees an uplink',
    { up: [100, 50, 0, 0], down: [0, 0, 40, 99] },
    [
      [0, 2],
      [0, 3],
      [1, 2],
    ],
    [20, 80, 20],
  ],
  [
    'parallel transfers share like others',
    { up: [100, 0, 0], down: [0, 30, 99] },
    [
      [0, 1],
      [0, 1],
      [0, 2],
    ],
    [15, 15, 70],
  ],
  [
    'a link between regions, one way only',
    { up: [100, 100, 0, 0], down: [100, 0, 99, 99], regions: [0, 1, 1, 0], pairs: [{ from: 0, to: 1, capacity: 30 }] },
    [
      [0, 2],
      [0, 2],
      [0, 3],
      [1, 0],
    ],
    [15, 15, 70, 100],
  ],
];

for (const [what, options, starts, expected] of solved) {
  for (const fidelity of ['reference', 'standard'] as const) {
    test(`${fidelity}, by hand: ${what}`, () => {
      const wires = new Wires({ ...options, fidelity });
      for (const [source, target, most] of starts) {
        wires.start(source, target, 1e6, most === undefined ? {} : { cap: most });
        wires.settle();
      }
      // Rises under a hundredth are skipped at `standard`, at every link anew.
      for (const [k, value] of wires.rates().entries())
        near(value, expected[k], fidelity === 'reference' ? 1e-9 : 0.03);
    });
  }
}

test('an event moves with the rate: up when another one ends, down when one starts, exact to the microsecond', () => {
  for (const fidelity of ['reference', 'standard', 'scale'] as const) {
    const wires = new Wires({ up: [1000, 0, 0], down: [0, 1000, 1000], fidelity });
    // Alone for 1 s (1,000 bytes), shared for 2 s (1,000 more), alone again for its last 1,000.
    const long = wires.start(0, 1, 3000);
    wires.runTo(1 * second);
    const short = wires.start(0, 2, 1000);
    wires.runOut();
    is(short.endedAt, 3 * second);
    is(long.endedAt, 4 * second);
  }
});

test('the first byte comes after the delay, the share is taken at once', () => {
  for (const fidelity of ['reference', 'standard'] as const) {
    const wires = new Wires({ up: [1000, 0, 0], down: [0, 1000, 1000], fidelity });
    const near = wires.start(0, 1, 1000);
    const far = wires.start(0, 2, 1000, { delay: second });
    wires.runOut();
    // Half a link each; then all of it for what is left of the later one: 2 s · 500 − 1 s · 500.
    is(near.endedAt, 2 * second);
    is(far.endedAt, 2.5 * second);
  }
});

test('no flow at capacity 0, and all the rest when it comes back', () => {
  for (const fidelity of ['reference', 'standard', 'scale'] as const) {
    const wires = new Wires({ up: [1000, 0, 0], down: [0, 1000, 1000], fidelity });
    const [one, other] = [wires.start(0, 1, 1000), wires.start(0, 2, 1000)];
    wires.runTo(second);
    wires.network.setCapacity(wires.network.uplink(0), 0);
    wires.runTo(11 * second);
    equal([one.flowed, other.flowed], [500, 500]);
    wires.network.setCapacity(wires.network.uplink(0), 1000);
    wires.runOut();
    equal([one.endedAt, other.endedAt], [12 * second, 12 * second]);
  }
});

for (const fidelity of ['reference', 'standard', 'scale'] as const) {
  test(`${fidelity}: hundreds on one link waste little of it, and none waits for ever`, () => {
    const count = 300;
    const clients = Array.from({ length: count }, (_, k) => 1 + k);
    const wires = new Wires({ up: [1e6, ...clients.map(() => 0)], down: [0, ...clients.map(() => 1e5)], fidelity });
    for (const client of clients) {
      wires.runTo(wires.now + 1000);
      wires.start(0, client, 1e5);
    }
    wires.runOut();
    equal(wires.active, []);
    const last = Math.max(...wires.ended.map(({ endedAt }) => endedAt));
    // 30 MB at 1 MB/s.
    ok(last <= 31.5 * second, `${last}`);
    checkBytes(wires);
  });
}

/** Links at random, transfers that last: rates at a fidelity over those of max-min. */
function ratiosToMaxMin(
  seed: number,
  transfers: number,
  regionCount: number,
  fidelity: 'standard' | 'scale',
): number[] {
  const prng = new Prng(seed, 'network');
  const endpoints = Math.ceil(transfers / 5);
  const rateOf = () => [1e5, 3e5, 1e6, 4e6][prng.below(4)];
  const options = {
    up: Array.from({ length: endpoints }, rateOf),
    down: Array.from({ length: endpoints }, () => 4 * rateOf()),
    regions: Array.from({ length: endpoints }, (_, k) => k % regionCount),
    pairs: regionCount === 1 ? [] : [{ from: 0, to: 1, capacity: endpoints * 1e5 }],
  };
  const reference = new Wires({ ...options, fidelity: 'reference' });
  const wires = new Wires({ ...options, fidelity });
  for (let k = 0; k < transfers; k++) {
    const source = prng.below(endpoints);
    const target = (source + 1 + prng.below(endpoints - 1)) % endpoints;
    reference.start(source, target, 1e12);
    wires.start(source, target, 1e12);
    wires.runTo(wires.now + prng.below(10_000));
  }
  reference.settle();
  wires.runTo(wires.now + 5 * second);
  const fair = reference.rates();
  return wires.rates().map((value, k) => value / fair[k]);
}

for (const [transfers, regions] of [
  [20, 1],
  [500, 1],
  [20, 2],
  [500, 2],
] as const) {
  for (const fidelity of ['standard', 'scale'] as const) {
    test(`${fidelity}: most of ${transfers} lasting transfers in ${regions} regions have their max-min share`, () => {
      const ratios = Array.from({ length: 8 }, (_, k) => ratiosToMaxMin(k, transfers, regions, fidelity)).flat();
      const shareOf = (isMeant: (ratio: number) => boolean) => ratios.filter(isMeant).length / ratios.length;
      const near = shareOf((ratio) => ratio > 0.9 && ratio < 1.1);
      const starved = shareOf((ratio) => ratio < 0.1);
      console.log(`${(100 * near).toFixed(1)} % within 10 %, ${(100 * starved).toFixed(1)} % starved`);
      ok(near >= 0.85, `${near} are near`);
      is(starved, 0);
    });
  }
}

test.run();
