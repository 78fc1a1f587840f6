/** Where the results of trials are kept, and found again by their hash. The table `trials` is the truth. */
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import type { Database, SqlRow } from './database.ts';
import type { Trial, TrialRecord } from './trial.ts';

const storeVersion = 1;

/** What both SQLite and PostgreSQL understand. */
const tables = [
  `CREATE TABLE IF NOT EXISTS sluice_store (version BIGINT NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS configurations (hash TEXT PRIMARY KEY, configuration TEXT NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS requests (
    hash TEXT PRIMARY KEY, configuration_hash TEXT NOT NULL, seed BIGINT NOT NULL,
    label TEXT NOT NULL, repeat_command TEXT NOT NULL
  )`,
  `CREATE TABLE IF NOT EXISTS trials (
    hash TEXT PRIMARY KEY, configuration_hash TEXT NOT NULL, seed BIGINT NOT NULL, status TEXT NOT NULL,
    digest TEXT NOT NULL, result TEXT NOT NULL, error TEXT NOT NULL, repeat_command TEXT NOT NULL,
    wall_seconds DOUBLE PRECISION NOT NULL, finished_at TEXT NOT NULL, worker TEXT NOT NULL
  )`,
];

/** Values in one statement: SQLite allows 32,766. */
const chunkLength = 500;

/** What a worker on another machine needs of a trial. */
export type Request = Pick<TrialRecord, 'hash' | 'configurationHash' | 'seed' | 'repeat'> & {
  label: string;
  /** As JSON, without the seed. */
  configuration: string;
};

export class Store {
  readonly #database: Database;
  /** Transactions on one connection must not mix: each begins when the one before has ended. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(database: Database) {
    this.#database = database;
  }

  static async open(database: Database): Promise<Store> {
    const store = new Store(database);
    await store.#transaction(async () => {
      if (database.alone !== '') await database.query(database.alone);
      for (const table of tables) await database.query(table);
      const [row] = await database.query('SELECT version FROM sluice_store');
      if (row === undefined) await database.query('INSERT INTO sluice_store (version) VALUES (?)', [storeVersion]);
      else if (row.version !== storeVersion) {
        throw new Stop(exitCodes.invalid, `the store has version ${row.version}; this sluice reads ${storeVersion}`);
      }
    });
    return store;
  }

  /** Those that are there, by hash. */
  async find(hashes: readonly string[]): Promise<Map<string, TrialRecord>> {
    const found = new Map<string, TrialRecord>();
    for (const some of chunks(hashes)) {
      const rows = await this.#read(`SELECT * FROM trials WHERE hash IN (${placesFor(some)})`, some);
      for (const row of rows) found.set(row.hash as string, recordOf(row));
    }
    return found;
  }

  /** Which of them are there. */
  async known(hashes: readonly string[]): Promise<Set<string>> {
    const found = new Set<string>();
    for (const some of chunks(hashes)) {
      const rows = await this.#read(`SELECT hash FROM trials WHERE hash IN (${placesFor(some)})`, some);
      for (const { hash } of rows) found.add(hash as string);
    }
    return found;
  }

  /**
   * Keeps a result, whole or not at all. The same result once more is fine; another one under the same hash is an
   * alarm: then a simulation does not only depend on what its hash is made of.
   */
  put(record: TrialRecord): Promise<'stored' | 'identical'> {
    return this.#transaction(async () => {
      const { hash, configurationHash, seed, status, digest, result, error, repeat } = record;
      const inserted = await this.#database.query(
        `INSERT INTO trials (hash, configuration_hash, seed, status, digest, result, error, repeat_command,
          wall_seconds, finished_at, worker) VALUES (${placesFor(Array(11))}) ON CONFLICT (hash) DO NOTHING
          RETURNING hash`,
        [hash, configurationHash, seed, status, digest, JSON.stringify(result), error, repeat].concat(
          record.wallSeconds,
          record.finishedAt,
          record.worker,
        ),
      );
      if (inserted.length > 0) return 'stored';
      const [before] = await this.#database.query('SELECT * FROM trials WHERE hash = ?', [hash]);
      refuseAnother(recordOf(before!), record);
      return 'identical';
    });
  }

  /** Lets failed trials run again; the answer is how many there were. */
  async forgetFailed(hashes: readonly string[]): Promise<number> {
    let count = 0;
    for (const some of chunks(hashes)) {
      const sql = `DELETE FROM trials WHERE status = 'failed' AND hash IN (${placesFor(some)}) RETURNING hash`;
      count += (await this.#transaction(() => this.#database.query(sql, some))).length;
    }
    return count;
  }

  /** Notes what workers elsewhere are to run. */
  ask(trials: readonly Trial[]): Promise<void> {
    return this.#transaction(async () => {
      const noted = new Set<string>();
      for (const { hash, configurationHash, seed, label, repeat, job } of trials) {
        if (!noted.has(configurationHash)) {
          await this.#database.query(
            'INSERT INTO configurations (hash, configuration) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING',
            [configurationHash, JSON.stringify(job.configuration)],
          );
          noted.add(configurationHash);
        }
        await this.#database.query(
          `INSERT INTO requests (hash, configuration_hash, seed, label, repeat_command) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (hash) DO NOTHING`,
          [hash, configurationHash, seed, label, repeat],
        );
      }
    });
  }

  async asked(hash: string): Promise<Request | undefined> {
    const [row] = await this.#read(
      `SELECT requests.*, configurations.configuration FROM requests
        JOIN configurations ON configurations.hash = requests.configuration_hash WHERE requests.hash = ?`,
      [hash],
    );
    if (row === undefined) return undefined;
    return {
      hash,
      configurationHash: row.configuration_hash as string,
      seed: row.seed as number,
      label: row.label as string,
      repeat: row.repeat_command as string,
      configuration: row.configuration as string,
    };
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#database.close();
  }

  #read(sql: string, values: readonly string[]): Promise<SqlRow[]> {
    return this.#queued(() => this.#database.query(sql, values));
  }

  #transaction<Value>(work: () => Promise<Value>): Promise<Value> {
    return this.#queued(async () => {
      await this.#database.query(this.#database.begin);
      try {
        const value = await work();
        await this.#database.query('COMMIT');
        return value;
      } catch (error) {
        // Where the connection is lost the transaction is, too.
        await this.#database.query('ROLLBACK').catch(() => {});
        throw error;
      }
    });
  }

  #queued<Value>(work: () => Promise<Value>): Promise<Value> {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => {});
    return mine;
  }
}

function* chunks(hashes: readonly string[]): Generator<string[]> {
  for (let start = 0; start < hashes.length; start += chunkLength) yield hashes.slice(start, start + chunkLength);
}

function placesFor(values: readonly unknown[]): string {
  return Array.from(values, () => '?').join(', ');
}

function recordOf(row: SqlRow): TrialRecord {
  return {
    hash: row.hash as string,
    configurationHash: row.configuration_hash as string,
    seed: row.seed as number,
    status: row.status as TrialRecord['status'],
    digest: row.digest as string,
    result: JSON.parse(row.result as string),
    error: row.error as string,
    repeat: row.repeat_command as string,
    wallSeconds: row.wall_seconds as number,
    finishedAt: row.finished_at as string,
    worker: row.worker as string,
  };
}

function refuseAnother(before: TrialRecord, now: TrialRecord): void {
  if (before.status === now.status && before.digest === now.digest) return;
  const said = ({ status, digest, error, worker }: TrialRecord): string =>
    `${worker} found ${status === 'done' ? `digest ${digest}` : `an error (${error.split('\n')[0]})`}`;
  throw new Stop(
    exitCodes.failure,
    `alarm: two results of one trial differ, so one of them is wrong: ${said(before)}, ${said(now)}\n` +
      `trial ${now.hash}; repeat: ${now.repeat}`,
  );
}
