import { DatabaseSync } from 'node:sqlite';
import { type Database, type Statements, sqlitePragmas, type Value } from './database.ts';
import { Turns } from './turns.ts';

/** The same file by the driver inside Node: keeps the seam honest, and takes over should `sqlite3` have to go. */
export async function openNodeSqlite(path: string): Promise<Database> {
  const writer = connect(path);
  const reader = connect(path);
  const statements = statementsOf(writer);
  const turns = new Turns();
  return {
    all: statementsOf(reader).all,
    transaction: (work) =>
      turns.take(async () => {
        writer.exec('BEGIN IMMEDIATE');
        try {
          const result = await work(statements);
          writer.exec('COMMIT');
          return result;
        } catch (error) {
          if (writer.isTransaction) writer.exec('ROLLBACK');
          throw error;
        }
      }),
    close: () =>
      turns.take(async () => {
        reader.close();
        writer.close();
      }),
  };
}

function connect(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  for (const pragma of sqlitePragmas) database.exec(pragma);
  return database;
}

function statementsOf(database: DatabaseSync): Statements {
  return {
    run: async (sql, ...parameters: Value[]) => Number(database.prepare(sql).run(...parameters).changes),
    // Its rows have no prototype, and so equal no literal.
    all: async <Found>(sql: string, ...parameters: Value[]) =>
      database
        .prepare(sql)
        .all(...parameters)
        .map((row) => ({ ...row }) as Found),
  };
}
