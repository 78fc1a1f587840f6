// test-time-limit: 120s
/** A pilot in its short form: real processes in network namespaces, and nothing left of them however it ends. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import { is, match, ok } from 'uvu/assert';
import { namespacesOf, namespacesProblem } from '#sim/lab/pilot/network.ts';
import type { PilotResult } from '#sim/lab/pilot/pilot.ts';
import { processesOf } from '#sim/lab/pilot/processes.ts';
import { Running } from '../nodes/running.ts';
import { inDirectory } from '../nodes/temporary.ts';

const test = suite('pilot');
const problem = namespacesProblem();

const scenario = `
version: 1
name: short-pilot
horizon: 1m
file: { size: 8MiB, pieceLength: 512KiB }
origin: { uplink: 40Mbps }
regions: [lab]
latency: { lab-lab: 0.1ms }
relays: [{ name: relay, uplink: 24Mbps, downlink: 40Mbps, bufferBeforeServing: 512KiB }]
clients: [{ name: client, count: 2, uplink: 16Mbps, downlink: 32Mbps }]
control: { reportEvery: 1s }
expect: [clients.completed == 2]
`;

/** Directories and namespaces of pilots on this machine. */
function traces(): string[] {
  const directories = readdirSync(tmpdir()).filter((name) => name.startsWith('sluice-pilot-'));
  return [...directories, ...namespacesOf()];
}

/** What a pilot that has begun is known by: its directory, once its processes run. */
async function began(pilot: Running, before: string[]): Promise<string> {
  for (let tries = 0; tries < 300; tries++) {
    const [found] = readdirSync(tmpdir()).filter((name) => name.startsWith('sluice-pilot-') && !before.includes(name));
    const directory = join(tmpdir(), found ?? 'none');
    if (existsSync(join(directory, 'client-0')) && processesOf(directory).length >= 4) return directory;
    if (pilot.child.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the pilot never began\n${pilot.stderr}`);
}

function nothingOf(directory: string): void {
  const id = Number.parseInt(directory.slice(join(tmpdir(), 'sluice-pilot-').length), 10);
  is(existsSync(directory), false, 'its directory is gone');
  is(namespacesOf(id).join(), '', 'its namespaces are gone');
  is(processesOf(directory).length, 0, 'its processes are gone');
  is(existsSync(`/sys/class/net/sluice-${id}`), false, 'its interface is gone');
}

async function inPilot(work: (path: string, directory: string) => Promise<void>): Promise<void> {
  await inDirectory(async (directory) => {
    const path = join(directory, 'short.yaml');
    writeFileSync(path, scenario);
    await work(path, directory);
  });
}

const name = (what: string) => (problem === undefined ? what : `${what}, because ${problem}`);
const run = problem === undefined ? test : test.skip;

run(name('a pilot ends with a result in the form of a simulated one, and leaves nothing behind'), async () => {
  await inPilot(async (path, directory) => {
    const before = traces();
    const out = join(directory, 'result.json');
    const pilot = new Running(['pilot', path, '--network', 'namespaces', '--out', out]);
    const place = await began(pilot, before);
    is(await pilot.ended, 0, pilot.stderr);
    nothingOf(place);
    const result = JSON.parse(readFileSync(out, 'utf8')) as PilotResult;
    const { summary, manifest } = result;
    is(manifest.engine, 'pilot');
    is(result.pilot.network, 'namespaces');
    is(summary.clients.completed, 2);
    const { origin, relay, peer, delivered, duplicate, discarded, partial } = summary.bytes;
    is(origin + relay + peer, delivered + duplicate + discarded + partial);
    is(delivered, 2 * 8 * 1024 * 1024);
    // 8 MiB on 32 Mbit/s take 2.1 s, whatever happens.
    ok(summary.completionSeconds.p50! > 2.1, `${summary.completionSeconds.p50} s`);
    ok(summary.bound.ratio.max! > 1, `${summary.bound.ratio.max} times the bound`);
    is(result.pilot.replays.identical, 2, result.pilot.replays.different.join());
    is(result.pilot.replays.different.length, 0);
  });
});

run(name('Ctrl-C leaves nothing behind'), async () => {
  await inPilot(async (path) => {
    const before = traces();
    const pilot = new Running(['pilot', path, '--network', 'namespaces']);
    const place = await began(pilot, before);
    is(await pilot.stop('SIGINT'), 130);
    nothingOf(place);
  });
});

run(name('a pilot that fails leaves nothing behind'), async () => {
  await inPilot(async (path) => {
    const before = traces();
    const pilot = new Running(['pilot', path, '--network', 'namespaces', '--set', 'horizon=1s']);
    const place = await began(pilot, before);
    is(await pilot.ended, 4, 'nobody has finished: the expectation fails');
    nothingOf(place);
  });
});

run(name('what a pilot left that was killed, pilot clean removes; those that run it leaves alone'), async () => {
  await inPilot(async (path) => {
    const before = traces();
    const killed = new Running(['pilot', path, '--network', 'namespaces']);
    const place = await began(killed, before);
    await killed.stop('SIGKILL');
    ok(existsSync(place));
    const running = new Running(['pilot', path, '--network', 'namespaces']);
    const other = await began(running, traces());
    const { stdout } = spawnSync('./sluice', ['pilot', 'clean'], { encoding: 'utf8' });
    match(stdout, `removed ${place}`);
    match(stdout, `${other} is in use`);
    nothingOf(place);
    ok(existsSync(other));
    is(await running.stop('SIGINT'), 130);
    nothingOf(other);
  });
});

test('a scenario that a pilot cannot act out is refused before anything is made', async () => {
  await inPilot(async (path) => {
    const before = traces();
    const pilot = new Running(['pilot', path, '--policy', 'dragonfly-like']);
    is(await pilot.ended, 3);
    match(pilot.stderr, 'the policy dragonfly-like');
    is(traces().filter((trace) => !before.includes(trace)).length, 0);
  });
});

test.run();
