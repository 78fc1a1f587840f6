import { cpSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { canonicalJson, sha256 } from '#scenarios/format/canonical.ts';
import { digestOf, withoutTimeAndChance } from '#sim/lab/execute.ts';
import { Pool, type Task } from '#sim/lab/pool.ts';
import { engineHash } from '#sim/lab/provenance.ts';
import { reportOf } from '#sim/lab/report.ts';
import { loadSource } from '#sim/lab/source.ts';
import { inDirectory, tiny } from './sluice-process.ts';
import { executeTiny, noProvenance } from './tiny-result.ts';

const execution = suite('execute');

function taskOf(overrides: { policy?: string; set?: string[] } = {}): Task {
  const loaded = loadSource({ file: 'tiny.yaml', text: tiny }, { set: [], ...overrides });
  const { configuration, scenario } = loaded;
  const label = scenario.policy.name;
  const job = { configuration, scenario, provenance: noProvenance, traced: false };
  return { job, group: label, label, repeat: `sluice run tiny.yaml --policy ${label}` };
}

execution('a result is whole', () => {
  const set = [
    'expect=[clients.unfinished == 0, p99(completion) < 1ms]',
    'published=[{metric: p50(completion), value: 1s, source: x}]',
  ];
  const { result, trace } = executeTiny({ set });
  assert.is(trace, undefined);
  const { manifest, summary, expectations, published, run, digest } = result;
  assert.is(manifest.scenario, 'tiny');
  assert.is(manifest.policy, 'hybrid');
  assert.is(manifest.seed, 7);
  assert.is(manifest.availability, 'exact');
  assert.is(manifest.scenarioHash, sha256(canonicalJson(manifest.configuration)));
  assert.equal(summary.clients, { total: 20, completed: 20, unfinished: 0, failed: 0, left: 0 });
  assert.equal(
    expectations.map(({ ok }) => ok),
    [true, false],
  );
  assert.is(published[0]!.simulated, summary.completionSeconds.p50);
  assert.ok(run.events > 0 && run.transfers > 0 && run.wallSeconds > 0 && run.peakRssBytes > 1e6);
  assert.is(digest, digestOf(JSON.parse(JSON.stringify(result))));
});

execution('one process, a trace and a worker give one digest; another seed gives another', async () => {
  const { digest } = executeTiny().result;
  assert.is(executeTiny().result.digest, digest);
  const traced = executeTiny({}, true);
  assert.is(traced.result.digest, digest);
  assert.is(JSON.parse(traced.trace!).kind, 'trace');
  const answers = await new Pool([taskOf(), taskOf({ policy: 'cdn' }), taskOf()], { workers: 2 }).run();
  assert.equal(
    answers.map(({ result }) => result.digest === digest),
    [true, false, true],
  );
  assert.is.not(executeTiny({ seed: 8 }).result.digest, digest);
});

execution('its manifest gives the result again', () => {
  const { result } = executeTiny({ policy: 'p2p-cdn', clients: 10, seed: 3 });
  const text = JSON.stringify(result.manifest.configuration);
  const { configuration } = loadSource({ file: 'x', text }, { set: [] });
  assert.equal(JSON.parse(JSON.stringify(configuration)), JSON.parse(text));
});

execution('time and chance are out of reach while a simulation runs, and back afterwards', () => {
  const works: (() => unknown)[] = [() => Math.random(), () => Date.now(), () => new Date(0), () => performance.now()];
  for (const work of works) {
    assert.throws(() => withoutTimeAndChance(work), /a simulation must not use/);
  }
  assert.ok(Math.random() < 1 && Date.now() > 0 && new Date(0).getTime() === 0 && performance.now() > 0);
});

execution('what a worker throws comes back with its message, its exit code and the line that repeats it', async () => {
  const broken = taskOf({ policy: 'p2p', set: ['policy.contract=true'] });
  const failed = await new Pool([broken, taskOf()], { workers: 1 }).run().catch((error) => error);
  assert.is(failed.exitCode, 4);
  assert.match(failed.message, /^checker "origin contract" at .*\nrepeat: sluice run tiny\.yaml --policy p2p$/);
  const defective = taskOf();
  (defective.job.scenario as { clients: unknown }).clients = null;
  const defect = await new Pool([defective]).run().catch((error) => error);
  assert.is(defect.exitCode, undefined);
  assert.match(defect.stack, /\n\s+at .*\nrepeat: sluice run/s);
});

execution('the engine’s hash depends on the sources alone', async () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  await inDirectory((directory) => {
    const copy = join(directory, 'elsewhere');
    mkdirSync(copy);
    for (const layer of ['core', 'sim']) cpSync(join(root, layer), join(copy, layer), { recursive: true });
    const hash = engineHash(copy);
    assert.is(hash, engineHash(root));
    writeFileSync(join(copy, 'sim/lab/more.ts'), '// not the engine');
    renameSync(join(copy, 'core/prng.ts'), join(copy, 'core/chance.ts'));
    assert.is(engineHash(copy), hash);
    writeFileSync(join(copy, 'core/chance.ts'), '// changed');
    assert.is.not(engineHash(copy), hash);
  });
});

execution('a report without the machine is the same every time', () => {
  const [once, again] = [executeTiny().result, executeTiny().result];
  const text = reportOf(once, { machine: false });
  assert.is(text, reportOf(again, { machine: false }));
  assert.not.match(text, /CPU|Node|commit|repeat/);
  assert.match(text, new RegExp(`digest +${once.digest}\n$`));
  assert.match(reportOf(once, { machine: true, repeat: 'sluice run x' }), /µs per transfer.*repeat +sluice run x\n$/s);
});

execution.run();
