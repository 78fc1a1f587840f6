// test-time-limit: 120s
/** Clients as processes: a swarm among themselves, resumption after a crash, hooks, and records that replay. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import { equal, is, match, ok } from 'uvu/assert';
import { manifestOf, printManifest } from '#nodes/files/manifest.ts';
import { metainfoOf, printMagnet, printTorrent } from '#nodes/wire/metainfo.ts';
import { until, withProcesses } from '../running.ts';
import { content, inDirectory } from '../temporary.ts';

const test = suite('nodes/client/download');

/** A file with its torrent and its manifest in `directory/seed`. */
async function published(directory: string, bytes: Buffer, pieceLength = 65_536) {
  const path = join(directory, 'a.bin');
  writeFileSync(path, bytes);
  const manifest = await manifestOf(path, pieceLength);
  const metainfo = metainfoOf(manifest);
  writeFileSync(`${path}.torrent`, printTorrent(metainfo));
  writeFileSync(`${path}.manifest`, printManifest(manifest));
  const magnet = { infoHash: metainfo.infoHash, name: 'a.bin', trackers: [], webSeeds: [], peers: [] };
  return { path, torrent: `${path}.torrent`, magnet: printMagnet(magnet) };
}

const port = 20_000 + (process.pid % 10_000);
const bytes = content(5_000_000);

test('a seed, a torrent, a magnet: all have the file, and each record replays identical', async () => {
  await inDirectory(async (directory) => {
    await withProcesses(async (start) => {
      const { torrent, magnet } = await published(directory, bytes);
      const seed = ['client', '--torrent', torrent, '--dir', directory, '--seed', 'forever'];
      start([...seed, '--listen-peers', `127.0.0.1:${port}`]);
      const leech = (name: string, source: string[]) => {
        const record = ['--record', join(directory, name)];
        const options = ['--dir', join(directory, name), '--listen-peers', '127.0.0.1:0', '--json', ...record];
        return start(['client', ...source, '--peer', `127.0.0.1:${port}`, ...options]);
      };
      const both = [leech('one', ['--torrent', torrent]), leech('two', ['--magnet', magnet])];
      for (const [index, name] of ['one', 'two'].entries()) {
        is(await both[index]!.ended, 0, both[index]!.stderr);
        ok(readFileSync(join(directory, name, 'a.bin')).equals(bytes));
        const said = JSON.parse(both[index]!.stdout);
        is(said.counts.received.origin, 0);
        is(said.counts.received.peer - said.counts.duplicateBytes, bytes.length);
        is(existsSync(join(directory, name, 'a.bin.part')), false);
        const replayed = start(['replay', join(directory, name, 'a.bin.decisions')]);
        is(await replayed.ended, 0, replayed.stdout);
        match(replayed.stdout, /^identical \(\d+ inputs, \d+ decisions\)/);
      }
    });
  });
});

test('a record that was tampered with does not replay', async () => {
  await inDirectory(async (directory) => {
    await withProcesses(async (start) => {
      const { torrent } = await published(directory, bytes);
      const seed = ['--seed', 'forever', '--listen-peers', `127.0.0.1:${port + 2}`];
      start(['client', '--torrent', torrent, '--dir', directory, ...seed]);
      const options = ['--dir', join(directory, 'x'), '--record', directory, '--listen-peers', '127.0.0.1:0'];
      const leech = start(['client', '--torrent', torrent, '--peer', `127.0.0.1:${port + 2}`, ...options]);
      is(await leech.ended, 0, leech.stderr);
      const path = join(directory, 'a.bin.decisions');
      const lines = readFileSync(path, 'utf8').split('\n');
      const asked = lines.findIndex((line) => line.includes('"reason":"rarest"'));
      lines[asked] = lines[asked]!.replace(/"piece":\d+/, '"piece":77777');
      writeFileSync(path, lines.join('\n'));
      const replayed = start(['replay', path]);
      is(await replayed.ended, 4);
      match(replayed.stdout, new RegExp(`different at line ${asked + 1}\\n`));
    });
  });
});

test('killed in the middle, it goes on with the pieces that are verified', async () => {
  await inDirectory(async (directory) => {
    await withProcesses(async (start) => {
      const { torrent } = await published(directory, bytes);
      const seed = ['--seed', 'forever', '--upload-max', '1MB/s', '--listen-peers', `127.0.0.1:${port + 3}`];
      start(['client', '--torrent', torrent, '--dir', directory, ...seed]);
      const options = ['--dir', join(directory, 'x'), '--listen-peers', '127.0.0.1:0', '--json'];
      const given = ['client', '--torrent', torrent, '--peer', `127.0.0.1:${port + 3}`, ...options];
      const first = start(given);
      const list = join(directory, 'x/a.bin.part.pieces');
      await until(
        'some pieces are listed',
        () => existsSync(list) && !/"pieces":"A+=*"/.test(readFileSync(list, 'utf8')),
      );
      await first.stop('SIGKILL');
      is(existsSync(join(directory, 'x/a.bin')), false);
      const second = start(given);
      is(await second.ended, 0, second.stderr);
      ok(readFileSync(join(directory, 'x/a.bin')).equals(bytes));
      const { peer } = JSON.parse(second.stdout).counts.received;
      ok(peer < bytes.length, `${peer} bytes again, of ${bytes.length}`);
    });
  });
});

test('a peer that sends wrong bytes is parted from, and nothing of it is kept', async () => {
  await inDirectory(async (directory) => {
    await withProcesses(async (start) => {
      const { torrent } = await published(directory, bytes);
      // libtorrent-like seeds trust their disk; ours verifies, so the liar is a file swapped under its feet.
      const seed = ['--seed', 'forever', '--listen-peers'];
      const liar = start(['client', '--torrent', torrent, '--dir', directory, ...seed, `127.0.0.1:${port + 4}`]);
      await liar.prints(/verified/);
      writeFileSync(join(directory, 'a.bin'), Buffer.alloc(bytes.length, 7));
      const options = [
        '--dir',
        join(directory, 'x'),
        '--listen-peers',
        '127.0.0.1:0',
        '--peer',
        `127.0.0.1:${port + 4}`,
      ];
      const client = start(['client', '--torrent', torrent, ...options]);
      await client.prints(/hash is wrong/);
      await client.stop();
      is(existsSync(join(directory, 'x/a.bin')), false);
      const { pieces } = JSON.parse(readFileSync(join(directory, 'x/a.bin.part.pieces'), 'utf8'));
      equal(
        Buffer.from(pieces, 'base64').every((byte) => byte === 0),
        true,
      );
    });
  });
});

test('the hook gets the path; usage and bad input have their exit codes', async () => {
  await inDirectory(async (directory) => {
    await withProcesses(async (start) => {
      const { torrent } = await published(directory, bytes);
      const hook = join(directory, 'hook.sh');
      writeFileSync(hook, `#!/bin/sh\necho "$1" > ${directory}/hooked\n`);
      chmodSync(hook, 0o755);
      const whole = start(['client', '--torrent', torrent, '--dir', directory, '--on-complete', hook]);
      is(await whole.ended, 0, whole.stderr);
      is(readFileSync(join(directory, 'hooked'), 'utf8').trim(), join(directory, 'a.bin'));
      const ends = async (code: number, said: RegExp, given: string[]) => {
        const running = start(['client', '--dir', join(directory, 'y'), ...given]);
        is(await running.ended, code, running.stderr);
        match(running.stderr, said);
      };
      writeFileSync(join(directory, 'bad'), 'd1:m-5:e');
      await ends(2, /--torrent, --magnet/, []);
      await ends(2, /no such file/, ['--torrent', join(directory, 'none')]);
      await ends(3, /not a torrent/, ['--torrent', join(directory, 'bad')]);
      await ends(3, /not a magnet link/, ['--magnet', 'http://x']);
      await ends(3, /fallback\.hold/, ['--torrent', torrent, '--set', 'fallback.hold=5 parsecs']);
    });
  });
});

test.run();
