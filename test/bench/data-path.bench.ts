// test-time-limit: 600s
/**
 * One seed, one client, loopback, to disk and verified: CPU seconds per GiB of each side, beside the programs that
 * the machine has. Counted from the moment when the tracker names the seed until a second and a half after the client
 * has announced that it is complete. SLUICE_BENCH_MEBIBYTES makes the file smaller; SLUICE_BENCH_ONLY is a pattern of
 * the rows to run.
 */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import { manifestOf, parseManifest, printManifest } from '#nodes/files/manifest.ts';
import { isPiece, sha1Length, sha256Length } from '#nodes/files/piece-hashes.ts';
import { infoOf, parseInfo, printTorrent } from '#nodes/wire/metainfo.ts';
import { ended } from '../nodes/interop.ts';
import { until } from '../nodes/running.ts';
import { inDirectory } from '../nodes/temporary.ts';
import { others, type Program, sluice } from './bittorrent-programs.ts';
import { cpuSeconds } from './calibration.ts';
import { GateTracker } from './gate-tracker.ts';
import { costOf, secondsOf } from './processes.ts';

const bench = suite('data-path');
const mebibytes = Number(process.env.SLUICE_BENCH_MEBIBYTES ?? 1024);
const only = process.env.SLUICE_BENCH_ONLY;
const settleMilliseconds = 1500;
const manifestName = 'payload.bin.manifest';

const own = sluice('sluice');
const libtorrent = others[0]!;
const pairs: [seed: Program, client: Program, hashes: string][] = [
  [own, own, 'SHA-1 of each piece'],
  [
    own,
    sluice('sluice with a manifest', (directory) => ['--manifest', join(directory, '..', manifestName)]),
    'SHA-256 of each piece and of the whole',
  ],
  [own, sluice('sluice with a record', (directory) => ['--record', directory]), 'SHA-1 of each piece'],
  [own, libtorrent, 'SHA-1 of each piece'],
  [libtorrent, own, 'SHA-1 of each piece'],
  ...others.map((one): [Program, Program, string] => [one, one, 'SHA-1 of each piece']),
];

bench('hashing alone', async () => {
  const pieces = 256;
  const piece = randomBytes(1024 * 1024);
  const sha1 = new Uint8Array(sha1Length);
  for (const [name, hashes] of [
    ['SHA-1', { sha1 }],
    ['SHA-256', { sha1, sha256: new Uint8Array(sha256Length) }],
  ] as const) {
    const before = cpuSeconds();
    for (let done = 0; done < pieces; done++) await isPiece(hashes, 0, piece);
    console.log(`${name} of pieces of 1 MiB: ${(((cpuSeconds() - before) * 1024) / pieces).toFixed(2)} CPU s/GiB`);
  }
});

bench(`${mebibytes} MiB from one seed to one client`, async () => {
  console.log(`${'seed → client'.padEnd(40)} ${'seed'.padStart(6)} ${'client'.padStart(7)} CPU s/GiB   MiB/s  hashes`);
  await inDirectory(async (directory) => {
    await prepare(directory);
    for (const [index, [seed, client, hashes]] of pairs.entries()) {
      const name = `${seed.name} → ${client.name}`;
      if (!seed.isHere() || !client.isHere() || (only !== undefined && !new RegExp(only).test(name))) continue;
      const measured = await measure(join(directory, `run${index}`), directory, seed, client);
      const perGibibyte = (seconds: number) => ((seconds * 1024) / mebibytes).toFixed(2);
      const rate = Math.round(mebibytes / measured.elapsedSeconds);
      console.log(
        `${name.padEnd(40)} ${perGibibyte(measured.seedSeconds).padStart(6)} ` +
          `${perGibibyte(measured.clientSeconds).padStart(7)} ${String(rate).padStart(17)}  ${hashes}`,
      );
    }
  });
});

/** The file, its manifest, and space for the torrents. */
async function prepare(directory: string): Promise<void> {
  const path = join(directory, 'payload.bin');
  const file = openSync(path, 'w');
  for (let done = 0; done < mebibytes; done++) writeSync(file, randomBytes(1024 * 1024));
  closeSync(file);
  writeFileSync(join(directory, manifestName), printManifest(await manifestOf(path)));
}

async function measure(directory: string, source: string, seed: Program, client: Program) {
  const [seedDirectory, clientDirectory] = [join(directory, 'seed'), join(directory, 'client')];
  for (const one of [directory, seedDirectory, clientDirectory]) mkdirSync(one);
  linkSync(join(source, 'payload.bin'), join(seedDirectory, 'payload.bin'));
  copyFileSync(join(source, manifestName), join(directory, manifestName));
  const tracker = new GateTracker();
  await tracker.listen(seed.address());
  const metainfo = parseInfo(infoOf(parseManifest(readFileSync(join(source, manifestName), 'utf8'))));
  const torrent = join(directory, 'payload.torrent');
  writeFileSync(torrent, printTorrent({ ...metainfo, trackers: [tracker.url], webSeeds: [] }));
  const children = [seed.seed(torrent, seedDirectory)];
  try {
    await until('the seed announces', () => tracker.hasSeed, 60_000);
    children.push(client.fetch(torrent, clientDirectory));
    await until('the client announces', () => tracker.hasClient, 60_000);
    await new Promise((resolve) => setTimeout(resolve, settleMilliseconds));
    touchMemory(join(directory, 'ballast'));
    const cost = () => children.map((child) => secondsOf(costOf(child.pid!)));
    const [before, startedAt] = [cost(), performance.now()];
    tracker.open();
    await until('the client is complete', () => tracker.completedAt > 0, 240_000);
    await new Promise((resolve) => setTimeout(resolve, settleMilliseconds));
    const after = cost();
    return {
      seedSeconds: after[0]! - before[0]!,
      clientSeconds: after[1]! - before[1]!,
      elapsedSeconds: (tracker.completedAt - startedAt) / 1000,
    };
  } finally {
    tracker.close();
    await Promise.all(children.map(end));
  }
}

/**
 * Has the machine lay hands on as much memory as the client's file will take in the page cache. A virtual machine may
 * get each page from its host only now, at up to two CPU seconds per GiB, charged to whoever comes first.
 */
function touchMemory(path: string): void {
  const file = openSync(path, 'w');
  const bytes = Buffer.alloc(1024 * 1024, 1);
  for (let done = 0; done < mebibytes * 1.25; done++) writeSync(file, bytes);
  closeSync(file);
  rmSync(path);
}

/** A moment to write what it has to, such as a profile. */
async function end(child: ChildProcess): Promise<void> {
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  child.kill('SIGTERM');
  await ended(child);
  clearTimeout(timer);
}

bench.run();
