// test-time-limit: 60s
/**
 * The documentation says what is true: its commands run, what it shows them to print is what they print (UPDATE=1
 * writes it anew), the files that it names are there, and its words are those of the core.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

interface Fence {
  /** What stands behind the opening marks: `sh`, `sh not-run because …`, `text output`. */
  info: string;
  line: number;
  body: string;
}

const root = fileURLToPath(new URL('..', import.meta.url));
const documents = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter(isMarkdown)
    .map((name) => `docs/${name}`),
];
const commandSecondsMax = 20;
const documentation = suite('documentation');

function isMarkdown(name: string): boolean {
  return name.endsWith('.md');
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

function fencesOf(text: string): Fence[] {
  return [...text.matchAll(/^```([^\n]*)\n([\s\S]*?)^```$/gm)].map(({ 1: info, 2: body, index }) => ({
    info: info!.trim(),
    line: text.slice(0, index).split('\n').length,
    body: body!,
  }));
}

/** The lines of a shell block that start us; a backslash goes on. */
function commandsOf({ body }: Fence): string[] {
  return body
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.startsWith('./sluice '));
}

/** In a directory that looks like ours from outside, so that what a command writes is gone afterwards. */
function inPlace(work: (run: (command: string) => string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-readme-'));
  for (const name of ['sluice', 'scenarios']) symlinkSync(join(root, name), join(directory, name));
  const run = (command: string): string => {
    const timeout = commandSecondsMax * 1000;
    const { status, signal, stdout, stderr } = spawnSync('sh', ['-c', command], {
      cwd: directory,
      encoding: 'utf8',
      timeout,
      maxBuffer: 100_000_000,
    });
    assert.is(status, 0, `${command}\nended with ${signal ?? status}\n${stderr}`);
    return stdout;
  };
  try {
    work(run);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** `output` blocks hold what the last command before them prints. */
function checkFences(file: string, run: (command: string) => string): void {
  const text = read(file);
  let updated = text;
  let printed = '';
  for (const { info, line, body } of fencesOf(text).filter((fence) => /^(sh\b|text output$)/.test(fence.info))) {
    if (info === 'text output') {
      if (process.env.UPDATE === '1') updated = updated.replace(body, () => printed);
      else assert.is(body, printed, `${file}:${line} shows something else (UPDATE=1 writes it anew)`);
    } else if (info === 'sh') {
      for (const command of commandsOf({ info, line, body })) printed = run(command);
    } else {
      assert.match(info, /^sh not-run because \S+/, `${file}:${line}: a block that is not run says why`);
    }
  }
  if (updated !== text) writeFileSync(join(root, file), updated);
}

for (const file of documents) {
  documentation(`${file}: its commands run and print what it shows`, () => {
    inPlace((run) => checkFences(file, run));
  });
}

documentation('every link leads somewhere', () => {
  for (const file of documents) {
    const text = read(file).replace(/^```[\s\S]*?^```$/gm, '');
    for (const [, target] of text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
      if (/^https?:/.test(target!)) continue;
      assert.ok(existsSync(join(root, dirname(file), target!)), `${file} leads to ${target}, which is not there`);
    }
  }
});

documentation('the layout names what is there, and every folder of sources', () => {
  const [, layout = ''] = /^## Layout\n([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(read('README.md')) ?? [];
  const cells = [...layout.matchAll(/^\| (`.*?) \|/gm)].map(([, cell]) => cell!);
  const named = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, path]) => path!));
  assert.ok(named.length > 5, 'the layout names files');
  for (const path of named) assert.ok(existsSync(join(root, path)), `${path} is not there`);
  const folders = readdirSync(root, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && !/^(\.|node_modules$|dist$|results$|scripts$)/.test(entry.name),
  );
  for (const { name } of folders) assert.ok(named.includes(`${name}/`), `the layout does not name ${name}/`);
});

documentation('files that the text names in passing are there', () => {
  const path = /`((?:core|sim|scenarios|test|docs|scripts)\/[\w./-]+)`/g;
  for (const file of documents) {
    for (const [, named] of read(file).matchAll(path)) {
      assert.ok(existsSync(join(root, named!)), `${file} names ${named}, which is not there`);
    }
  }
});

documentation('the words of the glossary are used in the core', () => {
  const [, glossary = ''] = /^## Glossary\n([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(read('docs/model.md')) ?? [];
  const words = [...glossary.matchAll(/\*\*(\w+)\*\*/g)].map(([, word]) => word!.toLowerCase());
  assert.ok(words.length > 10, 'the glossary has words');
  const core = readdirSync(join(root, 'core'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => read(`core/${file}`).toLowerCase())
    .join('\n');
  assert.equal(
    words.filter((word) => !core.includes(word)),
    [],
  );
});

documentation.run();
