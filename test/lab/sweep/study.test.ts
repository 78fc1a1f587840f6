/** Study files: what is wrong is said with line, column and what is allowed. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadStudy, type StudyOptions } from '#scenarios/format/study.ts';
import { readKnob } from '#scenarios/format/study-space.ts';
import { policies } from '#sim/policies/catalogue.ts';
import { inDirectory } from '../sluice-process.ts';
import { tinyStudy, writtenStudy } from './tiny-study.ts';

const studies = suite('study');

async function load(text: string, options: Partial<StudyOptions> = {}) {
  let study: ReturnType<typeof loadStudy> | undefined;
  await inDirectory((directory) => {
    study = loadStudy(text, { file: writtenStudy(directory, text), policies, ...options });
  });
  return study!;
}

async function refused(text: string, wanted: RegExp, options: Partial<StudyOptions> = {}): Promise<void> {
  const error = await load(text, options).catch((failed) => failed);
  assert.is(error.exitCode, 3, `${error.stack}`);
  assert.match(error.message, wanted);
}

const changed = (before: string, after: string): string => {
  assert.ok(tinyStudy.includes(before));
  return tinyStudy.replace(before, after);
};

studies('a whole study', async () => {
  const study = await load(tinyStudy);
  assert.is(study.name, 'tiny-study');
  assert.equal(study.sampler, { kind: 'sobol', trials: 6, seed: 1, batch: 1 });
  assert.is(study.objectives[1]!.metric.text, 'cost.total');
  assert.equal(
    study.space.map(({ levels }) => levels),
    [3, undefined],
  );
});

studies('what is wrong is said with its place and the nearest name', async () => {
  await refused(
    changed('replications: 4', 'replication: 4'),
    /study\.yaml:9:1: unknown key "replication".*"replications"/s,
  );
  await refused(changed('kind: sobol', 'kind: sobl'), /:8:18: sampler\.kind: .*did you mean "sobol"/s);
  await refused(changed('trials: 6', 'seed: 2'), /:8:10: sampler: the key "trials" is missing/);
  await refused(
    changed('policy.fallback.threshold', 'policy.fallback.treshold'),
    /:6:3: space: unknown key "treshold".*did you mean "threshold"/s,
  );
  await refused(
    changed('512KiB/s', '512parsecs'),
    /:6:41: space\.policy\.fallback\.threshold\.1: .*512parsecs.*not a rate/s,
  );
  await refused(
    changed('from: 50Mbps', 'from: 50s'),
    /:7:\d+: space\.relays\.relay\.uplink: .*not two quantities of one kind/s,
  );
  await refused(changed('to: 400Mbps', 'to: 4Mbps'), /:7:44: .*not above 50Mbps/s);
  await refused(changed('scale: log', 'scale: lag'), /:7:\d+: .*not a scale: .*did you mean "log"/s);
  await refused(changed('relays.relay', 'relays.rely'), /unknown member "rely".*did you mean "relay"/s);
  await refused(
    changed('p95(completion), minimize cost.total', 'p95(completion), reduce cost.total'),
    /:10:\d+: objectives\.1: .*not an objective/,
  );
  await refused(
    changed('minimize cost.total', 'minimize cost.totl'),
    /:10:.*"cost\.totl".*did you mean "cost\.total"/s,
  );
  await refused(
    changed('origin.violations == 0', 'origin.violations = 0'),
    /:11:15: constraints\.0: .*did you mean "=="/s,
  );
  await refused(changed('scenario: tiny.yaml', 'scenario: none.yaml'), /:4:11: scenario: .*none\.yaml: no such file/);
  await refused(changed('sobol, trials: 6', 'grid'), /:7:\d+: space.*a grid needs "step" or "levels"/);
  await refused(`${tinyStudy}race: { after: 4 }\n`, /race\.after: 4 is not below the 4 replications/);
  await refused(`${tinyStudy}baseline: { policy: hybird }\n`, /baseline\.policy: .*did you mean "hybrid"/s);
  await refused('- a list', /1:1: .*is not a study/);
  await refused('version: 1\n  bad: [', /invalid YAML/);
});

studies('the command line replaces values of knobs, and is blamed for its own', async () => {
  const study = await load(tinyStudy, { space: ['relays.relay.uplink=100Mbps,200Mbps'], trials: 3, replications: 2 });
  assert.equal(
    study.space.map(({ levels }) => levels),
    [3, 2],
  );
  assert.equal([study.sampler.trials, study.replications], [3, 2]);
  await refused(tinyStudy, /^-S relays\.relay\.uplink=5: .*has no unit/, { space: ['relays.relay.uplink=5'] });
});

const values = (text: unknown, coordinates: number[]): unknown[] => {
  const knob = readKnob('x', text, []);
  return coordinates.map((coordinate) => knob.valueAt(coordinate));
};

studies('values of ranges and lists', () => {
  assert.equal(values({ from: '5s', to: '60s', scale: 'log' }, [0, 0.5, 0.999999]), ['5s', '17.3s', '1m']);
  assert.equal(values({ from: 1, to: 8 }, [0, 0.2, 0.999]), [1, 2, 8]);
  assert.equal(values({ from: '5%', to: '25%', step: '5%' }, [0, 0.5, 0.999]), ['5%', '15%', '25%']);
  assert.equal(values({ from: 1, to: 2, step: 0.25 }, [0, 0.5, 0.999]), [1, 1.5, 2]);
  assert.equal(values({ from: '1MiB', to: '16MiB', levels: 5, scale: 'log' }, [0, 0.3, 0.999]), [
    '1MiB',
    '2.1MB',
    '16MiB',
  ]);
  assert.equal(values(['a', 'b'], [0, 0.49, 0.5]), ['a', 'a', 'b']);
  const knob = readKnob('x', { from: 1, to: 8 }, []);
  assert.equal([1, 2, 8].map(knob.edgeOf), ['lowest', undefined, 'highest']);
  // On a scale of logarithms 10 of 1 … 1000 is a third of the way, and not at the edge.
  const wide = readKnob('x', { from: 1, to: 1000, scale: 'log' }, []);
  assert.equal([1, 10, 900].map(wide.edgeOf), ['lowest', undefined, 'highest']);
  assert.is(readKnob('x', ['b', 'a', 'c'], []).ordered, false);
  assert.is(readKnob('x', ['1s', '2s', '1m'], []).ordered, true);
});

studies.run();
