import { type Database, type SqlRow, sqlitePragmas, sqliteTransactions } from './database.ts';

/** By Node itself: for machines on which the package `sqlite3` could not be built. */
export async function openNodeSqlite(file: string): Promise<Database> {
  const { DatabaseSync } = await import('node:sqlite');
  const connection = new DatabaseSync(file);
  const database: Database = {
    ...sqliteTransactions,
    query: async (sql, values = []) => connection.prepare(sql).all(...values) as SqlRow[],
    close: async () => connection.close(),
  };
  for (const pragma of sqlitePragmas) await database.query(pragma);
  return database;
}
