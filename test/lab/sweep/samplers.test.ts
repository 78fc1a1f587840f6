/** Samplers: published points, the same ones every time, no point twice, and optima that are known. */
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Observation, SamplerOptions } from '#sim/lab/sweep/sampler.ts';
import { samplerOf } from '#sim/lab/sweep/sampler.ts';
import { SobolSequence } from '#sim/lab/sweep/sobol-sampler.ts';
import type { Axis } from '#sim/lab/sweep/unit-cube.ts';
import { signedRank } from '#sim/lab/sweep/wilcoxon.ts';
import { bowl, searched, trueBest, trueHypervolume, zdt1 } from './planted.ts';

const samplers = suite('samplers');
const kinds = ['random', 'sobol', 'tpe', 'nsga2'] as const;

samplers("Sobol's points are those of Joe and Kuo's table", () => {
  const sequence = new SobolSequence(21);
  const points = Array.from({ length: 64 }, () => [...sequence.next()].map((bits) => bits / 2 ** 32));
  // As scipy 1.17, qmc.Sobol(d=21, scramble=False), gives them.
  assert.equal(
    points.slice(0, 6).map((point) => point.slice(0, 6)),
    [
      [0, 0, 0, 0, 0, 0],
      [0.5, 0.5, 0.5, 0.5, 0.5, 0.5],
      [0.75, 0.25, 0.25, 0.25, 0.75, 0.75],
      [0.25, 0.75, 0.75, 0.75, 0.25, 0.25],
      [0.375, 0.375, 0.625, 0.875, 0.375, 0.125],
      [0.875, 0.875, 0.125, 0.375, 0.875, 0.625],
    ],
  );
  assert.equal(
    points[37],
    [
      0.921875, 0.640625, 0.578125, 0.921875, 0.765625, 0.296875, 0.171875, 0.796875, 0.609375, 0.171875, 0.015625,
      0.078125, 0.578125, 0.859375, 0.109375, 0.484375, 0.796875, 0.421875, 0.046875, 0.140625, 0.953125,
    ],
  );
  assert.equal(points[63]!.slice(-4), [0.390625, 0.953125, 0.234375, 0.234375]);
});

/** All points of a sampler, judged by the bowl. */
function drawn(kind: (typeof kinds)[number] | 'grid', axes: readonly Axis[], options: Partial<SamplerOptions> = {}) {
  const sampler = samplerOf({ kind, trials: 30, seed: 5, batch: 6, ...options }, axes);
  const history: Observation[] = [];
  for (let points = sampler.next(history); points.length > 0; points = sampler.next(history)) {
    for (const point of points) {
      history.push({ point, objectives: [point.reduce((sum, value) => sum + (value - 0.4) ** 2, 0)], feasible: true });
    }
  }
  return history.map(({ point }) => point);
}

const mixed: Axis[] = [{ ordered: true }, { levels: 3, ordered: false }, { levels: 4, ordered: true }];

for (const kind of kinds) {
  samplers(`${kind}: the same seed gives the same points, another one others`, () => {
    assert.equal(drawn(kind, mixed), drawn(kind, mixed));
    assert.not.equal(drawn(kind, mixed), drawn(kind, mixed, { seed: 6 }));
  });

  samplers(`${kind}: inside the cube, as many as asked for, none twice; a small space is used up`, () => {
    const seed = Number(process.env.SLUICE_SEED ?? 1);
    const axis = fc.record({ levels: fc.integer({ min: 1, max: 4 }), ordered: fc.boolean() });
    const property = fc.property(fc.array(axis, { minLength: 1, maxLength: 3 }), fc.nat(1000), (axes, own) => {
      const size = axes.reduce((product, { levels }) => product * levels, 1);
      const points = drawn(kind, axes, { seed: own });
      assert.is(points.length, Math.min(30, size));
      assert.is(new Set(points.map((point) => point.join())).size, points.length);
      assert.ok(points.flat().every((value) => value >= 0 && value < 1));
    });
    fc.assert(property, { seed, numRuns: 60 });
  });
}

samplers('a grid is every combination once', () => {
  const points = drawn('grid', [
    { levels: 2, ordered: true },
    { levels: 3, ordered: true },
  ]);
  const text = points.map((point) => point.map((value) => value.toFixed(3)).join());
  assert.is(new Set(text).size, 6);
  assert.is(text[0], '0.250,0.167');
  assert.is(text[1], '0.250,0.500');
});

/** Paired over 20 seeds; the first list is to be larger. */
async function beats(trial: (seed: number) => Promise<[number, number]>): Promise<{ p: number; meanGain: number }> {
  const gains: number[] = [];
  for (let seed = 1; seed <= 20; seed++) {
    const [better, worse] = await trial(seed);
    gains.push(better - worse);
  }
  return { p: signedRank(gains).p, meanGain: gains.reduce((sum, gain) => sum + gain, 0) / gains.length };
}

samplers('TPE comes nearer to a planted optimum than random search at equal budget', async () => {
  const options = { planted: bowl, knobs: 4, noise: 0.05, trials: 60 };
  const { p, meanGain } = await beats(async (seed) => {
    const random = await searched({ ...options, kind: 'random', seed });
    const tpe = await searched({ ...options, kind: 'tpe', seed });
    return [trueBest(random.search, bowl) - 1, trueBest(tpe.search, bowl) - 1];
  });
  console.log(`TPE against random: distance to the optimum less by ${meanGain.toFixed(3)}, p = ${p.toExponential(1)}`);
  assert.ok(meanGain > 0 && p < 0.01, `p = ${p}`);
});

samplers("NSGA-II's front dominates more than random search's at equal budget", async () => {
  const options = { planted: zdt1, knobs: 4, noise: 0.02, trials: 96, batch: 16 };
  const { p, meanGain } = await beats(async (seed) => {
    const random = await searched({ ...options, kind: 'random', seed });
    const nsga2 = await searched({ ...options, kind: 'nsga2', seed });
    return [trueHypervolume(nsga2.search, zdt1), trueHypervolume(random.search, zdt1)];
  });
  console.log(`NSGA-II against random: hypervolume larger by ${meanGain.toFixed(3)}, p = ${p.toExponential(1)}`);
  assert.ok(meanGain > 0 && p < 0.01, `p = ${p}`);
});

samplers.run();
