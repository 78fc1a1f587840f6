import type sqlite3 from 'sqlite3';
import { type Database, type SqlRow, type SqlValue, sqlitePragmas, sqliteTransactions } from './database.ts';

/** By the package `sqlite3`. */
export async function openSqlite3(file: string): Promise<Database> {
  const { default: package_ } = await import('sqlite3');
  const connection = await new Promise<sqlite3.Database>((resolve, reject) => {
    const opened: sqlite3.Database = new package_.Database(file, (error) => (error ? reject(error) : resolve(opened)));
  });
  const database: Database = {
    ...sqliteTransactions,
    query: (sql: string, values: readonly SqlValue[] = []) =>
      new Promise((resolve, reject) => {
        connection.all(sql, values, (error, rows) => (error ? reject(error) : resolve(rows as SqlRow[])));
      }),
    close: () => new Promise((resolve, reject) => connection.close((error) => (error ? reject(error) : resolve()))),
  };
  for (const pragma of sqlitePragmas) await database.query(pragma);
  return database;
}
