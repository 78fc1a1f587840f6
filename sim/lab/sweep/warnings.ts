/** What to doubt about a study's answer, and what to do about it. */
import type { Study } from '#scenarios/format/study.ts';
import { holdsZero } from '../statistics.ts';
import { count, plural } from '../table.ts';
import type { Difference } from './answer-rows.ts';
import type { Answers } from './answers.ts';
import { readable } from './candidate.ts';
import { seedsToSettle } from './words.ts';

/** Below this number of seeds Student's t is a guess about the shape of the spread. */
const seedsForIntervals = 20;

export function warningsOf(study: Study, answers: Answers): string[] {
  return [
    ...roughIntervals(answers),
    ...edges(study, answers),
    ...noEffect(study, answers),
    ...unsettled(study, answers),
  ];
}

function roughIntervals({ recommended, baseline }: Answers): string[] {
  const seeds = Math.min(recommended?.seeds ?? Infinity, baseline.seeds);
  if (!Number.isFinite(seeds) || seeds >= seedsForIntervals) return [];
  return [`${plural(seeds, 'seed')} per trial: intervals are rough below ${seedsForIntervals}`];
}

function edges({ space }: Study, { recommended }: Answers): string[] {
  if (recommended === undefined) return [];
  return space.flatMap((knob, index) => {
    const assignment = recommended.set[index]!;
    const edge = knob.edgeOf(JSON.parse(assignment.slice(assignment.indexOf('=') + 1)));
    return edge === undefined
      ? []
      : [`${readable(assignment)} is the ${edge} value that was tried: the best may lie beyond`];
  });
}

function noEffect({ objectives }: Study, { importance }: Answers): string[] {
  return objectives.flatMap(({ metric }, index) => {
    const shares = importance.map((each) => each.shares[index] ?? null);
    if (shares.some((share) => share === null || share.p < 0.05) || shares.length === 0) return [];
    return [`${metric.text} does not depend on any knob, as far as these trials tell`];
  });
}

function unsettled({ objectives }: Study, { recommended, runnerUp }: Answers): string[] {
  const say = (difference: Difference | null, index: number, rival: string): string[] => {
    if (difference === null || difference.low === null || !holdsZero(difference)) return [];
    const seeds = seedsToSettle(difference);
    const more = Number.isFinite(seeds)
      ? `about ${plural(Math.max(1, seeds), 'more seed')} would settle it, if the difference is what it seems`
      : `even ${count(1000)} seeds would not tell them apart: take them as equal`;
    return [`${objectives[index]!.metric.text}: not significantly different from ${rival}; ${more}`];
  };
  return [
    ...(recommended?.difference ?? []).flatMap((difference, index) => say(difference, index, 'the baseline')),
    ...(runnerUp?.difference ?? []).flatMap((difference, index) =>
      say(difference, index, `the next best (${runnerUp!.row.set.map(readable).join(', ')})`),
    ),
  ];
}
