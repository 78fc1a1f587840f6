// test-time-limit: 240s
/** No manifest: clients share verified pieces while the relay pulls, and end as a standard torrent. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import { equal, is, match, ok } from 'uvu/assert';
import { decodeDictionary } from '#nodes/wire/bencode.ts';
import { parseTorrent } from '#nodes/wire/metainfo.ts';
import { aria2, ended, has, hasLibtorrent, libtorrentInfoHash } from '../interop.ts';
import { until } from '../running.ts';
import { content } from '../temporary.ts';
import { arrivals, type GrowingWorld, inGrowingWorld, isWhole } from './growing-world.ts';

const test = suite('nodes/growing');
const bytes = content(40_000_000);
const pieceLength = 1024 * 1024;

test('clients share pieces while the relay pulls; then it is a standard torrent that others join', async () => {
  await inGrowingWorld(
    bytes,
    async (world) => {
      // One slot: the relay serves one client, and the other has everything from that one.
      const relay = await world.node('relay', 'r1', ['--upload-slots', '1', '--record', world.of('r1')]);
      const clients = await Promise.all(
        ['c1', 'c2'].map((name) => world.node('client', name, ['--record', world.of(name), '--json'])),
      );
      await world.connected(3);
      const task = await world.publish();
      const [relayUrl] = /http:\S+/.exec(relay.stdout)!;
      await duringThePull(world, relayUrl, task);
      for (const name of ['c1', 'c2']) {
        await until(`${name} has the file`, () => isWhole(join(world.of(name), 'a.bin'), bytes), 60_000);
      }
      await until('control says so', async () => (await world.task(task)).clients.failed === 0);
      sharedWithinASecond(world, task);
      // 39 pieces, and one of them once more for control; the rest are headers.
      const sentBytes = await world.sentByOrigin();
      ok(sentBytes <= bytes.length * 1.01 + pieceLength, `${sentBytes} bytes left the origin`);
      await afterwards(world, relayUrl, task);
      for (const [index, client] of clients.entries()) {
        const { counts } = JSON.parse(client.stdout);
        is(counts.received.origin, 0);
        ok(counts.received.relay + counts.received.peer < bytes.length * 1.2, `client ${index} got it once`);
        is(await client.stop(), 0, client.stderr);
      }
      is(await relay.stop(), 0, relay.stderr);
      for (const name of ['r1', 'c1', 'c2']) {
        const replayed = world.start(['replay', join(world.of(name), `${task}.decisions`)]);
        is(await replayed.ended, 0, replayed.stdout);
        match(replayed.stdout, /^identical \(\d+ inputs, \d+ decisions\)/);
      }
    },
    { bandwidth: '4MB/s' },
  );
});

/** Standard clients get HTTP until then; strangers learn nothing of the private swarm. */
async function duringThePull(world: GrowingWorld, relayUrl: string, task: string): Promise<void> {
  await until('a piece is there', async () => {
    const answer = await fetch(`${relayUrl}/files/${task}`, { headers: { range: 'bytes=0-99' } });
    return answer.status === 206 && Buffer.from(await answer.arrayBuffer()).equals(bytes.subarray(0, 100));
  });
  is((await fetch(`${relayUrl}/files/${task}.torrent`)).status, 404);
  const state = readFileSync(join(world.of('c1'), '.sluice/tasks', `${task}.json`), 'utf8');
  const { swarm } = JSON.parse(state).assignment.growing;
  const escaped = swarm.replace(/../g, '%$&');
  const query = `info_hash=${escaped}&peer_id=${'x'.repeat(20)}&port=9&left=1`;
  const reply = await (await fetch(`${relayUrl}/announce?${query}`)).arrayBuffer();
  equal([...decodeDictionary(new Uint8Array(reply)).keys()], ['failure reason']);
}

/** By their records: the piece that the one brought to the other, and how long it took. */
function sharedWithinASecond(world: GrowingWorld, task: string): void {
  const [c1, c2, relay] = ['c1', 'c2', 'r1'].map((name) => arrivals(join(world.of(name), `${task}.decisions`)));
  const isFirst = Math.min(...c1!.values()) < Math.min(...c2!.values());
  const [first, second] = isFirst ? [c1!, c2!] : [c2!, c1!];
  const [[piece, at]] = [...second].sort(([, left], [, right]) => left - right) as [[number, number]];
  const delay = at - first.get(piece)!;
  ok(delay > 0 && delay < 1000, `piece ${piece}: ${delay} ms after the other client`);
  ok(at < Math.max(...relay!.values()) - 1000, 'the relay was still pulling');
}

async function afterwards(world: GrowingWorld, relayUrl: string, task: string): Promise<void> {
  const torrent = Buffer.from(await (await fetch(`${relayUrl}/files/${task}.torrent`)).arrayBuffer());
  const metainfo = parseTorrent(torrent);
  // Any other tool that makes a torrent of the file makes this one.
  const sha1 = (part: Buffer) => createHash('sha1').update(part).digest();
  const pieces = Array.from({ length: Math.ceil(bytes.length / pieceLength) }, (_, piece) =>
    sha1(bytes.subarray(piece * pieceLength, (piece + 1) * pieceLength)),
  );
  equal(Buffer.from(metainfo.sha1), Buffer.concat(pieces));
  const infoHash = Buffer.from(metainfo.infoHash).toString('hex');
  if (hasLibtorrent()) is(infoHash, libtorrentInfoHash(world.path, pieceLength));
  if (!has('aria2c')) return;
  const to = world.of('aria2');
  await mkdir(to, { recursive: true });
  await writeFile(join(to, 'a.torrent'), torrent);
  const child = aria2(join(to, 'a.torrent'), to, ['--seed-time=0', '--allow-overwrite=true', '--follow-torrent=mem']);
  try {
    await until('aria2 has the file', () => isWhole(join(to, 'a.bin'), bytes), 30_000);
  } finally {
    child.kill('SIGKILL');
    await ended(child);
  }
}

test('a client is killed in the middle: it goes on with what was verified, against the same signatures', async () => {
  await inGrowingWorld(
    bytes,
    async (world) => {
      await world.node('relay', 'r1');
      const first = await world.node('client', 'c1');
      await world.connected(2);
      await world.publish();
      const list = join(world.of('c1'), 'a.bin.part.pieces');
      const listed = () => {
        const { pieces } = JSON.parse(readFileSync(list, 'utf8'));
        return [...Buffer.from(pieces, 'base64')].reduce(
          (sum, byte) => sum + byte.toString(2).replace(/0/g, '').length,
          0,
        );
      };
      await until('three pieces are listed', () => existsSync(list) && listed() >= 3);
      await first.stop('SIGKILL');
      is(existsSync(join(world.of('c1'), 'a.bin')), false);
      // One of those on disk is not what it was: it must not be believed.
      const part = join(world.of('c1'), 'a.bin.part');
      const spoilt = readFileSync(part);
      const bits = Buffer.from(JSON.parse(readFileSync(list, 'utf8')).pieces, 'base64');
      const kept = listed();
      const piece = Array.from({ length: 39 }, (_, index) => index).find(
        (index) => bits[index >> 3]! & (0x80 >> (index & 7)),
      )!;
      spoilt[piece * pieceLength + 5]! ^= 1;
      await writeFile(part, spoilt);
      const second = await world.node('client', 'c1', ['--json']);
      await until('it has the file', () => isWhole(join(world.of('c1'), 'a.bin'), bytes), 60_000);
      await until('it says so', () => second.stdout.includes('\n'));
      const { counts } = JSON.parse(second.stdout);
      const again = counts.received.relay + counts.received.peer;
      ok(again <= bytes.length - (kept - 1) * pieceLength + 200_000, `${again} bytes again, ${kept} pieces were kept`);
      is(existsSync(join(world.of('c1'), 'a.bin.part.hashes')), false);
    },
    { bandwidth: '4MB/s' },
  );
});

test.run();
