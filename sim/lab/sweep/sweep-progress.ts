/** How far a study is: a line on a terminal, JSON lines where they are asked for, nothing in a pipe. */
import { formatSeconds } from '#scenarios/format/units.ts';
import { labelOf } from './candidate.ts';
import type { Course } from './course.ts';
import type { ProgressKind } from './options.ts';
import { ranking } from './recommendation.ts';
import type { Runner } from './runner.ts';
import { valueText } from './words.ts';

const lineMilliseconds = 500;
const jsonMilliseconds = 2000;

export interface Progress {
  done: number;
  /** At most: racing and halving make it fewer. */
  total: number;
  running: number;
  failed: number;
  elapsedSeconds: number;
  remainingSeconds: number | null;
  best: { values: string; objective: number | null } | null;
}

export function progressOf(course: Course, runner: Runner, elapsedSeconds: number): Progress {
  const best = bestSoFar(course);
  return {
    done: course.doneCount(),
    total: Math.max(course.runsMax(), course.doneCount()),
    running: runner.running().length,
    failed: course.evaluation.failed.size,
    elapsedSeconds: Math.round(elapsedSeconds * 10) / 10,
    remainingSeconds: course.remainingSeconds() ?? null,
    best,
  };
}

/** Of the trials that have been judged, or else of those under way. */
function bestSoFar({ search, study, evaluation }: Course): Progress['best'] {
  let best: { values: string; cost: number } | undefined;
  const judged = ranking(search).find(({ fate }) => fate === 'complete');
  for (const trial of judged === undefined ? search.trials : [judged]) {
    const measures = judged === undefined ? evaluation.measuresOf(trial.candidate) : trial.measures;
    if (measures.length === 0 || measures.some(({ error, violated }) => error !== undefined || violated.length > 0))
      continue;
    const [cost] = search.observation({ ...trial, measures }).objectives;
    if (best === undefined || cost! < best.cost) best = { values: labelOf(trial.candidate), cost: cost! };
  }
  if (best === undefined) return null;
  const sign = study.objectives[0]!.direction === 'minimize' ? 1 : -1;
  return { values: best.values, objective: Number.isFinite(best.cost) ? sign * best.cost : null };
}

export function progressLine({ study }: Course, progress: Progress): string {
  const { done, total, running, failed, elapsedSeconds, remainingSeconds, best } = progress;
  const parts = [`${done}/${total} runs`, `${running} running`];
  if (failed > 0) parts.push(`${failed} failed`);
  parts.push(elapsedSeconds < 1 ? '0 s' : formatSeconds(Math.floor(elapsedSeconds)));
  if (remainingSeconds !== null) parts.push(`about ${formatSeconds(Math.ceil(remainingSeconds))} left`);
  const [objective] = study.objectives;
  if (best !== null)
    parts.push(`best ${objective!.metric.text} ${valueText(objective!, best.objective)} (${best.values})`);
  return parts.join(' · ');
}

/** Shows it until the answer is called. */
export function showSweepProgress(course: Course, runner: Runner, kind: ProgressKind): () => void {
  const stream = process.stderr;
  const isLine = kind === 'auto' && stream.isTTY;
  if (kind !== 'json' && !isLine) return () => {};
  const startedAt = performance.now();
  const show = (): void => {
    const progress = progressOf(course, runner, (performance.now() - startedAt) / 1000);
    if (isLine) stream.write(`\r\x1b[K${progressLine(course, progress).slice(0, (stream.columns ?? 80) - 1)}`);
    else stream.write(`${JSON.stringify(progress)}\n`);
  };
  const timer = setInterval(show, isLine ? lineMilliseconds : jsonMilliseconds);
  return () => {
    clearInterval(timer);
    if (isLine) stream.write('\r\x1b[K');
    else show();
  };
}
