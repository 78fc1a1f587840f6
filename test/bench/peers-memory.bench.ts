// test-time-limit: 300s
/**
 * Memory of a client and of a relay with many peers: such as ask and read, such as ask for all that they may and then
 * read nothing, and such as give. Resident memory of the process after some seconds of it, and its peak so far.
 * SLUICE_BENCH_PEERS says how many.
 */
import { closeSync, mkdirSync, openSync, readSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import { manifestOf, printManifest } from '#nodes/files/manifest.ts';
import { infoOf, parseInfo, printTorrent } from '#nodes/wire/metainfo.ts';
import { Running, until } from '../nodes/running.ts';
import { content, inDirectory } from '../nodes/temporary.ts';
import { askingPeer, givingPeer, type PlainFile } from './plain-peer.ts';
import { memoryOf } from './processes.ts';

const bench = suite('peers-memory');
const peerCount = Number(process.env.SLUICE_BENCH_PEERS ?? 200);
const fileBytes = 256 * 1024 * 1024;
const seconds = 8;
/** As many requests as a peer may have waiting. */
const aheadMax = 1900;
const everybody = ['--set', `swarm.peerConnections=${peerCount}`, '--set', `swarm.uploadSlots=${peerCount}`];

interface World {
  directory: string;
  path: string;
  torrent: string;
  file: PlainFile;
}

bench(`${peerCount} peers`, async () => {
  await inDirectory(async (directory) => {
    const path = join(directory, 'payload.bin');
    writeFileSync(path, content(fileBytes));
    const manifest = await manifestOf(path);
    const metainfo = parseInfo(infoOf(manifest));
    const torrent = join(directory, 'payload.torrent');
    writeFileSync(torrent, printTorrent({ ...metainfo, trackers: [], webSeeds: [] }));
    writeFileSync(`${path}.manifest`, printManifest(manifest));
    const pieceCount = metainfo.sha1.length / 20;
    const world = { directory, path, torrent, file: { ...metainfo, pieceCount } };
    console.log(`${''.padEnd(52)} resident MiB  peak MiB`);
    await seedingClient(world);
    await fetchingClient(world);
    await relay(world);
  });
});

async function seedingClient({ directory, torrent, file }: World): Promise<void> {
  const port = 47_801;
  const given = ['client', '--torrent', torrent, '--dir', directory, '--listen-peers', `127.0.0.1:${port}`];
  const client = new Running([...given, '--seed', 'forever', ...everybody]);
  try {
    await client.prints(/verified/);
    print('client that seeds, no peers', client);
    await withSockets(() => askingPeer(port, file, 64, true), 'client that seeds, peers that read', client);
    await withSockets(() => askingPeer(port, file, aheadMax, false), 'client that seeds, peers that do not', client);
  } finally {
    await client.stop('SIGKILL');
  }
}

async function fetchingClient({ directory, path, torrent, file }: World): Promise<void> {
  const descriptor = openSync(path, 'r');
  const read = (start: number, length: number) => {
    const bytes = Buffer.allocUnsafe(length);
    readSync(descriptor, bytes, 0, length, start);
    return bytes;
  };
  const givers = await Promise.all(Array.from({ length: peerCount }, () => givingPeer(file, read)));
  const peers = givers.flatMap(([, port]) => ['--peer', `127.0.0.1:${port}`]);
  const where = ['--dir', join(directory, 'fetched'), '--listen-peers', '127.0.0.1:0'];
  const client = new Running(['client', '--torrent', torrent, ...where, '--seed', 'forever', ...everybody, ...peers]);
  try {
    await client.prints(/verified/, 120_000);
    print(`client that has fetched from ${peerCount} peers`, client);
  } finally {
    await client.stop('SIGKILL');
    for (const [server] of givers) server.close();
    closeSync(descriptor);
  }
}

async function relay({ directory, path, file }: World): Promise<void> {
  const port = 47_802;
  const origin = new Running(['origin', directory, '--listen', '127.0.0.1:0']);
  const listens = ['--listen', '127.0.0.1:0', '--listen-peers', `127.0.0.1:${port}`];
  mkdirSync(join(directory, 'relay'));
  const from = [
    '--pull',
    `${(await origin.prints(/http:\/\/[\d.:]+/))[0]}/payload.bin`,
    '--manifest',
    `${path}.manifest`,
  ];
  const running = new Running(['relay', '--dir', join(directory, 'relay'), ...listens, ...from]);
  try {
    const url = new URL((await running.prints(/http:\/\/\S+\/files\/\S+/))[0]);
    const held = `sluice_relay_held_bytes ${fileBytes}\n`;
    await until('it holds the file', async () => (await (await fetch(`${url.origin}/metrics`)).text()).includes(held));
    await new Promise((resolve) => setTimeout(resolve, 3000));
    print('relay that has pulled, no peers', running);
    await withSockets(() => askingPeer(port, file, 64, true), 'relay, peers that read', running);
    await withSockets(() => askingPeer(port, file, aheadMax, false), 'relay, peers that do not', running);
    const ask = `GET ${url.pathname} HTTP/1.1\r\nhost: relay\r\n\r\n`;
    const http = () => {
      const socket = connect(Number(url.port), '127.0.0.1');
      socket.on('error', () => {});
      socket.once('connect', () => socket.pause().write(ask));
      return socket;
    };
    await withSockets(http, 'relay, by HTTP, askers that do not read', running);
  } finally {
    await running.stop('SIGKILL');
    await origin.stop('SIGKILL');
  }
}

async function withSockets(open: () => Socket, name: string, running: Running): Promise<void> {
  const sockets = Array.from({ length: peerCount }, open);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const left = sockets.filter((socket) => !socket.destroyed).length;
  print(`${name}: ${left}`, running);
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => setTimeout(resolve, 500));
}

function print(name: string, { child }: Running): void {
  const { residentBytes, peakBytes } = memoryOf(child.pid!);
  const mebibytes = (bytes: number) => String(Math.round(bytes / 2 ** 20));
  console.log(`${name.padEnd(52)} ${mebibytes(residentBytes).padStart(12)} ${mebibytes(peakBytes).padStart(9)}`);
}

bench.run();
