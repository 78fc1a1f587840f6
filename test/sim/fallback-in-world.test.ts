// test-time-limit: 120s
/** Each trigger opens HTTP in a world made for it, at its time; and HTTP closes again when BitTorrent is back. */
import { suite } from 'uvu';
import { equal, is, ok } from 'uvu/assert';
import type { FallbackTrigger } from '#core/policy.ts';
import type { Summary } from '#scenarios/format/result.ts';
import { simulate, traceFor } from '#sim/simulate.ts';
import { type ScenarioText, scenarioOf } from './scenario-text.ts';

const test = suite('sim/fallback-in-world');

interface Decision {
  seconds: number;
  client: number;
  reason: string;
}

/** A run with what its clients decided, in order. */
function watched(text: ScenarioText): { summary: Summary; decisions: Decision[] } {
  const scenario = scenarioOf(text);
  const trace = traceFor(scenario);
  const { summary } = simulate(scenario, trace);
  const { columns } = trace.toJson() as { columns: Record<'time' | 'client' | 'event' | 'reason', never[]> };
  const decisions = columns.time.flatMap((seconds, row) =>
    columns.event[row] === 'fallback' ? [{ seconds, client: columns.client[row], reason: columns.reason[row] }] : [],
  );
  return { summary, decisions };
}

const hybrid = (triggers: FallbackTrigger[], more: object = {}) => ({
  extends: 'hybrid',
  fallback: { triggers, adaptive: false, ...more },
});
const opened = (counts: Partial<Record<FallbackTrigger, number>>) => ({
  slow: 0,
  stalled: 0,
  blocked: 0,
  overdue: 0,
  ...counts,
});
const every: FallbackTrigger[] = ['slow', 'stalled', 'blocked', 'overdue'];
const fidelities = ['reference', 'standard', 'scale'] as const;
/** The grid on which a client looks at its triggers. */
const tickSeconds = { reference: 1, standard: 1, scale: 5 };

/** One relay gives all what it can, which is a tenth of the threshold for each; the origin has plenty. */
const throttled: ScenarioText = {
  file: { size: '64MB', pieceLength: '1MB' },
  origin: { uplink: '100MB/s' },
  relays: [{ name: 'relay', uplink: '1MB/s', holds: 'all' }],
  clients: [{ name: 'all', count: 10, uplink: '20kB/s', downlink: '8MB/s' }],
};

for (const fidelity of fidelities) {
  test(`${fidelity}: a throttled swarm opens HTTP as slow, after the hold`, () => {
    const policy = hybrid(every, { overdue: 100 });
    const { summary, decisions } = watched({ ...throttled, fidelity, policy });
    equal(summary.fallback.byReason, opened({ slow: 10 }));
    is(summary.fallback.opened, 10);
    equal(new Set(decisions.map(({ reason }) => reason)), new Set(['slow']));
    for (const { seconds } of decisions) {
      const tick = tickSeconds[fidelity];
      ok(seconds >= 30 && seconds <= 30 + 2 * tick + 0.01, `${seconds}`);
    }
    equal(summary.clients.completed, 10);
    ok(summary.share.origin > 0.5);
  });
}

test('HTTP brings the deficit: client and threshold together, not all that is free', () => {
  const policy = hybrid(['slow']);
  const { summary } = watched({ ...throttled, policy });
  // About 60 MB are left after 30 s, at 1 MB/s.
  const { p50, max } = summary.completionSeconds;
  ok(p50 !== null && p50 > 80 && p50 < 100, `${p50}`);
  ok(max !== null && max < 110, `${max}`);
  const rest = watched({ ...throttled, policy: hybrid(['slow'], { fill: 'rest' }) }).summary.completionSeconds.p50;
  ok(rest !== null && rest < 45, `${rest}`);
});

/** Relays do not seed: clients are connected, and nobody has anything. */
const silent: ScenarioText = {
  file: { size: '64MB', pieceLength: '1MB' },
  origin: { uplink: '100MB/s' },
  relays: [{ name: 'relay', uplink: '40MB/s', holds: 'all' }],
  clients: [{ name: 'all', count: 6, uplink: '20kB/s', downlink: '8MB/s' }],
};

test('a swarm in which nothing moves opens HTTP as stalled, after the period', () => {
  for (const fidelity of fidelities) {
    const policy = { ...hybrid(['stalled', 'blocked']), swarm: { relaysSeed: false } };
    const { summary, decisions } = watched({ ...silent, fidelity, policy });
    equal(summary.fallback.byReason, opened({ stalled: 6 }));
    for (const { seconds } of decisions) ok(seconds >= 300 && seconds <= 306, `${seconds}`);
    is(summary.clients.completed, 6);
  }
});

test('who is known to be blocked does not wait', () => {
  for (const fidelity of fidelities) {
    const clients = [
      { name: 'open', count: 6, uplink: '4MB/s', downlink: '8MB/s' },
      { name: 'closed', count: 4, uplink: '4MB/s', downlink: '8MB/s', peerToPeer: 'blocked' },
    ];
    const relays = [{ name: 'relay', uplink: '80MB/s', holds: 'all' }];
    const policy = hybrid(every, { overdue: 100 });
    const { summary, decisions } = watched({ ...silent, fidelity, relays, clients, policy });
    equal(summary.fallback.byReason, opened({ blocked: 4 }));
    for (const { seconds } of decisions) ok(seconds >= 1 && seconds <= tickSeconds[fidelity], `${seconds}`);
    is(summary.clients.completed, 10);
  }
});

test('who is later than half as much again as expected is overdue', () => {
  for (const fidelity of fidelities) {
    // The only seed is away from the fifth second on, for longer than anybody was to take.
    const { summary, decisions } = watched({
      ...silent,
      fidelity,
      file: { size: '256MB', pieceLength: '1MB' },
      origin: { uplink: '100MB/s' },
      faults: [{ at: '5s', relay: 'relay', down: '20m' }],
      policy: hybrid(['overdue']),
    });
    equal(summary.fallback.byReason, opened({ overdue: 6 }));
    const times = decisions.filter(({ reason }) => reason === 'overdue').map(({ seconds }) => seconds);
    // 256 MB at 8 MB/s take 32 s at least.
    for (const seconds of times) ok(seconds > 48 && seconds < 1000, `${seconds}`);
    is(summary.clients.completed, 6);
  }
});

test('without a trigger nothing opens, however slow it is', () => {
  const { summary, decisions } = watched({ ...silent, horizon: '20m', policy: hybrid([]) });
  equal(decisions, []);
  equal(summary.fallback, { opened: 0, byReason: opened({}), openSeconds: 0 });
});

/** Peers and the relay are on one side, the origin and those who are watched on the other. */
const divided: ScenarioText = {
  regions: ['eu', 'us'],
  latency: { 'eu-eu': '5ms', 'eu-us': '40ms', 'us-us': '5ms' },
  file: { size: '512MB', pieceLength: '1MB' },
  origin: { region: 'us', uplink: '100MB/s' },
  relays: [{ name: 'relay', region: 'eu', uplink: '60MB/s', holds: 'all' }],
  clients: [{ name: 'far', region: 'us', count: 4, uplink: '100kB/s', downlink: '3MB/s' }],
  faults: [{ at: '20s', regions: ['eu', 'us'], partition: '70s' }],
};

for (const fidelity of fidelities) {
  test(`${fidelity}: a cut opens HTTP, its healing closes it`, () => {
    const policy = { ...hybrid(['slow', 'stalled', 'blocked']), http: { sources: ['origin'] } };
    const { summary, decisions } = watched({ ...divided, fidelity, policy });
    const tick = tickSeconds[fidelity];
    equal(summary.fallback.byReason, opened({ slow: 4 }));
    for (let client = 2; client < 6; client++) {
      const [open, close, ...more] = decisions.filter((decision) => decision.client === client);
      equal([open?.reason, close?.reason, more.length], ['slow', 'recovered', 0]);
      // Slow once the last five seconds were, then for half a minute.
      ok(open!.seconds >= 50 && open!.seconds <= 56 + 2 * tick, `opened at ${open!.seconds}`);
      // Recovered once the last five seconds were fast enough, for ten seconds.
      ok(close!.seconds >= 100 && close!.seconds <= 115 + 2 * tick, `closed at ${close!.seconds}`);
    }
    const openSeconds = decisions.reduce(
      (sum, { seconds, reason }) => sum + (reason === 'slow' ? -seconds : seconds),
      0,
    );
    ok(Math.abs(summary.fallback.openSeconds - openSeconds) <= 4 * tick, `${summary.fallback.openSeconds}`);
    is(summary.clients.completed, 4);
  });
}

test('what is open when the run ends was open until then', () => {
  const policy = { ...hybrid(['slow']), http: { sources: ['origin'] } };
  const { fallback } = watched({ ...throttled, horizon: '60s', policy }).summary;
  is(fallback.opened, 10);
  ok(fallback.openSeconds >= 10 * 28 && fallback.openSeconds <= 10 * 30, `${fallback.openSeconds}`);
});

test.run();
