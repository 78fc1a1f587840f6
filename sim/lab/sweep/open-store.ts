/** A store by what stands behind `--db`: the address of a PostgreSQL, or a file of SQLite. */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import type { Database } from './database.ts';
import { openNodeSqlite } from './node-sqlite-database.ts';
import { openPostgres } from './postgres-database.ts';
import { openSqlite3 } from './sqlite3-database.ts';
import { Store } from './store.ts';

/** Where a sweep keeps its trials unless it is told: below the directory that it is started in. */
export const storeFileDefault = 'results/sweeps.sqlite';

export function isPostgres(db: string): boolean {
  return /^postgres(ql)?:\/\//.test(db);
}

export async function openStore(db = storeFileDefault): Promise<Store> {
  if (isPostgres(db)) return Store.open(await openPostgres(db));
  if (/^\w+:\/\//.test(db)) {
    throw new Stop(exitCodes.usage, `--db ${db}: it takes postgres://… or the name of a file`);
  }
  const file = resolve(db);
  try {
    mkdirSync(dirname(file), { recursive: true });
    return await Store.open(await openSqlite(file));
  } catch (error) {
    if (error instanceof Stop) throw error;
    throw new Stop(exitCodes.failure, `--db ${db}: cannot be used as a store: ${(error as Error).message}`);
  }
}

/** A store that must not be made by only looking at it. */
export async function openExistingStore(db = storeFileDefault): Promise<Store> {
  if (isPostgres(db) || existsSync(db)) return openStore(db);
  throw new Stop(exitCodes.failure, `${db}: no such store; a sweep makes it, or --db names another one`);
}

async function openSqlite(file: string): Promise<Database> {
  try {
    await import('sqlite3');
  } catch {
    return openNodeSqlite(file);
  }
  return openSqlite3(file);
}
