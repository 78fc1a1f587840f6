// test-time-limit: 120s
/** Other people's clients fetch from a relay that is still pulling, and we fetch from each of them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import { is, match, ok } from 'uvu/assert';
import { manifestOf, printManifest } from '#nodes/files/manifest.ts';
import { metainfoOf, printTorrent } from '#nodes/wire/metainfo.ts';
import { aria2, ended, has, hasLibtorrent, libtorrent, transmission } from '../interop.ts';
import { type Running, until, withProcesses } from '../running.ts';
import { content, inDirectory } from '../temporary.ts';

const test = suite('nodes/relay/interop');
const bytes = content(6_000_000);
const port = 40_000 + (process.pid % 5000) * 4;
type Child = ReturnType<typeof aria2>;

interface World {
  directory: string;
  torrent: string;
  magnet: string;
  relayPeer: string;
  relay: Running;
  start(given: string[]): Running;
}

/** An origin and a relay that pulls from it at 1 MB/s. */
async function pulling(work: (world: World) => Promise<void>): Promise<void> {
  await inDirectory(async (directory) => {
    await withProcesses(async (start) => {
      const path = join(directory, 'a.bin');
      writeFileSync(path, bytes);
      const manifest = await manifestOf(path, 65_536);
      writeFileSync(`${path}.manifest`, printManifest(manifest));
      const server = start(['origin', directory, '--listen', '127.0.0.1:0']);
      const url = `${(await server.prints(/http:\S+/))[0]}a.bin`;
      const where = ['--dir', join(directory, 'relay'), '--listen', '127.0.0.1:0', '--origin-bandwidth', '1MB/s'];
      const relay = start(['relay', '--pull', url, '--manifest', `${path}.manifest`, ...where]);
      const [magnet] = await relay.prints(/magnet:\S+/);
      const [torrentUrl] = await relay.prints(/http:\S+\.torrent/);
      const torrent = join(directory, 'a.torrent');
      writeFileSync(torrent, Buffer.from(await (await fetch(torrentUrl)).arrayBuffer()));
      const relayPeer = new URLSearchParams(magnet.slice(magnet.indexOf('?'))).get('x.pe')!;
      await work({ directory, torrent, magnet, relayPeer, relay, start });
    });
  });
}

async function fetches(name: string, begin: (world: World, to: string) => Child): Promise<void> {
  await pulling(async (world) => {
    const to = join(world.directory, name);
    await mkdir(to, { recursive: true });
    const startedAt = performance.now();
    const child = begin(world, to);
    const got = join(to, 'a.bin');
    try {
      await until(`${name} has the file`, () => isSame(got), 60_000);
    } finally {
      child.kill('SIGKILL');
      await ended(child);
    }
    // The pull takes six seconds: whoever had waited for its end would have no file before that.
    ok(performance.now() - startedAt > 3000);
  });
}

function isSame(path: string): boolean {
  try {
    return readFileSync(path).equals(bytes);
  } catch {
    return false;
  }
}

async function seeds(name: string, begin: (torrent: string, directory: string) => Child): Promise<void> {
  await inDirectory(async (directory) => {
    await withProcesses(async (start) => {
      const path = join(directory, 'a.bin');
      writeFileSync(path, bytes);
      writeFileSync(`${path}.torrent`, printTorrent(metainfoOf(await manifestOf(path, 65_536))));
      const child = begin(`${path}.torrent`, directory);
      try {
        const where = ['--dir', join(directory, 'x'), '--peer', `127.0.0.1:${port}`, '--listen-peers', '127.0.0.1:0'];
        const client = start(['client', '--torrent', `${path}.torrent`, ...where]);
        is(await client.ended, 0, `${name}: ${client.stderr}`);
        ok(isSame(join(directory, 'x/a.bin')));
      } finally {
        child.kill('SIGKILL');
        await ended(child);
      }
    });
  });
}

const others: [
  name: string,
  isHere: boolean,
  fetch: Parameters<typeof fetches>[1],
  seed: Parameters<typeof seeds>[1],
][] = [
  [
    'aria2',
    has('aria2c'),
    ({ torrent }, to) => aria2(torrent, to, ['--seed-time=0', `--listen-port=${port}`]),
    (torrent, directory) =>
      aria2(torrent, directory, ['--check-integrity=true', '--seed-ratio=0.0', `--listen-port=${port}`]),
  ],
  [
    'libtorrent',
    hasLibtorrent(),
    ({ magnet, relayPeer }, to) => libtorrent('leech', magnet, to, relayPeer),
    (torrent, directory) => libtorrent('seed', torrent, directory, `127.0.0.1:${port}`),
  ],
  [
    'transmission',
    has('transmission-cli'),
    ({ torrent }, to) => transmission(torrent, to, port),
    (torrent, directory) => transmission(torrent, directory, port),
  ],
];
for (const [name, isHere, fetch, seed] of others) {
  const titles = [`${name} fetches from a relay that pulls at 1 MB/s`, `we fetch from ${name} as a seed`];
  if (!isHere) {
    for (const title of titles) test.skip(`${title}, because ${name} is not installed here`);
    continue;
  }
  test(titles[0]!, () => fetches(name, fetch));
  test(titles[1]!, () => seeds(name, seed));
}

test('the file changes at its origin while it is pulled: the relay says so and keeps nothing of it', async () => {
  await pulling(async ({ directory, relay, start }) => {
    await until('something is pulled', async () => /held_bytes [1-9]/.test(await metrics(relay)));
    writeFileSync(join(directory, 'a.bin'), content(bytes.length, 2));
    is(await relay.ended, 1);
    match(relay.stderr, /another one|is "|was "/);
    const left = start(['manifest', join(directory, 'relay/a.bin.part')]);
    is(await left.ended, 2, 'the part is gone');
  });
});

async function metrics(relay: Running): Promise<string> {
  const { origin } = new URL((await relay.prints(/http:\S+/))[0]);
  return await (await fetch(`${origin}/metrics`)).text();
}

test.run();
