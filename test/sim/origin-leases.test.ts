/** The origin's leases in whole runs: what is promised holds whatever fails, and everybody finishes. */
import { suite } from 'uvu';
import { equal, is, ok } from 'uvu/assert';
import { World } from '#sim/world.ts';
import { type ScenarioText, scenarioOf } from './scenario-text.ts';

const test = suite('sim/origin-leases');

/** Twelve clients with nothing but the origin, of which they may have 1 MB/s: 12 · 8 MB take 107 s at 0.9 of it. */
const quiet: ScenarioText = {
  policy: { extends: 'hybrid', http: { connections: 1 } },
  file: { size: '8MB', pieceLength: '500kB' },
  origin: { uplink: '100MB/s', contract: { connections: 10, bandwidth: '1MB/s', burst: '100kB' } },
  latency: { 'main-main': '20ms' },
  clients: [{ name: 'all', count: 12, uplink: '1MB/s', downlink: '4MB/s', peerToPeer: 'blocked' }],
  control: { count: 2, lease: '6s', slack: '100ms' },
  horizon: '2h',
};

/** Runs, looking at the origin before every event. Violations stop it. */
function watched(text: ScenarioText, look: (seconds: number, world: World) => void = () => {}): World {
  const world = new World(scenarioOf({ ...quiet, ...text }), null);
  const { queue } = world.state;
  const pop = queue.pop.bind(queue);
  queue.pop = () => {
    look(world.state.now / 1e6, world);
    return pop();
  };
  world.run();
  is(world.completedCount, 12, 'all finish');
  return world;
}

const sends = ({ state }: World) => state.network.allocated(state.network.uplink(0));

test('with more demand than the contract, nearly all of what may be granted is sent', () => {
  const { watch } = watched({});
  ok((watch.useWhileShort() ?? 0) >= 0.94, `${watch.useWhileShort()}`);
});

/** A relay behind a narrow line between regions, which pulls for twelve clients that are near it. */
const farRelay: ScenarioText = {
  policy: { extends: 'hybrid', fallback: { triggers: [] } },
  file: { size: '20MB', pieceLength: '100kB' },
  regions: ['main', 'far'],
  latency: { 'main-main': '20ms', 'main-far': '50ms', 'far-far': '20ms' },
  links: [{ between: ['main', 'far'], capacity: '400kB/s' }],
  relays: [{ name: 'relay', region: 'far', count: 1, uplink: '10MB/s', downlink: '10MB/s' }],
  clients: [{ name: 'all', region: 'far', count: 12, uplink: '1MB/s', downlink: '4MB/s' }],
};

test('a relay that uses less than half of its lease is granted less, and keeps its connections', () => {
  let fewest = Infinity;
  let least = Infinity;
  const world = watched(farRelay, (seconds, { holders }) => {
    if (seconds < 20 || seconds > 45) return;
    fewest = Math.min(fewest, holders.table.slots[0]!);
    least = Math.min(least, holders.table.bytesPerSecond[0]!);
  });
  is(fewest, 4);
  ok(least < 850_000, `at least ${least} B/s of 900,000`);
  // 20 MB at 400 kB/s are 50 s; the clients have the last pieces some time later.
  ok(world.state.now / 1e6 < 90, `${world.state.now / 1e6} s`);
});

test('a relay whose lease comes to fewer connections goes down to them, and goes on pulling', () => {
  const contract = { connections: 2, bandwidth: '1MB/s', burst: '100kB' };
  let most = 0;
  let silent = 0;
  const world = watched(
    { ...farRelay, faults: [{ at: '10s', origin: 'main', contract, for: '10m' }] },
    (seconds, seen) => {
      if (seconds < 10 || seconds > 45) return;
      const { network } = seen.state;
      if (seconds > 24) most = Math.max(most, network.transferCount(network.uplink(0)));
      if (sends(seen) === 0) silent++;
    },
  );
  ok(most > 0 && most <= 2, `${most} connections`);
  is(silent, 0, 'its lease has not ended meanwhile');
  ok(world.state.now / 1e6 < 90, `${world.state.now / 1e6} s`);
});

test('the owner is gone: leases end on their own, and nothing is sent until another has taken over', () => {
  let silent = 0;
  const world = watched({ faults: [{ at: '20s', control: 0, down: '5m' }] }, (seconds, seen) => {
    if (seconds > 28 && seconds < 90 && sends(seen) === 0) silent++;
  });
  equal([world.origin.takeoverCount, world.origin.fencedCount], [2, 0]);
  is(silent, 0, 'the second server has taken over');
  const alone = { ...(quiet.control as object), count: 1 };
  let most = 0;
  watched({ control: alone, faults: [{ at: '20s', control: 0, down: '1m' }] }, (seconds, seen) => {
    if (seconds > 26.2 && seconds < 80) most = Math.max(most, sends(seen));
  });
  is(most, 0, 'no lease, no origin byte');
});

test('a lost ledger: the new owner grants nothing before the longest lease and the slack have passed', () => {
  const granted: number[] = [];
  const faults = [{ at: '20s', control: 0, down: '5m', ledger: 'lost' }];
  watched({ faults }, (seconds, { holders }) => {
    if (seconds > 26.2 && [...holders.table.slots].some((slots) => slots > 0)) granted.push(seconds);
  });
  // Taken over after 5 s, then 6 s and the slack.
  ok(granted[0] >= 31.1 && granted[0] < 33, `${granted[0]}`);
});

test('two owners at once: the first finds itself fenced off, and no grant of it leaves', () => {
  const { origin } = watched({ faults: [{ at: '20s', control: 1, claims: '20s' }] });
  equal([origin.takeoverCount, origin.fencedCount], [3, 2]);
});

test('a cut of the limit is kept once the leases of before have ended', () => {
  let after = 0;
  const cut = { connections: 2, bandwidth: '100kB/s', burst: '100kB' };
  const world = watched({ faults: [{ at: '20s', origin: 'main', contract: cut }] }, (seconds, seen) => {
    if (seconds > 26.2) after = Math.max(after, sends(seen));
  });
  ok(after <= 90_000, `${after}`);
  ok(world.state.now > 700e6);
});

test('messages are lost, doubled and late, clocks are wrong: the contract holds, and everybody finishes', () => {
  const clients = [{ ...(quiet.clients as object[])[0], clockDrift: '500ppm' }];
  const messages = { loss: '10%', duplicate: '10%', reorder: '20%', delay: '300ms' };
  const faults = [
    { at: '10s', clients: 'all', share: '50%', clockStep: '-5m' },
    { at: '15s', clients: 'all', share: '50%', clockStep: '5m' },
    { at: '20s', clients: 'all', share: '50%', suspend: '30s' },
    { at: '60s', clients: 'all', share: '50%', crash: '5s' },
  ];
  for (let seed = 1; seed <= 10; seed++) {
    watched({ seed, clients, messages, faults, control: { count: 2, lease: '6s', driftMax: '500ppm' } });
  }
});

test('a suspended machine does not go on with a lease that ended while it slept', () => {
  const faults = [{ at: '20s', clients: 'all', share: '100%', suspend: '1m' }];
  let woke = 0;
  watched({ faults }, (seconds, seen) => {
    if (seconds >= 80 && seconds < 80.04) woke = Math.max(woke, sends(seen));
  });
  is(woke, 0, 'it asks first, and that takes a round trip');
});

test('relays that cannot reach control have their safe share, clients nothing', () => {
  const relays = [{ name: 'relay', uplink: '4MB/s', downlink: '4MB/s' }];
  const origin = { uplink: '100MB/s', contract: { connections: 40, bandwidth: '1MB/s', burst: '100kB' } };
  const faults = [{ at: '3s', control: 0, down: '20s' }];
  let most = 0;
  watched({ relays, origin, faults, control: { count: 1, lease: '6s' } }, (seconds, seen) => {
    if (seconds > 9.3 && seconds < 23) most = Math.max(most, sends(seen));
  });
  is(most, 50_000);
});

test.run();
