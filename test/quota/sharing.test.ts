// test-time-limit: 120s
/** What the contract is shared by: I9–I13, each in a world that is calm but for what the invariant is about. */
import fc from 'fast-check';
import { suite } from 'uvu';
import { quotaTermsDefault } from '#core/quota/terms.ts';
import { type ShareNode, shareNode } from '#core/quota/tree.ts';
import { isExact, levelOf } from '../core/quota/max-min-oracle.ts';
import { holds } from './courses.ts';
import { ContractViolation, type Limits } from './origin-truth.ts';
import { perfectWire } from './wire.ts';
import { World, type WorldOptions } from './world.ts';

const test = suite('quota/sharing');
const terms = { ...quotaTermsDefault, idleMilliseconds: 1_000_000 };
const { ttlMilliseconds, slackMilliseconds, roundMilliseconds } = terms;
const refreshMilliseconds = Math.ceil(ttlMilliseconds / 3);

interface Asker {
  node: number;
  demand: number;
  slots?: number;
}

function calm(contract: Partial<Limits>, nodes: ShareNode[], askers: Asker[], changes: Partial<WorldOptions> = {}) {
  return new World({
    seed: 1,
    contract: { connections: 1000, bytesPerSecond: 100_000, burstBytes: 100_000, windows: [], ...contract },
    terms,
    nodes,
    holders: askers.map(({ node, demand, slots = 1 }) => ({
      node,
      driftMillionths: 0,
      wants: { bytesPerSecond: demand, slots },
    })),
    servers: [{ driftMillionths: 0, wallErrorMilliseconds: 0 }],
    wire: perfectWire,
    writeDelayMaxMilliseconds: 0,
    originStallThousandths: 0,
    hasSafeShare: false,
    ...changes,
  });
}

const sum = (list: Iterable<number>) => [...list].reduce((total, one) => total + one, 0);
const ratesOf = (world: World) => [...world.table.bytesPerSecond];
const demands = fc.integer({ min: 1, max: 60_000 });
const highWater = 90_000;

test('I9: at rest, exact weighted max–min inside a band, by nodes and by holders', () => {
  const nodes = fc.array(
    fc.record({
      weight: fc.integer({ min: 1, max: 9 }),
      floorBytesPerSecond: fc.constantFrom(0, 0, 5000, 40_000),
      ceilingBytesPerSecond: fc.constantFrom(Infinity, Infinity, 3000, 30_000),
      demands: fc.array(demands, { minLength: 1, maxLength: 4 }),
    }),
    { minLength: 1, maxLength: 5 },
  );
  const property = fc.property(nodes, (list) => {
    const tree = list.map(({ demands: _, ...node }) => shareNode(2, node));
    const world = calm(
      {},
      tree,
      list.flatMap(({ demands: each }, node) => each.map((demand) => ({ node, demand }))),
    );
    world.pass(4 * refreshMilliseconds);
    const rates = ratesOf(world);
    const groups = list.map((node) => ({ node, rates: rates.splice(0, node.demands.length) }));
    const wants = groups.map(({ node }) => {
      const most = Math.min(highWater, sum(node.demands), node.ceilingBytesPerSecond);
      return { least: Math.min(most, node.floorBytesPerSecond), most, weight: node.weight };
    });
    if (sum(wants.map(({ least }) => least)) > highWater) return;
    const level = levelOf(wants, highWater);
    for (const [at, group] of groups.entries()) {
      const got = sum(group.rates);
      if (!isExact(wants[at]!, level, got)) throw new ContractViolation('I9', `node ${at} got ${got}`);
      const inside = group.node.demands.map((most) => ({ least: 0, most, weight: 1 }));
      const innerLevel = levelOf(inside, got);
      for (const [row, rate] of group.rates.entries()) {
        if (!isExact(inside[row]!, innerLevel, rate)) throw new ContractViolation('I9', `holder ${row} got ${rate}`);
      }
    }
  });
  holds('I9', property, 80);
});

test('I10: a lower band gives way to a higher one within ttl and slack, even where it cannot be told', () => {
  const property = fc.property(
    fc.array(fc.record({ demand: demands, isCutOff: fc.boolean() }), { minLength: 1, maxLength: 5 }),
    fc.integer({ min: 0, max: 9000 }),
    fc.integer({ min: 0, max: 3 }),
    (low, at, floorShare) => {
      const holderFloorBytesPerSecond = floorShare * 1000;
      const tree = [shareNode(0), shareNode(1, { holderFloorBytesPerSecond })];
      const askers = [{ node: 0, demand: 1 }, ...low.map(({ demand }) => ({ node: 1, demand }))];
      const world = calm({}, tree, askers);
      world.pass(ttlMilliseconds + at);
      for (const [row, { isCutOff }] of low.entries()) world.holders[row + 1]!.isCutOff = isCutOff;
      world.holders[0]!.wants = { bytesPerSecond: 1_000_000, slots: 1 };
      world.pass(refreshMilliseconds + ttlMilliseconds + slackMilliseconds + 2 * roundMilliseconds);
      for (const [row, { demand }] of low.entries()) {
        const kept = world.table.bytesPerSecond[row + 1]!;
        const floor = Math.min(demand, holderFloorBytesPerSecond);
        if (kept > floor) throw new ContractViolation('I10', `holder ${row + 1} keeps ${kept}, its floor is ${floor}`);
      }
    },
  );
  holds('I10', property, 60);
});

test('I11: with enough demand the grants reach high water after two refreshes', () => {
  const property = fc.property(
    fc.array(demands, { minLength: 2, maxLength: 8 }),
    fc.array(demands, { maxLength: 4 }),
    fc.nat({ max: 5000 }),
    (early, late, at) => {
      const askers = [...early, ...late].map((demand, index) => ({ node: index % 2, demand }));
      const world = calm({}, [shareNode(1), shareNode(1, { weight: 4 })], askers);
      for (const holder of world.holders.slice(early.length)) holder.wants = { bytesPerSecond: 0, slots: 0 };
      world.pass(at + 1);
      for (const [index, demand] of late.entries()) {
        world.holders[early.length + index]!.wants = { bytesPerSecond: demand, slots: 1 };
      }
      world.pass(2 * refreshMilliseconds + roundMilliseconds);
      const wanted = Math.min(highWater, sum([...early, ...late]));
      const granted = sum(ratesOf(world));
      if (granted < wanted) throw new ContractViolation('I11', `${granted} granted of ${wanted}`);
    },
  );
  holds('I11', property, 60);
});

test('I12: every holder with demand is served within ⌈holders / (0.9 C)⌉ · (ttl + slack)', () => {
  const property = fc.property(
    fc.integer({ min: 1, max: 6 }),
    fc.integer({ min: 1, max: 14 }),
    (connections, count) => {
      const askers = Array.from({ length: count }, () => ({ node: 0, demand: 5000 }));
      const world = calm({ connections }, [shareNode(3)], askers);
      const slots = Math.max(1, Math.floor(connections * 0.9));
      const bound = Math.ceil(count / slots) * (ttlMilliseconds + slackMilliseconds);
      const servedAt = new Array<number>(count).fill(0);
      const steps = 4;
      for (let at = 0; at < 3 * bound; at += ttlMilliseconds / steps) {
        world.pass(ttlMilliseconds / steps);
        for (let row = 0; row < count; row++) {
          if (world.table.slots[row]! > 0) servedAt[row] = world.now;
          const waited = world.now - servedAt[row]!;
          if (waited > bound) throw new ContractViolation('I12', `holder ${row} waited ${waited} ms of ${bound}`);
        }
      }
    },
  );
  holds('I12', property, 25);
});

test('I13: a floor is regained within ttl and slack; what lies idle is taken back in the idle time and a ttl', () => {
  const idle = { ...terms, idleMilliseconds: 5000, probeBytesPerSecond: 100 };
  const property = fc.property(
    fc.integer({ min: 1000, max: 60_000 }),
    fc.array(demands, { minLength: 1, maxLength: 4 }),
    fc.boolean(),
    (floor, others, isCutOff) => {
      const tree = [shareNode(5, { floorBytesPerSecond: floor }), shareNode(0)];
      const askers = [{ node: 0, demand: 200_000 }, ...others.map((demand) => ({ node: 1, demand: demand + 90_000 }))];
      const world = calm({}, tree, askers, { terms: idle });
      world.pass(3 * refreshMilliseconds);
      if (world.table.bytesPerSecond[0]! < floor) throw new ContractViolation('I13', 'no floor to begin with');
      world.holders[0]!.useThousandths = 0;
      world.pass(idle.idleMilliseconds + ttlMilliseconds + 2 * roundMilliseconds);
      const kept = world.table.bytesPerSecond[0]!;
      if (kept > idle.probeBytesPerSecond) throw new ContractViolation('I13', `an idle holder keeps ${kept}`);
      const lent = sum(ratesOf(world).slice(1));
      if (lent < highWater - kept) throw new ContractViolation('I13', `only ${lent} of the idle share is lent`);
      for (const holder of world.holders.slice(1)) holder.isCutOff = isCutOff;
      world.holders[0]!.useThousandths = 1000;
      // It shows its need first: a report of a third of a ttl.
      world.pass(2 * refreshMilliseconds + ttlMilliseconds + slackMilliseconds + 2 * roundMilliseconds);
      const regained = world.table.bytesPerSecond[0]!;
      if (regained < floor) throw new ContractViolation('I13', `${regained} regained of a floor of ${floor}`);
    },
  );
  holds('I13', property, 40);
});

test('a window that binds is used up to its low water at least, never starves, and never passes its limit (I3)', () => {
  const windowMilliseconds = 600_000;
  const bytes = 6_000_000;
  const windows = [{ windowMilliseconds, bytes }];
  const askers = [0, 1, 0].map((node) => ({ node, demand: 50_000, slots: 2 }));
  const world = calm({ windows }, [shareNode(0), shareNode(1)], askers);
  world.pass(1.5 * windowMilliseconds);
  for (let look = 0; look < 3; look++) {
    const before = world.truth.bytes;
    world.pass(windowMilliseconds);
    const share = (world.truth.bytes - before) / bytes;
    console.log(`a window later: ${(share * 100).toFixed(1)} % of its bytes`);
    if (share < 0.75) throw new ContractViolation('I11', `only ${share} of the window is used`);
  }
});

test.run();
