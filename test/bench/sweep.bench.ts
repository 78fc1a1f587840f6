// test-time-limit: 600s
/** What a sweep costs beside its simulations, and what its methods save. */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { provenance } from '#sim/lab/provenance.ts';
import { loadSource } from '#sim/lab/source.ts';
import { LocalRunner } from '#sim/lab/sweep/local-runner.ts';
import { openStore } from '#sim/lab/sweep/open-store.ts';
import { configurationHashOf, type Trial, trialHash } from '#sim/lab/sweep/trial.ts';
import { signedRank } from '#sim/lab/sweep/wilcoxon.ts';
import { inDirectory, tiny } from '../lab/sluice-process.ts';
import { bowl, searched, trueBest, trueHypervolume, zdt1 } from '../lab/sweep/planted.ts';

const bench = suite('sweep');
const seeds = 20;

/** Of two lists, by seed, the first of which is to be larger. */
async function gainOf(name: string, trial: (seed: number) => Promise<[number, number]>): Promise<void> {
  const pairs: [number, number][] = [];
  for (let seed = 1; seed <= seeds; seed++) pairs.push(await trial(seed));
  const { p } = signedRank(pairs.map(([larger, smaller]) => larger - smaller));
  const mean = (side: 0 | 1): string => (pairs.reduce((sum, pair) => sum + pair[side], 0) / seeds).toFixed(3);
  console.log(`${name}: ${mean(0)} against ${mean(1)}, ${seeds} seeds, p = ${p.toExponential(1)}`);
  assert.ok(p < 0.01);
}

bench('planted optima', async () => {
  const valley = { planted: bowl, knobs: 4, noise: 0.05, trials: 60 };
  await gainOf('distance to the optimum, random against TPE', async (seed) => {
    const random = await searched({ ...valley, kind: 'random', seed });
    const tpe = await searched({ ...valley, kind: 'tpe', seed });
    return [trueBest(random.search, bowl) - 1, trueBest(tpe.search, bowl) - 1];
  });
  const front = { planted: zdt1, knobs: 4, noise: 0.02, trials: 96, batch: 16 };
  await gainOf('hypervolume, NSGA-II against random', async (seed) => {
    const random = await searched({ ...front, kind: 'random', seed });
    const nsga2 = await searched({ ...front, kind: 'nsga2', seed });
    return [trueHypervolume(nsga2.search, zdt1), trueHypervolume(random.search, zdt1)];
  });
});

bench('racing', async () => {
  let runs = 0;
  let kept = 0;
  const raced = { planted: bowl, knobs: 4, noise: 0.15, kind: 'sobol', trials: 40, replications: 30 } as const;
  for (let seed = 1; seed <= seeds; seed++) {
    const { search, runs: own } = await searched({ ...raced, seed, race: { after: 6, alpha: 0.05 } });
    runs += own;
    const worth = search.trials.map(({ candidate }) => bowl(candidate.point)[0]!);
    if (search.trials[worth.indexOf(Math.min(...worth))]!.fate === 'complete') kept++;
  }
  const saved = 1 - runs / (seeds * raced.trials * raced.replications);
  console.log(`racing: ${(100 * saved).toFixed(0)} % of the runs saved, the winner kept in ${kept} of ${seeds}`);
  assert.ok(saved >= 0.4 && kept === seeds);
});

function trialsOf(count: number, set: string[]): Trial[] {
  const origin = provenance();
  const { configuration, scenario } = loadSource({ file: 'tiny.yaml', text: tiny }, { set });
  const configurationHash = configurationHashOf(configuration);
  return Array.from({ length: count }, (_, seed) => ({
    hash: trialHash(configurationHash, seed, origin),
    ...{ configurationHash, seed, label: `seed ${seed}`, repeat: '' },
    job: {
      configuration: { ...configuration, seed },
      scenario: { ...scenario, seed },
      provenance: origin,
      traced: false,
    },
  }));
}

async function secondsFor(trials: Trial[], workers: number): Promise<{ seconds: number; storeSeconds: number }> {
  let found = { seconds: 0, storeSeconds: 0 };
  await inDirectory(async (directory) => {
    const store = await openStore(join(directory, 'store.sqlite'));
    let storeSeconds = 0;
    const put = store.put.bind(store);
    store.put = async (record) => {
      const startedAt = performance.now();
      const answer = await put(record);
      storeSeconds += (performance.now() - startedAt) / 1000;
      return answer;
    };
    const runner = new LocalRunner(store, workers);
    const startedAt = performance.now();
    await runner.run(trials, () => {});
    found = { seconds: (performance.now() - startedAt) / 1000, storeSeconds };
    await runner.stop();
    await store.close();
  });
  return found;
}

bench('the store beside 10,000 short trials', async () => {
  const { seconds, storeSeconds } = await secondsFor(trialsOf(10_000, ['file.size=4MiB']), 2);
  const share = storeSeconds / (2 * seconds);
  console.log(
    `10,000 trials in ${seconds.toFixed(0)} s; a worker waits for the store ${(100 * share).toFixed(1)} % of its time`,
  );
  assert.ok(share < 0.05);
});

bench('two workers against one', async () => {
  const trials = trialsOf(40, ['clients.office.count=150']);
  const { seconds: one } = await secondsFor(trials, 1);
  const { seconds: two } = await secondsFor(trials, 2);
  const efficiency = one / two / 2;
  console.log(
    `40 trials: ${one.toFixed(1)} s with one worker, ${two.toFixed(1)} s with two; efficiency ${efficiency.toFixed(2)}`,
  );
  assert.ok(efficiency >= 0.85);
});

bench.run();
