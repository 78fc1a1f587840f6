/** The answer of a study as people read it. */
import type { Study } from '#scenarios/format/study.ts';
import { aligned, count, percent, plural } from '../table.ts';
import type { TrialRow } from './answer-rows.ts';
import type { Answers } from './answers.ts';
import { readable } from './candidate.ts';
import { warningsOf } from './warnings.ts';
import { comparisonWords, differenceText, intervalText, valueText } from './words.ts';

const rowsMax = 12;

export function answersText(study: Study, answers: Answers): string {
  const sections = [
    ...rankingText(study, answers),
    ...frontText(study, answers),
    ...recommendationText(study, answers),
    ...importanceText(study, answers),
    ...expectationsText(answers),
    ...listed('Doubts', warningsOf(study, answers)),
  ];
  return `${sections.join('\n')}\n`;
}

/** "threshold=1MiB/s, hold=12s is faster than the baseline: …" */
export function againstBaseline(study: Study, row: TrialRow): string {
  const parts = study.objectives.map((objective, index) =>
    differenceText(objective, row.difference[index] ?? null, index === 0),
  );
  const values = row.set.map(readable).join(', ');
  return `${values} ${comparisonWords(study, row.difference)} the baseline: ${parts.join('; ')}`;
}

function rankingText(study: Study, { trials, baseline }: Answers): string[] {
  const header = ['  trial', 'seeds', ...study.objectives.map(({ metric }) => metric.text), 'values'];
  const cells = (row: TrialRow, name: string): string[] => [
    name,
    String(row.seeds),
    ...study.objectives.map((objective, index) => intervalText(objective, row.metrics[index] ?? null)),
    noteOf(row),
  ];
  const shown = trials.slice(0, rowsMax);
  const rows = [header, cells(baseline, '  baseline'), ...shown.map((row) => cells(row, `  ${row.number}`))];
  const more =
    trials.length > shown.length
      ? [`  … ${plural(trials.length - shown.length, 'more trial')}; \`sluice sweep export\` has all`]
      : [];
  // The last column is text: it stands at the left of its place.
  const body = aligned(rows.map((row) => row.slice(0, -1)));
  return [
    'Trials, the best first; mean over seeds [95 % interval]',
    '',
    ...body.map((line, index) => `${line}  ${rows[index]!.at(-1)}`.trimEnd()),
    ...more,
    '',
  ];
}

function noteOf({ set, fate, reasons }: TrialRow): string {
  const values = set.map(readable).join(' ');
  switch (fate) {
    case 'stopped':
      return `${values}  (stopped early: worse)`;
    case 'violates':
      return `${values}  (violates ${reasons.join(', ')})`;
    case 'failed':
      return `${values}  (failed: ${reasons.at(-1)?.split('\n')[0]})`;
    case 'running':
      return `${values}  (not done)`;
    case 'complete':
      return values;
    default:
      return fate satisfies never;
  }
}

function frontText(study: Study, { front, trials }: Answers): string[] {
  if (study.objectives.length < 2 || front.length === 0) return [];
  const lines = front.map((number) => {
    const row = trials.find((each) => each.number === number)!;
    const values = study.objectives.map((objective, index) => intervalText(objective, row.metrics[index] ?? null));
    return [`  ${number}`, ...values, row.set.map(readable).join(' ')];
  });
  const body = aligned(lines.map((line) => line.slice(0, -1)));
  const rows = body.map((line, index) => `${line}  ${lines[index]!.at(-1)}`);
  const names = study.objectives.map(({ metric }) => metric.text).join(', ');
  return [`Pareto front: whoever wants more of one of ${names} pays with another`, '', ...rows, ''];
}

function recommendationText(study: Study, { recommended, pooled, trials }: Answers): string[] {
  if (recommended === undefined) {
    const why =
      trials.length === 0 ? 'no trial is done yet' : 'no trial was judged to its end with every constraint kept';
    return [`Recommended: nothing: ${why}.`, ''];
  }
  const lines = [`Recommended: trial ${recommended.number}: ${againstBaseline(study, recommended)}.`];
  for (const { objective, value, interval } of pooled) {
    const of = study.objectives[objective]!;
    const range = `[${valueText(of, interval.low)}, ${valueText(of, interval.high)}], by bootstrap over seeds`;
    lines.push(`  ${of.metric.text} of the clients of all seeds together: ${valueText(of, value)} ${range}`);
  }
  return [...lines, ''];
}

function importanceText(study: Study, { importance }: Answers): string[] {
  if (importance.every(({ shares }) => shares.every((share) => share === null))) return [];
  const header = ['  share of the variance', ...study.objectives.map(({ metric }) => metric.text)];
  const rows = importance.map(({ knob, shares, matters }) => [
    `  ${knob.replace(/^policy\./, '')}${matters ? '' : '  does not matter'}`,
    ...shares.map((share) =>
      share === null ? '—' : share.p < 0.05 ? percent(share.share) : `${percent(share.share)} (by chance)`,
    ),
  ]);
  return ['Which knobs matter, each by itself', '', ...aligned([header, ...rows]), ''];
}

function expectationsText({ expectations }: Answers): string[] {
  return listed(
    'Expected of the recommended trial',
    expectations.map(({ text, value, ok }) => `${ok ? '✓' : '✗'} ${text}  ${value === null ? '—' : count(value)}`),
  );
}

function listed(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, '', ...lines.map((line) => `  ${line}`), ''];
}
