// test-time-limit: 300s
/** Oracle 6: what must change nothing, and what must not make it worse. */
import fc from 'fast-check';
import { suite } from 'uvu';
import { equal, ok } from 'uvu/assert';
import type { Outcome } from '#scenarios/format/result.ts';
import { perSecond, run, type ScenarioText } from './scenario-text.ts';

const test = suite('sim/metamorphic');

/** What people would call the result, without the names of classes. */
function seen({ summary, series, cdf }: Outcome): object {
  return { ...summary, bound: summary.bound.at, series, cdf };
}

const near = (actual: number | null, expected: number | null, ratio: number, what = '') =>
  ok(
    actual !== null && expected !== null && Math.abs(actual / expected - 1) <= ratio,
    `${what} ${actual} is not ${expected}`,
  );

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Mean completion over seeds, for a paired comparison. */
function meanOf(text: ScenarioText, seeds: number): number {
  return mean(
    Array.from(
      { length: seeds },
      (_, seed) => run({ ...text, seed: 1 + seed }).summary.completionSeconds.mean ?? Infinity,
    ),
  );
}

interface Group {
  count: number;
  uplink: string;
  downlink: string;
  peerToPeer: string;
  arrive: object | string;
}

const rate = fc.constantFrom(100e3, 333e3, 1e6, 4e6).map(perSecond);
const groups: fc.Arbitrary<Group[]> = fc.array(
  fc.record({
    count: fc.integer({ min: 2, max: 12 }),
    uplink: rate,
    downlink: rate,
    peerToPeer: fc.constantFrom('allowed', 'blocked'),
    arrive: fc.constantFrom('at-once', { at: '3s' }, { at: '7s' }),
  }),
  { minLength: 2, maxLength: 3 },
);
const classes = (list: Group[]) => list.map((group, index) => ({ ...group, name: `class-${index}` }));
const relay = { name: 'relay', uplink: '4MB/s', downlink: '3MB/s', bufferBeforeServing: '2MB' };

test('HTTP at reference: the order of the classes changes nothing', () => {
  fc.assert(
    fc.property(groups, fc.constantFrom('http-origin', 'cdn'), (list, policy) => {
      const world = { policy, fidelity: 'reference', relays: [relay] };
      const one = seen(run({ ...world, clients: classes(list) }));
      const turned = seen(run({ ...world, clients: classes(list.toReversed()) }));
      // Sums over the classes, and quantiles, to the rounding of a microsecond per piece.
      sameNumbers(turned, one, 1e-5);
    }),
    { numRuns: 40 },
  );
});

/** The same shape with numbers that are nearly the same. */
function sameNumbers(actual: unknown, expected: unknown, ratio: number, path = ''): void {
  if (typeof expected === 'number' && typeof actual === 'number') {
    const scale = Math.max(1, Math.abs(expected));
    ok(Math.abs(actual - expected) <= ratio * scale, `${path}: ${actual} is not ${expected}`);
  } else if (typeof expected === 'object' && expected !== null) {
    // Where an event falls to a microsecond on either side of a second, a row of the series moves.
    for (const [key, value] of Object.entries(expected))
      if (path !== '.series') sameNumbers((actual as Record<string, unknown>)[key], value, ratio, `${path}.${key}`);
  } else equal(actual, expected, path);
}

test('two halves of a class are the class, for HTTP and for swarms', () => {
  const policies = ['http-origin', 'cdn', 'p2p', 'p2p-cdn', 'kraken-like', 'dragonfly-like'];
  fc.assert(
    fc.property(
      groups,
      fc.constantFrom(...policies),
      fc.constantFrom('reference', 'standard'),
      (list, policy, fidelity) => {
        const world = { policy, fidelity, relays: [relay], horizon: '1h' };
        const halves = list.flatMap((group) => {
          const half = Math.floor(group.count / 2);
          return [
            { ...group, count: half },
            { ...group, count: group.count - half },
          ];
        });
        equal(seen(run({ ...world, clients: classes(halves) })), seen(run({ ...world, clients: classes(list) })));
      },
    ),
    { numRuns: 60 },
  );
});

test('for swarms, the order of the classes changes nothing beyond chance', () => {
  const list: Group[] = [
    { count: 20, uplink: '1MB/s', downlink: '4MB/s', peerToPeer: 'allowed', arrive: 'at-once' },
    { count: 10, uplink: '333kB/s', downlink: '2MB/s', peerToPeer: 'allowed', arrive: { at: '3s' } },
  ];
  for (const policy of ['p2p', 'p2p-cdn']) {
    const world = { policy, relays: [relay] };
    const one = meanOf({ ...world, clients: classes(list) }, 20);
    near(meanOf({ ...world, clients: classes(list.toReversed()) }, 20), one, 0.03, policy);
  }
});

/** All sizes and rates of a world times `factor`. */
function scaled(policy: string, fidelity: string, factor: number): ScenarioText {
  const bytes = (value: number) => `${value * factor}B`;
  const speed = (value: number) => `${value * factor}B/s`;
  const swarm = ['http-origin', 'cdn'].includes(policy) ? {} : { swarm: { relaySlotRate: speed(4e6) } };
  return {
    fidelity,
    policy: { extends: policy, ...swarm },
    latency: { 'main-main': '20ms' },
    file: { size: bytes(16_300_000), pieceLength: bytes(500_000) },
    origin: { uplink: speed(8_000_000) },
    relays: [{ name: 'relay', count: 2, uplink: speed(4e6), downlink: speed(3e6), bufferBeforeServing: bytes(2e6) }],
    clients: [
      { name: 'office', count: 12, uplink: speed(1e6), downlink: { mean: speed(4e6), spread: '50%' } },
      { name: 'home', count: 8, uplink: speed(250e3), downlink: speed(2e6), arrive: { over: '20s' } },
      { name: 'closed', count: 3, uplink: speed(250e3), downlink: speed(2e6), peerToPeer: 'blocked' },
    ],
  };
}

test('twice the sizes and the rates: the same times', () => {
  for (const policy of ['http-origin', 'cdn', 'p2p', 'p2p-cdn', 'kraken-like']) {
    for (const fidelity of ['reference', 'standard', 'scale']) {
      const horizon = '1h';
      const times = (factor: number) => {
        const { completionSeconds, firstByteSeconds } = run({ ...scaled(policy, fidelity, factor), horizon }).summary;
        return { completionSeconds, firstByteSeconds };
      };
      equal(times(2), times(1), `${policy} at ${fidelity}`);
    }
  }
});

/** A swarm that its uploads hold back. */
const uploadBound = (relayUplink: number, blocked: number): ScenarioText => ({
  policy: 'p2p-cdn',
  file: { size: '24MB', pieceLength: '500kB' },
  relays: [{ name: 'relay', count: 2, uplink: perSecond(relayUplink), bufferBeforeServing: '1MB' }],
  clients: [
    { name: 'office', count: 24 - blocked, uplink: '300kB/s', downlink: '8MB/s' },
    { name: 'closed', count: blocked, uplink: '300kB/s', downlink: '8MB/s', peerToPeer: 'blocked' },
  ],
});
const noise = 1.03;

test('upload-bound p2p-cdn: more relay uplink never makes the mean worse', () => {
  const means = [0.5e6, 1e6, 2e6, 4e6].map((uplink) => meanOf(uploadBound(uplink, 6), 10));
  for (let k = 1; k < means.length; k++) ok(means[k]! <= noise * means[k - 1]!, `${means}`);
});

test('upload-bound p2p-cdn: fewer blocked clients never make the mean worse', () => {
  const means = [18, 12, 6, 0].map((blocked) => meanOf(uploadBound(1e6, blocked), 10));
  for (let k = 1; k < means.length; k++) ok(means[k]! <= noise * means[k - 1]!, `${means}`);
});

const relaysThatHold = [{ name: 'relay', count: 1, uplink: '10MB/s', holds: 'all' }];

test('hybrid with everybody blocked and fill: rest is cdn after the trigger', () => {
  for (const fidelity of ['reference', 'standard', 'scale']) {
    const world = {
      fidelity,
      file: { size: '256MB', pieceLength: '1MB' },
      relays: relaysThatHold,
      clients: [{ name: 'closed', count: 20, uplink: '1MB/s', downlink: '4MB/s', peerToPeer: 'blocked' }],
    };
    const cdn = run({ ...world, policy: 'cdn' }).summary;
    const hybrid = run({
      ...world,
      policy: { extends: 'hybrid', http: { sources: ['relay'] }, fallback: { fill: 'rest' } },
    }).summary;
    equal(hybrid.share, cdn.share);
    equal(hybrid.fallback.byReason, { slow: 0, stalled: 0, blocked: 20, overdue: 0 });
    // The trigger is looked at once a second, at scale every five.
    const trigger = fidelity === 'scale' ? 5 : 1;
    for (const name of ['p50', 'max'] as const) {
      near((hybrid.completionSeconds[name] ?? Infinity) - trigger, cdn.completionSeconds[name], 0.03, fidelity);
    }
  }
});

test('hybrid with no trigger is BitTorrent with relays as seeds', () => {
  const alike = { swarm: { originSeeds: false, relaysSeed: true }, relay: { used: true, exchange: true } };
  for (const fidelity of ['reference', 'standard', 'scale']) {
    const world = {
      fidelity,
      horizon: '1h',
      relays: [{ ...relay, count: 2 }],
      clients: [
        { name: 'office', count: 20, uplink: '1MB/s', downlink: '4MB/s' },
        { name: 'home', count: 10, uplink: '250kB/s', downlink: '2MB/s', arrive: { over: '10s' } },
        { name: 'closed', count: 2, uplink: '1MB/s', downlink: '4MB/s', peerToPeer: 'blocked' },
      ],
    };
    const quiet = { extends: 'hybrid', contract: false, fallback: { triggers: [], adaptive: false } };
    const hybrid = run({ ...world, policy: quiet });
    const swarm = run({ ...world, policy: { extends: 'p2p', ...alike } });
    equal(hybrid.summary.clients, { total: 32, completed: 30, unfinished: 2, failed: 0, left: 0 });
    equal(seen(hybrid), seen(swarm), fidelity);
  }
});

test.run();
