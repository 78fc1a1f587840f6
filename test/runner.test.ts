/** The runner must fail wherever uvu stays green; each case is a file planted in a directory of its own. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const runner = suite('runner');
const root = fileURLToPath(new URL('..', import.meta.url));

interface Ending {
  code: number | null;
  text: string;
  lastLine: string;
}

/** Runs planted files, by name; a text without a suite of its own is the body of one test. */
function run(files: Record<string, string>, options: { seed?: string; arguments?: string[] } = {}): Ending {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-runner-'));
  try {
    symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
    for (const [name, text] of Object.entries(files)) {
      const isBody = !text.includes("from 'uvu'");
      const body = `import { test } from 'uvu';\ntest('one', async () => { ${text} });\ntest.run();\n`;
      writeFileSync(join(directory, name), isBody ? body : text);
    }
    const { SLUICE_SEED: _, ...environment } = process.env;
    const child = spawnSync(
      process.execPath,
      [join(root, 'test/run.ts'), '--dir', directory, ...(options.arguments ?? [])],
      { encoding: 'utf8', env: options.seed ? { ...environment, SLUICE_SEED: options.seed } : environment },
    );
    const text = child.stdout + child.stderr;
    return { code: child.status, text, lastLine: child.stdout.trim().split('\n').at(-1)! };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const usesSuite = "import { suite } from 'uvu';\nconst planted = suite('planted');\n";
const passes = "planted('passes', () => {});\n";
const fails = "planted('fails', () => { throw new Error('as planted'); });\n";

function mustFail(ending: Ending, problem: RegExp, lastLine: string): void {
  assert.is(ending.code, 1, ending.text);
  assert.match(ending.text, problem);
  assert.is(ending.lastLine, lastLine);
}

runner('passes what passes, over several files', () => {
  const ending = run({ 'a.test.ts': `${usesSuite}${passes}planted.run();`, 'b.test.ts': '' });
  assert.is(ending.code, 0, ending.text);
  assert.is(ending.lastLine, '2 passed, 0 failed');
});

runner('fails what fails, and says how to repeat it', () => {
  const ending = run({ 'a.test.ts': `${usesSuite}${passes}${fails}planted.run();` }, { seed: '7' });
  mustFail(ending, /as planted/, '1 passed, 1 failed');
  assert.match(ending.text, /repeat: SLUICE_SEED=7 npx node test\/run\.ts \S+a\.test\.ts/);
});

runner('fails when something other than an Error is thrown', () => {
  mustFail(run({ 'a.test.ts': "throw 'a string';" }), /a string/, '0 passed, 1 failed');
});

runner('fails when no file matches', () => {
  mustFail(
    run({ 'a.test.ts': '' }, { arguments: ['other'] }),
    /no file \*\.test\.ts matches other/,
    '0 passed, 1 failed',
  );
});

runner('fails a file without a suite', () => {
  mustFail(run({ 'a.test.ts': "import 'node:fs'; // no import from 'uvu'\n" }), /has no suite/, '0 passed, 1 failed');
});

runner('fails a suite without a test', () => {
  mustFail(run({ 'a.test.ts': `${usesSuite}planted.run();` }), /"planted" has no test/, '0 passed, 1 failed');
});

runner('fails a suite that is never started', () => {
  mustFail(run({ 'a.test.ts': `${usesSuite}${passes}` }), /never started: call \.run\(\)/, '0 passed, 2 failed');
});

runner('fails a leftover .only', () => {
  const only = "planted.only('alone', () => {});\n";
  mustFail(
    run({ 'a.test.ts': `${usesSuite}${only}${passes}planted.run();` }),
    /leftover \.only at "alone"/,
    '1 passed, 2 failed',
  );
});

runner('fails a skip without a reason and shows one with it', () => {
  const bare = `${usesSuite}${passes}planted.skip('later', () => {});\nplanted.run();`;
  mustFail(run({ 'a.test.ts': bare }), /skipped without a reason: "later"/, '1 passed, 1 failed');
  const reasoned = run({ 'a.test.ts': bare.replace('later', 'draws, because there is no screen') });
  assert.is(reasoned.code, 0, reasoned.text);
  assert.match(reasoned.text, /skipped: draws, because there is no screen/);
});

runner('fails when before, before.each, after or after.each throws', () => {
  const planted = (hook: string, tests: string) =>
    run({
      'a.test.ts': `${usesSuite}planted.${hook}(() => { throw Error('hooked'); });\n${tests}planted.run();`,
    });
  mustFail(planted('before', passes), /before of suite "planted" threw: Error: hooked/, '0 passed, 2 failed');
  mustFail(planted('before.each', passes), /hooked/, '0 passed, 1 failed');
  mustFail(planted('after', passes), /after of suite "planted" threw/, '1 passed, 1 failed');
  mustFail(planted('after.each', passes), /after\.each of suite "planted" threw/, '1 passed, 1 failed');
  mustFail(planted('after.each', fails), /as planted/, '0 passed, 2 failed');
});

runner('fails tests that get lost: an early exit, a promise that never settles, an error afterwards', () => {
  const lost = /ended \(exit code \d+\) in "one", before its tests were done/;
  mustFail(run({ 'a.test.ts': 'process.exit(0);' }), lost, '0 passed, 1 failed');
  mustFail(run({ 'a.test.ts': 'await new Promise(() => {});' }), lost, '0 passed, 1 failed');
  const late = "setTimeout(() => { throw new Error('late'); }, 100);";
  mustFail(run({ 'a.test.ts': late }), /ended with exit code 1 after its tests/, '1 passed, 1 failed');
});

runner('fails a file that cannot be loaded', () => {
  const ending = run({ 'a.test.ts': "import './absent.ts'; // from 'uvu'\n" });
  mustFail(ending, /absent\.ts/, '0 passed, 1 failed');
});

runner('ends a test that runs too long, even one that never yields', () => {
  const loops = `// test-time-limit: 1s\n${usesSuite}planted('loops', () => { for (;;); });\nplanted.run();`;
  mustFail(run({ 'a.test.ts': loops }), /ran longer than 1 s in "loops"/, '0 passed, 1 failed');
});

runner('fails what a file leaves open', () => {
  const leaves = "const { createServer } = await import('node:http'); createServer().listen(0);";
  mustFail(run({ 'a.test.ts': leaves }), /still open after the last test: TCP/, '1 passed, 1 failed');
});

runner('gives fast-check the seed of SLUICE_SEED', () => {
  const property = `const { default: fc } = await import('fast-check');
    console.log('drawn with', fc.check(fc.property(fc.nat(), () => true)).seed);`;
  const ending = run({ 'a.test.ts': property }, { seed: '4242' });
  assert.is(ending.code, 0, ending.text);
  assert.match(ending.text, /1 files, seed 4242/);
  assert.match(ending.text, /drawn with 4242/);
});

runner('keeps long tests and benchmarks apart', () => {
  const files = {
    'a.test.ts': '',
    'b.long.ts': "console.log('long ran');",
    'c.bench.ts': "console.log('bench ran');",
  };
  assert.match(run(files, { arguments: ['--long'] }).text, /1 files.*long ran/s);
  assert.match(run(files, { arguments: ['--bench'] }).text, /1 files.*bench ran/s);
  assert.not.match(run(files).text, /long ran|bench ran/);
});

runner.run();
