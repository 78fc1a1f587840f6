// test-time-limit: 120s
/** Control is away: a relay goes on at the part of the contract that was set aside for it, and no faster (M31). */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import { is, ok } from 'uvu/assert';
import type { Audit } from '#nodes/http/connection-limits.ts';
import { auditPath } from '#nodes/origin/origin-server.ts';
import { inWorld } from '../control/control-world.ts';
import { until, withProcesses } from '../running.ts';
import { content, inDirectory } from '../temporary.ts';

const test = suite('nodes/relay/safe-share');
const bytes = content(12_000_000);
/** A twentieth of the contract below, for two relays. */
const part = { connections: 1, bytesPerSecond: 50_000, burstBytes: 50_000 };

test('without control a relay takes its part, and with it again the whole lease', async () => {
  await inDirectory(async (directory) => {
    await withProcesses(async (start) => {
      writeFileSync(join(directory, 'a.bin'), bytes);
      const [origin] = await start(['origin', directory, '--listen', '127.0.0.1:0']).prints(/http:\S+(?=\/)/);
      const audit = async () => (await (await fetch(`${origin}${auditPath}`)).json()) as Audit;
      await inWorld(
        async (world) => {
          const contract = { connections: 40, bandwidth: '2MB/s', burst: '2MB' };
          is((await world.ask('PUT', '/api/origins/main', { url: origin, contract })).status, 200);
          const where = ['--dir', join(directory, 'r1'), '--control', world.url, '--listen', '127.0.0.1:0'];
          const relay = start(['relay', ...where, '--listen-peers', '127.0.0.1:0'], {
            SLUICE_TOKEN: await world.enrol('relay', 'r1'),
          });
          await relay.prints(/http:\S+/);
          await until(
            'it is connected',
            async () => (await world.ask('GET', '/api/nodes')).body[0]?.connected === true,
          );
          const published = await world.ask('POST', '/api/tasks', { url: `${origin}/a.bin`, manifest: 'none' });
          is(published.status, 201, JSON.stringify(published.body));
          await until('it pulls', async () => (await audit()).sentBytes > 2_000_000);
          await world.stop('SIGKILL');
          // Until its lease has lapsed, and what was under way has ended.
          await new Promise((resolve) => setTimeout(resolve, 4000));
          const [first, startedAt] = [await audit(), performance.now()];
          ok(first.sentBytes < 0.9 * bytes.length, 'there is something left to pull');
          await new Promise((resolve) => setTimeout(resolve, 6000));
          const [second, seconds] = [await audit(), (performance.now() - startedAt) / 1000];
          const taken = second.sentBytes - first.sentBytes;
          ok(taken > 0.3 * part.bytesPerSecond * seconds, `it goes on: ${taken} bytes in ${seconds} s`);
          // Some hundred bytes of heads for each answer are not payload.
          const most = (part.bytesPerSecond * seconds + part.burstBytes) * 1.02;
          ok(taken <= most, `${taken} bytes in ${seconds} s, ${most} are its part`);
          ok(second.connections <= part.connections + 1, `${second.connections} connections, one of them this audit's`);
          await world.start();
          await until('it has all of it', async () => (await audit()).sentBytes >= bytes.length, 40_000);
          const { task } = published.body;
          await until('under its name', async () => {
            try {
              return readFileSync(join(directory, 'r1', task, 'a.bin')).equals(bytes);
            } catch {
              return false;
            }
          });
        },
        ['--lease', '2s', '--safe-relays', '2', '--report-every', '1s'],
      );
    });
  });
});

test.run();
