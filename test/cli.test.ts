/** The command as its users meet it: a process with arguments, two streams and an exit code. */
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const command = suite('command line');
const root = fileURLToPath(new URL('..', import.meta.url));
const launcher = join(root, 'sluice');

function sluice(...given: string[]) {
  const { status, stdout, stderr } = spawnSync(launcher, given, { encoding: 'utf8', cwd: tmpdir() });
  return { code: status, stdout, stderr };
}

function withDirectory(work: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-cli-'));
  try {
    work(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function isUsageError(given: string[], message: RegExp): void {
  const { code, stdout, stderr } = sluice(...given);
  assert.is(code, 2, stderr);
  assert.is(stdout, '');
  assert.match(stderr, message);
}

command('help and version go to stdout, from any directory, without a warning', () => {
  const help = sluice('--help');
  assert.is(help.code, 0);
  for (const name of ['demo', 'run', 'compare', 'repro', 'doctor', 'scenario']) {
    assert.match(help.stdout, new RegExp(`^  ${name}\\b`, 'm'));
  }
  assert.equal(sluice('--version'), { code: 0, stdout: '0.1.0\n', stderr: '' });
});

command('unknown commands and options are errors with a suggestion', () => {
  isUsageError(['rum', 'x'], /^sluice: unknown command 'rum'\n\(Did you mean run\?\)/);
  isUsageError(['run', 'x', '--sed', '1'], /unknown option '--sed'\n\(Did you mean .*--seed/);
  isUsageError(['scenario', 'valdate'], /Did you mean validate\?/);
  isUsageError([], /Usage: sluice/);
  isUsageError(['run'], /missing required argument 'scenario'/);
  isUsageError(['run', 'x', 'y'], /too many arguments/);
});

command('values are checked before anything opens', () => {
  for (const seed of ['1.5', '-1', 'x', '', '1e3', '9007199254740993']) {
    isUsageError(['run', 'x', `--seed=${seed}`], /--seed <n>.*It takes an integer from 0/);
  }
  isUsageError(['run', 'x', '--clients=0'], /integer above 0/);
  isUsageError(['run', 'x', '--fidelity=high'], /reference, standard, scale/);
  isUsageError(['run', 'x', '--set', 'a'], /It takes path=value/);
  isUsageError(['compare', 'x', '--policies', 'a,,b'], /commas/);
  isUsageError(['compare', 'x', '--policies', 'a,a'], /twice/);
  isUsageError(['compare', 'x', '--policy', 'a'], /Did you mean --policies/);
});

command('a scenario that cannot be used ends with 3 and says where', () => {
  withDirectory((directory) => {
    const file = join(directory, 'bad.yaml');
    writeFileSync(file, 'version: 1\nnmae: x\n');
    const bad = sluice('scenario', 'validate', file);
    assert.is(bad.code, 3);
    assert.match(bad.stderr, /bad\.yaml:2:1.*name/);
    assert.not.match(bad.stderr, /\n\s+at /);
    const absent = sluice('scenario', 'validate', 'absent-scenario');
    assert.is(absent.code, 3);
    assert.match(absent.stderr, /absent-scenario/);
  });
});

command('scenario list and schema print data', () => {
  assert.type(JSON.parse(sluice('scenario', 'list', '--json').stdout), 'object');
  assert.match(JSON.parse(sluice('scenario', 'schema').stdout).$schema, /json-schema/);
});

command('doctor finds what runs these tests', () => {
  const { code, stdout, stderr } = sluice('doctor', '--json');
  assert.is(code, 0, stderr + stdout);
  const { findings } = JSON.parse(stdout);
  const node = findings.find(({ name }: { name: string }) => name === 'Node');
  assert.is(node.found, process.versions.node);
  assert.match(sluice('doctor').stdout, /ok +cores +\d+/);
});

command('the launcher follows symbolic links and says what to do without dependencies', () => {
  withDirectory((directory) => {
    symlinkSync(launcher, join(directory, 'absolute'));
    symlinkSync('absolute', join(directory, 'relative'));
    const linked = spawnSync(join(directory, 'relative'), ['--version'], {
      encoding: 'utf8',
      cwd: directory,
    });
    assert.is(linked.stdout, '0.1.0\n', linked.stderr);
    cpSync(launcher, join(directory, 'alone'));
    const alone = spawnSync(join(directory, 'alone'), ['--version'], { encoding: 'utf8' });
    assert.is(alone.status, 1);
    assert.match(alone.stderr, /not installed; run: npm install/);
  });
});

command('a reader that has seen enough is no failure', async () => {
  const child = spawn(launcher, ['scenario', 'schema'], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let talk = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (talk += text));
  const code = await new Promise((done) => child.on('close', done));
  assert.is(code, 0, talk);
  assert.is(talk, '');
});

command.run();
