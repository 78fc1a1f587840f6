// test-time-limit: 240s
/** `sluice sweep` as people use it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parquetReadObjects } from 'hyparquet';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parsePolicyFile } from '#scenarios/format/policy-file.ts';
import { policies } from '#sim/policies/catalogue.ts';
import { inDirectory, sluice, tiny, written } from '../sluice-process.ts';
import { sweep, tinyStudy, writtenStudy } from './tiny-study.ts';

const commands = suite('sweep commands');

commands('a study, once and again, looked at, exported, applied, repeated', () =>
  inDirectory(async (directory) => {
    writtenStudy(directory);
    const planned = JSON.parse(sweep(directory, 'study.yaml', '--dry-run', '--json').stdout);
    assert.equal(planned, { trials: 6, runs: 28, cached: 0, missing: 28, seconds: null });

    const first = sweep(directory, 'study.yaml', '--out', 'study.json', '--apply', 'policy.yaml');
    assert.is(first.code, 0, first.stderr);
    assert.match(first.stderr, /6 trials, 28 runs done/);
    assert.match(first.stdout, /Recommended: trial \d: .* than the baseline: p95\(completion\) .* n = 4 pairs/);
    assert.match(first.stdout, /4 seeds per trial: intervals are rough below 20/);
    assert.not.match(first.stderr, /\[K/);

    const startedAt = performance.now();
    const again = sweep(directory, 'study.yaml', '--out', 'again.json');
    const seconds = (performance.now() - startedAt) / 1000;
    assert.match(again.stderr, /nothing to do: all 28 runs are there/);
    assert.is(again.stdout, first.stdout);
    console.log(`a study that is done says so in ${seconds.toFixed(1)} s`);

    const study = JSON.parse(readFileSync(join(directory, 'study.json'), 'utf8'));
    const { manifest: _, ...same } = JSON.parse(readFileSync(join(directory, 'again.json'), 'utf8'));
    assert.equal({ ...same, manifest: study.manifest }, study);
    assert.equal([study.version, study.kind, study.complete, study.trials.length], [1, 'study', true, 6]);
    assert.equal(study.ranking.toSorted(), [1, 2, 3, 4, 5, 6]);
    assert.equal(study.trials[study.recommended.number - 1].values, study.recommended.values);
    assert.equal(study.manifest.seeds, [7, 8, 9, 10]);
    assert.is(study.manifest.lockfileHash.length, 64);

    const status = sweep(directory, 'status', 'study.yaml');
    assert.match(status.stdout, /tiny-study: 6 trials, done/);
    await exportsAgree(directory, study);
    appliedPolicy(directory, study);
    // Of the whole study that takes a while: the baseline and one trial.
    written(directory, 'part.json', JSON.stringify({ ...study, trials: study.trials.slice(0, 1) }));
    const repeated = sluice(['repro', 'part.json'], {}, directory);
    assert.equal([repeated.code, repeated.stdout, repeated.stderr], [0, 'identical\n', '8 runs\n']);
    study.trials[0].runs[1].digest = 'forged';
    written(directory, 'part.json', JSON.stringify({ ...study, trials: study.trials.slice(0, 1) }));
    const forged = sluice(['repro', 'part.json'], {}, directory);
    assert.is(forged.code, 1);
    assert.match(forged.stdout, /^different: trial 1, seed 8: digest forged in the file/);
    study.trials[0].runs[1].digest = '';
    const [run] = study.trials[0].runs;
    const single = sluice(['run', ...run.repeat.split(' ').slice(2), '--json'], {}, directory);
    assert.is(JSON.parse(single.stdout).digest, run.digest, single.stderr);
  }),
);

async function exportsAgree(directory: string, study: { trials: object[]; baseline: object }): Promise<void> {
  const csv = sweep(directory, 'export', 'study.yaml', '--format', 'csv').stdout.trimEnd().split('\r\n');
  assert.is(csv.length, 1 + 28);
  const columns = csv[0]!.split(',');
  assert.is(sweep(directory, 'export', 'study.yaml', '--out', 'runs.parquet').code, 0);
  const file = readFileSync(join(directory, 'runs.parquet'));
  const rows = await parquetReadObjects({ file: file.buffer.slice(file.byteOffset, file.byteOffset + file.length) });
  assert.is(rows.length, 28);
  assert.equal(Object.keys(rows[0]!), columns);
  const p95 = columns.indexOf('completionSeconds.p95');
  assert.is(String(rows[10]!['completionSeconds.p95']), csv[11]!.split(',')[p95]);
  const { trials, baseline } = JSON.parse(sweep(directory, 'export', 'study.yaml').stdout);
  assert.equal({ trials, baseline }, { trials: study.trials, baseline: study.baseline });
}

function appliedPolicy(directory: string, study: { recommended: { values: Record<string, string> } }): void {
  const file = join(directory, 'policy.yaml');
  const text = readFileSync(file, 'utf8');
  const policy = parsePolicyFile(text, file, policies);
  assert.is(policy.name, 'hybrid');
  const wanted = { '128KiB/s': 128, '512KiB/s': 512, '2MiB/s': 2048 }[
    study.recommended.values['policy.fallback.threshold']!
  ];
  assert.is(policy.fallback.threshold, wanted! * 1024);
  assert.match(text, /^# Recommended by the study "tiny-study", on the scenario "tiny"\.\n/);
  assert.match(text, /# Belongs to it, but is no part of a policy: relays\.relay\.uplink=/);
  assert.throws(
    () => parsePolicyFile(text.replace('threshold:', 'treshold:'), 'p.yaml', policies),
    /p\.yaml:\d+:\d+: /,
  );
  // A scenario takes the file's text as it is.
  written(directory, 'with-policy.yaml', tiny.replace('policy: hybrid\n', `policy:\n${text.replace(/^/gm, '  ')}`));
  assert.is(sluice(['scenario', 'validate', 'with-policy.yaml'], {}, directory).code, 0);
}

commands('a trial that fails is kept with its error and its command, and the study ends with 5', () =>
  inDirectory((directory) => {
    // p2p with a contract that it cannot keep: the checker ends the run.
    const study = `
version: 1
name: tiny-study
scenario: tiny.yaml
space: { policy: [hybrid, { extends: p2p, contract: true }] }
replications: 2
objectives: [minimize p95(completion)]
`;
    writtenStudy(directory, study);
    const first = sweep(directory, 'study.yaml');
    assert.is(first.code, 5, first.stderr + first.stdout);
    assert.match(
      first.stderr,
      /failed: checker "origin contract".*\n {2}repeat: sluice run .*tiny\.yaml --seed 7 --set/,
    );
    assert.match(first.stdout, /\(failed: checker/);
    assert.match(first.stdout, /Recommended: trial 1/);
    const repeat = /repeat: sluice (.*)/.exec(first.stderr)![1]!;
    assert.is(
      sluice(
        repeat.match(/'[^']*'|\S+/g)!.map((word) => word.replace(/^'|'$/g, '')),
        {},
        directory,
      ).code,
      4,
    );
    const again = sweep(directory, 'study.yaml');
    assert.is(again.code, 5);
    assert.match(again.stderr, /nothing to do/);
    const retried = sweep(directory, 'study.yaml', '--retry');
    assert.match(retried.stderr, /2 runs done, 2 runs were there/);
  }),
);

commands('wrong use and broken studies', () =>
  inDirectory((directory) => {
    writtenStudy(directory, tinyStudy.replace('kind: sobol', 'kind: sobl'));
    const broken = sweep(directory, 'study.yaml');
    assert.is(broken.code, 3);
    assert.match(broken.stderr, /^sluice: study\.yaml:8:18: sampler\.kind: /);
    writtenStudy(directory);
    assert.is(sweep(directory, 'study.yaml', '--workers', '0').code, 2);
    assert.is(sweep(directory).code, 2);
    assert.is(sweep(directory, 'none.yaml').code, 3);
    assert.is(sweep(directory, 'status', 'study.yaml').code, 1);
    assert.is(sweep(directory, 'study.yaml', '--db', 'mysql://x').code, 2);
    assert.is(sluice(['worker', '--db', 'x.sqlite']).code, 2);
    const unreachable = sweep(directory, 'study.yaml', '--db', 'postgres://u:secret@127.0.0.1:1/x');
    assert.is(unreachable.code, 6);
    assert.not.match(unreachable.stderr, /secret/);
    const unmet = sweep(directory, 'study.yaml', '--trials', '1', '--replications', '1', '-S', 'seed=3');
    assert.is(unmet.code, 0, unmet.stderr);
  }),
);

commands.run();
