/** What a peer asks for is what it gets, and one that does not read costs a bounded amount of memory. */

import { writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import { equal, is, match, ok } from 'uvu/assert';
import { manifestOf } from '#nodes/files/manifest.ts';
import { PieceStore } from '#nodes/files/piece-store.ts';
import { takeOver } from '#nodes/wire/connection.ts';
import type { GuardedWire } from '#nodes/wire/guarded-wire.ts';
import type { Peer } from '#nodes/wire/peer.ts';
import { Uploads } from '#nodes/wire/uploads.ts';
import { until } from '../running.ts';
import { content, inDirectory } from '../temporary.ts';

const test = suite('nodes/wire/uploads');
const block = 16 * 1024;
const pieceLengthBytes = 4 * block;
const bytes = content(40 * pieceLengthBytes + 5000);
const file = { sizeBytes: bytes.length, pieceLengthBytes, pieceCount: 41 };
const id = { unchoke: 1, request: 6, piece: 7, cancel: 8, reject: 16 };

interface Serving {
  wire: GuardedWire;
  /** The other end. */
  client: Socket;
  broken: string[];
}

/** A connection over which the whole file is served. */
async function serving(work: (serving: Serving) => Promise<void>): Promise<void> {
  await inDirectory(async (directory) => {
    writeFileSync(join(directory, 'a.bin'), bytes);
    const { name, sizeBytes, sha1, sha256, digest } = await manifestOf(join(directory, 'a.bin'), pieceLengthBytes);
    const hashes = { sha1, sha256 };
    const store = await PieceStore.open(directory, {
      name,
      sizeBytes,
      pieceLengthBytes,
      hashes,
      digest,
      identity: 'a',
    });
    const server = createServer({ pauseOnConnect: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
    const client = connect((server.address() as { port: number }).port, '127.0.0.1');
    const { socket, wire } = takeOver(await accepted, file);
    for (const one of [client, socket]) one.on('error', () => {});
    const broken: string[] = [];
    wire.onBroken = (rule) => broken.push(rule);
    const peer = { wire, socket, isGone: false, sentBytes: 0 } as unknown as Peer;
    new Uploads(store, []).serve(peer);
    wire.handshake(Buffer.alloc(20, 1), Buffer.alloc(20, 3), { fast: true });
    const reserved = Buffer.from([0, 0, 0, 0, 0, 0, 0, 4]);
    client.write(Buffer.concat([Buffer.from('\x13BitTorrent protocol'), reserved, Buffer.alloc(40, 2)]));
    try {
      await work({ wire, client, broken });
    } finally {
      peer.isGone = true;
      client.destroy();
      socket.destroy();
      wire.destroy();
      await new Promise((resolve) => server.close(resolve));
      await store.close();
    }
  });
}

function message(number: number, ...words: number[]): Buffer {
  const made = Buffer.alloc(5 + 4 * words.length);
  made.writeUInt32BE(made.length - 4);
  made[4] = number;
  for (const [index, word] of words.entries()) made.writeUInt32BE(word, 5 + 4 * index);
  return made;
}

/** Calls `heed` with each message behind the handshake. */
function listen(client: Socket, heed: (number: number, body: Buffer) => void): void {
  let all = Buffer.alloc(0);
  let skipped = 68;
  client.on('data', (chunk: Buffer) => {
    all = Buffer.concat([all, chunk]);
    if (skipped > 0 && all.length >= skipped) {
      all = all.subarray(skipped);
      skipped = 0;
    }
    while (skipped === 0 && all.length >= 4 && all.length >= 4 + all.readUInt32BE(0)) {
      const end = 4 + all.readUInt32BE(0);
      if (end > 4) heed(all[4]!, all.subarray(5, end));
      all = all.subarray(end);
    }
  });
}

/** Any places of the file, many of them next to each other. */
const asked = fc.array(
  fc.record({
    start: fc.nat(Math.floor(bytes.length / 1000) - 1).map((at) => at * 1000),
    length: fc.integer({ min: 1, max: 40_000 }),
    count: fc.integer({ min: 1, max: 30 }),
  }),
  { minLength: 1, maxLength: 12 },
);

test('every block is sent once, in the order of the requests, with its own bytes', async () => {
  await serving(async ({ wire, client }) => {
    const got: string[] = [];
    listen(client, (number, body) => {
      if (number !== id.piece) return;
      const start = body.readUInt32BE(0) * pieceLengthBytes + body.readUInt32BE(4);
      const block = body.subarray(8);
      const isRight = block.equals(bytes.subarray(start, start + block.length));
      got.push(`${start} ${block.length}${isRight ? '' : ' wrong'}`);
    });
    wire.unchoke();
    await fc.assert(
      fc.asyncProperty(asked, async (runs) => {
        const wanted = new Map<number, number>();
        for (const { start, length, count } of runs) {
          for (let at = start, done = 0; done < count && at < bytes.length; done++) {
            const inPiece = at % pieceLengthBytes;
            const here = Math.min(length, pieceLengthBytes - inPiece, bytes.length - at);
            if (!wanted.has(at)) wanted.set(at, here);
            at += here;
          }
        }
        got.length = 0;
        const requests = [...wanted].map(([at, length]) =>
          message(id.request, Math.floor(at / pieceLengthBytes), at % pieceLengthBytes, length),
        );
        client.write(Buffer.concat(requests));
        await until('all have come', () => got.length >= wanted.size, 10_000);
        equal(
          got,
          [...wanted].map(([at, length]) => `${at} ${length}`),
        );
      }),
      { numRuns: 25 },
    );
  });
});

test('each request has an answer: what is cancelled or choked away is rejected', async () => {
  await serving(async ({ wire, client }) => {
    const answers = { pieces: 0, rejects: 0 };
    listen(client, (number) => {
      if (number === id.piece) answers.pieces++;
      if (number === id.reject) answers.rejects++;
      if (number === id.piece && answers.pieces === 1) wire.choke();
    });
    wire.unchoke();
    const all = Array.from({ length: 160 }, (_, index) => [index >> 2, (index & 3) * block, block] as const);
    const cancelled = all.slice(100, 110);
    client.write(
      Buffer.concat([
        ...all.map((one) => message(id.request, ...one)),
        ...cancelled.map((one) => message(id.cancel, ...one)),
      ]),
    );
    await until('all are answered', () => answers.pieces + answers.rejects === all.length, 10_000);
    ok(answers.rejects >= cancelled.length, `${answers.rejects} rejects`);
    is(wire.wanted.size, 0);
  });
});

test('who asks for much and reads nothing holds two batches of it, and is seen to have stalled', async () => {
  await serving(async ({ wire, client, broken }) => {
    client.pause();
    wire.unchoke();
    // Each block is asked for anew as often as it may be: far more than the network's own buffers hold.
    const all = Array.from({ length: 160 }, (_, index) => message(id.request, index >> 2, (index & 3) * block, block));
    let waitingMax = 0;
    for (let round = 0; round < 40; round++) {
      client.write(Buffer.concat(all));
      await new Promise((resolve) => setTimeout(resolve, 20));
      waitingMax = Math.max(waitingMax, wire.waitingBytes);
    }
    const batch = 16 * (block + 13);
    ok(waitingMax <= 2 * batch, `${waitingMax} bytes waited, of two batches of ${batch}`);
    ok(waitingMax > 0);
    ok(wire.wanted.size <= all.length);
    ok(wire.stalledMilliseconds > 100, `${wire.stalledMilliseconds} ms`);
    equal(broken, []);
  });
});

test('who makes us answer and reads nothing is parted from', async () => {
  await serving(async ({ client, broken }) => {
    client.pause();
    // It is choked: each request is rejected.
    const requests = Buffer.concat(Array.from({ length: 20_000 }, () => message(id.request, 0, 0, block)));
    for (let round = 0; round < 60 && broken.length === 0; round++) {
      client.write(requests);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    match(broken[0] ?? 'never', /wait for it, and it does not read/);
  });
});

test.run();
