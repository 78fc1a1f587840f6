/** Torrents and magnet links: what others read from ours, and what we refuse of theirs. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import { equal, is, throws } from 'uvu/assert';
import { manifestOf, parseManifest, printManifest } from '#nodes/files/manifest.ts';
import { encodeBencode } from '#nodes/wire/bencode.ts';
import { metainfoOf, parseMagnet, parseTorrent, printMagnet, printTorrent } from '#nodes/wire/metainfo.ts';
import { hasLibtorrent, libtorrentInfoHash } from '../interop.ts';

const test = suite('nodes/wire/metainfo');
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-metainfo-'));
  try {
    await work(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Bytes that are the same everywhere. */
function sample(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, index) => (index * 7 + (index >> 8)) & 255));
}

test('a torrent of known bytes has the info-hash that was computed by hand', async () => {
  await inDirectory(async (directory) => {
    const path = join(directory, 'a.bin');
    writeFileSync(path, sample(40_000));
    const manifest = await manifestOf(path, 16_384);
    const torrent = metainfoOf(manifest, ['http://127.0.0.1:1/announce'], ['http://127.0.0.1:1/a.bin']);
    // sha1sum of the three pieces, and of "d6:lengthi40000e4:name5:a.bin12:piece lengthi16384e6:pieces60:…e".
    const sums = [0, 1, 2].map((piece) => {
      const part = sample(40_000).subarray(piece * 16_384, (piece + 1) * 16_384);
      return spawnSync('sha1sum', { input: part, encoding: 'utf8' }).stdout.slice(0, 40);
    });
    is(hex(manifest.sha1), sums.join(''));
    const info = Buffer.concat([
      Buffer.from('d6:lengthi40000e4:name5:a.bin12:piece lengthi16384e6:pieces60:'),
      Buffer.from(sums.join(''), 'hex'),
      Buffer.from('e'),
    ]);
    is(hex(torrent.infoHash), spawnSync('sha1sum', { input: info, encoding: 'utf8' }).stdout.slice(0, 40));
    const read = parseTorrent(printTorrent(torrent));
    equal(read, torrent);
    equal(parseManifest(printManifest(manifest)), manifest);
  });
});

const title = 'libtorrent computes the same torrent from the file';
if (!hasLibtorrent()) test.skip(`${title}, because python3-libtorrent is not installed here`);
else {
  test(title, async () => {
    await inDirectory(async (directory) => {
      const path = join(directory, 'b.bin');
      writeFileSync(path, sample(300_001));
      const manifest = await manifestOf(path, 32_768);
      is(hex(metainfoOf(manifest).infoHash), libtorrentInfoHash(path, 32_768));
    });
  });
}

test('a magnet link says again what it was made of, in hexadecimal and base32', () => {
  const infoHash = Uint8Array.from({ length: 20 }, (_, index) => index * 13);
  const magnet = {
    infoHash,
    name: 'a file & more.bin',
    trackers: ['http://tracker.example/announce?x=1'],
    webSeeds: ['http://relay.example/files/1'],
    peers: ['127.0.0.1:6881'],
  };
  equal(parseMagnet(printMagnet(magnet)), magnet);
  const base32 = 'AAGRUJZUIFHFW2DVQKHZYKNWYPIN32XX';
  is(hex(parseMagnet(`magnet:?xt=urn:btih:${base32}`).infoHash).length, 40);
  throws(() => parseMagnet('magnet:?xt=urn:btih:xyz'), /not an info-hash/);
  throws(() => parseMagnet('http://example.org'), /not a magnet link/);
  throws(() => parseMagnet('magnet:?dn=x'), /without xt/);
});

const refused: [what: object, problem: RegExp][] = [
  [{ files: [], name: 'a', pieces: '', 'piece length': 16_384 }, /several files/],
  [{ length: 1, name: '../etc/passwd', pieces: 'x'.repeat(20), 'piece length': 16_384 }, /separator/],
  [{ length: 1, name: '..', pieces: 'x'.repeat(20), 'piece length': 16_384 }, /not the name of a file/],
  [{ length: 1, name: 'a.part', pieces: 'x'.repeat(20), 'piece length': 16_384 }, /our own files/],
  [{ length: 0, name: 'a', pieces: '', 'piece length': 16_384 }, /size of 0/],
  [{ length: 40_000, name: 'a', pieces: 'x'.repeat(20), 'piece length': 16_384 }, /3 pieces need 20/],
  [{ length: 1, name: 'a', pieces: 'x'.repeat(20), 'piece length': 1 }, /must have 16384/],
  [{ length: 1, name: 'a', pieces: 'x'.repeat(20), 'piece length': 16_385 }, /multiple/],
  [{ length: 2 ** 50, name: 'a', pieces: 'x', 'piece length': 16_384 }, /pieces; at most/],
  [{ length: 1, name: 'a', 'piece length': 16_384 }, /without the SHA-1/],
];
for (const [info, problem] of refused) {
  test(`a torrent is refused: ${problem.source}`, () => {
    throws(() => parseTorrent(encodeBencode({ info })), problem);
  });
}

test('what is no torrent or manifest at all is refused with what is wrong', () => {
  throws(() => parseTorrent(Buffer.from('hello')), /not a torrent/);
  throws(() => parseTorrent(Buffer.from('de')), /without an info dictionary/);
  throws(() => parseManifest('{}'), /not a manifest/);
  throws(() => parseManifest('{"kind":"sluice-manifest","version":1,"name":"a","sizeBytes":-1}'), /a size of -1/);
});

test.run();
