/** The recommended policy as a file that nodes run and scenarios hold. */
import { stringify } from 'yaml';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import { writeWhole } from '../output.ts';
import type { TrialRow } from './answer-rows.ts';
import { againstBaseline } from './answers-text.ts';
import { readable } from './candidate.ts';
import type { Course } from './course.ts';

/** Answers what of the recommendation is not a matter of policy, and so not in the file. */
export function applyRecommendation(course: Course, row: TrialRow | undefined, file: string): string[] {
  const trial = course.search.trials.find(({ candidate }) => candidate.number === row?.number);
  const configuration = trial && course.maker.configurationOf(trial.candidate);
  if (row === undefined || configuration === undefined) {
    throw new Stop(exitCodes.failure, `--apply ${file}: nothing is recommended, so nothing is written`);
  }
  const elsewhere = row.set.filter(
    (assignment) => !assignment.startsWith('policy.') && !assignment.startsWith('policy='),
  );
  const comments = [
    `Recommended by the study "${course.study.name}", on the scenario "${configuration.name}".`,
    againstBaseline(course.study, row),
    ...elsewhere.map((assignment) => `Belongs to it, but is no part of a policy: ${readable(assignment)}`),
  ];
  const head = comments.map((line) => `# ${line}\n`).join('');
  writeWhole(file, head + stringify(configuration.policy));
  return elsewhere.map(readable);
}
