/** The contract of the store, on every driver. */
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { LedgerEntry } from '#core/quota/ledger.ts';
import { readInstruction, readOrigin } from '#nodes/protocol/instruction.ts';
import type { Database } from '#nodes/store/database.ts';
import { LedgerStore } from '#nodes/store/ledger-store.ts';
import { openNodeSqlite } from '#nodes/store/node-sqlite-database.ts';
import type { TaskRecord } from '#nodes/store/records.ts';
import { openSqlite3 } from '#nodes/store/sqlite3-database.ts';
import { Store } from '#nodes/store/store.ts';

const drivers = { sqlite3: openSqlite3, 'node:sqlite': openNodeSqlite };
const large = Number.MAX_SAFE_INTEGER;

for (const [driver, open] of Object.entries(drivers)) {
  const store = suite(`store on ${driver}`);

  const inStore = (work: (store: Store, reopen: () => Promise<Store>, path: string) => Promise<void>) => async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sluice-store-'));
    const path = join(directory, 'control.sqlite');
    const opened: Store[] = [];
    const reopen = async () => {
      await opened.at(-1)?.close();
      opened.push(await Store.open(await open(path)));
      return opened.at(-1)!;
    };
    try {
      await work(await reopen(), reopen, path);
    } finally {
      await opened.at(-1)?.close();
      rmSync(directory, { recursive: true });
    }
  };

  store(
    'a transaction is whole or not at all, and what is read is committed',
    inStore(async ({ database }) => {
      const insert = 'INSERT INTO manifests (sha256, body) VALUES (?, ?)';
      let readMeanwhile = -1;
      const failed = database.transaction(async ({ run, all }) => {
        await run(insert, 'a', 'x');
        assert.is((await all('SELECT 1 FROM manifests')).length, 1);
        readMeanwhile = (await database.all('SELECT 1 FROM manifests')).length;
        throw new Error('planted');
      });
      await rejects(failed, /planted/);
      assert.is(readMeanwhile, 0);
      assert.is((await database.all('SELECT 1 FROM manifests')).length, 0);
      await rejects(
        database.transaction(async ({ run }) => {
          await run(insert, 'a', 'x');
          await run(insert, 'a', 'y');
        }),
        /UNIQUE|constraint/i,
      );
      assert.is((await database.all('SELECT 1 FROM manifests')).length, 0);
    }),
  );

  store(
    'transactions take turns, also after one that failed',
    inStore(async ({ database }) => {
      const order: string[] = [];
      const step = (name: string, fails = false) =>
        database.transaction(async ({ all }) => {
          order.push(`${name} begins`);
          await all('SELECT 1');
          await new Promise((done) => setTimeout(done, 5));
          order.push(`${name} ends`);
          if (fails) throw new Error('planted');
        });
      const results = await Promise.allSettled([step('a'), step('b', true), step('c')]);
      assert.equal(
        results.map(({ status }) => status),
        ['fulfilled', 'rejected', 'fulfilled'],
      );
      assert.equal(order, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
    }),
  );

  store(
    'whole numbers up to 2^53 come back as they went in',
    inStore(async ({ database }) => {
      const sql = 'INSERT INTO schema_steps (step) VALUES (?)';
      const numbers = [2 ** 31, 2 ** 32 + 1, 1_795_383_736_087, large];
      await database.transaction(async ({ run }) => {
        for (const number of numbers) await run(sql, number);
      });
      const rows = await database.all<{ step: number }>(
        'SELECT step FROM schema_steps WHERE step > 1000 ORDER BY step',
      );
      assert.equal(
        rows.map(({ step }) => step),
        numbers,
      );
    }),
  );

  store(
    'a task comes back whole, with its rows; a repeated key stores nothing',
    inStore(async (first, reopen) => {
      await addOriginAndNodes(first);
      const task = taskNamed('task-1');
      const relayTask = relayRow('task-1');
      const clientTask = clientRow('task-1');
      assert.is(await first.addTask(task, [relayTask], [clientTask], '{}'), 'task-1');
      const again = { ...taskNamed('task-2'), requestKey: 'key' };
      assert.is(await first.addTask(again, [], [], '{}'), 'task-1');
      const second = await reopen();
      assert.equal(await second.tasks(), [task]);
      assert.equal(await second.relayTasks(), [relayTask]);
      assert.equal(await second.clientTasks(), [clientTask]);
      assert.is(await second.manifest(task.manifest!), '{}');
    }),
  );

  store(
    'a task with a row that cannot be stored is not stored',
    inStore(async (first) => {
      await addOriginAndNodes(first);
      const stranger = { ...clientRow('task-1'), client: 'nobody' };
      await rejects(first.addTask(taskNamed('task-1'), [relayRow('task-1')], [stranger], '{}'), /FOREIGN|constraint/i);
      assert.equal(await first.tasks(), []);
      assert.equal(await first.relayTasks(), []);
      assert.is(await first.manifest('0'.repeat(64)), undefined);
    }),
  );

  store(
    'changes are upserts',
    inStore(async (first, reopen) => {
      await addOriginAndNodes(first);
      const task = taskNamed('task-1');
      await first.addTask(task, [], [clientRow('task-1')], '{}');
      const changed = { ...task, state: 'paused' as const, revision: 7 };
      const row = { ...clientRow('task-1'), relay: 'relay-1', revision: 3, releasedAtMilliseconds: 5 };
      await first.write({ tasks: [changed], nodes: [], relayTasks: [relayRow('task-1')], clientTasks: [row] });
      const second = await reopen();
      assert.equal(await second.tasks(), [changed]);
      assert.equal(await second.clientTasks(), [row]);
      assert.equal(await second.relayTasks(), [relayRow('task-1')]);
    }),
  );

  store(
    'tokens end by time, by use and by revocation; a name is enrolled once',
    inStore(async (first) => {
      const token = { hash: 'h', permits: 'view' as const, holder: 'eve', groups: [], expiresAtMilliseconds: 100 };
      await first.addToken(token, 0);
      assert.equal(await first.token('h', 99), token);
      assert.is(await first.token('h', 100), undefined);
      const fleet = { hash: 'f', permits: 'enrol-client' as const, holder: 'fleet', groups: ['g'], usesLeft: 1 };
      await first.addToken(fleet, 0);
      const node = (name: string) => ({ name, role: 'client' as const, groups: ['g'] });
      const own = (hash: string) => ({ hash, permits: 'client' as const, holder: hash, groups: [] });
      assert.ok(await first.enrol(node('a'), own('a'), 0, 'f'));
      assert.not(await first.enrol(node('b'), own('b'), 0, 'f'), 'used up');
      assert.not(await first.enrol(node('a'), own('c'), 0), 'taken');
      assert.is(await first.token('b', 0), undefined);
      assert.is(await first.revokeTokens('a', 1), 1);
      assert.is(await first.token('a', 2), undefined);
      assert.equal(
        (await first.nodes()).map(({ name }) => name),
        ['a'],
      );
    }),
  );

  store(
    'a later owner fences off the earlier one, and reads all that was promised',
    inStore(async ({ database }) => {
      const ledger = new LedgerStore(database, 1);
      const before = await ledger.takeOver();
      assert.is(before.epoch, 1);
      const entries = ledgerEntries();
      assert.ok(await ledger.write(1, entries));
      assert.ok(await ledger.write(1, entries), 'twice changes nothing');
      const after = await ledger.takeOver();
      assert.is(after.epoch, 2);
      assert.equal(after.holders, [holderRecord]);
      assert.equal(after.buckets, [{ window: 3_600_000, place: 4, bucket: 1234, bytes: large }]);
      assert.equal(after.totals, { grantedBytes: large, returnedBytes: 1, spentBytes: 2 });
      assert.is(after.ledgerMilliseconds, 17);
      assert.is(after.wallMilliseconds, 1_795_383_736_087);
      assert.not(await ledger.write(1, [{ kind: 'forget', holder: 5 }]));
      assert.is((await ledger.takeOver()).holders.length, 1);
    }),
  );

  store(
    'a ledger that replaces a lost one says so until it has settled',
    inStore(async ({ database }) => {
      const ledger = new LedgerStore(database, 9);
      const state = await ledger.takeOver(5000);
      assert.is(state.epoch, 5001);
      assert.ok(state.isReplacement);
      assert.ok((await ledger.takeOver()).isReplacement);
      assert.ok(await ledger.write(5002, [{ kind: 'settled' }]));
      assert.not((await ledger.takeOver()).isReplacement);
    }),
  );

  store(
    'a database of a later version is refused',
    inStore(async (first, _reopen, path) => {
      await first.database.transaction(async ({ run }) => {
        await run('INSERT INTO schema_steps (step) VALUES (?)', 99);
      });
      const database: Database = await open(path);
      await rejects(Store.open(database), /later version/);
      await database.close();
    }),
  );

  store.run();
}

const holderRecord = {
  holder: 5,
  account: 1_795_383_736_087,
  node: 3,
  number: 2,
  sequence: 9,
  spentBytes: 100,
  prepaidBytes: large,
  promises: [],
};

function ledgerEntries(): LedgerEntry[] {
  return [
    { kind: 'holder', record: holderRecord },
    { kind: 'holder', record: { ...holderRecord, holder: 6 } },
    { kind: 'forget', holder: 6 },
    { kind: 'bucket', window: 3_600_000, place: 4, bucket: 1114, bytes: 7 },
    { kind: 'bucket', window: 3_600_000, place: 4, bucket: 1234, bytes: large },
    { kind: 'totals', totals: { grantedBytes: large, returnedBytes: 1, spentBytes: 2 } },
    { kind: 'time', ledgerMilliseconds: 17, wallMilliseconds: 1_795_383_736_087 },
  ];
}

async function addOriginAndNodes(store: Store): Promise<void> {
  const { url, contract } = readOrigin({ url: 'http://origin.example' });
  await store.putOrigin('main', url, contract, false);
  for (const [name, role] of [
    ['relay-1', 'relay'],
    ['client-1', 'client'],
  ] as const) {
    await store.enrol({ name, role, groups: [] }, { hash: name, permits: role, holder: name, groups: [] }, 0);
  }
}

function taskNamed(id: string): TaskRecord {
  return {
    id,
    requestKey: 'key',
    origin: 'main',
    sharePosition: 0,
    manifest: '0'.repeat(64),
    infoHash: '0'.repeat(40),
    instruction: readInstruction({ url: 'http://origin.example/file' }),
    file: { name: 'file', url: 'http://origin.example/file', sizeBytes: large },
    estimate: { reason: 'source', originBytes: 1, relayBytes: 2, peerBytes: 3, originBytesPerSecond: 4 },
    state: 'active',
    revision: 0,
    createdBy: 'a test',
    createdAtMilliseconds: 1_795_383_736_087,
  };
}

function relayRow(task: string) {
  return {
    task,
    relay: 'relay-1',
    holder: 1,
    firstByte: 0,
    endByte: large,
    state: 'wanted' as const,
    revision: 1,
    acceptedRevision: 0,
  };
}

function clientRow(task: string) {
  return { task, client: 'client-1', holder: 2, state: 'waiting' as const, revision: 1, acceptedRevision: 0 };
}

async function rejects(promise: Promise<unknown>, message: RegExp): Promise<void> {
  let error: unknown;
  try {
    await promise;
  } catch (caught) {
    error = caught;
  }
  assert.match(String(error), message);
}
