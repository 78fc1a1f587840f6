/** The pieces on disk: only what was verified is believed, and the file appears whole or not at all. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import { equal, is, match, ok } from 'uvu/assert';
import { PieceStore, type StoredFile } from '#nodes/files/piece-store.ts';
import { content, inDirectory } from '../temporary.ts';

const test = suite('nodes/files/piece-store');
const pieceLengthBytes = 32_768;
const bytes = content(10 * pieceLengthBytes - 777);
const pieceAt = (piece: number) => bytes.subarray(piece * pieceLengthBytes, (piece + 1) * pieceLengthBytes);
const pieceCount = 10;
const hashes = {
  sha1: Buffer.concat(Array.from({ length: pieceCount }, (_, piece) => digest('sha1', pieceAt(piece)))),
  sha256: Buffer.concat(Array.from({ length: pieceCount }, (_, piece) => digest('sha256', pieceAt(piece)))),
};
const file: StoredFile = {
  name: 'a.bin',
  sizeBytes: bytes.length,
  pieceLengthBytes,
  hashes,
  digest: digest('sha256', bytes).toString('hex'),
  identity: 'one',
};

function digest(name: string, data: Uint8Array): Buffer {
  return createHash(name).update(data).digest();
}

async function withPieces(directory: string, pieces: number[], given = file): Promise<PieceStore> {
  const store = await PieceStore.open(directory, given);
  for (const piece of pieces) await store.write(piece, pieceAt(piece));
  return store;
}

const held = (store: PieceStore) => Array.from({ length: pieceCount }, (_, piece) => piece).filter((p) => store.has(p));

test('what was flushed is there after a crash, and nothing else', async () => {
  await inDirectory(async (directory) => {
    const store = await withPieces(directory, [1, 2, 9]);
    await store.flush();
    await store.write(5, pieceAt(5));
    // No close: the process is gone. What was written since the flush is not listed.
    const again = await PieceStore.open(directory, file);
    equal(held(again), [1, 2, 9]);
    is(again.heldBytes, 3 * pieceLengthBytes - 777);
    is(again.availableEnd(pieceLengthBytes + 5), 3 * pieceLengthBytes);
    is(again.availableEnd(0), 0);
    is(again.availableEnd(9 * pieceLengthBytes), bytes.length);
    await again.close();
    await store.close();
  });
});

test('a listed piece whose bytes are wrong is forgotten', async () => {
  await inDirectory(async (directory) => {
    const store = await withPieces(directory, [0, 3]);
    await store.close();
    const handle = await open(join(directory, 'a.bin.part'), 'r+');
    await handle.write(Buffer.from([1]), 0, 1, 3 * pieceLengthBytes + 100);
    await handle.close();
    const again = await PieceStore.open(directory, file);
    equal(held(again), [0]);
    await again.close();
  });
});

test('pieces of another content, a torn list and a short file are thrown away', async () => {
  await inDirectory(async (directory) => {
    await (await withPieces(directory, [0, 3])).close();
    const other = await PieceStore.open(directory, { ...file, identity: 'two' });
    equal(held(other), []);
    await other.close();
  });
  await inDirectory(async (directory) => {
    await (await withPieces(directory, [0, 3])).close();
    writeFileSync(join(directory, 'a.bin.part.pieces'), '{"version":1,"identity":"one","pie');
    const again = await PieceStore.open(directory, file);
    equal(held(again), []);
    await again.close();
  });
  await inDirectory(async (directory) => {
    await (await withPieces(directory, [0, 3])).close();
    truncateSync(join(directory, 'a.bin.part'), pieceLengthBytes);
    const again = await PieceStore.open(directory, file);
    equal(held(again), [0]);
    await again.close();
  });
});

test('the file has its name only when it is whole and right', async () => {
  await inDirectory(async (directory) => {
    const all = Array.from({ length: pieceCount }, (_, piece) => piece);
    const store = await withPieces(directory, all.slice(1));
    is(existsSync(join(directory, 'a.bin')), false);
    is(await store.isRight(0, pieceAt(1)), false);
    is(await store.isRight(0, pieceAt(0)), true);
    await store.write(0, pieceAt(0));
    is(existsSync(join(directory, 'a.bin')), false);
    await store.commit();
    equal(readFileSync(join(directory, 'a.bin')), bytes);
    is(existsSync(join(directory, 'a.bin.part')), false);
    is(existsSync(join(directory, 'a.bin.part.pieces')), false);
    const [first, second] = [Buffer.alloc(60), Buffer.alloc(40)];
    await store.readInto([first, second], 40_000);
    equal(Buffer.concat([first, second]), bytes.subarray(40_000, 40_100));
    await store.close();
    const again = await PieceStore.open(directory, file);
    is(again.isCommitted, true);
    await again.discard();
    ok(existsSync(join(directory, 'a.bin')), 'a whole file is never discarded');
  });
});

test('a whole file of the right size with wrong bytes is not believed', async () => {
  await inDirectory(async (directory) => {
    writeFileSync(join(directory, 'a.bin'), Buffer.alloc(bytes.length));
    const store = await PieceStore.open(directory, file);
    is(store.isCommitted, false);
    is(store.heldCount, 0);
    await store.close();
  });
});

test('pieces that are right make no file that is wrong', async () => {
  await inDirectory(async (directory) => {
    const all = Array.from({ length: pieceCount }, (_, piece) => piece);
    const store = await withPieces(directory, all, { ...file, digest: '0'.repeat(64) });
    const problem = await store.commit().then(
      () => 'committed',
      (error: Error) => error.message,
    );
    match(problem, /not the one with SHA-256/);
    is(existsSync(join(directory, 'a.bin')), false);
    await store.close();
  });
});

test('a disk that is too small is said at once', async () => {
  await inDirectory(async (directory) => {
    const huge = { ...file, hashes: undefined, digest: undefined, sizeBytes: 2 ** 50, pieceLengthBytes: 2 ** 26 };
    const problem = await PieceStore.open(directory, huge).then(
      () => 'opened',
      (error: Error) => error.message,
    );
    match(problem, /are needed, and \d+ are free/);
  });
});

test.run();
