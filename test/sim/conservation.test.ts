/** Oracle 7: what is conserved is checked in every run, and a planted violation trips each checker. */
import { suite } from 'uvu';
import { equal, is, not, ok } from 'uvu/assert';
import type { Contract } from '#scenarios/format/scenario.ts';
import { CheckerError } from '#sim/checker-error.ts';
import { closeAndCheck } from '#sim/checkers.ts';
import { flowKind } from '#sim/flow-meter.ts';
import { Gauge } from '#sim/gauges.ts';
import { OriginWatch } from '#sim/origin-watch.ts';
import { simulate } from '#sim/simulate.ts';
import { transferDoubles, transferField } from '#sim/transfer-table.ts';
import { World } from '#sim/world.ts';
import { type ScenarioText, scenarioOf } from './scenario-text.ts';

const test = suite('sim/conservation');

/** Stops in the middle: some pieces are held, some are under way. */
const text: ScenarioText = {
  policy: 'p2p',
  horizon: '10s',
  clients: [
    { name: 'office', count: 3, uplink: '1MB/s', downlink: '4MB/s' },
    { name: 'home', count: 3, uplink: '1MB/s', downlink: '1MB/s' },
  ],
};

function ranWorld(): World {
  const world = new World(scenarioOf(text), null);
  world.run();
  ok(world.pendingCount > 0 && world.state.network.activeCount > 0);
  return world;
}

/** Which checker stops the run, and its words. */
function trippedBy(plant: (world: World) => void): string {
  const world = ranWorld();
  plant(world);
  return messageOf(() => closeAndCheck(world));
}

function messageOf(act: () => void): string {
  try {
    act();
  } catch (error) {
    if (!(error instanceof CheckerError)) throw error;
    is(error.exitCode, 4);
    ok(error.message.startsWith(`checker "${error.checker}" at `));
    return error.message.replace(/\d[\d.e+]*/g, '#');
  }
  return 'nothing';
}

test('what is as it should be trips nothing', () => {
  is(
    trippedBy(() => {}),
    'nothing',
  );
});

test('a byte that nobody sent, or that became nothing', () => {
  const unaccounted = 'checker "conservation" at # s: class home received # bytes, of which # are accounted for';
  is(
    trippedBy(({ state }) => state.accounts.classes[1].peer++),
    unaccounted,
  );
  is(
    trippedBy(({ state }) => state.accounts.classes[1].discarded++),
    unaccounted,
  );
});

test('bytes that flowed and never arrived, and the other way round', () => {
  const flowed = 'checker "conservation" at # s: # bytes flowed, # were received';
  is(
    trippedBy(({ state }) => state.flow.add(flowKind.peer, 0, 1, 1e6)),
    flowed,
  );
  is(
    trippedBy(({ state }) => (state.accounts.peerToRelay += 1e6)),
    flowed,
  );
});

test('a piece that is counted and not held, held and not counted, held and never delivered', () => {
  const world = ranWorld();
  const { sets } = world.state;
  // The first one at home: it needs 16 s at least.
  const client = world.state.population.clientsFrom + 3;
  let missing = 0;
  while (sets.holds(client, missing)) missing++;
  ok(missing < sets.pieceCount);
  is(
    trippedBy(({ state }) => (state.sets.bits[client * sets.stride] |= 1 << missing)),
    'checker "pieces" at # s: client # holds # pieces, counted #',
  );
  is(
    trippedBy(({ state }) => state.sets.bits[client * sets.stride + 3 * sets.words]--),
    'checker "pieces" at # s: client # holds # pieces, counted #',
  );
  is(
    trippedBy(({ state }) => state.sets.hold(client, missing)),
    'checker "pieces" at # s: class home holds # bytes, # were delivered',
  );
});

test('a link that carries more than it can', () => {
  const over = trippedBy(({ state: { network } }) => {
    let transfer = 0;
    while (!network.isActive(transfer)) transfer++;
    network.transfers[transfer * transferDoubles + transferField.rate] = 20e6;
  });
  is(over, 'checker "link capacity" at # s: link # carries # B/s of #');
});

const contract: Contract = { connectionsMax: 3, bytesPerSecondMax: 1000, burstBytes: 500, traffic: [] };
const second = 1_000_000;

test('the contract: more connections, more than rate and burst, more in a window', () => {
  const watched = (act: (watch: OriginWatch) => void) => {
    const watch = new OriginWatch(contract, true, new Gauge());
    return messageOf(() => act(watch));
  };
  is(
    watched((watch) => watch.observe(second, 0, 3)),
    'nothing',
  );
  is(
    watched((watch) => watch.observe(second, 0, 4)),
    'checker "origin contract" at # s: # connections, allowed #',
  );
  const flowing = (rate: number, seconds: number) => (watch: OriginWatch) => {
    watch.observe(0, rate, 1);
    watch.advance(seconds * second);
  };
  is(watched(flowing(1000, 1000)), 'nothing');
  is(watched(flowing(1100, 4.9)), 'nothing');
  is(watched(flowing(1100, 5.1)), 'checker "origin contract" at # s: # bytes over rate and burst');
  // The burst comes back while less is sent than the rate.
  is(
    watched((watch) => {
      watch.observe(0, 1500, 1);
      watch.observe(0.9 * second, 500, 1);
      watch.observe(1.9 * second, 1500, 1);
      watch.advance(2.8 * second);
    }),
    'nothing',
  );
  const windowed = (rate: number) => {
    const traffic = [{ name: '1h', windowMilliseconds: 3_600_000, bytesMax: 360_000 }];
    const watch = new OriginWatch({ ...contract, bytesPerSecondMax: Infinity, traffic }, true, new Gauge());
    return messageOf(() => {
      watch.observe(0, rate, 1);
      watch.advance(7200 * second);
    });
  };
  is(windowed(100), 'nothing');
  is(windowed(101), 'checker "origin contract" at # s: # bytes within #h, allowed #');
});

test('a contract that changes binds from then on', () => {
  const watch = new OriginWatch(contract, true, new Gauge());
  watch.observe(0, 2000, 1);
  watch.setContract({ ...contract, bytesPerSecondMax: 3000 }, 0, 0);
  watch.advance(100 * second);
  watch.setContract({ ...contract, bytesPerSecondMax: 1000 }, 100 * second, 0);
  not.equal(
    messageOf(() => watch.advance(102 * second)),
    'nothing',
  );
});

test('who has not promised the contract is counted, once a second, and the first hundred are listed', () => {
  const watch = new OriginWatch(contract, false, new Gauge());
  for (let at = 0; at < 300 * second; at += second / 4) watch.observe(at, 1000, (at / (second / 4)) % 2 === 0 ? 3 : 4);
  is(watch.violations, 300);
  is(watch.violationsAt.length, 100);
  equal(watch.violationsAt.slice(0, 2), [0.25, 1.25]);
  is(watch.peakConnections, 4);
});

/** Relays pull at once, clients never touch the origin. */
const contracted: ScenarioText = {
  origin: { uplink: '10MB/s', contract: { connections: 3, bandwidth: '1MB/s', burst: '100kB' } },
  relays: [{ name: 'relay', uplink: '4MB/s' }],
};

test('in a run, a policy that breaks its promise is stopped; one that made none goes on', () => {
  const world = () => new World(scenarioOf({ ...contracted, policy: 'hybrid' }), null);
  is(
    messageOf(() => world().run()),
    'nothing',
  );
  const fast = world();
  fast.tasks[0].origin.rateOf = () => Infinity;
  is(
    messageOf(() => fast.run()),
    'checker "origin contract" at # s: # bytes over rate and burst',
  );
  const many = world();
  many.tasks[0].origin.mayAsk = () => true;
  many.tasks[0].origin.rateOf = () => 1000;
  is(
    messageOf(() => many.run()),
    'checker "origin contract" at # s: # connections, allowed #',
  );
  const { origin } = simulate(scenarioOf({ ...contracted, policy: 'cdn' })).summary;
  ok(origin.violations > 0);
  is(origin.peakConnections, 4);
});

test('no event in the past', () => {
  const world = ranWorld();
  let message = '';
  try {
    world.state.queue.push(1, 0);
  } catch (error) {
    message = (error as Error).message;
  }
  is(message, 'no event in the past');
});

test.run();
