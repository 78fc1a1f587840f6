// test-time-limit: 120s
/** Several relays of one task share the pull; one whose disk budget is used up makes room, or says that it cannot. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import { is, match, ok } from 'uvu/assert';
import { manifestOf, printManifest } from '#nodes/files/manifest.ts';
import type { Audit } from '#nodes/http/connection-limits.ts';
import { auditPath } from '#nodes/origin/origin-server.ts';
import { type ControlWorld, inWorld } from '../control/control-world.ts';
import { type Running, until, withProcesses } from '../running.ts';
import { content, inDirectory } from '../temporary.ts';

const test = suite('nodes/relay/several');
const files = { 'a.bin': content(6_000_000, 1), 'b.bin': content(6_000_000, 2) };

interface Stage {
  world: ControlWorld;
  directory: string;
  origin: string;
  node(role: 'relay' | 'client', name: string, more?: string[]): Promise<Running>;
  publish(name: keyof typeof files): Promise<string>;
}

async function onStage(work: (stage: Stage) => Promise<void>): Promise<void> {
  await inDirectory(async (directory) => {
    await withProcesses(async (start) => {
      const served = join(directory, 'files');
      mkdirSync(served);
      for (const [name, bytes] of Object.entries(files)) {
        const path = join(served, name);
        writeFileSync(path, bytes);
        writeFileSync(`${path}.manifest`, printManifest(await manifestOf(path, 65_536)));
      }
      const [origin] = await start(['origin', served, '--listen', '127.0.0.1:0']).prints(/http:\S+(?=\/)/);
      await inWorld(
        async (world) => {
          const contract = { connections: 8, bandwidth: '80Mbps', burst: '1MB' };
          await world.ask('PUT', '/api/origins/main', { url: origin, contract });
          await work({
            world,
            directory,
            origin: origin!,
            async node(role, name, more = []) {
              const where = ['--dir', join(directory, name), '--control', world.url, '--listen-peers', '127.0.0.1:0'];
              const listens = role === 'relay' ? ['--listen', '127.0.0.1:0'] : [];
              const environment = { SLUICE_TOKEN: await world.enrol(role, name) };
              const running = start([role, ...where, ...listens, ...more], environment);
              await until(`${name} is connected`, async () =>
                (await world.ask('GET', '/api/nodes')).body.some(
                  (one: { node: string; connected: boolean }) => one.node === name && one.connected,
                ),
              );
              return running;
            },
            async publish(name) {
              const { status, body } = await world.ask('POST', '/api/tasks', { url: `${origin}/${name}` });
              is(status, 201, JSON.stringify(body));
              return body.task;
            },
          });
        },
        ['--report-every', '1s'],
      );
    });
  });
}

const isComplete = async (world: ControlWorld, task: string) =>
  (await world.ask('GET', `/api/tasks/${task}`)).body.state === 'complete';

test('several relays: each pulls its part, and the origin sends the file about once', () =>
  onStage(async ({ world, directory, origin, node, publish }) => {
    const relays = ['r1', 'r2', 'r3'];
    for (const name of relays) await node('relay', name);
    for (const name of ['c1', 'c2']) await node('client', name);
    const task = await publish('a.bin');
    await until('everybody has it', () => isComplete(world, task), 60_000);
    for (const name of ['c1', 'c2']) ok(readFileSync(join(directory, name, 'a.bin')).equals(files['a.bin']));
    const { sentBytes } = (await (await fetch(`${origin}${auditPath}`)).json()) as Audit;
    // Control reads the manifest; a piece may be asked for by two who cannot know of each other yet.
    ok(sentBytes < 1.35 * files['a.bin'].length, `the origin sent ${sentBytes} bytes of ${files['a.bin'].length}`);
    const { relays: used, originToRelayBytes } = (await world.ask('GET', `/api/tasks/${task}`)).body;
    ok(
      used >= 2 && originToRelayBytes > 0.9 * files['a.bin'].length,
      `${used} relays pulled ${originToRelayBytes} bytes`,
    );
  }));

test('a relay makes room by what everybody has, and refuses what does not fit', () =>
  onStage(async ({ world, directory, node, publish }) => {
    const relay = await node('relay', 'r1', ['--disk-budget', '8MB']);
    const client = await node('client', 'c1');
    const first = await publish('a.bin');
    await until('the first is done', () => isComplete(world, first), 60_000);
    ok(existsSync(join(directory, 'r1', first)));
    const second = await publish('b.bin');
    await until('the second is done', () => isComplete(world, second), 60_000);
    ok(readFileSync(join(directory, 'c1', 'b.bin')).equals(files['b.bin']), client.stderr);
    await relay.prints(/"msg":"evicted, to make room"/);
    ok(!existsSync(join(directory, 'r1', first)), 'the first is gone');
    ok(existsSync(join(directory, 'r1', second)));
    const small = await node('relay', 'r2', ['--disk-budget', '1MB']);
    await relay.stop();
    await until('the first relay is gone', async () => (await world.ask('GET', '/api/state')).body.relays.length === 2);
    await publish('a.bin');
    await small.prints(/there is no room for 6000000 bytes/);
    match(world.log, /a relay refuses its task/);
  }));

test.run();
