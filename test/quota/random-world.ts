/** A world and what happens in it, all drawn from one seed: the fuzzer's, where fast-check would be too slow. */
import { type QuotaTerms, quotaTermsDefault } from '#core/quota/terms.ts';
import { shareNode } from '#core/quota/tree.ts';
import { Draws } from './wire.ts';
import { World, type WorldOptions } from './world.ts';
import { type Happening, happen, heal } from './world-faults.ts';

/** Short leases, so that much ends and begins in a short run. */
export function termsOf(draws: Draws): QuotaTerms {
  const ttlMilliseconds = draws.of([300, 1000, 3000, 10_000]);
  return {
    ...quotaTermsDefault,
    ttlMilliseconds,
    slackMilliseconds: draws.of([15, 50, 200]),
    roundMilliseconds: draws.of([50, 300, 1000]),
    roundMinMilliseconds: draws.of([10, 50]),
    idleMilliseconds: draws.of([500, 5000]),
    turnMilliseconds: Math.floor((ttlMilliseconds * 3) / 4),
    probeBytesPerSecond: draws.of([10, 1000]),
    windowBucketCount: draws.of([1, 6, 60]),
    forgetMilliseconds: draws.of([1000, 20_000]),
  };
}

function contractOf(draws: Draws): WorldOptions['contract'] {
  const bytesPerSecond = draws.of([50, 1000, 100_000, Infinity]);
  const windows = draws.of([[], [1500], [5000], [2000, 20_000]]);
  const pace = bytesPerSecond === Infinity ? 10_000 : bytesPerSecond;
  return {
    connections: draws.of([1, 2, 3, 5, 10, 40, Infinity]),
    bytesPerSecond,
    burstBytes: draws.of([Math.max(20, Math.floor(pace / 4)), pace, 3 * pace]),
    windows: windows.map((windowMilliseconds) => ({
      windowMilliseconds,
      bytes: Math.floor((pace * windowMilliseconds * draws.between(200, 1200)) / 1e6),
    })),
  };
}

export function worldOptionsOf(draws: Draws, seed: number): WorldOptions {
  const contract = contractOf(draws);
  const rate = contract.bytesPerSecond === Infinity ? 10_000 : contract.bytesPerSecond;
  const drift = () => draws.of([0, 500, -500, 100]);
  return {
    seed,
    contract,
    terms: termsOf(draws),
    nodes: [shareNode(0), shareNode(1), shareNode(1, { weight: 3, holderFloorBytesPerSecond: Math.floor(rate / 20) })],
    holders: Array.from({ length: draws.between(1, 7) }, () => ({
      node: draws.between(0, 2),
      driftMillionths: drift(),
      wants: { bytesPerSecond: draws.between(1, rate * 2), slots: draws.between(1, 4) },
    })),
    servers: Array.from({ length: draws.between(1, 3) }, () => ({
      driftMillionths: drift(),
      wallErrorMilliseconds: draws.between(-25, 25),
    })),
    wire: {
      delayMinMilliseconds: 1,
      delayMaxMilliseconds: draws.of([5, 50, 500]),
      lossThousandths: 0,
      doubleThousandths: 0,
    },
    writeDelayMaxMilliseconds: draws.of([0, 5, 100]),
    originStallThousandths: draws.of([0, 200]),
    hasSafeShare: contract.bytesPerSecond !== Infinity && contract.connections !== Infinity && draws.isHit(500),
  };
}

export function happeningOf(draws: Draws, world: World): Happening {
  const holder = draws.between(0, 7);
  const server = draws.between(0, 3);
  const rate = Number.isFinite(world.contract.bytesPerSecond) ? world.contract.bytesPerSecond : 10_000;
  return draws.of<() => Happening>([
    () => ({ do: 'pass', milliseconds: draws.between(1, 2 * world.options.terms.ttlMilliseconds) }),
    () => ({ do: 'pass', milliseconds: draws.between(1, 100) }),
    () => ({ do: 'pass', milliseconds: draws.between(1, world.options.terms.ttlMilliseconds) }),
    () => ({ do: 'want', holder, bytesPerSecond: draws.between(0, 2 * rate), slots: draws.between(0, 5) }),
    () => ({ do: 'use', holder, thousandths: draws.of([0, 100, 1000]) }),
    () => ({ do: 'release', holder }),
    () => ({ do: 'crash-holder', holder }),
    () => ({ do: 'restart-holder', holder }),
    () => ({ do: 'restart-holder', holder: holder + 1 }),
    () => ({ do: 'suspend', holder }),
    () => ({ do: 'resume', holder }),
    () => ({ do: 'step-wall', holder, milliseconds: draws.between(-5000, 20_000) }),
    () => ({ do: 'cut-off', holder, isCutOff: draws.isHit(400) }),
    () => ({ do: 'crash-server', server }),
    () => ({ do: 'take-over', server }),
    () => ({ do: 'take-over', server }),
    () => (draws.isHit(300) ? { do: 'lose-ledger', server } : { do: 'take-over', server }),
    () => ({
      do: 'limit',
      thousandths: draws.of(world.options.hasSafeShare ? [600, 1000, 2000] : [0, 100, 500, 1000]),
    }),
    () => ({ do: 'weight', node: draws.between(0, 2), weight: draws.between(1, 9), band: draws.between(0, 3) }),
    () => ({
      do: 'wire',
      lossThousandths: draws.of([0, 50, 300, 900]),
      doubleThousandths: draws.of([0, 300]),
      delayMaxMilliseconds: draws.of([5, 200, 2000, 15_000]),
    }),
  ])();
}

/** Runs the world of `seed` through `happeningCount` happenings; then everything heals. Throws at a violation. */
export function runWorld(seed: number, happeningCount: number): World {
  const draws = new Draws(seed * 2 + 1);
  const world = new World(worldOptionsOf(draws, seed));
  for (let count = 0; count < happeningCount; count++) {
    happen(world, happeningOf(draws, world));
    if (count % 10 === 0) world.audit();
  }
  heal(world);
  world.pass(3 * world.options.terms.ttlMilliseconds);
  world.audit();
  return world;
}
