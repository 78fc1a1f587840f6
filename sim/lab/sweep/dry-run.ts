/** What a sweep would do: how much of it is there, and how long the rest takes. */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { exitCodes } from '#scenarios/format/exit-codes.ts';
import type { Study } from '#scenarios/format/study.ts';
import { formatSeconds } from '#scenarios/format/units.ts';
import type { Provenance } from '../provenance.ts';
import { count, plural } from '../table.ts';
import { Course } from './course.ts';
import { openNodeSqlite } from './node-sqlite-database.ts';
import { isPostgres, openStore, storeFileDefault } from './open-store.ts';
import type { SweepOptions } from './options.ts';
import { Store } from './store.ts';

export async function dryRun(study: Study, options: SweepOptions, origin: Provenance): Promise<number> {
  const { db = storeFileDefault, workers = availableParallelism(), json } = options;
  const isThere = isPostgres(db) || existsSync(db);
  // A store in memory, which nobody sees, stands for one that is not there: a look must not make it.
  const store = isThere ? await openStore(db) : await Store.open(await openNodeSqlite(':memory:'));
  try {
    const course = new Course({ study, provenance: origin, store });
    await course.run();
    const total = course.runsMax();
    const cached = course.doneCount();
    const missing = Math.max(0, total - cached);
    const seconds = cached === 0 ? null : (missing * course.evaluation.wallSeconds) / cached / Math.max(1, workers);
    const { trials } = study.sampler;
    if (json) {
      process.stdout.write(`${JSON.stringify({ trials, runs: total, cached, missing, seconds })}\n`);
      return exitCodes.ok;
    }
    const saves = study.race === undefined && study.halving === undefined ? '' : ' at most';
    const time =
      seconds === null
        ? 'time: not known before one has run'
        : `about ${formatSeconds(seconds)} with ${plural(workers, 'worker')}`;
    process.stdout.write(
      `${study.name}: ${plural(trials, 'trial')} and the baseline, ${count(total)} runs${saves}; ` +
        `${count(cached)} there already, ${count(missing)} to do; ${time}\n`,
    );
    return exitCodes.ok;
  } finally {
    await store.close();
  }
}
