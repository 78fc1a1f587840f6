/** One connection to a database, as little of it as the store needs. */

export type SqlValue = string | number | null;
export type SqlRow = Record<string, SqlValue>;

/** Statements take `?` for their values, in this order; they run one after the other. */
export interface Database {
  /** Begins a transaction that is going to write. */
  readonly begin: string;
  /** Inside a transaction: until its end no other process makes the tables. Empty where `begin` does that. */
  readonly alone: string;
  /** The rows that it gives; none for a statement that gives none. */
  query(sql: string, values?: readonly SqlValue[]): Promise<SqlRow[]>;
  close(): Promise<void>;
}

/** Milliseconds for which a statement waits where another process writes. */
export const busyMilliseconds = 30_000;

/** A transaction that begins with reading could not write any more once another process has written. */
export const sqliteTransactions = { begin: 'BEGIN IMMEDIATE', alone: '' };

/** One writer, many readers; a process may end at any moment and loses no finished transaction. */
export const sqlitePragmas = [
  'PRAGMA journal_mode = WAL',
  'PRAGMA synchronous = NORMAL',
  `PRAGMA busy_timeout = ${busyMilliseconds}`,
];
