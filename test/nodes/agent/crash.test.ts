// test-time-limit: 120s
/** Nodes under control that are killed in the middle: they come back and go on with what was verified. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import { is, ok } from 'uvu/assert';
import { manifestOf, printManifest } from '#nodes/files/manifest.ts';
import type { Audit } from '#nodes/http/connection-limits.ts';
import { auditPath } from '#nodes/origin/origin-server.ts';
import { freePort, inWorld } from '../control/control-world.ts';
import { type Running, until, withProcesses } from '../running.ts';
import { content, inDirectory } from '../temporary.ts';

const test = suite('nodes/agent');
const bytes = content(8_000_000);

function isWhole(path: string): boolean {
  try {
    return readFileSync(path).equals(bytes);
  } catch {
    return false;
  }
}

test('relay and client are killed while they work; the task still completes', async () => {
  await inDirectory(async (directory) => {
    await withProcesses(async (start) => {
      const path = join(directory, 'a.bin');
      writeFileSync(path, bytes);
      writeFileSync(`${path}.manifest`, printManifest(await manifestOf(path, 65_536)));
      const server = start(['origin', directory, '--listen', '127.0.0.1:0']);
      const [origin] = await server.prints(/http:\S+(?=\/)/);
      await inWorld(
        async (world) => {
          const contract = { connections: 4, bandwidth: '1MB/s', burst: '512KiB' };
          is((await world.ask('PUT', '/api/origins/main', { url: origin, contract })).status, 200);
          const http = `127.0.0.1:${await freePort()}`;
          const peers = `127.0.0.1:${await freePort()}`;
          const tokens = { relay: await world.enrol('relay', 'r1'), client: await world.enrol('client', 'c1') };
          const run = (role: 'relay' | 'client', more: string[]): Running =>
            start([role, '--control', world.url, '--dir', join(directory, role), '--listen-peers', ...more], {
              SLUICE_TOKEN: tokens[role],
            });
          const runRelay = () => run('relay', [peers, '--listen', http]);
          const runClient = () => run('client', ['127.0.0.1:0']);
          const [relay, client] = [runRelay(), runClient()];
          await until('both are connected', async () => {
            const { nodes } = (await world.ask('GET', '/api/state')).body;
            return nodes.every(({ connected }: { connected: number }) => connected === 1);
          });
          const published = await world.ask('POST', '/api/tasks', { url: `${origin}/a.bin` });
          is(published.status, 201, JSON.stringify(published.body));
          const held = async () =>
            Number(/held_bytes (\d+)/.exec(await (await fetch(`http://${http}/metrics`)).text())![1]);
          await until('the relay has pulled some', async () => (await held()) > 2_500_000, 60_000);
          await Promise.all([relay.stop('SIGKILL'), client.stop('SIGKILL')]);
          const again = [runRelay(), runClient()];
          await until('the client has the file', () => isWhole(join(directory, 'client/a.bin')), 60_000);
          const audit = (await (await fetch(`${origin}${auditPath}`)).json()) as Audit;
          // Once more comes at most what was not flushed within two seconds, and the manifest.
          ok(audit.sentBytes < bytes.length + 3_500_000, `${audit.sentBytes} bytes left the origin`);
          await again[1]!.prints(/network as relays see it","nat":"none","reachable":true/);
          for (const running of again) is(await running.stop(), 0, running.stderr);
        },
        ['--lease', '2s', '--report-every', '1s'],
      );
    });
  });
});

test.run();
