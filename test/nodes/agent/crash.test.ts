// test-time-limit: 120s
/** Client, relay and control are killed while they work: the task completes, and little comes twice. */
import { suite } from 'uvu';
import { killsOf, killWorld } from './kill-world.ts';

const test = suite('nodes/agent');
const seed = Number(process.env.SLUICE_SEED ?? 1);

test('each is killed once in the middle', async () => {
  const kills = killsOf(seed, 1);
  const world = { seed, sizeBytes: 8_000_000, bytesPerSecond: 1_000_000, kills, pauseSecondsMax: 2, hasManifest: true };
  console.log(await killWorld(world));
});

test.run();
