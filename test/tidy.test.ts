/** The rules of the house hold for every file; and every rule trips where it should. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as tidy from './tidy-rules.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const files = sourceFiles();

/** What git tracks or would add; without git, everything but what is installed or built. */
function sourceFiles(): tidy.SourceFile[] {
  const git = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: root,
    encoding: 'utf8',
  });
  const paths = git.status === 0 ? git.stdout.split('\0').filter((path) => path !== '') : walk('');
  return paths
    .filter((path) => existsSync(join(root, path)))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
    .filter(({ text }) => !text.includes('\0'));
}

function walk(directory: string): string[] {
  return readdirSync(join(root, directory), { withFileTypes: true })
    .filter(({ name }) => !['node_modules', '.git', 'dist', 'results'].includes(name))
    .flatMap((entry) => {
      const path = directory === '' ? entry.name : `${directory}/${entry.name}`;
      return entry.isDirectory() ? walk(path) : entry.isFile() ? [path] : [];
    });
}

const house = suite('tidy');

const rules: Record<string, tidy.Rule> = {
  'a layer imports only what lies below it': tidy.layerImports,
  'the command line loads each layer lazily': tidy.lazyCommandLine,
  'core and sim take time and chance as arguments': tidy.determinism,
  'no reference comments in core and sim': tidy.noReferenceComments,
  'files, functions and lines are short': tidy.size,
  'a file is named after what it holds': tidy.fileNames,
  'no paths of one machine': tidy.noMachinePaths,
  'no registry hosts': tidy.noRegistryHosts,
  'nothing left over': tidy.nothingLeftOver,
};

for (const [name, rule] of Object.entries(rules)) {
  house(name, () => {
    const found = files.flatMap((file) => rule(file).map((problem) => `${file.path}:${problem}`));
    if (found.length === 0) return;
    const error = new Error(`${found.length} places`);
    // uvu prints the stack below the message; the places say more than our own frames.
    error.stack = `\n${found.join('\n')}`;
    throw error;
  });
}

house('every exception is still needed', () => {
  const paths = new Set(files.map(({ path }) => path));
  const listed = [...Object.keys(tidy.longFiles), ...Object.keys(tidy.longFunctions)];
  const gone = listed.filter((exception) => !paths.has(exception.split(':')[0]!));
  assert.equal(gone, []);
});

function trips(rule: tidy.Rule, path: string, text: string, message: RegExp): void {
  const found = rule({ path, text });
  assert.is(found.length, 1, `${path} ${JSON.stringify(text.slice(0, 80))} gives ${JSON.stringify(found)}`);
  assert.match(found[0]!, message);
}

function passes(rule: tidy.Rule, path: string, text: string): void {
  assert.equal(rule({ path, text }), [], `${path} ${text.slice(0, 80)}`);
}

house('imports: planted faults', () => {
  const rule = tidy.layerImports;
  trips(rule, 'core/client.ts', "import { World } from '#sim/world.ts';", /^1: core must not import #sim/);
  trips(rule, 'core/client.ts', "import type { World } from '../sim/world.ts';", /core must not import/);
  trips(rule, 'core/client.ts', "\nexport * from 'node:fs';", /^2: core/);
  trips(rule, 'core/client.ts', "import seedrandom from 'seedrandom';", /core\/prng\.ts/);
  trips(rule, 'core/client.ts', "type W = import('#sim/world.ts').World;", /core must not import/);
  trips(rule, 'core/client.ts', "import {\n  a,\n} from '#scenarios/format/scenario.ts';", /core must not/);
  trips(rule, 'sim/world.ts', "import 'node:fs';", /belong into sim\/lab/);
  trips(rule, 'sim/world.ts', "import { runCommand } from './lab/run.ts';", /sim must not/);
  trips(rule, 'sim/world.ts', "import ajv from 'ajv';", /sim must not/);
  trips(rule, 'sim/lab/run.ts', "import { x } from '#nodes/x.ts';", /the lab sees/);
  trips(rule, 'scenarios/format/load.ts', "import { World } from '#sim/world.ts';", /the format sees/);
  trips(rule, 'nodes/relay.ts', "import { World } from '#sim/world.ts';", /never sim/);
  trips(rule, 'viz/page.ts', "import fs from 'node:fs';", /visualiser/);
  passes(rule, 'core/prng.ts', "import seedrandom from 'seedrandom';\nimport { a } from './assert.ts';");
  passes(rule, 'core/swarm/choker.ts', "import { a } from '../prng.ts';\n// import from '#sim/world.ts'");
  passes(rule, 'sim/policies/cdn.ts', "import { a } from '../network.ts';\nimport '#core/units.ts';");
  passes(rule, 'sim/lab/run.ts', "import 'node:fs';\nimport { a } from '#sim/network.ts';");
  trips(rule, 'sim/lab/run.ts', "import { a } from '../network.ts';", /the lab sees/);
  passes(rule, 'scenarios/format/load.ts', "import { parse } from 'yaml';\nimport { a } from './units.ts';");
});

house('the command line: planted faults', () => {
  trips(tidy.lazyCommandLine, 'cli.ts', "import { runCommand } from '#sim/lab/run.ts';", /lazily/);
  trips(tidy.lazyCommandLine, 'nodes/commands/command-line.ts', "import { a } from './change.ts';", /lazily/);
  passes(tidy.lazyCommandLine, 'cli.ts', "import { add } from '#nodes/commands/command-line.ts';");
  passes(tidy.lazyCommandLine, 'cli.ts', "import type { A } from '#sim/a.ts';\nawait import('#sim/a.ts');");
});

house('determinism: planted faults', () => {
  const rule = tidy.determinism;
  for (const path of ['core/a.ts', 'sim/a.ts']) {
    trips(rule, path, 'const x = Math.random();', /draw from a Prng/);
    trips(rule, path, 'const x = new Date(0);', /time as an argument/);
    trips(rule, path, 'async function wait() {}', /host/);
    trips(rule, path, 'let x: Promise<void>;', /host/);
    trips(rule, path, 'a.localeCompare(b);', /locales differ/);
    trips(rule, path, 'x.toLocaleString();', /locales differ/);
    trips(rule, path, 'new Intl.Collator();', /locales differ/);
    trips(rule, path, 'new WeakRef(x);', /lifetime/);
    trips(rule, path, 'const x = `$' + '{Math.random()}`;', /draw from a Prng/);
    trips(tidy.noReferenceComments, path, '/// <reference types="node" />', /no reference comments/);
  }
  trips(rule, 'core/a.ts', '\n\nMath.log(2);', /^3: Math\.log is banned/);
  trips(rule, 'core/a.ts', 'Math.asinh(2);', /engine/);
  trips(rule, 'core/a.ts', 'const x = 2 ** 3;', /multiply/);
  passes(rule, 'core/a.ts', "/** No Date here. */ // await\nconst a = 'Date'; const startDate = Math.sqrt(2);");
  passes(rule, 'sim/distribution.ts', 'Math.log(2) ** 2;');
  passes(rule, 'sim/lab/run.ts', 'await Promise.resolve(new Date());');
});

house('size: planted faults', () => {
  const rule = tidy.size;
  const body = (count: number, indent = '') => `${indent}  x();\n`.repeat(count);
  trips(rule, 'core/a.ts', 'x();\n'.repeat(401), /401 lines, at most 400/);
  trips(rule, 'core/a.ts', `\n// ${'x'.repeat(118)}`, /^2: 121 columns/);
  const openings = [
    'function a(b: number): void {',
    'export const a = (b: number) => {',
    '  method(b: number): string {',
    '  static async method<T>(b: T) {',
    '  constructor() {',
    ') {',
    '): Result {',
    "test('a', () => {",
  ];
  for (const opening of openings) {
    const indent = /^ */.exec(opening)![0];
    const planted = (count: number) => `\n${opening}\n${body(count, indent)}${indent}}\n`;
    trips(rule, 'core/a.ts', planted(69), /^2: a function of 71 lines/);
    passes(rule, 'core/a.ts', planted(68));
  }
  passes(rule, 'core/a.ts', `export class A {\n${body(80)}}\nfor (const a of b()) {\n${body(80)}}\n`);
  passes(rule, 'scenarios/a.yaml', 'x\n'.repeat(500));
});

house('names, paths, hosts and leftovers: planted faults', () => {
  trips(tidy.fileNames, 'core/utils.ts', '', /says nothing/);
  trips(tidy.fileNames, 'sim/event-manager.ts', '', /"manager"/);
  trips(tidy.fileNames, 'sim/common/a.ts', '', /"common"/);
  passes(tidy.fileNames, 'core/fallback/fallback-policy.ts', '');
  for (const top of ['work', 'root', 'home']) {
    trips(tidy.noMachinePaths, 'README.md', `see /${top}/x`, /one machine/);
    passes(tidy.noMachinePaths, 'README.md', `see ./${top}/x and https://example.org/${top}/x`);
  }
  trips(tidy.noRegistryHosts, 'package-lock.json', `"resolved": "${'https'}://example.org/x.tgz"`, /registry/);
  trips(tidy.noRegistryHosts, '.npmrc', `registry=${'https'}://registry.example.org/`, /registry/);
  trips(tidy.nothingLeftOver, 'core/a.ts', `// ${'TO'}${'DO'}: later`, /leftover/);
  trips(tidy.nothingLeftOver, 'core/a.ts', `// ${'FIX'}${'ME'} later`, /leftover/);
});

house.run();
