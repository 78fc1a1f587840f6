// test-time-limit: 120s
/** A relay among strangers: TLS for files and tracker, a bound for each address, and a disk that is full. */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import { is, match, ok } from 'uvu/assert';
import { manifestOf, printManifest } from '#nodes/files/manifest.ts';
import { httpServer, listen } from '#nodes/http/http-service.ts';
import { inWorld } from '../control/control-world.ts';
import { until, withProcesses } from '../running.ts';
import { content, inDirectory } from '../temporary.ts';

const test = suite('nodes/relay: hostile');
const bytes = content(3_000_000);

function certificate(directory: string): { key: string; certificate: string } {
  const [key, certificate] = [join(directory, 'key.pem'), join(directory, 'certificate.pem')];
  const made = spawnSync('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-keyout', key, '-out', certificate, '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'],
  ]);
  is(made.status, 0, String(made.stderr ?? made.error));
  return { key, certificate };
}

test('over TLS: files, tracker and reach, for those who trust the certificate', () =>
  inDirectory(async (directory) => {
    await withProcesses(async (start) => {
      const path = join(directory, 'a.bin');
      writeFileSync(path, bytes);
      writeFileSync(`${path}.manifest`, printManifest(await manifestOf(path, 65_536)));
      const origin = start(['origin', directory, '--listen', '127.0.0.1:0']);
      const [url] = await origin.prints(/http:\S+(?=\/)/);
      const tls = certificate(directory);
      const given = ['--pull', `${url}/a.bin`, '--manifest', `${path}.manifest`, '--dir', join(directory, 'relay')];
      const secure = ['--tls-key', tls.key, '--tls-certificate', tls.certificate];
      const relay = start(['relay', ...given, ...secure, '--listen', '127.0.0.1:0', '--listen-peers', '127.0.0.1:0']);
      const [file] = await relay.prints(/^https:\S+\/files\/file$/m);
      const [magnet] = await relay.prints(/magnet:\S+/);
      match(magnet!, /tr=https%3A/);
      const client = (name: string, more: string[]) =>
        start(['client', '--dir', join(directory, name), '--listen-peers', '127.0.0.1:0', '--json', ...more]);
      // The tracker alone names the relay; then the file comes from it over TLS alone.
      const peers = magnet!.replace(/&x\.pe=[^&]*/, '');
      const swarm = client('swarm', ['--authority', tls.certificate, '--magnet', peers]);
      is(await swarm.ended, 0, swarm.stderr);
      const http = client('http', [
        ...['--authority', tls.certificate, '--manifest', `${path}.manifest`, '--relay', file!, '--blocked'],
      ]);
      is(await http.ended, 0, http.stderr);
      for (const name of ['swarm', 'http']) ok(readFileSync(join(directory, name, 'a.bin')).equals(bytes));
      is(JSON.parse(http.stdout).counts.received.relay >= bytes.length, true, http.stdout);
      const stranger = client('stranger', ['--manifest', `${path}.manifest`, '--relay', file!, '--blocked']);
      await stranger.prints(/self-signed certificate|unable to verify/);
    });
  }));

test('one address has so many connections and no more', async () => {
  const server = httpServer(async (_, response) => void response.end('ok'), { connectionsPerAddress: 5 });
  const { port } = await listen(server, { host: '127.0.0.1', port: 0 });
  const sockets: Socket[] = [];
  let closed = 0;
  for (let index = 0; index < 12; index++) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {}).on('close', () => closed++);
    sockets.push(socket);
  }
  await until('the others are closed', () => closed === 7);
  sockets[0]!.destroy();
  for (const socket of sockets) if (!socket.destroyed) socket.destroy();
  await until('all are closed', () => closed === 12);
  is(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'ok');
  server.closeAllConnections();
  server.close();
});

test('a disk fills while a relay pulls: it says so, stays up, and the client has the file all the same', async () => {
  await inDirectory(async (directory) => {
    const disk = join(directory, 'disk');
    spawnSync('mkdir', [disk]);
    // A privilege that not every machine gives; the store's own test needs none.
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=300m', 'tmpfs', disk]).status !== 0) return;
    try {
      await withProcesses(async (start) => {
        writeFileSync(join(directory, 'a.bin'), bytes);
        const origin = start(['origin', directory, '--listen', '127.0.0.1:0']);
        const [url] = await origin.prints(/http:\S+(?=\/)/);
        await inWorld(
          async (world) => {
            const contract = { connections: 4, bandwidth: '600000B/s', burst: '256KiB' };
            is((await world.ask('PUT', '/api/origins/main', { url, contract })).status, 200);
            const run = async (role: 'relay' | 'client', where: string, more: string[]) => {
              const given = [role, '--control', world.url, '--dir', where, '--listen-peers', '127.0.0.1:0', ...more];
              return start(given, { SLUICE_TOKEN: await world.enrol(role, `${role}-1`) });
            };
            const relay = await run('relay', join(disk, 'relay'), ['--listen', '127.0.0.1:0']);
            const client = await run('client', join(directory, 'client'), []);
            await until('both are connected', async () => {
              const { nodes } = (await world.ask('GET', '/api/state')).body;
              return nodes.every(({ connected }: { connected: number }) => connected === 1);
            });
            const published = await world.ask('POST', '/api/tasks', { url: `${url}/a.bin`, manifest: 'none' });
            is(published.status, 201, JSON.stringify(published.body));
            const held = async () => (await world.ask('GET', '/api/state')).body.tasks[0]?.originToRelayBytes ?? 0;
            await until('it has begun', async () => (await held()) > 0);
            const full = spawnSync('dd', ['if=/dev/zero', `of=${join(disk, 'fill')}`, 'bs=1M', 'count=400']);
            is(full.error, undefined);
            await relay.prints(/no space left|ENOSPC/i);
            is(relay.child.exitCode, null, 'it stays up');
            rmSync(join(disk, 'fill'));
            const isWhole = () => {
              try {
                return readFileSync(join(directory, 'client/a.bin')).equals(bytes);
              } catch {
                return false;
              }
            };
            await until('the client has the file all the same', isWhole, 60_000).catch((error: Error) => {
              throw new Error(`${error.message}\n${relay.stderr}\n${client.stderr}`);
            });
          },
          ['--lease', '2s', '--report-every', '1s'],
        );
      });
    } finally {
      spawnSync('umount', [disk]);
    }
  });
});

test.run();
