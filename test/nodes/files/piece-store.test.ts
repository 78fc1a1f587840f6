/** The pieces on disk: only what was verified is believed, and the file appears whole or not at all. */
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import { equal, is, match, ok } from 'uvu/assert';
import { fileNameProblem } from '#nodes/files/file-name.ts';
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

/** As a process that ends now would leave it. */
function copied(directory: string): string {
  const copy = join(directory, 'crashed');
  const files = readdirSync(directory).filter((name) => name.startsWith('a.bin'));
  mkdirSync(copy);
  for (const name of files) copyFileSync(join(directory, name), join(copy, name));
  return copy;
}

async function withPieces(directory: string, pieces: number[], given = file): Promise<PieceStore> {
  const store = await PieceStore.open(directory, given);
  for (const piece of pieces) await store.write(piece, pieceAt(piece));
  return store;
}

const held = (store: PieceStore) => Array.from({ length: pieceCount }, (_, piece) => piece).filter((p) => store.has(p));

test('what was written is there after a crash of the process, and nothing else', async () => {
  await inDirectory(async (directory) => {
    const store = await withPieces(directory, [1, 2, 9]);
    await store.flush();
    await store.write(5, pieceAt(5));
    // What lies on the disk now, without a close. What was written since the flush is noted beside the list.
    const again = await PieceStore.open(copied(directory), file);
    equal(held(again), [1, 2, 5, 9]);
    is(again.heldBytes, 4 * pieceLengthBytes - 777);
    is(again.availableEnd(pieceLengthBytes + 5), 3 * pieceLengthBytes);
    is(again.availableEnd(0), 0);
    is(again.availableEnd(9 * pieceLengthBytes), bytes.length);
    await again.close();
    await store.close();
  });
});

test('after a loss of power only what was flushed, or what hashes prove', async () => {
  for (const hashed of [file, { ...file, hashes: undefined }]) {
    await inDirectory(async (directory) => {
      const store = await withPieces(directory, [1, 2], hashed);
      await store.flush();
      for (const piece of [5, 6]) await store.write(piece, pieceAt(piece));
      const crashed = copied(directory);
      await store.close();
      const path = join(crashed, 'a.bin.part.recent');
      const noted = readFileSync(path);
      const read = async (bytes: Buffer) => {
        writeFileSync(path, bytes);
        const again = await PieceStore.open(crashed, hashed);
        const found = held(again);
        // Closed without its flush, so that the next reading finds what this one found.
        await again.flush();
        await again.close();
        return found;
      };
      const list = readFileSync(join(crashed, 'a.bin.part.pieces'));
      const otherBoot = Buffer.from(noted.toString('latin1').replace(/^\["[^"]*"/, '["other"'), 'latin1');
      equal(await read(otherBoot), hashed.hashes === undefined ? [1, 2] : [1, 2, 5, 6]);
      writeFileSync(join(crashed, 'a.bin.part.pieces'), list);
      // The last entry is torn, one names a piece that is none, and one a piece that was never written.
      const torn = Buffer.concat([noted.subarray(0, -4), Buffer.from([0, 0, 0, 8, 255, 255, 255, 255, 0, 0])]);
      equal(await read(torn), hashed.hashes === undefined ? [1, 2, 5, 8] : [1, 2, 5]);
      writeFileSync(join(crashed, 'a.bin.part.pieces'), list);
      equal(await read(Buffer.from('noise\n\0\0\0\x05')), [1, 2]);
    });
  }
});

test('two tasks with one name do not write into one file', async () => {
  await inDirectory(async (directory) => {
    const first = await withPieces(directory, [1]);
    const other = await PieceStore.open(directory, { ...file, identity: 'two' }).catch((error: Error) => error.message);
    match(String(other), /another task of this node writes there/);
    await first.close();
    await (await PieceStore.open(directory, file)).close();
  });
});

test('no link leads out of the directory', async () => {
  await inDirectory(async (directory) => {
    const outside = join(directory, 'outside');
    writeFileSync(outside, 'mine');
    const inside = join(directory, 'inside');
    for (const name of ['a.bin.part', 'a.bin.part.pieces.new', 'a.bin.part.recent']) {
      rmSync(inside, { recursive: true, force: true });
      mkdirSync(inside);
      symlinkSync(outside, join(inside, name));
      await PieceStore.open(inside, file)
        .then(async (store) => {
          await store.write(0, pieceAt(0));
          await store.close();
        })
        .catch((error: Error) => match(error.message, /ELOOP/));
      is(readFileSync(outside, 'utf8'), 'mine', name);
    }
    // A link under the file's own name is replaced, not followed.
    rmSync(inside, { recursive: true, force: true });
    mkdirSync(inside);
    symlinkSync(outside, join(inside, 'a.bin'));
    const store = await withPieces(
      inside,
      Array.from({ length: pieceCount }, (_, piece) => piece),
    );
    await store.commit();
    await store.close();
    is(readFileSync(outside, 'utf8'), 'mine');
    equal(readFileSync(join(inside, 'a.bin')), bytes);
  });
});

test('a name stays one name in the directory, whatever it says', () => {
  const good = ['a.bin', 'päckchen-1.0.tar.gz', '漢字.iso', '.hidden', 'a b', 'a.new', 'console.log', 'con-1', 'a..b'];
  for (const name of good) is(fileNameProblem(name), undefined, name);
  const bad = [
    '',
    '.',
    '..',
    '../a',
    'a/b',
    'a\\b',
    'a\0b',
    'a\nb',
    '\u007f',
    'a.part',
    'a.PART',
    'a.part.pieces',
    '.sluice',
  ];
  const reserved = ['CON', 'nul.txt', 'com1', 'LPT9.bin', 'a:b', 'a*', 'a?', 'a|b', 'a<b', 'a"b', 'a.', 'a '];
  const unicode = [
    'a\u202ebin.exe',
    '\u2066a',
    'a\u200b',
    'a\ud800',
    'e\u0301'.repeat(100),
    'a\u2028b',
    'a.part.recent',
  ];
  for (const name of [...bad, ...reserved, ...unicode]) ok(fileNameProblem(name) !== undefined, JSON.stringify(name));
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
