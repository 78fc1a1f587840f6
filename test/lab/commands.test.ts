/** `run`, `compare` and `repro` as processes: what they print, and how they end. */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inDirectory, launcher, sluice, tiny, written } from './sluice-process.ts';

const commands = suite('run, compare, repro');

commands('a scenario that cannot be used ends with 3 and one message, under run and compare', async () => {
  await inDirectory((directory) => {
    const huge = written(directory, 'huge.yaml');
    truncateSync(huge, 100_000_000);
    mkdirSync(join(directory, 'directory'));
    const broken: [file: string, options: string[], message: RegExp][] = [
      [written(directory, 'unit.yaml', tiny.replace('64MiB', '64Mib')), [], /unit\.yaml:6:15: .*64Mib.*MiB/],
      [written(directory, 'key.yaml', tiny.replace('horizon', 'horizont')), [], /key\.yaml:5:1: .*"horizon"/],
      [written(directory, 'policy.yaml', tiny.replace('hybrid', 'hybird')), [], /policy\.yaml:\d+:.*"hybrid"/],
      [written(directory, 'good.yaml'), ['--set', 'policy=hybird'], /hybird.*"hybrid"/],
      [written(directory, 'none.yaml', tiny.replace(/count: (16|4)/g, 'count: 0')), [], /no clients/],
      [written(directory, 'binary.yaml', new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 0, 1])), [], /not a text file/],
      [written(directory, 'empty.yaml', ''), [], /is empty/],
      [join(directory, 'directory'), [], /is a directory/],
      [huge, [], /100 MB long/],
      [join(directory, 'absent.yaml'), [], /no such file/],
    ];
    for (const [index, [file, options, message]] of broken.entries()) {
      const command = index % 2 === 0 ? 'run' : 'compare';
      // Refused as the policy of all; a misspelt one is named by --policies.
      const given = command === 'compare' && options.length > 0 ? ['--policies', 'hybird'] : options;
      const { code, stdout, stderr } = sluice([command, file, ...given]);
      assert.is(code, 3, `${command} ${file}: ${stderr}`);
      assert.is(stdout, '');
      assert.match(stderr, message);
      assert.is(stderr.trim().split('\n').length, 1, stderr);
    }
  });
});

commands('wrong options end with 2, before anything runs', async () => {
  await inDirectory((directory) => {
    const file = written(directory, 'tiny.yaml');
    const wrong: [given: string[], message: RegExp][] = [
      [['run', file, '--polcy', 'cdn'], /Did you mean --policy/],
      [['run', file, '--out', join(directory, 'absent/result.json')], /no such directory/],
      [['run', file, '--out', directory], /is a directory/],
      [['run', file, '--trace', file], /what the command reads/],
      [['run', file, '--out', join(directory, 'x'), '--trace', join(directory, 'x')], /the file of --out/],
      [['compare', file, '--seeds', '0'], /integer above 0/],
      [['compare', file, '--set', 'policy=cdn'], /name them with --policies/],
      [['compare', file, '--seed', String(Number.MAX_SAFE_INTEGER)], /too large/],
    ];
    for (const [given, message] of wrong) {
      const { code, stdout, stderr } = sluice(given);
      assert.is(code, 2, stderr);
      assert.is(stdout, '');
      assert.match(stderr, message);
    }
    assert.is(readFileSync(file, 'utf8'), tiny);
  });
});

commands('an expectation or a checker that fails ends with 4', async () => {
  await inDirectory((directory) => {
    const file = written(directory, 'tiny.yaml', `${tiny}expect: [p99(completion) < 1s, clients.unfinished == 0]\n`);
    const run = sluice(['run', file]);
    assert.is(run.code, 4, run.stderr);
    assert.match(run.stdout, /✗ p99\(completion\) < 1s +\d.*\n✓ clients\.unfinished == 0 +0\n/);
    const compare = sluice(['compare', file, '--policies', 'hybrid,cdn', '--seeds', '1']);
    assert.is(compare.code, 4, compare.stderr);
    assert.match(compare.stdout, /Expected of hybrid:\n✗ p99\(completion\) < 1s .*not met by cdn/);
    // Others are shown, not judged.
    const others = sluice(['compare', file, '--policies', 'cdn,p2p', '--seeds', '1']);
    assert.is(others.code, 0, others.stderr);
    assert.match(others.stderr, /own policy, hybrid, takes no part: cdn is the baseline/);
    const given = ['run', file, '--policy', 'p2p', '--set', 'policy.contract=true'];
    const checked = sluice(given);
    assert.is(checked.code, 4);
    assert.is(checked.stdout, '');
    const [, repeat] = /^sluice: checker "origin contract" .*\nrepeat: sluice (.*)\n$/.exec(checked.stderr)!;
    assert.equal(sluice(repeat!.split(' ')), checked);
  });
});

commands('data goes to stdout and into files, and no part of one stays behind', async () => {
  await inDirectory((directory) => {
    const file = written(directory, 'tiny.yaml');
    const [out, trace] = [join(directory, 'result.json'), join(directory, 'trace.json')];
    const { code, stdout, stderr } = sluice(['run', file, '--json', '--out', out, '--trace', trace]);
    assert.is(code, 0, stderr);
    assert.is(stderr, '');
    assert.is(stdout, readFileSync(out, 'utf8'));
    assert.is(JSON.parse(stdout).kind, 'run');
    assert.is(JSON.parse(readFileSync(trace, 'utf8')).kind, 'trace');
    assert.equal(readdirSync(directory).sort(), ['result.json', 'tiny.yaml', 'trace.json']);
    const [, digest] = /digest +(\w{64})/.exec(sluice(['run', file]).stdout)!;
    assert.is(JSON.parse(stdout).digest, digest, 'a trace changes nothing');
  });
});

commands('the digest does not know where a file lies, what it is called, nor the environment', async () => {
  await inDirectory((directory) => {
    const digest = (file: string, environment: NodeJS.ProcessEnv, cwd?: string) => {
      const { code, stdout, stderr } = sluice(['run', file, '--json'], environment, cwd);
      assert.is(code, 0, stderr);
      return JSON.parse(stdout).digest;
    };
    mkdirSync(join(directory, 'über uns'));
    const here = digest(written(directory, 'tiny.yaml'), {});
    written(join(directory, 'über uns'), "o'ther.yml");
    const elsewhere = { LANG: 'tr_TR.UTF-8', LC_ALL: 'de_DE.UTF-8', TZ: 'Asia/Kathmandu', HOME: '/nowhere', X: 'y' };
    assert.is(digest("./über uns/o'ther.yml", elsewhere, directory), here);
  });
});

commands('compare shows every policy over the same seeds, with intervals and a verdict', async () => {
  await inDirectory((directory) => {
    const file = written(directory, 'tiny.yaml');
    const out = join(directory, 'comparison.json');
    const given = ['compare', file, '--policies', 'cdn,p2p,hybrid', '--seeds', '3', '--clients', '10', '--out', out];
    const { code, stdout, stderr } = sluice(given);
    assert.is(code, 0, stderr);
    assert.is(stderr, '');
    assert.match(stdout, /^tiny: 3 policies, 10 clients, seeds 7 to 9; ± is the 95 % interval/);
    assert.match(stdout, /^ {2}p2p +2 \(20 %\) .* — .* — /m);
    assert.match(stdout, /^> hybrid +0 +\S.* ±/m);
    assert.match(stdout, /against hybrid, seed by seed/);
    assert.match(stdout, /^Verdict: \w.*\.$/ms);
    for (const line of stdout.split('\n')) assert.ok([...line].length <= 120, line);
    const { kind, seeds, results, table, verdict, baseline } = JSON.parse(readFileSync(out, 'utf8'));
    assert.equal([kind, seeds, baseline, results.length], ['comparison', [7, 8, 9], 'hybrid', 9]);
    assert.equal(
      table.map(({ policy }: { policy: string }) => policy),
      ['cdn', 'p2p', 'hybrid'],
    );
    const { mean, low, high } = table[0].metrics['p99(completion)'];
    assert.ok(low <= mean && mean <= high);
    assert.match(verdict, /\.$/);
    const repeated = sluice(['repro', out]);
    assert.equal([repeated.code, repeated.stdout], [0, 'identical\n']);
  });
});

commands('compare keeps the knobs of the scenario’s own policy', async () => {
  await inDirectory((directory) => {
    const own = tiny.replace('policy: hybrid', 'policy: { extends: hybrid, swarm: { uploadSlots: 2 } }');
    const file = written(directory, 'own.yaml', own);
    const { stdout } = sluice(['compare', file, '--policies', 'hybrid,p2p-cdn', '--seeds', '1', '--json']);
    const [hybrid, other] = JSON.parse(stdout).results;
    assert.is(hybrid.manifest.configuration.policy.swarm.uploadSlots, 2);
    assert.is.not(other.manifest.configuration.policy.swarm.uploadSlots, 2);
    assert.is(hybrid.digest, JSON.parse(sluice(['run', file, '--json']).stdout).digest);
  });
});

commands('repro says identical, or what differs', async () => {
  await inDirectory((directory) => {
    const out = join(directory, 'result.json');
    sluice([
      'run',
      written(directory, 'tiny.yaml'),
      '--policy',
      'p2p-cdn',
      '--seed',
      '3',
      '--clients',
      '9',
      '--out',
      out,
    ]);
    const same = sluice(['repro', out]);
    assert.equal([same.code, same.stdout], [0, 'identical\n'], same.stderr);
    const text = readFileSync(out, 'utf8');
    const tampered = (from: string | RegExp, to: string) => {
      assert.match(text, from);
      return sluice(['repro', written(directory, 'tampered.json', text.replace(from, to))]);
    };
    const summary = tampered(/"duplicate": (\d)/, '"duplicate": 1$1');
    assert.is(summary.code, 1);
    assert.match(
      summary.stdout,
      /^different: p2p-cdn, seed 3: summary\.bytes\.duplicate is 1\d+ in the file and \d+ now\n/,
    );
    assert.match(summary.stdout, /the file was changed/);
    const configuration = tampered('"uplink": "1Gbps"', '"uplink": "2Gbps"');
    assert.is(configuration.code, 1);
    assert.match(configuration.stdout, /scenarioHash is "/);
    assert.match(tampered(/"digest": "\w/, '"digest": "_').stdout, /digest is "_/);
    const engine = tampered(/"engineHash": "\w+"/, '"engineHash": "other"');
    assert.equal([engine.code, engine.stdout], [0, 'identical\n']);
    assert.match(engine.stderr, /another engineHash/);
    assert.is(JSON.parse(sluice(['repro', out, '--json']).stdout).identical, true);
  });
});

commands('repro of what is no result ends with 3', async () => {
  await inDirectory((directory) => {
    const out = join(directory, 'result.json');
    sluice(['run', written(directory, 'tiny.yaml'), '--out', out]);
    const whole = readFileSync(out, 'utf8');
    const files: [text: string, message: RegExp][] = [
      ['', /is not a result/],
      [tiny, /is not a result/],
      ['null', /neither a run, a comparison nor a study/],
      ['{"version":1,"kind":"trace"}', /neither a run, a comparison nor a study/],
      ['{"version":1,"kind":"run"}', /not a whole result/],
      ['{"version":1,"kind":"comparison","results":[{}]}', /results\.0: is not a whole result/],
      ['{"version":2,"kind":"run"}', /version 2/],
      [whole.slice(0, 5000), /is not a result/],
      [whole.replace('"engine": "sim"', '"engine": "pilot"'), /pilot/],
      [whole.replace('"size": "64MiB"', '"size": "much"'), /manifest\.configuration:\d+:\d+: file\.size/],
    ];
    for (const [text, message] of files) {
      const { code, stdout, stderr } = sluice(['repro', written(directory, 'other.json', text)]);
      assert.is(code, 3, stderr);
      assert.is(stdout, '');
      assert.match(stderr, message);
    }
    assert.is(sluice(['repro', directory]).code, 3);
    assert.is(sluice(['repro', join(directory, 'absent')]).code, 3);
  });
});

commands('Ctrl-C ends a long run and a long comparison at once, and says what is kept', async () => {
  await inDirectory(async (directory) => {
    const file = written(directory, 'tiny.yaml');
    const out = join(directory, 'out.json');
    for (const given of [
      ['run', file],
      ['compare', file, '--workers', '2'],
    ]) {
      const { code, milliseconds, stderr } = await interrupted([...given, '--clients', '200000', '--out', out]);
      assert.is(code, 130, stderr);
      assert.ok(milliseconds < 1000, `${given[0]} took ${milliseconds} ms to end`);
      assert.match(stderr, /sluice: interrupted\. .*Nothing is kept/);
      assert.equal(readdirSync(directory), ['tiny.yaml']);
    }
  });
});

/** Starts the command, lets it get into its simulation, and interrupts it. */
async function interrupted(given: string[]) {
  const child = spawn(launcher, given, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const ended = new Promise<number | null>((done) => child.on('close', done));
  await new Promise((done) => setTimeout(done, 2500));
  assert.is(child.exitCode, null, `ended too early: ${stderr}`);
  const startedAt = performance.now();
  child.kill('SIGINT');
  const code = await ended;
  return { code, milliseconds: performance.now() - startedAt, stderr };
}

commands('the report has numbers with units, the contract beside them, and the line that repeats it', async () => {
  await inDirectory((directory) => {
    writeFileSync(join(directory, 'tiny.yaml'), tiny);
    const { stdout } = sluice(['run', 'tiny.yaml', '--seed', '2', '--set', 'clients.office.count=3'], {}, directory);
    assert.match(stdout, /^tiny: hybrid, seed 2, fidelity standard\n/);
    assert.match(stdout, /^clients +7 of 7 completed \(100 %\)$/m);
    assert.match(stdout, /^origin peak +[\d.]+ MB\/s of 12\.5 MB\/s \(\d+ %\); \d of 8 connections \(\d+ %\)$/m);
    assert.match(stdout, /^repeat +sluice run tiny\.yaml --seed 2 --set clients\.office\.count=3$/m);
  });
});

commands.run();
