// test-time-limit: 240s
/** No manifest, and something goes wrong: nobody ends with a file that the origin does not have. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { suite } from 'uvu';
import { equal, is, match, not, ok } from 'uvu/assert';
import { HashLog } from '#nodes/files/hash-log.ts';
import { until } from '../running.ts';
import { content } from '../temporary.ts';
import { type GrowingWorld, inGrowingWorld, isWhole } from './growing-world.ts';
import { lyingOrigin } from './lying-origin.ts';

const test = suite('nodes/growing/attacks');
const bytes = content(24_000_000);
const pieceLength = 1024 * 1024;

/** Everything of the file that lies in the directory. */
function remains(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => /a\.bin/.test(name));
}

async function heldBytes(relay: { stdout: string }): Promise<number> {
  const [url] = /http:\S+/.exec(relay.stdout)!;
  return Number(/held_bytes (\d+)/.exec(await (await fetch(`${url}/metrics`)).text())![1]);
}

/** Control says why it gave the task up, and nobody keeps anything. */
async function abandoned(world: GrowingWorld, task: string, why: RegExp, nodes: string[]): Promise<void> {
  await until('control gives it up', async () => (await world.task(task)).state === 'cancelled', 40_000);
  match(String((await world.task(task)).problem), why);
  for (const node of nodes) await until(`${node} keeps nothing`, () => remains(world.of(node)).length === 0);
}

test('the origin has another file in the middle of the pull: the epoch is dead, nothing of it is kept', async () => {
  await inGrowingWorld(bytes, async (world) => {
    const relay = await world.node('relay', 'r1');
    await world.node('client', 'c1');
    await world.connected(2);
    const task = await world.publish();
    await until('the relay has pulled some', async () => (await heldBytes(relay)) > 4_000_000);
    writeFileSync(world.path, content(bytes.length, 2));
    await abandoned(world, task, /changed at its origin/, ['r1', 'c1']);
    const status = world.start(['status', task, '--watch', '--control', world.control.url], {
      SLUICE_TOKEN: world.control.token,
    });
    is(await status.ended, 1, status.stdout);
  });
});

test('a relay signs what the origin does not have: control finds it, and nobody commits', async () => {
  const origin = await lyingOrigin(bytes, 'once');
  try {
    await inGrowingWorld(
      bytes,
      async (world) => {
        await world.node('relay', 'r1');
        await world.node('client', 'c1');
        await world.connected(2);
        const task = await world.publish();
        await abandoned(world, task, /signed pieces that the origin does not have/, ['r1', 'c1']);
      },
      { originUrl: async () => origin.url },
    );
  } finally {
    origin.close();
  }
});

test('control is lied to as well: with a digest nobody commits', async () => {
  const origin = await lyingOrigin(bytes, 'always');
  try {
    await inGrowingWorld(
      bytes,
      async (world) => {
        const relay = await world.node('relay', 'r1');
        const client = await world.node('client', 'c1');
        await world.connected(2);
        const sha256 = createHash('sha256').update(bytes).digest('hex');
        const task = await world.publish({ sha256, distribution: { retries: 0 } });
        await relay.prints(/not the one with SHA-256/, 60_000);
        await client.prints(/not the one with SHA-256/, 60_000);
        await until('control counts it as failed', async () => (await world.task(task)).clients.failed === 1);
        for (const node of ['r1', 'c1']) {
          not.ok(
            remains(world.of(node)).some((name) => name.endsWith('a.bin')),
            `${node} has committed`,
          );
        }
      },
      { originUrl: async () => origin.url, bandwidth: '8MB/s' },
    );
  } finally {
    origin.close();
  }
});

test('a relay crashes between signing and sending: its chain goes on where it was', async () => {
  await inGrowingWorld(bytes, async (world) => {
    const relay = await world.node('relay', 'r1');
    await world.connected(1);
    const task = await world.publish();
    await until('it has pulled some', async () => (await heldBytes(relay)) > 4_000_000);
    // Without control nobody hears what it signs; it goes on for as long as its lease lasts.
    await world.control.stop('SIGKILL');
    const before = await heldBytes(relay);
    await until('it has pulled more', async () => (await heldBytes(relay)) > before + 2 * pieceLength);
    await relay.stop('SIGKILL');
    const stored = new DatabaseSync(join(world.control.directory, 'control.sqlite'), { readOnly: true });
    const [{ count, swarm }] = stored.prepare('SELECT COUNT(*) AS count, swarm FROM hash_batches').all() as [
      { count: number; swarm: string },
    ];
    stored.close();
    const log = await HashLog.open(join(world.of('r1'), task, 'a.bin'), Buffer.from(swarm, 'hex'), true);
    const signed = log.batches.length;
    await log.close();
    ok(signed > count, `${signed} batches are signed, and control has ${count}`);
    await world.control.start();
    await world.node('relay', 'r1');
    await world.node('client', 'c1');
    await until('the client has the file', () => isWhole(join(world.of('c1'), 'a.bin'), bytes), 60_000);
    equal(world.control.log.match(/hashes were refused|does not have/g), null);
    // What was not flushed is pulled again: two seconds of it, and pieces that were begun.
    const sentBytes = await world.sentByOrigin();
    ok(sentBytes < bytes.length + 14 * pieceLength, `${sentBytes} bytes left the origin`);
  });
});

test('two relays pull disjoint parts and exchange them', async () => {
  await inGrowingWorld(
    bytes,
    async (world) => {
      await world.node('relay', 'r1');
      await world.node('relay', 'r2');
      await Promise.all(['c1', 'c2'].map((name) => world.node('client', name)));
      await world.connected(4);
      const task = await world.publish({ policy: { extends: 'hybrid', relay: { choice: 'load' } } });
      for (const name of ['c1', 'c2']) {
        await until(`${name} has the file`, () => isWhole(join(world.of(name), 'a.bin'), bytes), 60_000);
      }
      await until('the relays have it', async () => {
        const { relays } = (await world.control.ask('GET', `/api/tasks/${task}/report`)).body;
        return relays.every(
          ({ received }: { received: Record<string, number> | null }) =>
            received !== null && received.origin! + received.relay! >= bytes.length,
        );
      });
      const { relays } = (await world.control.ask('GET', `/api/tasks/${task}/report`)).body;
      is(relays.length, 2);
      const pulled = relays.map(({ received }: { received: Record<string, number> }) => received.origin!);
      is(pulled[0] + pulled[1], bytes.length, 'each byte once');
      ok(Math.min(...pulled) > bytes.length / 3, `${pulled} bytes each`);
      ok((await world.sentByOrigin()) < bytes.length * 1.01 + 2 * pieceLength);
    },
    { connections: 4 },
  );
});

test.run();
