import sqlite3 from 'sqlite3';
import { type Database, type Statements, sqlitePragmas, type Value } from './database.ts';
import { Turns } from './turns.ts';

/** A file by `sqlite3`: one connection writes, another reads what is committed. */
export async function openSqlite3(path: string): Promise<Database> {
  const writer = await connect(path);
  const reader = await connect(path);
  const statements = statementsOf(writer);
  const turns = new Turns();
  return {
    all: statementsOf(reader).all,
    transaction: (work) =>
      turns.take(async () => {
        await statements.run('BEGIN IMMEDIATE');
        try {
          const result = await work(statements);
          await statements.run('COMMIT');
          return result;
        } catch (error) {
          // A failed COMMIT may have ended the transaction already.
          await statements.run('ROLLBACK').catch(() => {});
          throw error;
        }
      }),
    close: () =>
      turns.take(async () => {
        await closed(reader);
        await closed(writer);
      }),
  };
}

async function connect(path: string): Promise<sqlite3.Database> {
  const database = await new Promise<sqlite3.Database>((done, fail) => {
    const opened: sqlite3.Database = new sqlite3.Database(path, (error) =>
      error === null ? done(opened) : fail(error),
    );
  });
  for (const pragma of sqlitePragmas) await statementsOf(database).all(pragma);
  return database;
}

function closed(database: sqlite3.Database): Promise<void> {
  return new Promise((done, fail) => database.close((error) => (error === null ? done() : fail(error))));
}

function statementsOf(database: sqlite3.Database): Statements {
  return {
    run: (sql, ...parameters: Value[]) =>
      new Promise((done, fail) => {
        database.run(sql, parameters, function (this: sqlite3.RunResult, error: Error | null) {
          if (error === null) done(this.changes);
          else fail(error);
        });
      }),
    all: <Found>(sql: string, ...parameters: Value[]) =>
      new Promise<Found[]>((done, fail) => {
        database.all<Found>(sql, parameters, (error, rows) => (error === null ? done(rows) : fail(error)));
      }),
  };
}
