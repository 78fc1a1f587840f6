/**
 * The seam to a relational database: what a driver must be able to do. SQL is kept to what SQLite and PostgreSQL both
 * understand, with `?` for parameters; a driver that counts its parameters rewrites them.
 */
export type Value = string | number | null;
export type Row = Record<string, Value>;

export interface Statements {
  /** Answers how many rows changed. */
  run(sql: string, ...parameters: Value[]): Promise<number>;
  all<Found = Row>(sql: string, ...parameters: Value[]): Promise<Found[]>;
}

export interface Database {
  /** Reads what is committed; never waits for a transaction that is under way. */
  all: Statements['all'];
  /**
   * All of what `work` writes, or nothing: an exception undoes it and comes out again. Transactions take turns; when
   * the promise is kept, the changes survive the end of the process and of the machine.
   */
  transaction<Result>(work: (statements: Statements) => Promise<Result>): Promise<Result>;
  /** After the transactions that wait. */
  close(): Promise<void>;
}

/** Set on every connection to an SQLite file. */
export const sqlitePragmas = [
  // Readers do not wait for the writer.
  'PRAGMA journal_mode = WAL',
  // A grant that has left must be in the ledger even if the machine loses power now.
  'PRAGMA synchronous = FULL',
  'PRAGMA foreign_keys = ON',
  'PRAGMA busy_timeout = 5000',
];
