/**
 * The ledger of core/quota in the database: its entries as upserts in one transaction, fenced by the epoch (I4). The
 * interface is that of `Ledger`, with a wait.
 */
import type { BucketRecord, HolderRecord, LedgerEntry, LedgerState } from '#core/quota/ledger.ts';
import type { Database, Statements } from './database.ts';

interface LedgerRow {
  epoch: number;
  granted_bytes: number;
  returned_bytes: number;
  spent_bytes: number;
  ledger_milliseconds: number;
  wall_milliseconds: number;
  is_replacement: number;
}

export class LedgerStore {
  readonly #database: Database;
  readonly #origin: number;

  constructor(database: Database, origin: number) {
    this.#database = database;
    this.#origin = origin;
  }

  /**
   * Begins the next epoch. `replacedEpoch`: where there is no ledger yet, the new one replaces a lost one whose
   * epochs were all below this.
   */
  takeOver(replacedEpoch?: number): Promise<LedgerState> {
    const origin = this.#origin;
    return this.#database.transaction(async ({ run, all }) => {
      await run(
        `INSERT INTO ledgers (origin, epoch, granted_bytes, returned_bytes, spent_bytes, ledger_milliseconds,
         wall_milliseconds, is_replacement) VALUES (?, ?, 0, 0, 0, 0, 0, ?) ON CONFLICT (origin) DO NOTHING`,
        origin,
        replacedEpoch ?? 0,
        replacedEpoch === undefined ? 0 : 1,
      );
      await run('UPDATE ledgers SET epoch = epoch + 1 WHERE origin = ?', origin);
      const [row] = await all<LedgerRow>('SELECT * FROM ledgers WHERE origin = ?', origin);
      const holders = await all<{ record: string }>(
        'SELECT record FROM ledger_holders WHERE origin = ? ORDER BY holder',
        origin,
      );
      const buckets = await all<BucketRecord>(
        `SELECT window_milliseconds AS "window", place, bucket, bytes FROM ledger_buckets WHERE origin = ?
         ORDER BY window_milliseconds, bucket`,
        origin,
      );
      return {
        epoch: row!.epoch,
        holders: holders.map(({ record }) => JSON.parse(record) as HolderRecord),
        buckets,
        totals: {
          grantedBytes: row!.granted_bytes,
          returnedBytes: row!.returned_bytes,
          spentBytes: row!.spent_bytes,
        },
        ledgerMilliseconds: row!.ledger_milliseconds,
        wallMilliseconds: row!.wall_milliseconds,
        isReplacement: row!.is_replacement === 1,
      };
    });
  }

  /** All entries, and true; or, when another owner has taken over, nothing, and false. */
  write(epoch: number, entries: LedgerEntry[]): Promise<boolean> {
    return this.#database.transaction(async (statements) => {
      const found = await statements.all('SELECT 1 FROM ledgers WHERE origin = ? AND epoch = ?', this.#origin, epoch);
      if (found.length === 0) return false;
      for (const entry of entries) await put(statements, this.#origin, entry);
      return true;
    });
  }
}

async function put({ run }: Statements, origin: number, entry: LedgerEntry): Promise<void> {
  switch (entry.kind) {
    case 'holder':
      await run(
        `INSERT INTO ledger_holders (origin, holder, record) VALUES (?, ?, ?)
         ON CONFLICT (origin, holder) DO UPDATE SET record = excluded.record`,
        origin,
        entry.record.holder,
        JSON.stringify(entry.record),
      );
      return;
    case 'forget':
      await run('DELETE FROM ledger_holders WHERE origin = ? AND holder = ?', origin, entry.holder);
      return;
    case 'bucket':
      await run(
        `INSERT INTO ledger_buckets (origin, window_milliseconds, place, bucket, bytes) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (origin, window_milliseconds, place) 
         DO UPDATE SET bucket = excluded.bucket, bytes = excluded.bytes`,
        origin,
        entry.window,
        entry.place,
        entry.bucket,
        entry.bytes,
      );
      return;
    case 'settled':
      await run('UPDATE ledgers SET is_replacement = 0 WHERE origin = ?', origin);
      return;
    case 'totals': {
      const { grantedBytes, returnedBytes, spentBytes } = entry.totals;
      await run(
        'UPDATE ledgers SET granted_bytes = ?, returned_bytes = ?, spent_bytes = ? WHERE origin = ?',
        grantedBytes,
        returnedBytes,
        spentBytes,
        origin,
      );
      return;
    }
    case 'time':
      await run(
        'UPDATE ledgers SET ledger_milliseconds = ?, wall_milliseconds = ? WHERE origin = ?',
        entry.ledgerMilliseconds,
        entry.wallMilliseconds,
        origin,
      );
      return;
    default:
      entry satisfies never;
  }
}
