// test-time-limit: 90s
/** Peer exchange (BEP 11): on real connections, off in private torrents, and bounded whatever a peer tells. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import { equal, is, ok } from 'uvu/assert';
import { manifestOf } from '#nodes/files/manifest.ts';
import { encodeBencode } from '#nodes/wire/bencode.ts';
import { packAddress } from '#nodes/wire/compact-peers.ts';
import type { GuardedWire } from '#nodes/wire/guarded-wire.ts';
import { infoOf, isPrivate, metainfoOf, printTorrent } from '#nodes/wire/metainfo.ts';
import { mayLeadTo, PeerExchange } from '#nodes/wire/peer-exchange.ts';
import { withProcesses } from '../running.ts';
import { content, inDirectory } from '../temporary.ts';

const test = suite('nodes/wire/peer-exchange');
const bytes = content(3_000_000);
const port = 36_000 + (process.pid % 2000) * 2;

test('two who know the same third find each other', async () => {
  await inDirectory(async (directory) => {
    await withProcesses(async (start) => {
      const path = join(directory, 'a.bin');
      writeFileSync(path, bytes);
      const torrent = `${path}.torrent`;
      writeFileSync(torrent, printTorrent(metainfoOf(await manifestOf(path, 65_536))));
      mkdirSync(join(directory, 'hub'));
      // The hub serves next to nothing: what the second has comes from the first, of whom only the hub knows.
      const client = (name: string, listens: number, more: string[]) =>
        start([
          ...[
            'client',
            '--torrent',
            torrent,
            '--peer-exchange',
            '--dir',
            name === 'seed' ? directory : join(directory, name),
          ],
          ...['--listen-peers', `127.0.0.1:${listens}`, '--upload-max', name === 'hub' ? '1B/s' : '10MB/s', ...more],
        ]);
      client('hub', port, ['--seed', 'forever']);
      client('seed', 0, ['--seed', 'forever', '--peer', `127.0.0.1:${port}`]);
      const second = client('second', 0, ['--peer', `127.0.0.1:${port}`]);
      is(await second.ended, 0, second.stderr);
      ok(readFileSync(join(directory, 'second/a.bin')).equals(bytes));
    });
  });
});

interface Fake {
  wire: GuardedWire;
  sent: Uint8Array[];
}

function fake(): Fake {
  const sent: Uint8Array[] = [];
  const wire = {
    extendedMapping: {},
    peerExtendedMapping: { ut_pex: 3 },
    extended: (_number: number, message: Uint8Array) => sent.push(message),
  } as unknown as GuardedWire;
  return { wire, sent };
}

const addresses = (count: number, net = '203.0.113') =>
  Buffer.concat(
    Array.from({ length: count }, (_, index) => packAddress({ host: `${net}.${index % 250}`, port: 1 + index })!),
  );
const message = (added: Uint8Array) => encodeBencode({ added });

test('one message in half a minute, fifty addresses of it, five hundred in all', () => {
  const known: string[] = [];
  const exchange = new PeerExchange((host, at) => known.push(`${host}:${at}`));
  const { wire } = fake();
  exchange.join(wire);
  exchange.heard(wire, '198.51.100.7', message(addresses(200)), 0);
  is(known.length, 50);
  exchange.heard(wire, '198.51.100.7', message(addresses(20)), 29_000);
  is(known.length, 50, 'too soon');
  for (let minute = 1; minute < 100; minute++)
    exchange.heard(wire, '198.51.100.7', message(addresses(50)), minute * 60_000);
  is(known.length, 500);
  exchange.part(wire);
  exchange.heard(wire, '198.51.100.7', message(addresses(50)), 1e9);
  is(known.length, 500);
  const other = new PeerExchange((host, at) => known.push(`${host}:${at}`));
  other.join(wire);
  for (const wrong of [
    encodeBencode({ added: 7 }),
    encodeBencode({}),
    message(Buffer.alloc(5)),
    message(Buffer.alloc(6)),
  ])
    other.heard(wire, '198.51.100.7', wrong, 0);
  is(known.length, 500, 'what is no list of addresses is none');
});

test('nobody outside leads us into our own network', () => {
  const cases: [host: string, from: string, may: boolean][] = [
    ['127.0.0.1', '198.51.100.7', false],
    ['127.0.0.1', '127.0.0.1', true],
    ['0:0:0:0:0:ffff:7f00:1', '198.51.100.7', false],
    ['10.1.2.3', '198.51.100.7', false],
    ['10.1.2.3', '192.168.0.9', true],
    ['169.254.169.254', '198.51.100.7', false],
    ['fd00:0:0:0:0:0:0:1', '2001:db8::1', false],
    ['198.51.100.8', '198.51.100.7', true],
    ['198.51.100.8', '127.0.0.1', true],
    ['224.0.0.1', '127.0.0.1', false],
    ['0.0.0.0', '127.0.0.1', false],
  ];
  for (const [host, from, may] of cases) is(mayLeadTo(host, from), may, `${host} by ${from}`);
});

test('what is told is what has come and gone, once a minute', () => {
  const exchange = new PeerExchange(() => {});
  const [one, two, three] = [fake(), fake(), fake()];
  exchange.join(one.wire);
  exchange.join(two.wire, { host: '198.51.100.2', port: 2 });
  exchange.join(three.wire, { host: '198.51.100.3', port: 3 });
  exchange.tell(0);
  const both = Buffer.concat([
    packAddress({ host: '198.51.100.2', port: 2 })!,
    packAddress({ host: '198.51.100.3', port: 3 })!,
  ]);
  ok(Buffer.from(one.sent[0]!).includes(both));
  is(two.sent.length, 1, 'of the third');
  exchange.part(three.wire);
  exchange.tell(30_000);
  is(one.sent.length, 1);
  exchange.tell(60_000);
  is(one.sent.length, 2);
  ok(Buffer.from(one.sent[1]!).toString('latin1').includes('7:dropped6:'), 'the third has gone');
  exchange.tell(200_000);
  equal([one.sent.length, two.sent.length], [2, 2]);
});

test('a private torrent is known as such', async () => {
  await inDirectory(async (directory) => {
    const path = join(directory, 'a.bin');
    writeFileSync(path, content(100_000));
    const manifest = await manifestOf(path, 65_536);
    is(isPrivate({ info: infoOf(manifest) }), false);
    const { name, sizeBytes, pieceLengthBytes, sha1 } = manifest;
    const dictionary = { length: sizeBytes, name, 'piece length': pieceLengthBytes, pieces: sha1 };
    is(isPrivate({ info: encodeBencode({ ...dictionary, private: 1 }) }), true);
  });
});

test.run();
