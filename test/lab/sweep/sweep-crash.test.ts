// test-time-limit: 300s
/** A sweep that is killed, or stopped, goes on where it was. */
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openNodeSqlite } from '#sim/lab/sweep/node-sqlite-database.ts';
import { inDirectory } from '../sluice-process.ts';
import { started, storeOf, sweep, tinyStudy, writtenStudy } from './tiny-study.ts';

const crashes = suite('sweeps that end early');

const runs = 24 * 4 + 4;
const study = tinyStudy.replace('trials: 6', 'trials: 24');
const workers = 2;

async function storedCount(directory: string): Promise<number> {
  const database = await openNodeSqlite(storeOf(directory));
  const [row] = await database.query('SELECT count(*) AS count FROM trials');
  await database.close();
  return row!.count as number;
}

/** Waits until the sweep has stored more than before. */
async function untilMoreThan(directory: string, before: number): Promise<void> {
  for (;;) {
    await sleep(50);
    if ((await storedCount(directory).catch(() => 0)) > before + 2) return;
  }
}

crashes('kill -9 at five random moments loses the running trials and nothing else', () =>
  inDirectory(async (directory) => {
    writtenStudy(directory, study);
    let done = 0;
    let lost = 0;
    for (let round = 0; round < 5; round++) {
      const { child, ended } = started(directory, [
        'sweep',
        'study.yaml',
        '--workers',
        String(workers),
        '--progress',
        'json',
      ]);
      await untilMoreThan(directory, done);
      await sleep(Math.random() * 200);
      child.kill('SIGKILL');
      await ended;
      const stored = await storedCount(directory);
      assert.ok(stored > done, `${stored} after ${done}`);
      done = stored;
      lost += workers;
    }
    assert.ok(done < runs, 'the kills came too late to show anything');
    const last = sweep(directory, 'study.yaml', '--out', 'killed.json');
    const [, ran, there] = /, (\d+) runs? done, (\d+) runs? were there/.exec(last.stderr)!.map(Number);
    assert.equal([there, ran], [done, runs - done]);
    console.log(`killed five times; ${done} of ${runs} runs kept, at most ${lost} lost; the last command ran ${ran}`);
    await sameAsUninterrupted(directory, last.stdout);
  }),
);

async function sameAsUninterrupted(directory: string, text: string): Promise<void> {
  await inDirectory((other) => {
    writtenStudy(other, study);
    assert.is(sweep(other, 'study.yaml').stdout, text);
  });
  assert.is(await storedCount(directory), runs);
}

crashes('Ctrl-C once drains, twice stops', () =>
  inDirectory(async (directory) => {
    writtenStudy(directory, study);
    const drained = started(directory, ['sweep', 'study.yaml']);
    await untilMoreThan(directory, 0);
    drained.child.kill('SIGINT');
    const { code, stderr, stdout } = await drained.ended;
    assert.is(code, 130, stderr);
    assert.match(stderr, /interrupted\. \d runs? will end, then the study stops; again to stop at once/);
    assert.match(stdout, /Trials, the best first/);
    const stored = await storedCount(directory);
    assert.ok(stored < runs);
    assert.match(sweep(directory, 'status', 'study.yaml').stdout, new RegExp(`${stored} of ${runs} runs are there`));

    const stopped = started(directory, ['sweep', 'study.yaml']);
    await untilMoreThan(directory, stored);
    stopped.child.kill('SIGINT');
    stopped.child.kill('SIGINT');
    assert.is((await stopped.ended).code, 130);
  }),
);

crashes.run();
