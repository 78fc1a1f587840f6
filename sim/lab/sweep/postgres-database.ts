import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import type { Database, SqlRow } from './database.ts';

const connectMilliseconds = 10_000;
/** PostgreSQL's number for BIGINT, which comes as text unless it is told otherwise. */
const bigintType = 20;
/** Any number that nobody else locks. */
const setupLock = 7_215_117;

export async function openPostgres(url: string): Promise<Database> {
  const { default: pg } = await import('pg');
  const types = {
    getTypeParser: (type: number, format?: 'text' | 'binary') =>
      type === bigintType ? Number : pg.types.getTypeParser(type, format as 'text'),
  };
  const connection = new pg.Client({ connectionString: url, connectionTimeoutMillis: connectMilliseconds, types });
  let lost: Error | undefined;
  connection.on('error', (error) => {
    lost = error;
  });
  await connection.connect().catch((error: Error) => {
    throw unreachable(url, error);
  });
  return {
    begin: 'BEGIN',
    alone: `SELECT pg_advisory_xact_lock(${setupLock})`,
    query: async (sql, values = []) => {
      let place = 0;
      const numbered = sql.replace(/\?/g, () => `$${++place}`);
      try {
        return (await connection.query<SqlRow>(numbered, [...values])).rows;
      } catch (error) {
        throw lost === undefined ? error : unreachable(url, lost);
      }
    },
    close: () => connection.end(),
  };
}

/** Without the password. */
export function shownUrl(url: string): string {
  return url.replace(/\/\/([^/@:]*):[^/@]*@/, '//$1@');
}

export function unreachable(url: string, error: Error): Stop {
  const reason = error.message || (error as NodeJS.ErrnoException).code || 'no answer';
  return new Stop(exitCodes.unreachable, `${shownUrl(url)}: cannot be reached: ${reason}`);
}
