/** Everything control must not forget, as named operations. Each write is one transaction: whole or not at all. */
import type { ContractText } from '#scenarios/format/configuration.ts';
import type { Database, Statements, Value } from './database.ts';
import { migrate } from './migrations.ts';
import type {
  ClientTaskRecord,
  HashBatchRecord,
  NodeRecord,
  OriginReach,
  OriginRecord,
  RelayTaskRecord,
  TaskRecord,
  TokenRecord,
} from './records.ts';
import * as rows from './rows.ts';

/** What changes at run time of a row, many of them in one transaction. */
export interface Changes {
  tasks: TaskRecord[];
  nodes: NodeRecord[];
  relayTasks: RelayTaskRecord[];
  clientTasks: ClientTaskRecord[];
}

export class Store {
  readonly database: Database;

  private constructor(database: Database) {
    this.database = database;
  }

  static async open(database: Database): Promise<Store> {
    await migrate(database);
    return new Store(database);
  }

  close(): Promise<void> {
    return this.database.close();
  }

  async token(hash: string, nowMilliseconds: number): Promise<TokenRecord | undefined> {
    const [row] = await this.database.all<rows.TokenRow>(
      `SELECT * FROM tokens WHERE hash = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)
       AND (uses_left IS NULL OR uses_left > 0)`,
      hash,
      nowMilliseconds,
    );
    return row === undefined ? undefined : rows.tokenOf(row);
  }

  addToken(token: TokenRecord, nowMilliseconds: number): Promise<void> {
    return this.database.transaction((statements) => insertToken(statements, token, nowMilliseconds));
  }

  /** Answers how many tokens of this holder were valid until now. */
  revokeTokens(holder: string, nowMilliseconds: number): Promise<number> {
    return this.database.transaction(({ run }) =>
      run('UPDATE tokens SET revoked_at = ? WHERE holder = ? AND revoked_at IS NULL', nowMilliseconds, holder),
    );
  }

  async hasToken(permits: TokenRecord['permits']): Promise<boolean> {
    const found = await this.database.all(
      'SELECT 1 FROM tokens WHERE permits = ? AND revoked_at IS NULL LIMIT 1',
      permits,
    );
    return found.length > 0;
  }

  /**
   * A node with its token; with `fleetHash`, one use of that token is taken. Answers false, and changes nothing, when
   * the name is taken or the fleet's token is used up.
   */
  enrol(node: NodeRecord, token: TokenRecord, nowMilliseconds: number, fleetHash?: string): Promise<boolean> {
    return this.database.transaction(async (statements) => {
      const taken = await statements.all('SELECT 1 FROM nodes WHERE name = ?', node.name);
      if (taken.length > 0) return false;
      if (fleetHash !== undefined && !(await takeUse(statements, fleetHash))) return false;
      await statements.run(
        'INSERT INTO nodes (name, role, group_names, enrolled_at) VALUES (?, ?, ?, ?)',
        node.name,
        node.role,
        JSON.stringify(node.groups),
        nowMilliseconds,
      );
      await insertToken(statements, token, nowMilliseconds);
      return true;
    });
  }

  /** A new token for a node that is known: its old ones end. */
  renew(token: TokenRecord, nowMilliseconds: number): Promise<void> {
    return this.database.transaction(async (statements) => {
      await statements.run(
        'UPDATE tokens SET revoked_at = ? WHERE holder = ? AND permits = ? AND revoked_at IS NULL',
        nowMilliseconds,
        token.holder,
        token.permits,
      );
      await insertToken(statements, token, nowMilliseconds);
    });
  }

  async nodes(): Promise<NodeRecord[]> {
    return (await this.database.all<rows.NodeRow>('SELECT * FROM nodes ORDER BY enrolled_at, name')).map(rows.nodeOf);
  }

  async origins(): Promise<OriginRecord[]> {
    return (await this.database.all<rows.OriginRow>('SELECT * FROM origins ORDER BY name')).map(rows.originOf);
  }

  /** Adds an origin or changes it. */
  putOrigin(
    name: string,
    url: string,
    contract: ContractText,
    paused: boolean,
    reach: OriginReach = { mirrors: [], redirects: [], networks: [] },
  ): Promise<OriginRecord> {
    return this.database.transaction(async ({ run, all }) => {
      await run(
        `INSERT INTO origins (name, number, url, contract, paused, reach, revision)
         VALUES (?, (SELECT COALESCE(MAX(number), 0) + 1 FROM origins), ?, ?, ?, ?, 1) ON CONFLICT (name)
         DO UPDATE SET url = excluded.url, contract = excluded.contract, paused = excluded.paused,
         reach = excluded.reach, revision = origins.revision + 1`,
        name,
        url,
        JSON.stringify(contract),
        paused ? 1 : 0,
        JSON.stringify(reach),
      );
      const [row] = await all<rows.OriginRow>('SELECT * FROM origins WHERE name = ?', name);
      return rows.originOf(row!);
    });
  }

  /**
   * The distribution task with its relay tasks and client tasks. Answers the id of an earlier task that was asked for
   * with the same key, and then stores nothing.
   */
  addTask(
    task: TaskRecord,
    relayTasks: RelayTaskRecord[],
    clientTasks: ClientTaskRecord[],
    manifest?: string,
  ): Promise<string> {
    return this.database.transaction(async (statements) => {
      const { all } = statements;
      if (task.requestKey !== undefined) {
        const [earlier] = await all<{ id: string }>('SELECT id FROM tasks WHERE request_key = ?', task.requestKey);
        if (earlier !== undefined) return earlier.id;
      }
      if (task.manifest !== undefined && manifest !== undefined) {
        await insertManifest(statements, task.manifest, manifest);
      }
      await insert(statements, 'tasks', [rows.rowOfTask(task)]);
      await insert(statements, 'relay_tasks', relayTasks.map(rows.rowOfRelayTask));
      await insert(statements, 'client_tasks', clientTasks.map(rows.rowOfClientTask));
      return task.id;
    });
  }

  async taskOfKey(requestKey: string): Promise<string | undefined> {
    const [row] = await this.database.all<{ id: string }>('SELECT id FROM tasks WHERE request_key = ?', requestKey);
    return row?.id;
  }

  async tasks(): Promise<TaskRecord[]> {
    return (await this.database.all<rows.TaskRow>('SELECT * FROM tasks ORDER BY created_at, id')).map(rows.taskOf);
  }

  async relayTasks(): Promise<RelayTaskRecord[]> {
    return (await this.database.all<rows.RelayTaskRow>('SELECT * FROM relay_tasks ORDER BY task, relay')).map(
      rows.relayTaskOf,
    );
  }

  async clientTasks(): Promise<ClientTaskRecord[]> {
    return (await this.database.all<rows.ClientTaskRow>('SELECT * FROM client_tasks ORDER BY task, client')).map(
      rows.clientTaskOf,
    );
  }

  async manifest(sha256: string): Promise<string | undefined> {
    const [row] = await this.database.all<{ body: string }>('SELECT body FROM manifests WHERE sha256 = ?', sha256);
    return row?.body;
  }

  /** Batches of hashes; one that is there already stays. */
  addHashBatches(batches: HashBatchRecord[]): Promise<void> {
    return this.database.transaction((statements) =>
      insert(
        statements,
        'hash_batches',
        batches.map((batch) => ({ ...batch })),
        ['task', 'swarm', 'signer', 'sequence'],
      ),
    );
  }

  /** Of one epoch of a task, those of each signer in order. */
  hashBatches(task: string, swarm: string): Promise<HashBatchRecord[]> {
    return this.database.all<HashBatchRecord>(
      'SELECT * FROM hash_batches WHERE task = ? AND swarm = ? ORDER BY signer, sequence',
      task,
      swarm,
    );
  }

  /** The manifest is whole and signed: it takes the place of the batches. */
  seal(task: TaskRecord, manifest: string): Promise<void> {
    return this.database.transaction(async (statements) => {
      const { run } = statements;
      await insertManifest(statements, task.manifest!, manifest);
      const { id, infoHash, growing, revision } = task;
      await run(
        'UPDATE tasks SET manifest = ?, info_hash = ?, growing = ?, revision = ? WHERE id = ?',
        task.manifest!,
        infoHash!,
        rows.jsonOf(growing),
        revision,
        id,
      );
      await run('DELETE FROM hash_batches WHERE task = ?', id);
    });
  }

  /** The key of this name; the first that was offered stays. */
  signingKey(name: string, offered: { secret: string; public: string }): Promise<{ secret: string; public: string }> {
    return this.database.transaction(async ({ run, all }) => {
      const select = () => all<{ secret: string; public: string }>('SELECT * FROM signing_keys WHERE name = ?', name);
      const [known] = await select();
      if (known !== undefined) return known;
      const { secret, public: key } = offered;
      await run('INSERT INTO signing_keys (name, secret, public) VALUES (?, ?, ?)', name, secret, key);
      return offered;
    });
  }

  /** What has changed since the last time, rows that are new included. */
  write({ tasks, nodes, relayTasks, clientTasks }: Changes): Promise<void> {
    return this.database.transaction(async (statements) => {
      for (const task of tasks) {
        await statements.run(
          `UPDATE tasks SET instruction = ?, state = ?, revision = ?, finished_at = ?, estimate = ?, growing = ?,
           problem = ? WHERE id = ?`,
          JSON.stringify(task.instruction),
          task.state,
          task.revision,
          task.finishedAtMilliseconds ?? null,
          JSON.stringify(task.estimate),
          rows.jsonOf(task.growing),
          task.problem ?? null,
          task.id,
        );
      }
      for (const node of nodes) {
        await statements.run(
          'UPDATE nodes SET hello = ?, seen_at = ?, observed = ? WHERE name = ?',
          rows.jsonOf(node.hello),
          node.seenAtMilliseconds ?? null,
          rows.jsonOf(node.observed),
          node.name,
        );
      }
      await insert(statements, 'relay_tasks', relayTasks.map(rows.rowOfRelayTask), ['task', 'relay']);
      await insert(statements, 'client_tasks', clientTasks.map(rows.rowOfClientTask), ['task', 'client']);
    });
  }
}

async function insertManifest({ run, all }: Statements, sha256: string, body: string): Promise<void> {
  const known = await all('SELECT 1 FROM manifests WHERE sha256 = ?', sha256);
  if (known.length === 0) await run('INSERT INTO manifests (sha256, body) VALUES (?, ?)', sha256, body);
}

async function takeUse({ run }: Statements, hash: string): Promise<boolean> {
  const changed = await run(
    `UPDATE tokens SET uses_left = CASE WHEN uses_left IS NULL THEN NULL ELSE uses_left - 1 END
     WHERE hash = ? AND revoked_at IS NULL AND (uses_left IS NULL OR uses_left > 0)`,
    hash,
  );
  return changed === 1;
}

async function insertToken(statements: Statements, token: TokenRecord, nowMilliseconds: number): Promise<void> {
  await insert(statements, 'tokens', [{ ...rows.rowOfToken(token), created_at: nowMilliseconds }]);
}

/** Each statement goes to another thread and back: many rows in one save most of the way. */
const rowsPerStatement = 100;

/**
 * Rows of one shape; with a key, those that are known are replaced. Names of tables and columns are our own, values are
 * parameters.
 */
async function insert({ run }: Statements, table: string, rows: Record<string, Value>[], key?: string[]) {
  for (let from = 0; from < rows.length; from += rowsPerStatement) {
    const some = rows.slice(from, from + rowsPerStatement);
    const columns = Object.keys(some[0]!);
    const marks = `(${columns.map(() => '?').join(', ')})`;
    const changes = columns.filter((name) => !key?.includes(name)).map((name) => `${name} = excluded.${name}`);
    const replacing = key === undefined ? '' : `ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${changes.join(', ')}`;
    await run(
      `INSERT INTO ${table} (${columns.join(', ')}) VALUES ${some.map(() => marks).join(', ')} ${replacing}`,
      ...some.flatMap((row) => Object.values(row)),
    );
  }
}
