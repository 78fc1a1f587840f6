/** `sluice worker`: runs trials for the sweeps that share a PostgreSQL. */
import { availableParallelism } from 'node:os';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import type { CommandContext } from '../options.ts';
import { provenance } from '../provenance.ts';
import { plural } from '../table.ts';
import { Labourer } from './labourer.ts';
import { isPostgres, openStore } from './open-store.ts';
import type { WorkerOptions } from './options.ts';
import { shownUrl } from './postgres-database.ts';
import { TrialQueue } from './queue.ts';

export async function workerCommand({ db, workers }: WorkerOptions, context: CommandContext): Promise<number> {
  if (db === undefined || !isPostgres(db)) {
    throw new Stop(exitCodes.usage, '--db is needed: the postgres://… that `sluice sweep --db` uses');
  }
  const count = Math.max(1, workers ?? availableParallelism());
  const origin = provenance();
  const store = await openStore(db);
  const labourer = new Labourer(store, origin);
  const queue = await TrialQueue.open(db, origin);
  let stop: () => void = () => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const release = context.onDrain((times) => {
    if (times > 1) return 'Stopped. Another worker takes what ran here.';
    stop();
    return `${plural(labourer.threads.running.size, 'run')} will end, then the worker stops; again to stop at once.`;
  });
  try {
    await labourer.start(queue, count);
    const engine = origin.engineHash.slice(0, 12);
    process.stderr.write(`working for ${shownUrl(db)}: ${plural(count, 'run')} at a time, engine ${engine}\n`);
    await Promise.race([stopped, labourer.alarm]);
  } finally {
    await queue.close();
    release();
    await labourer.threads.stop();
    await store.close();
  }
  process.stderr.write(`${plural(labourer.doneCount, 'run')} done\n`);
  return exitCodes.ok;
}
