// test-time-limit: 90s
/** Each of the four triggers on real sockets, with its reason in the record; and HTTP stops when it is not needed. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import { is, match, ok } from 'uvu/assert';
import { manifestOf } from '#nodes/files/manifest.ts';
import { metainfoOf, printTorrent } from '#nodes/wire/metainfo.ts';
import { type Running, withProcesses } from '../running.ts';
import { content, inDirectory } from '../temporary.ts';

const test = suite('nodes/client/triggers');
const portBase = 30_000 + (process.pid % 5000) * 4;

interface World {
  directory: string;
  torrent: string;
  url: string;
  start(given: string[]): Running;
  seed(port: number, rate: string, more?: string[]): Running;
  /** A client that may use HTTP from one relay. */
  client(settings: string[], more: string[]): Running;
}

async function world(sizeBytes: number, work: (world: World) => Promise<void>): Promise<void> {
  await inDirectory(async (directory) => {
    await withProcesses(async (start) => {
      const path = join(directory, 'a.bin');
      writeFileSync(path, content(sizeBytes));
      const torrent = `${path}.torrent`;
      writeFileSync(torrent, printTorrent(metainfoOf(await manifestOf(path, 65_536))));
      const server = start(['origin', directory, '--listen', '127.0.0.1:0']);
      const url = `${(await server.prints(/http:\S+/))[0]}a.bin`;
      await work({
        directory,
        torrent,
        url,
        start,
        seed(port, rate, more = []) {
          const where = ['--dir', directory, '--listen-peers', `127.0.0.1:${port}`];
          return start(['client', '--torrent', torrent, ...where, '--seed', 'forever', '--upload-max', rate, ...more]);
        },
        client(settings, more) {
          const set = ['fallback.adaptive=false', ...settings].flatMap((setting) => ['--set', setting]);
          const where = ['--dir', join(directory, 'x'), '--record', join(directory, 'x'), '--relay', url];
          return start(['client', '--torrent', torrent, ...where, ...set, ...more]);
        },
      });
    });
  });
}

/** The reason is in the record, the file is right, and the record replays. */
async function check({ directory, start }: World, client: Running, reason: string): Promise<void> {
  is(await client.ended, 0, client.stderr);
  ok(readFileSync(join(directory, 'x/a.bin')).equals(readFileSync(join(directory, 'a.bin'))));
  const record = join(directory, 'x/a.bin.decisions');
  match(readFileSync(record, 'utf8'), new RegExp(`"kind":"fallback","reason":"${reason}"`));
  match(client.stdout, new RegExp(`HTTP helped: .*${reason} \\d+×`));
  const replayed = start(['replay', record]);
  is(await replayed.ended, 0, replayed.stdout);
}

test('slow: HTTP tops up, BitTorrent goes on, and HTTP stops when BitTorrent recovers', async () => {
  await world(16_000_000, async (made) => {
    const port = portBase;
    const listen = portBase + 1;
    made.seed(port, '100kB/s');
    const settings = ['fallback.triggers=[slow]', 'fallback.threshold=600kB/s', 'fallback.hold=2s'];
    const client = made.client(
      [...settings, 'fallback.closeHold=2s'],
      ['--peer', `127.0.0.1:${port}`, '--listen-peers', `127.0.0.1:${listen}`],
    );
    await client.prints(/HTTP helps.*"slow"/);
    made.seed(portBase + 2, '1500kB/s', ['--peer', `127.0.0.1:${listen}`]);
    await client.prints(/HTTP stops helping.*"recovered"/);
    await check(made, client, 'slow');
    const shares = /from peers [^,]*\((\d+) %\), relays [^,]*\((\d+) %\)/.exec(client.stdout)!;
    // Web seeds are relays here. It topped up: most came from peers.
    ok(Number(shares[1]) > Number(shares[2]), client.stdout);
    ok(Number(shares[2]) > 0, client.stdout);
  });
});

test('stalled: a peer that serves next to nothing', async () => {
  await world(3_000_000, async (made) => {
    made.seed(portBase, '1kB/s');
    const settings = ['fallback.triggers=[stalled]', 'fallback.stallPeriod=3s', 'fallback.stallProgress=5%'];
    const client = made.client(settings, ['--peer', `127.0.0.1:${portBase}`, '--listen-peers', '127.0.0.1:0']);
    await check(made, client, 'stalled');
  });
});

test('blocked: no handshake ever succeeds', async () => {
  await world(3_000_000, async (made) => {
    const settings = ['fallback.triggers=[blocked]', 'fallback.blockedAttempts=2'];
    const client = made.client(settings, ['--peer', '127.0.0.1:9', '--listen-peers', '127.0.0.1:0']);
    await check(made, client, 'blocked');
  });
});

test('overdue: over 150 % of the expected time', async () => {
  await world(3_000_000, async (made) => {
    made.seed(portBase, '50kB/s');
    const settings = ['fallback.triggers=[overdue]'];
    const client = made.client(settings, ['--expect', '3s', '--peer', `127.0.0.1:${portBase}`]);
    await check(made, client, 'overdue');
    const record = readFileSync(join(made.directory, 'x/a.bin.decisions'), 'utf8');
    match(record, /"reason":"overdue","tick":[5-9],/);
  });
});

test.run();
