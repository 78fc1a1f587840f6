/**
 * Runs the tests, each file in a process of its own, two at a time:
 *
 *   node test/run.ts [--long | --bench] [--dir DIR] [FILTER…]
 *
 * uvu alone ends green when a file forgets `.run()`, when `before` throws, when `after.each` throws after a
 * failure, with a leftover `.only`, and when no file matches. Here each of these fails, and so does a test
 * that is lost, that runs too long, or that is skipped by a name without a `because`.
 *
 * A test may take 60 s; a file raises that with its first line: `// test-time-limit: 300s`.
 * SLUICE_SEED repeats what chance did. Without it the default run takes a fixed seed, so that the same tree has the
 * same answer everywhere, and the long run draws a new one. Either is printed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { FileReport, Message } from './run-file.ts';

interface Result extends FileReport {
  output: string;
  seconds: number;
}

const processesMax = 2;
const fixedSeed = '1';
const testSecondsMax = 60;
const root = fileURLToPath(new URL('..', import.meta.url));
const runFilePath = join(root, 'test/run-file.ts');
const running = new Set<ChildProcess>();

async function main(): Promise<number> {
  const { values, positionals: filters } = parseArgs({
    allowPositionals: true,
    options: { long: { type: 'boolean' }, bench: { type: 'boolean' }, dir: { type: 'string' } },
  });
  const seed = process.env.SLUICE_SEED ?? (values.long ? String(randomInt(2 ** 31)) : fixedSeed);
  if (!/^-?\d+$/.test(seed)) throw new TypeError(`SLUICE_SEED takes an integer, not "${seed}"`);
  const suffix = values.bench ? '.bench.ts' : values.long ? '.long.ts' : '.test.ts';
  const files = findFiles(resolve(values.dir ?? join(root, 'test')), suffix, filters);
  console.log(`${files.length} files, seed ${seed}`);
  if (files.length === 0) {
    console.log(`no file *${suffix} matches ${filters.join(' ') || '(no filter)'}\n0 passed, 1 failed`);
    return 1;
  }
  let passed = 0;
  let failed = 0;
  const talks = values.bench || files.length === 1;
  await eachOf(files, values.bench ? 1 : processesMax, async (file) => {
    const result = await runFile(file, seed);
    passed += result.passed;
    failed += result.failed;
    print(relative(process.cwd(), file), result, talks, seed);
  });
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function findFiles(directory: string, suffix: string, filters: string[]): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(suffix) && !file.includes('node_modules'))
    .map((file) => join(directory, file))
    .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
    .sort();
}

async function eachOf<Item>(items: Item[], atOnceMax: number, work: (item: Item) => Promise<void>) {
  const waiting = [...items];
  const lane = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: atOnceMax }, lane));
}

/** A file's time limit is watched from here: a test that never yields could not watch itself. */
function runFile(file: string, seed: string): Promise<Result> {
  const limitSeconds = Number(
    /^\/\/ test-time-limit: (\d+)s\n/.exec(readFileSync(file, 'utf8'))?.[1] ?? testSecondsMax,
  );
  const startedAt = performance.now();
  // A group of its own, so that whatever the file has started ends with it.
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', runFilePath, file], {
    cwd: root,
    detached: true,
    env: { ...process.env, SLUICE_SEED: seed },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  running.add(child);
  const problems: string[] = [];
  let output = '';
  let where = 'while loading';
  let report: FileReport | undefined;
  let timer: NodeJS.Timeout;
  const watch = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      problems.push(`ran longer than ${limitSeconds} s ${where}`);
      endGroup(child);
    }, limitSeconds * 1000);
  };
  watch();
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.on('message', (message: Message) => {
    watch();
    if (message.kind === 'test') where = `in "${message.name}"`;
    if (message.kind === 'problem') problems.push(message.text);
    if (message.kind === 'report') report = message.report;
  });
  return new Promise((done) => {
    child.on('exit', () => {
      clearTimeout(timer);
      endGroup(child);
    });
    // Only here has everything been read that the child had sent.
    child.on('close', (code, signal) => {
      running.delete(child);
      const how = signal ?? `exit code ${code}`;
      if (problems.length === 0 && report === undefined) {
        problems.push(`ended (${how}) ${where}, before its tests were done`);
      } else if (problems.length === 0 && code !== 0) {
        problems.push(`ended with ${how} after its tests`);
      }
      report ??= { passed: 0, failed: 0, skipped: [], problems: [] };
      done({
        ...report,
        failed: report.failed + problems.length,
        problems: [...report.problems, ...problems],
        output,
        seconds: (performance.now() - startedAt) / 1000,
      });
    });
  });
}

function endGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // The group has ended by itself.
  }
}

function print(name: string, result: Result, talks: boolean, seed: string): void {
  const { passed, failed, skipped, problems, output, seconds } = result;
  const isGood = failed === 0;
  const counts = isGood ? `${passed} passed` : `${passed} passed, ${failed} failed`;
  console.log(`${isGood ? 'ok  ' : 'FAIL'}  ${name}  ${counts}  ${seconds.toFixed(1)} s`);
  if (talks || !isGood) process.stdout.write(output);
  for (const problem of problems) console.log(`  ${problem}`);
  for (const skip of skipped) console.log(`  skipped: ${skip}`);
  if (!isGood) console.log(`  repeat: SLUICE_SEED=${seed} npx node test/run.ts ${name}`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    for (const child of running) endGroup(child);
    process.exit(130);
  });
}
process.exitCode = await main();
