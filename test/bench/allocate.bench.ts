// test-time-limit: 120s
/** What one round of the quota allocator costs, by the number of holders: control has one a second. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mix } from '#core/prng.ts';
import { Allocator, HolderTable } from '#core/quota/allocate.ts';
import { cpuSeconds } from './calibration.ts';

/** About half of what they ask for. */
const bytesPerSecondEach = 500_000;
const bandsUsed = 3;
const secondsMin = 0.3;
const bench = suite('allocate');

for (const count of [1_000, 10_000, 100_000]) {
  bench(`${count} holders`, () => {
    const holders = holdersOf(count);
    const allocator = new Allocator(count);
    const bytesPerSecond = count * bytesPerSecondEach;
    // More ask than there are connections for: the dearest case, as the longest unserved have to be found.
    for (const connections of [Infinity, Math.floor(count / 2)]) {
      const milliseconds = roundMilliseconds(() => allocator.allocate(holders, bytesPerSecond, connections));
      const sum = holders.grantBytesPerSecond.reduce((total, grant) => total + grant, 0);
      assert.ok(sum <= bytesPerSecond);
      const each = (milliseconds / count) * 1e6;
      const limit = connections === Infinity ? 'connections for all' : 'connections for half';
      console.log(`${count} holders, ${limit}: ${milliseconds.toFixed(2)} ms a round, ${each.toFixed(0)} ns each`);
    }
  });
}

function holdersOf(count: number): HolderTable {
  const holders = new HolderTable(count);
  for (let holder = 0; holder < count; holder++) {
    const bits = mix(1, holder);
    const row = holders.add(1 + (bits % 2_000_000));
    holders.band[row] = bits % bandsUsed;
    holders.weight[row] = 1 + (bits % 4);
    holders.slotsWanted[row] = 1 + (bits % 4);
    holders.unservedSinceMilliseconds[row] = mix(2, holder) % 60_000;
  }
  return holders;
}

/** CPU time of the cheapest of several rounds: a busy machine must not count. */
function roundMilliseconds(round: () => void): number {
  round();
  let least = Infinity;
  const startedAt = cpuSeconds();
  while (cpuSeconds() - startedAt < secondsMin) {
    const before = cpuSeconds();
    round();
    least = Math.min(least, (cpuSeconds() - before) * 1000);
  }
  return least;
}

bench.run();
