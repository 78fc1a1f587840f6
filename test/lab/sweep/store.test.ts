// test-time-limit: 120s
/** One contract for every database that may hold the trials. */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Database } from '#sim/lab/sweep/database.ts';
import { openNodeSqlite } from '#sim/lab/sweep/node-sqlite-database.ts';
import { openPostgres } from '#sim/lab/sweep/postgres-database.ts';
import { openSqlite3 } from '#sim/lab/sweep/sqlite3-database.ts';
import { Store } from '#sim/lab/sweep/store.ts';
import type { Trial, TrialRecord } from '#sim/lab/sweep/trial.ts';
import { withPostgres } from '../../postgres.ts';
import { inDirectory } from '../sluice-process.ts';

const contract = suite('store');

/** Opens the same database again with each call. */
type Open = () => Promise<Database>;

const kinds: Record<string, (work: (open: Open) => Promise<void>) => Promise<void>> = {
  sqlite3: (work) => inDirectory((directory) => work(() => openSqlite3(join(directory, 'store.sqlite')))),
  'node:sqlite': (work) => inDirectory((directory) => work(() => openNodeSqlite(join(directory, 'store.sqlite')))),
  PostgreSQL: (work) => withPostgres((url) => work(() => openPostgres(url))),
};

function recordOf(hash: string, change: Partial<TrialRecord> = {}): TrialRecord {
  return {
    hash,
    configurationHash: 'c',
    seed: 9_007_199_254_740_991,
    status: 'done',
    digest: `digest of ${hash}`,
    result: { summary: { text: 'it’s "quoted" \\ \u{1f4e6}', tiny: 1e-300 } } as never,
    error: '',
    repeat: "sluice run x --set 'a=?'",
    wallSeconds: 0.1,
    finishedAt: '2026-01-01T00:00:00.000Z',
    worker: 'host/1',
    ...change,
  };
}

const failure = { status: 'failed', digest: '', result: null, error: 'broke' } as const;

async function meetsContract(open: Open): Promise<void> {
  const store = await Store.open(await open());
  // What goes in comes out, and only that.
  assert.is(await store.put(recordOf('one')), 'stored');
  const found = await store.find(['one', 'none']);
  assert.equal([...found], [['one', recordOf('one')]]);
  assert.equal(await store.find([]), new Map());
  // The same once more is fine, whoever brings it; another result is an alarm, and changes nothing.
  assert.is(await store.put(recordOf('one', { worker: 'elsewhere/2', wallSeconds: 7 })), 'identical');
  const alarm = await store.put(recordOf('one', { digest: 'another' })).catch((error) => error);
  assert.match(alarm.message, /alarm: .*differ.*digest of one.*another/s);
  assert.is(alarm.exitCode, 1);
  assert.match((await store.put(recordOf('one', failure)).catch((error) => error)).message, /alarm/);
  assert.equal((await store.find(['one'])).get('one'), recordOf('one'));
  // Failures are kept until they are to be tried again.
  await store.put(recordOf('bad', failure));
  assert.is((await store.find(['bad'])).get('bad')!.error, 'broke');
  assert.is(await store.forgetFailed(['one', 'bad', 'none']), 1);
  assert.equal([...(await store.known(['one', 'bad']))], ['one']);
  await manyAtOnce(store);
  await otherConnections(store, open);
  await requests(store);
  await store.close();
  const again = await Store.open(await open());
  assert.is((await again.find(['one'])).size, 1);
  await again.close();
}

/** Transactions on one connection must not mix; more hashes than fit into one statement. */
async function manyAtOnce(store: Store): Promise<void> {
  const hashes = Array.from({ length: 1200 }, (_, index) => `many-${index}`);
  const answers = await Promise.all(hashes.flatMap((hash) => [store.put(recordOf(hash)), store.put(recordOf(hash))]));
  assert.is(answers.filter((answer) => answer === 'stored').length, 1200);
  assert.is((await store.find([...hashes, 'none'])).size, 1200);
  const mixed = await Promise.allSettled([
    store.put(recordOf('many-0', { digest: 'wrong' })),
    store.put(recordOf('after-the-alarm')),
  ]);
  assert.equal(
    mixed.map(({ status }) => status),
    ['rejected', 'fulfilled'],
  );
}

/** Another connection writes in between. A driver that blocks must not wait for one of its own thread. */
async function otherConnections(store: Store, open: Open): Promise<void> {
  const other = await Store.open(await open());
  const hashes = Array.from({ length: 50 }, (_, index) => `both-${index}`);
  for (const [index, hash] of hashes.entries()) {
    const [first, second] = index % 2 === 0 ? [store, other] : [other, store];
    assert.is(await first.put(recordOf(hash)), 'stored');
    assert.is(await second.put(recordOf(hash)), 'identical');
  }
  await other.close();
}

async function requests(store: Store): Promise<void> {
  const trial = (hash: string, seed: number): Trial => ({
    ...{ hash, configurationHash: 'c', seed, label: 'a, seed 1', repeat: 'sluice run a' },
    job: { configuration: { name: 'x', seed } } as never,
  });
  await store.ask([trial('asked-1', 1), trial('asked-2', 2)]);
  await store.ask([trial('asked-2', 2)]);
  const asked = await store.asked('asked-2');
  assert.is(asked!.seed, 2);
  assert.is(JSON.parse(asked!.configuration).name, 'x');
  assert.is(await store.asked('none'), undefined);
}

for (const [name, withKind] of Object.entries(kinds)) {
  contract(`${name} keeps the contract`, () => withKind(meetsContract));
}

contract('a store of another version is refused', () =>
  inDirectory(async (directory) => {
    const file = join(directory, 'store.sqlite');
    await (await Store.open(await openSqlite3(file))).close();
    const database = await openSqlite3(file);
    await database.query('UPDATE sluice_store SET version = 99');
    assert.match((await Store.open(database).catch((error) => error)).message, /version 99; this sluice reads 1/);
    await database.close();
  }),
);

contract('a PostgreSQL that is not there is exit code 6, without its password', async () => {
  const error = await openPostgres('postgres://sluice:secret@127.0.0.1:1/x').catch((failed) => failed);
  assert.is(error.exitCode, 6);
  assert.match(error.message, /cannot be reached/);
  assert.not.match(error.message, /secret/);
});

contract.run();
