// test-time-limit: 240s
/** No manifest and several relays: one that lies, one that is gone for good. */
import { join } from 'node:path';
import { suite } from 'uvu';
import { match, ok } from 'uvu/assert';
import { until } from '../running.ts';
import { content } from '../temporary.ts';
import { inGrowingWorld, isWhole } from './growing-world.ts';
import { lyingOrigin } from './lying-origin.ts';

const test = suite('nodes/growing/relays');
const bytes = content(24_000_000);
const byLoad = { policy: { extends: 'hybrid', relay: { choice: 'load' } } };

test('one relay was lied to: the other begins again without it, and everybody ends with the file', async () => {
  const origin = await lyingOrigin(bytes, 'once');
  try {
    await inGrowingWorld(
      bytes,
      async (world) => {
        for (const name of ['r1', 'r2']) await world.node('relay', name);
        for (const name of ['c1', 'c2']) await world.node('client', name);
        await world.connected(4);
        await world.publish(byLoad);
        for (const name of ['c1', 'c2']) {
          await until(`${name} has the file`, () => isWhole(join(world.of(name), 'a.bin'), bytes), 90_000);
        }
        match(world.control.log, /a relay signed a piece that the origin does not have/);
      },
      { originUrl: async () => origin.url, connections: 4 },
    );
  } finally {
    origin.close();
  }
});

test('a relay is gone for good: another pulls and signs its part', async () => {
  await inGrowingWorld(
    bytes,
    async (world) => {
      const first = await world.node('relay', 'r1');
      await world.node('relay', 'r2');
      for (const name of ['c1', 'c2']) await world.node('client', name);
      await world.connected(4);
      await world.publish(byLoad);
      await until('both sign', () => (world.control.log.match(/a relay signs hashes/g) ?? []).length === 2);
      await new Promise((resolve) => setTimeout(resolve, 1500));
      await first.stop('SIGKILL');
      for (const name of ['c1', 'c2']) {
        await until(`${name} has the file`, () => isWhole(join(world.of(name), 'a.bin'), bytes), 90_000);
      }
      ok((world.control.log.match(/a relay signs hashes/g) ?? []).length >= 3, 'the part was given to the other');
    },
    { connections: 4 },
  );
});

test.run();
