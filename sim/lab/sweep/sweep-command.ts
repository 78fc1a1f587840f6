/** `sluice sweep`: runs a study, or goes on with it, and says what it found. */
import { availableParallelism } from 'node:os';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import type { CommandContext } from '../options.ts';
import { checkOutputs, writeWhole } from '../output.ts';
import { type Provenance, provenance } from '../provenance.ts';
import { plural } from '../table.ts';
import type { Answers } from './answers.ts';
import { answersText } from './answers-text.ts';
import { applyRecommendation } from './apply.ts';
import { Course } from './course.ts';
import { dryRun } from './dry-run.ts';
import { LocalRunner } from './local-runner.ts';
import { isPostgres, openStore } from './open-store.ts';
import type { SweepOptions } from './options.ts';
import type { Runner } from './runner.ts';
import { SharedRunner } from './shared-runner.ts';
import type { Store } from './store.ts';
import { studyDocument } from './study-document.ts';
import { openStudy } from './study-source.ts';
import { showSweepProgress } from './sweep-progress.ts';

export async function sweepCommand(options: SweepOptions, context: CommandContext): Promise<number> {
  const { file, study } = openStudy(options);
  checkOutputs({ '--out': options.out, '--apply': options.apply }, [file, study.scenario.file]);
  const origin = provenance();
  if (options.workers === 0 && !isPostgres(options.db ?? '')) {
    throw new Stop(exitCodes.usage, '--workers 0: only with --db postgres://…, where others do the work');
  }
  if (options.dryRun) return dryRun(study, options, origin);
  const store = await openStore(options.db);
  try {
    const runner = await runnerFor(options, store, origin);
    try {
      const course = new Course({ study, provenance: origin, store, runner, retry: options.retry });
      const isDone = await watched(course, runner, options, context);
      return report(course, origin, options, isDone);
    } finally {
      await runner.stop();
    }
  } finally {
    await store.close();
  }
}

async function runnerFor({ db, workers }: SweepOptions, store: Store, origin: Provenance): Promise<Runner> {
  const count = workers ?? availableParallelism();
  if (db !== undefined && isPostgres(db)) return SharedRunner.open(store, db, count, origin);
  return new LocalRunner(store, count);
}

/** Runs the course with its progress; Ctrl-C once drains, twice stops. */
async function watched(
  course: Course,
  runner: Runner,
  options: SweepOptions,
  context: CommandContext,
): Promise<boolean> {
  const hideProgress = showSweepProgress(course, runner, options.progress);
  const release = context.onDrain((times) => {
    if (times > 1) return 'Stopped. What is done is in the store; the same command goes on from there.';
    runner.drain();
    return `${plural(runner.running().length, 'run')} will end, then the study stops; again to stop at once.`;
  });
  try {
    return await course.run();
  } finally {
    release();
    hideProgress();
  }
}

function report(course: Course, origin: Provenance, options: SweepOptions, isDone: boolean): number {
  const { evaluation, search, study } = course;
  const answers = course.answers();
  const { out, json, apply } = options;
  if (out !== undefined || json) {
    const text = `${JSON.stringify(studyDocument(course, origin, answers), undefined, 2)}\n`;
    if (out !== undefined) writeWhole(out, text);
    if (json) process.stdout.write(text);
  }
  if (!json) process.stdout.write(answersText(study, answers));
  const { doneCount, cachedCount, failed, impossible } = evaluation;
  const before =
    cachedCount === 0 ? '' : `, ${plural(cachedCount, 'run')} ${cachedCount === 1 ? 'was' : 'were'} there already`;
  const done =
    doneCount === 0 && isDone
      ? `nothing to do: all ${plural(cachedCount, 'run')} are there`
      : `${plural(doneCount, 'run')} done${before}`;
  process.stderr.write(`${study.name}: ${plural(search.trials.length, 'trial')}, ${done}\n`);
  for (const { error, repeat } of failed.values()) {
    process.stderr.write(`failed: ${error.split('\n')[0]}\n  repeat: ${repeat}\n`);
  }
  for (const [number, error] of impossible) process.stderr.write(`failed: trial ${number}: ${error}\n`);
  if (!isDone) return exitCodes.interrupted;
  if (apply !== undefined) {
    for (const value of applyRecommendation(course, answers.recommended, apply)) {
      process.stderr.write(`note: ${value} is not part of a policy: set it where the fleet is described\n`);
    }
  }
  return exitCodeOf(answers, failed.size + impossible.size);
}

function exitCodeOf({ expectations, recommended }: Answers, failedCount: number): number {
  if (failedCount > 0) return exitCodes.someTrialsFailed;
  const isMet = recommended !== undefined && expectations.every(({ ok }) => ok);
  return isMet || expectations.length === 0 ? exitCodes.ok : exitCodes.expectation;
}
