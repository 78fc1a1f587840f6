// test-time-limit: 180s
/** Control may end at any moment: no task is lost, none is half there, nobody is told twice what he holds. */

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { auditLedger } from '#core/quota/ledger.ts';
import { LedgerStore } from '#nodes/store/ledger-store.ts';
import { openNodeSqlite } from '#nodes/store/node-sqlite-database.ts';
import { type ControlWorld, CountingOrigin, inWorld, TestNode, until } from './control-world.ts';

const restart = suite('control: restart');
const sizeBytes = 10_000_000;

async function inReadyWorld(work: (world: ControlWorld, url: string) => Promise<void>): Promise<void> {
  const origin = new CountingOrigin(sizeBytes);
  const url = await origin.listen();
  try {
    await inWorld(async (world) => {
      await world.ask('PUT', '/api/origins/main', { url, contract: { connections: 8, bandwidth: '800Mbps' } });
      await work(world, `${url}/file.bin`);
    });
  } finally {
    origin.close();
  }
}

async function publish(world: ControlWorld, url: string, key: string): Promise<string | undefined> {
  const answer = await fetch(`${world.url}/api/tasks`, {
    method: 'POST',
    headers: { authorization: `Bearer ${world.token}`, 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify({ url }),
  });
  assert.is(answer.status, 201);
  return ((await answer.json()) as { task: string }).task;
}

restart('killed ten times while it takes instructions: each task is there whole and once, or was never confirmed', () =>
  inReadyWorld(async (world, url) => {
    for (const name of ['c1', 'c2', 'c3']) await world.enrol('client', name);
    const confirmed = new Map<string, string>();
    const asked: string[] = [];
    let unconfirmed = 0;
    for (let round = 0; round < 10; round++) {
      const keys = [0, 1, 2].map((index) => `key-${round}-${index}`);
      asked.push(...keys);
      const answers = Promise.allSettled(keys.map((key) => publish(world, url, key)));
      // Somewhere between before the first and after the last.
      await new Promise((done) => setTimeout(done, 15 * round));
      assert.is(await world.stop('SIGKILL'), 'SIGKILL');
      for (const [index, answer] of (await answers).entries()) {
        if (answer.status === 'fulfilled') confirmed.set(keys[index]!, answer.value!);
        else unconfirmed++;
      }
      await world.start();
    }
    console.log(`${confirmed.size} confirmed before a kill, ${unconfirmed} not`);
    assert.ok(unconfirmed > 0, 'some kill came in time');
    const before = new Set((await world.ask('GET', '/api/tasks')).body.map((task: { task: string }) => task.task));
    for (const task of confirmed.values()) assert.ok(before.has(task), `${task} was confirmed and is lost`);
    // Whoever got no answer asks again with the same key: he gets the task that is there, or a new one.
    const all = new Set<string>();
    for (const key of asked) {
      const task = await publish(world, url, key);
      if (confirmed.has(key)) assert.is(task, confirmed.get(key));
      all.add(task!);
    }
    const after: { task: string; clients: { total: number } }[] = (await world.ask('GET', '/api/tasks')).body;
    assert.is(all.size, asked.length);
    assert.is(after.length, asked.length, 'no task twice');
    for (const { clients } of after) assert.is(clients.total, 3, 'each with all of its rows');
    await world.stop('SIGTERM');
    const database = new DatabaseSync(join(world.directory, 'control.sqlite'));
    const rows = database
      .prepare('SELECT COUNT(*) AS count, COUNT(DISTINCT holder) AS holders FROM client_tasks')
      .get();
    assert.equal({ ...rows }, { count: 3 * asked.length, holders: 3 * asked.length });
    database.close();
  }),
);

restart('a node that holds everything is told nothing again; what changed meanwhile, once', () =>
  inReadyWorld(async (world, url) => {
    const client = new TestNode(world.url, 'client', 'c1', await world.enrol('client', 'c1'));
    const task = (await world.ask('POST', '/api/tasks', { url })).body.task;
    await until('it is told', () => client.assignments.has(task));
    client.report(task, { verifiedBytes: 5_000_000, received: { origin: 0, relay: 5_000_000, peer: 0 } });
    await until(
      'the report is seen',
      async () => (await world.ask('GET', `/api/tasks/${task}`)).body.verifiedBytes > 0,
    );
    const tasksTold = () => client.messages.filter(({ kind }) => kind === 'task').length;
    assert.is(await world.stop('SIGTERM'), 0, 'an orderly end');
    await world.start();
    const { body: kept } = await world.ask('GET', `/api/tasks/${task}`);
    assert.is(kept.verifiedBytes, 5_000_000, 'what was reported is kept over an orderly end');
    await until('the node is back', () => client.link.isOpen, 30_000);
    await new Promise((done) => setTimeout(done, 500));
    assert.is(tasksTold(), 1);
    await world.ask('POST', `/api/tasks/${task}/pause`);
    assert.is(await world.stop('SIGKILL'), 'SIGKILL', 'right after the answer');
    await world.start();
    assert.is((await world.ask('GET', `/api/tasks/${task}`)).body.state, 'paused', 'an answered pause is kept');
    await until('it is told of the pause', () => client.assignments.get(task)!.state === 'paused', 30_000);
    await until('the node is back', () => client.link.isOpen, 30_000);
    client.link.close();
  }),
);

restart('a second control on the same data ends the first, which then grants nothing', () =>
  inReadyWorld(async (world, url) => {
    await world.ask('POST', '/api/tasks', { url });
    const database = await openNodeSqlite(join(world.directory, 'control.sqlite'));
    // The signal changes nothing: it is the end that is awaited.
    const ended = world.stop('SIGCONT');
    const state = await new LedgerStore(database, 1).takeOver();
    assert.is(await ended, 1);
    assert.match(world.log, /another control server has taken over the ledger/);
    assert.equal(auditLedger(state), []);
    await database.close();
  }),
);

restart('the ledger adds up after a kill', () =>
  inReadyWorld(async (world, url) => {
    for (let index = 0; index < 3; index++) await world.ask('POST', '/api/tasks', { url });
    await world.stop('SIGKILL');
    const database = await openNodeSqlite(join(world.directory, 'control.sqlite'));
    const state = await new LedgerStore(database, 1).takeOver();
    assert.ok(state.totals.grantedBytes > 0, 'control looked at the file under a lease');
    assert.equal(auditLedger(state), []);
    await database.close();
  }),
);

restart('a start on a port in use takes nothing away from who runs there', () =>
  inReadyWorld(async (world) => {
    let message = '';
    try {
      await world.start();
    } catch (error) {
      message = String(error);
    }
    assert.match(message, /EADDRINUSE/);
    assert.is((await world.ask('GET', '/readyz')).status, 200);
    await new Promise((done) => setTimeout(done, 1500));
    assert.is((await world.ask('GET', '/api/tasks')).status, 200);
  }),
);

restart.run();
