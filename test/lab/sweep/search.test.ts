/** The course of a study: racing and halving save runs without losing the winner; it asks for the same runs again. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bowl, type PlantedOptions, searched } from './planted.ts';

const searching = suite('search');

const raced: Omit<PlantedOptions, 'seed'> = {
  planted: bowl,
  knobs: 4,
  noise: 0.15,
  kind: 'sobol',
  trials: 40,
  replications: 30,
};

/** By what it is truly worth. */
function bestIndex(options: PlantedOptions, points: readonly (readonly number[])[]): number {
  const values = points.map((point) => options.planted(point)[0]!);
  return values.indexOf(Math.min(...values));
}

searching('racing saves at least 40 % of the runs and keeps the winner', async () => {
  let runs = 0;
  let full = 0;
  let kept = 0;
  const rounds = 20;
  for (let seed = 1; seed <= rounds; seed++) {
    const options = { ...raced, seed, race: { after: 6, alpha: 0.05 } };
    const { search, runs: own } = await searched(options);
    runs += own;
    full += options.trials * options.replications!;
    const points = search.trials.map(({ candidate }) => candidate.point);
    if (search.trials[bestIndex(options, points)]!.fate === 'complete') kept++;
  }
  console.log(
    `racing: ${(100 * (1 - runs / full)).toFixed(0)} % of the runs saved, the winner kept in ${kept} of ${rounds}`,
  );
  assert.ok(runs <= 0.6 * full, `${runs} of ${full}`);
  assert.is(kept, rounds);
});

searching('trials that do not differ are not stopped more often than alpha says', async () => {
  let stopped = 0;
  let trials = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const flat = () => [1];
    const { search } = await searched({ ...raced, planted: flat, seed, trials: 2, race: { after: 6, alpha: 0.05 } });
    stopped += search.trials.filter(({ fate }) => fate === 'stopped').length;
    trials += search.trials.length;
  }
  // One of two is the leader: the other one is stopped with a chance of 5 % at most.
  assert.ok(stopped <= 4, `${stopped} of ${trials}`);
});

searching('successive halving spends less and ends with a good trial', async () => {
  const halving = { factor: 3, replications: 3, clients: 1 };
  const { search, runs } = await searched({ ...raced, noise: 0.05, seed: 3, halving });
  const full = raced.trials * raced.replications!;
  assert.ok(runs < 0.6 * full, `${runs} of ${full}`);
  const complete = search.trials.filter(({ fate }) => fate === 'complete');
  assert.ok(complete.length >= 1 && complete.length <= 5);
  const points = search.trials.map(({ candidate }) => candidate.point);
  const order = points.map((point) => bowl(point)[0]!).sort((left, right) => left - right);
  assert.ok(Math.min(...complete.map(({ candidate }) => bowl(candidate.point)[0]!)) <= order[2]!);
});

searching('the same study asks for the same runs again', async () => {
  const fates = async () => {
    const { search } = await searched({ ...raced, kind: 'tpe', seed: 9, race: { after: 5, alpha: 0.05 } });
    return search.trials.map(({ candidate, fate, measures }) => `${candidate.point} ${fate} ${measures.length}`);
  };
  assert.equal(await fates(), await fates());
});

searching.run();
