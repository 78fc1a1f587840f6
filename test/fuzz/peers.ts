/** Entrances for peers: our listener and its swarm, and a node of ours that asks a peer for metadata. */
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { hybrid } from '#core/policies.ts';
import { Share } from '#nodes/files/share.ts';
import { encodeBencode } from '#nodes/wire/bencode.ts';
import { fetchInfo } from '#nodes/wire/metadata.ts';
import { PeerListener } from '#nodes/wire/peer-listener.ts';
import { hex } from '#nodes/wire/swarm.ts';
import { soundBytes, soundMetainfo } from './sound.ts';
import type { Target } from './target.ts';

const { infoHash, info, name, sizeBytes, pieceLengthBytes, sha1 } = soundMetainfo;
const peerId = (letter: string) => Buffer.from(letter.repeat(20));
const handshake = Buffer.concat([
  Buffer.from('\x13BitTorrent protocol', 'latin1'),
  Buffer.from([0, 0, 0, 0, 0, 0x10, 0, 0x04]),
  Buffer.from(infoHash),
]);
const greeting = Buffer.concat([handshake, peerId('f')]);

function message(id: number, ...parts: (number | Uint8Array)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'number' ? word(part) : Buffer.from(part))));
  return Buffer.concat([word(body.length + 1), Buffer.from([id]), body]);
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

const extended = (id: number, value: unknown, tail = Buffer.alloc(0)) =>
  message(20, Buffer.concat([Buffer.from([id]), encodeBencode(value), tail]));
const extension = extended(0, { m: { ut_metadata: 3, ut_pex: 4 }, metadata_size: info.length, p: 6881, reqq: 100 });
const metadata = [
  extended(1, { msg_type: 0, piece: 0 }),
  extended(3, { msg_type: 1, piece: 0, total_size: info.length }, Buffer.from(info)),
  extended(1, { added: Buffer.from('\x7f\0\0\x01\0\x09', 'latin1'), 'added.f': Buffer.from('\0') }),
  extended(2, { msg_type: 2, piece: 9 }),
];
const fast = [message(14), message(15), message(13, 1), message(17, 2), message(16, 0, 0, 16_384)];
const plain = [
  ...[message(0), message(1), message(2), message(3), message(4, 2), message(5, Buffer.from([0xf0])), word(0)],
  ...[message(6, 0, 0, 16_384), message(8, 0, 0, 16_384), message(9, Buffer.from([5, 5]))],
  message(7, 0, 0, soundBytes.subarray(0, 16_384)),
];
const talks = [
  Buffer.concat([
    greeting,
    extension,
    message(5, Buffer.from([0xf0])),
    message(2),
    message(1),
    message(6, 0, 0, 16_384),
  ]),
  Buffer.concat([greeting, message(14), message(1), message(7, 0, 0, soundBytes.subarray(0, 16_384)), message(4, 3)]),
  Buffer.concat([greeting, extension, ...metadata]),
  Buffer.concat([greeting, ...fast, ...plain]),
];

/** A whole node of ours without a file yet; it asks, and it answers. */
async function node(directory: string) {
  const listener = new PeerListener();
  await listener.listen({ host: '127.0.0.1', port: 0 });
  const share = await Share.open({
    directory,
    file: { name, sizeBytes, pieceLengthBytes, hashes: { sha1, sha256: undefined }, identity: hex(infoHash) },
    metainfo: soundMetainfo,
    policy: hybrid,
    seed: 1,
    priorityPieces: [],
    sourcesMax: 1,
    listener,
    peerId: peerId('o'),
    uploadPaces: [],
    uploadSlots: 4,
    optimisticSlots: 1,
    kindOf: () => 'peer',
  });
  for (const piece of [0, 1]) await share.store.write(piece, soundBytes.subarray(piece * 65_536, (piece + 1) * 65_536));
  return { listener, share };
}

export async function peers(directory: string): Promise<Target[]> {
  const { listener, share } = await node(join(directory, 'listens'));
  const checkSwarm = () => {
    if ((share.swarm?.peerCount ?? 0) > 60) throw new Error(`${share.swarm?.peerCount} peers are still joined`);
  };
  const listens: Target = {
    name: 'peer wire',
    sound: talks,
    async take(bytes) {
      await talk(connect(listener.port, '127.0.0.1'), bytes);
      checkSwarm();
    },
    async close() {
      listener.close();
      await share.close();
    },
  };
  return [listens, await asks(directory)];
}

/** Whoever has a magnet link only asks a peer, which answers with whatever it likes. */
async function asks(directory: string): Promise<Target> {
  let says = Buffer.alloc(0);
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', () => {});
    socket.write(says);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const data = extended(1, { msg_type: 1, piece: 0, total_size: info.length }, Buffer.from(info));
  return {
    name: 'metadata',
    sound: [Buffer.concat([greeting, extension, data]), Buffer.concat([greeting, extension, metadata[3]!])],
    async take(bytes) {
      says = Buffer.from(bytes);
      const found = await fetchInfo('127.0.0.1', port, infoHash, peerId('a'), 30);
      if (found !== undefined && !Buffer.from(found).equals(info)) throw new Error('metadata of another hash');
    },
    async close() {
      server.close();
      void directory;
    },
  };
}

/** Says the bytes, listens a moment, and goes. */
export async function talk(socket: Socket, bytes: Buffer, milliseconds = 8): Promise<string> {
  let heard = '';
  socket.on('error', () => {});
  socket.on('data', (data) => {
    if (heard.length < 10_000) heard += data.toString('latin1');
  });
  socket.on('connect', () => socket.write(bytes));
  await new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
    socket.once('connect', () => setTimeout(resolve, milliseconds));
  });
  // With a reset: thousands of connections a minute would else leave no port to connect from.
  socket.resetAndDestroy();
  return heard;
}
