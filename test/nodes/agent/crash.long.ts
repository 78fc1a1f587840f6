// test-time-limit: 400s
/** Client, relay and control are killed ten times each at random moments, with a manifest and without. */
import { suite } from 'uvu';
import { killsOf, killWorld } from './kill-world.ts';

const test = suite('nodes/agent: killed ten times');
const seed = Number(process.env.SLUICE_SEED ?? 1);

for (const hasManifest of [true, false]) {
  test(`each ten times, ${hasManifest ? 'with' : 'without'} a manifest`, async () => {
    const kills = killsOf(seed, 10);
    const world = { seed, sizeBytes: 40_000_000, bytesPerSecond: 600_000, kills, pauseSecondsMax: 3, hasManifest };
    console.log(await killWorld(world));
  });
}

test.run();
