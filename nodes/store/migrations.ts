import type { Database } from './database.ts';

/**
 * The tables, as the steps that led to them; a step that has been released is never changed. Times are milliseconds
 * since 1970, truths 0 or 1, structures JSON.
 */
const steps: string[][] = [
  [
    `CREATE TABLE tokens (
      hash TEXT PRIMARY KEY,
      permits TEXT NOT NULL,
      holder TEXT NOT NULL,
      group_names TEXT NOT NULL,
      uses_left BIGINT,
      expires_at BIGINT,
      created_at BIGINT NOT NULL,
      revoked_at BIGINT
    )`,
    `CREATE TABLE nodes (
      name TEXT PRIMARY KEY,
      role TEXT NOT NULL,
      group_names TEXT NOT NULL,
      enrolled_at BIGINT NOT NULL,
      hello TEXT,
      seen_at BIGINT,
      observed TEXT
    )`,
    `CREATE TABLE origins (
      name TEXT PRIMARY KEY,
      number BIGINT NOT NULL UNIQUE,
      url TEXT NOT NULL UNIQUE,
      contract TEXT NOT NULL,
      paused BIGINT NOT NULL,
      revision BIGINT NOT NULL
    )`,
    `CREATE TABLE manifests (
      sha256 TEXT PRIMARY KEY,
      body TEXT NOT NULL
    )`,
    `CREATE TABLE tasks (
      id TEXT PRIMARY KEY,
      request_key TEXT UNIQUE,
      origin TEXT NOT NULL REFERENCES origins (name),
      share_position BIGINT NOT NULL,
      manifest TEXT REFERENCES manifests (sha256),
      instruction TEXT NOT NULL,
      file TEXT NOT NULL,
      estimate TEXT NOT NULL,
      info_hash TEXT,
      state TEXT NOT NULL,
      revision BIGINT NOT NULL,
      created_by TEXT NOT NULL,
      created_at BIGINT NOT NULL,
      finished_at BIGINT
    )`,
    `CREATE TABLE relay_tasks (
      task TEXT NOT NULL REFERENCES tasks (id),
      relay TEXT NOT NULL REFERENCES nodes (name),
      holder BIGINT NOT NULL UNIQUE,
      first_byte BIGINT NOT NULL,
      end_byte BIGINT NOT NULL,
      state TEXT NOT NULL,
      revision BIGINT NOT NULL,
      accepted_revision BIGINT NOT NULL,
      progress TEXT,
      PRIMARY KEY (task, relay)
    )`,
    `CREATE TABLE client_tasks (
      task TEXT NOT NULL REFERENCES tasks (id),
      client TEXT NOT NULL REFERENCES nodes (name),
      holder BIGINT NOT NULL UNIQUE,
      relay TEXT,
      released_at BIGINT,
      state TEXT NOT NULL,
      revision BIGINT NOT NULL,
      accepted_revision BIGINT NOT NULL,
      progress TEXT,
      PRIMARY KEY (task, client)
    )`,
    `CREATE TABLE ledgers (
      origin BIGINT PRIMARY KEY,
      epoch BIGINT NOT NULL,
      granted_bytes BIGINT NOT NULL,
      returned_bytes BIGINT NOT NULL,
      spent_bytes BIGINT NOT NULL,
      ledger_milliseconds BIGINT NOT NULL,
      wall_milliseconds BIGINT NOT NULL,
      is_replacement BIGINT NOT NULL
    )`,
    `CREATE TABLE ledger_holders (
      origin BIGINT NOT NULL REFERENCES ledgers (origin),
      holder BIGINT NOT NULL,
      record TEXT NOT NULL,
      PRIMARY KEY (origin, holder)
    )`,
    `CREATE TABLE ledger_buckets (
      origin BIGINT NOT NULL REFERENCES ledgers (origin),
      window_milliseconds BIGINT NOT NULL,
      place BIGINT NOT NULL,
      bucket BIGINT NOT NULL,
      bytes BIGINT NOT NULL,
      PRIMARY KEY (origin, window_milliseconds, place)
    )`,
  ],
  ['ALTER TABLE origins ADD COLUMN reach TEXT', 'ALTER TABLE tasks ADD COLUMN query TEXT'],
  [
    // Hashes that relays sign while they pull: where the task stands, and the batches until the manifest is whole.
    'ALTER TABLE tasks ADD COLUMN growing TEXT',
    // Why it ended before its time.
    'ALTER TABLE tasks ADD COLUMN problem TEXT',
    `CREATE TABLE hash_batches (
      task TEXT NOT NULL REFERENCES tasks (id),
      swarm TEXT NOT NULL,
      signer TEXT NOT NULL,
      sequence BIGINT NOT NULL,
      body TEXT NOT NULL,
      PRIMARY KEY (task, swarm, signer, sequence)
    )`,
    `CREATE TABLE signing_keys (
      name TEXT PRIMARY KEY,
      secret TEXT NOT NULL,
      public TEXT NOT NULL
    )`,
  ],
];

/** Brings the tables up to date, each step whole or not at all; refuses a database that is newer than this program. */
export async function migrate(database: Database): Promise<void> {
  await database.transaction(async ({ run }) => {
    await run('CREATE TABLE IF NOT EXISTS schema_steps (step BIGINT PRIMARY KEY)');
  });
  const [last] = await database.all<{ count: number }>('SELECT COUNT(*) AS count FROM schema_steps');
  const done = last?.count ?? 0;
  if (done > steps.length) throw new Error(`the database is of a later version (step ${done} of ${steps.length})`);
  for (let step = done; step < steps.length; step++) {
    await database.transaction(async ({ run }) => {
      for (const statement of steps[step]!) await run(statement);
      await run('INSERT INTO schema_steps (step) VALUES (?)', step);
    });
  }
}
