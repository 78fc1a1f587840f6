/** `sluice doctor`: what this machine has, what is missing, what that is needed for, and how to get it. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync, statfsSync } from 'node:fs';
import { availableParallelism, freemem, tmpdir, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { exitCodes } from '#scenarios/format/exit-codes.ts';

interface Finding {
  name: string;
  ok: boolean;
  required: boolean;
  found: string;
  /** What it is for and how to get it; absent for what is only told. */
  advice?: string;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const nodeMin = [22, 18] as const;
const openFilesMin = 4096;

export function doctorCommand(options: { json?: boolean }): number {
  const findings = [...runtime(), ...tools(), ...resources()];
  const ok = findings.every((finding) => finding.ok || !finding.required);
  if (options.json) console.log(JSON.stringify({ ok, findings }, undefined, 2));
  else print(findings, ok);
  return ok ? exitCodes.ok : exitCodes.failure;
}

function print(findings: Finding[], ok: boolean): void {
  const width = Math.max(...findings.map(({ name }) => name.length));
  for (const { name, ok, required, found, advice } of findings) {
    const mark = ok ? 'ok     ' : required ? 'MISSING' : 'absent ';
    console.log(`${mark}  ${name.padEnd(width)}  ${found}${ok || !advice ? '' : `${found && '; '}${advice}`}`);
  }
  console.log(ok ? 'Nothing that is required is missing.' : 'Something that is required is missing.');
}

function runtime(): Finding[] {
  const running = process.versions.node;
  const [major = 0, minor = 0] = running.split('.').map(Number);
  const isNewEnough = major > nodeMin[0] || (major === nodeMin[0] && minor >= nodeMin[1]);
  const pinned = pinnedNode();
  const reinstall = 'install what the lockfile names: npm ci';
  return [
    must('Node', isNewEnough, running, `needs ${nodeMin.join('.')} or later: ./sluice brings its own`),
    must('Node as pinned', pinned === running, pinned ?? 'not installed', `${reinstall}, and start with ./sluice`),
    must('dependencies', isInstalled(), isInstalled() ? 'as in the lockfile' : 'not as in the lockfile', reinstall),
  ];
}

function tools(): Finding[] {
  const postgres = ['postgres', ...globSync('/usr/lib/postgresql/*/bin/postgres')];
  return [
    { ...tool('npm', ['npm'], 'installs the dependencies: it comes with Node'), required: true },
    tool('git', ['git'], 'results name the commit they came from: apt-get install git'),
    tool('C++ compiler', ['c++', 'g++', 'clang++'], 'for packages without a prebuilt binary: apt-get install g++'),
    tool('make', ['make'], 'for packages without a prebuilt binary: apt-get install make'),
    tool('Python', ['python3'], 'for packages without a prebuilt binary: apt-get install python3'),
    tool('PostgreSQL', postgres, 'for a store that several servers share: apt-get install postgresql'),
    tool(
      'Chromium',
      ['chromium', 'chromium-browser', 'google-chrome'],
      'for tests of the page: apt-get install chromium',
    ),
    tool('aria2', ['aria2c'], 'a foreign client to test against: apt-get install aria2'),
  ];
}

function resources(): Finding[] {
  const { bavail, bsize } = statfsSync(tmpdir());
  const openFiles = spawnSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).stdout?.trim() || 'unknown';
  const isEnough = openFiles === 'unlimited' || Number(openFiles) >= openFilesMin;
  return [
    tell('cores', String(availableParallelism())),
    tell('memory', `${gibibytes(freemem())} free of ${gibibytes(totalmem())}`),
    tell('disk', `${gibibytes(bavail * bsize)} free in ${tmpdir()}`),
    {
      ...tell('open files', openFiles),
      ok: isEnough,
      advice: `pilots open thousands of sockets: ulimit -n ${openFilesMin}`,
    },
  ];
}

function must(name: string, ok: boolean, found: string, advice: string): Finding {
  return { name, ok, required: true, found, advice };
}

function tell(name: string, found: string): Finding {
  return { name, ok: true, required: false, found };
}

/** The first of the commands that answers to `--version`. */
function tool(name: string, commands: string[], advice: string): Finding {
  for (const command of commands) {
    const answer = spawnSync(command, ['--version'], { encoding: 'utf8', timeout: 10_000 });
    const [line = ''] = (answer.stdout ?? '').split('\n');
    if (answer.status === 0) return { name, ok: true, required: false, found: `${command}: ${line.trim()}`, advice };
  }
  return { name, ok: false, required: false, found: '', advice };
}

function pinnedNode(): string | undefined {
  const path = `${root}node_modules/node/package.json`;
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).version : undefined;
}

/** By the stamp that scripts/setup.mjs leaves after every install. */
function isInstalled(): boolean {
  const stamp = `${root}node_modules/.sluice-lockfile`;
  const lockfile = `${root}package-lock.json`;
  if (!existsSync(stamp) || !existsSync(lockfile)) return false;
  const wanted = createHash('sha256').update(readFileSync(lockfile)).digest('hex');
  return readFileSync(stamp, 'utf8').trim() === wanted;
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
