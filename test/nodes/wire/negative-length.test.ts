/**
 * A string of negative length, some bytes that anybody can send, on which the `bencode` package loops until memory is
 * gone: pinned on every entrance. A loop would not end with an assertion but with the time limit of the test.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import { equal, is, match, throws } from 'uvu/assert';
import * as bencode from '#nodes/wire/bencode.ts';
import { MalformedInput } from '#nodes/wire/bencode.ts';
import { fetchInfo } from '#nodes/wire/metadata.ts';
import { parseInfo, parseTorrent } from '#nodes/wire/metainfo.ts';
import { TrackerClient } from '#nodes/wire/tracker-client.ts';
import { peers } from '../../fuzz/peers.ts';
import { soundMetainfo } from '../../fuzz/sound.ts';
import { Running } from '../running.ts';
import { inDirectory } from '../temporary.ts';

const test = suite('nodes/wire: negative length');
const poison = Buffer.from('d1:a-5:e');
const lengths = ['-1', '-5', '-16384', '-2147483648', '-9007199254740991'];
const infoHash = soundMetainfo.infoHash;

test('the readers of bencode, torrents and info dictionaries', () => {
  for (const length of lengths) {
    for (const text of [
      `${length}:`,
      `l${length}:e`,
      `d${length}:i1ee`,
      `d4:info${length}:e`,
      `d1:md1:a${length}:ee`,
    ]) {
      const bytes = Buffer.from(text);
      for (const read of [bencode.decodeBencode, bencode.decodeDictionary, bencode.decodePrefix]) {
        throws(
          () => read(bytes),
          (error: Error) => error instanceof MalformedInput,
        );
      }
      throws(() => bencode.rawEntry(bytes, 'info'), /negative/);
      throws(() => parseTorrent(bytes), /not a torrent: .*negative/);
      throws(() => parseInfo(bytes), /not an info dictionary: .*negative/);
    }
  }
});

const greeting = Buffer.concat([
  Buffer.from('\x13BitTorrent protocol\0\0\0\0\0\x10\0\x04', 'latin1'),
  Buffer.from(infoHash),
  Buffer.from('p'.repeat(20)),
]);
const extended = (id: number, bytes: Buffer): Buffer => {
  const head = Buffer.alloc(6);
  head.writeUInt32BE(bytes.length + 2);
  head[4] = 20;
  head[5] = id;
  return Buffer.concat([head, bytes]);
};

test('a peer: its extended handshake, and messages of every extension', () =>
  inDirectory(async (directory) => {
    const [wire, metadata] = await peers(directory);
    for (const id of [0, 1, 2, 3, 255]) {
      await wire!.take(
        Buffer.concat([greeting, extended(0, Buffer.from('d1:md11:ut_metadatai1eee')), extended(id, poison)]),
      );
    }
    for (const one of [wire, metadata]) await one!.close();
  }));

test('a peer that is asked for metadata', async () => {
  for (const id of [0, 1]) {
    const handshake = extended(0, Buffer.from('d1:md11:ut_metadatai3ee13:metadata_sizei100ee'));
    const says = Buffer.concat([greeting, ...(id === 0 ? [] : [handshake]), extended(id, poison)]);
    const server = createTcpServer(
      (socket) =>
        void socket
          .on('error', () => {})
          .on('data', () => {})
          .write(says),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    is(await fetchInfo('127.0.0.1', port, infoHash, Buffer.from('q'.repeat(20)), 2000), undefined);
    server.close();
  }
});

test('a tracker in its reply', async () => {
  const server = createServer((_, response) => void response.end('d8:intervali60e5:peers-5:e'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const found: unknown[] = [];
  const progress = () => ({ uploaded: 0, downloaded: 0, left: 1, wantsPeers: true });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/announce`;
  const client = new TrackerClient(url, { infoHash, peerId: Buffer.alloc(20, 1), port: 1, progress }, (all) =>
    found.push(...all),
  );
  await new Promise((resolve) => setTimeout(resolve, 300));
  await client.stop();
  equal(found, []);
  server.closeAllConnections();
  server.close();
});

test('the command line with a torrent', () =>
  inDirectory(async (directory) => {
    const path = join(directory, 'poison.torrent');
    writeFileSync(path, 'd4:infod6:lengthi1e4:name-5:ee');
    const running = new Running(['client', '--torrent', path, '--dir', directory, '--listen-peers', '127.0.0.1:0']);
    is(await running.ended, 3);
    match(running.stderr, /not a torrent: .*negative/);
  }));

test('nothing of ours decodes with the package', () => {
  const top = fileURLToPath(new URL('../../..', import.meta.url));
  const files = readdirSync(join(top, 'nodes'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  const using = files.filter((name) =>
    /from 'bencode'|import\('bencode'\)/.test(readFileSync(join(top, 'nodes', name), 'utf8')),
  );
  equal(using, ['wire/bencode.ts']);
  is(/bencode\.decode/.test(readFileSync(join(top, 'nodes/wire/bencode.ts'), 'utf8')), false);
});

test.run();
