// test-time-limit: 240s
/** Several processes at one PostgreSQL: a worker that dies costs its running trial and nothing else. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { provenance } from '#sim/lab/provenance.ts';
import { openPostgres } from '#sim/lab/sweep/postgres-database.ts';
import { TrialQueue } from '#sim/lab/sweep/queue.ts';
import { withPostgres } from '../../postgres.ts';
import { inDirectory } from '../sluice-process.ts';
import { started, sweep, tinyStudy, writtenStudy } from './tiny-study.ts';

const shared = suite('shared sweeps');

/** Long enough that a kill meets a running trial. */
const study = tinyStudy
  .replace('trials: 6', 'trials: 20')
  .replace('scenario: tiny.yaml', 'scenario: tiny.yaml\nclients: 120');
const runs = 9 * 4 + 4;

/** By trial and seed. */
function digestsOf(directory: string, file: string): [string, string][] {
  const { baseline, trials } = JSON.parse(readFileSync(join(directory, file), 'utf8'));
  return [baseline, ...trials].flatMap(({ number, runs: own }) =>
    own.map(({ seed, digest }: { seed: number; digest: string }): [string, string] => [`${number}/${seed}`, digest]),
  );
}

shared('two workers finish a study, one of them killed in the middle; digests are those of one process', () =>
  inDirectory((directory) =>
    withPostgres(async (url) => {
      writtenStudy(directory, study);
      assert.is(sweep(directory, 'study.yaml', '--out', 'alone.json').code, 0);

      const workers = [1, 2].map(() => started(directory, ['worker', '--db', url, '--workers', '1']));
      const given = ['sweep', 'study.yaml', '--db', url, '--workers', '0', '--out', 'shared.json'];
      const steering = started(directory, given);
      const database = await openPostgres(url);
      const countOf = async (): Promise<number> =>
        database
          .query('SELECT count(*) AS count FROM trials')
          .then(([row]) => row!.count as number)
          .catch(() => 0);
      while ((await countOf()) < 8) await sleep(20);
      workers[0]!.child.kill('SIGKILL');
      const before = await countOf();
      assert.ok(before < runs - 10, `${before} of ${runs} were done before the kill`);
      const { code, stderr } = await steering.ended;
      assert.is(code, 0, stderr);
      assert.match(stderr, new RegExp(`9 trials, ${runs} runs done`));
      const finders = await database.query('SELECT worker, count(*) AS count FROM trials GROUP BY worker');
      assert.is(finders.length, 2, 'both workers have found something');
      assert.equal(digestsOf(directory, 'shared.json'), digestsOf(directory, 'alone.json'));
      console.log(`killed after ${before} of ${runs}; found by ${finders.map(({ count }) => count).join(' and ')}`);

      // Nothing is left to do, and a worker that is asked to stop does.
      const again = sweep(directory, 'study.yaml', '--db', url, '--workers', '0');
      assert.match(again.stderr, /nothing to do: all 40 runs are there/);
      workers[1]!.child.kill('SIGINT');
      const worker = await workers[1]!.ended;
      assert.is(worker.code, 0, worker.stderr);
      assert.match(worker.stderr, /working for postgres:\/\/postgres@127/);
      await database.close();
      await noneTwice(url);
    }),
  ),
);

/** What waits already is not taken once more; the longest goes first. */
async function noneTwice(url: string): Promise<void> {
  const queue = await TrialQueue.open(url, { ...provenance(), engineHash: 'of this test' });
  const jobs = ['a', 'b', 'c'].map((hash) => ({ hash, seconds: hash === 'b' ? 2 : 1 }));
  for (let time = 0; time < 3; time++) await queue.add(jobs);
  const taken: string[] = [];
  await queue.work(1, async (hash) => {
    taken.push(hash);
  });
  while (taken.length < 3) await sleep(50);
  await sleep(1000);
  await queue.close();
  assert.equal([taken[0], taken.toSorted()], ['b', ['a', 'b', 'c']]);
}

shared.run();
