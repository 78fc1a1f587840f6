/** The file that `sluice sweep --out`, `--json` and `sweep export` write. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Configuration } from '#scenarios/format/configuration.ts';
import type { Provenance } from '../provenance.ts';
import type { Interval } from '../statistics.ts';
import type { Difference, TrialRow } from './answer-rows.ts';
import type { Answers, Importance } from './answers.ts';
import { againstBaseline } from './answers-text.ts';
import type { Candidate } from './candidate.ts';
import type { Course } from './course.ts';
import type { TrialRecord } from './trial.ts';
import { warningsOf } from './warnings.ts';

export interface StudyRun extends Pick<TrialRecord, 'seed' | 'hash' | 'status' | 'digest' | 'wallSeconds'> {
  objectives: Record<string, number | null>;
  finishedAt: string;
  worker: string;
  /** Only where it failed. */
  error?: string;
  repeat: string;
}

export interface StudyTrial {
  number: number;
  values: Record<string, unknown>;
  fate: TrialRow['fate'];
  metrics: Record<string, Interval | null>;
  /** Seed by seed, as shares of the baseline's mean. */
  difference: Record<string, Difference | null>;
  reasons: string[];
  /** Of the first seed; absent where the values make no scenario. */
  configuration?: Configuration;
  scenarioHash?: string;
  policyHash?: string;
  runs: StudyRun[];
}

export interface StudyDocument {
  version: 1;
  kind: 'study';
  name: string;
  description: string;
  /** Whether every trial was judged. */
  complete: boolean;
  manifest: Provenance & {
    study: unknown;
    scenario: string;
    seeds: number[];
    lockfileHash: string;
    wallSeconds: number;
  };
  objectives: string[];
  constraints: string[];
  baseline: StudyTrial;
  /** In the order in which they were tried. */
  trials: StudyTrial[];
  ranking: number[];
  front: number[];
  recommended: { number: number; values: Record<string, unknown>; words: string } | null;
  importance: Importance[];
  expectations: Answers['expectations'];
  warnings: string[];
}

export function studyDocument(course: Course, provenance: Provenance, answers: Answers): StudyDocument {
  const { study, search } = course;
  const { recommended } = answers;
  const trials = answers.trials.toSorted((left, right) => left.number - right.number);
  const byNumber = new Map([...search.trials, search.baseline].map(({ candidate }) => [candidate.number, candidate]));
  const entry = (row: TrialRow): StudyTrial => trialOf(course, row, byNumber.get(row.number)!);
  const entries = trials.map(entry);
  const seeds = new Set(entries.flatMap(({ runs }) => runs.map(({ seed }) => seed)));
  return {
    version: 1,
    kind: 'study',
    name: study.name,
    description: study.description,
    complete: search.isDone,
    manifest: {
      ...provenance,
      study: study.document,
      scenario: study.scenario.file,
      seeds: [...seeds].sort((left, right) => left - right),
      lockfileHash: lockfileHash(),
      // The order of a sum shows in its last digits, and runs end in any order.
      wallSeconds: Number(course.evaluation.wallSeconds.toFixed(3)),
    },
    objectives: study.objectives.map(({ text }) => text),
    constraints: study.constraints.map(({ text }) => text),
    baseline: entry(answers.baseline),
    trials: entries,
    ranking: answers.trials.map(({ number }) => number),
    front: answers.front,
    recommended: recommended
      ? { number: recommended.number, values: valuesOf(recommended.set), words: againstBaseline(study, recommended) }
      : null,
    importance: answers.importance,
    expectations: answers.expectations,
    warnings: warningsOf(study, answers),
  };
}

function trialOf(course: Course, row: TrialRow, candidate: Candidate): StudyTrial {
  const { study } = course;
  const records = course.evaluation.recordsOf(candidate);
  const measures = course.evaluation.measuresOf(candidate);
  const configuration = course.maker.configurationOf(candidate);
  const manifest = records.find(({ result }) => result !== null)?.result?.manifest;
  const byObjective = <Value>(values: readonly Value[]): Record<string, Value> =>
    Object.fromEntries(study.objectives.map(({ metric }, index) => [metric.text, values[index]!]));
  return {
    number: row.number,
    values: valuesOf(row.set),
    fate: row.fate,
    metrics: byObjective(row.metrics),
    difference: byObjective(row.difference),
    reasons: row.reasons,
    ...(configuration === undefined ? {} : { configuration }),
    ...(manifest === undefined ? {} : { scenarioHash: manifest.scenarioHash, policyHash: manifest.policyHash }),
    runs: records.map(({ seed, hash, status, digest, wallSeconds, finishedAt, worker, error, repeat }, index) => ({
      ...{ seed, hash, status, digest, wallSeconds, finishedAt, worker, repeat },
      objectives: byObjective(study.objectives.map((_, place) => measures[index]!.objectives[place] ?? null)),
      ...(status === 'failed' ? { error } : {}),
    })),
  };
}

export function valuesOf(set: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    set.map((assignment) => {
      const at = assignment.indexOf('=');
      return [assignment.slice(0, at), JSON.parse(assignment.slice(at + 1))];
    }),
  );
}

/** Of what is installed; empty where the sources stand without a lockfile. */
function lockfileHash(): string {
  const file = fileURLToPath(new URL('../../../package-lock.json', import.meta.url));
  return existsSync(file) ? createHash('sha256').update(readFileSync(file)).digest('hex') : '';
}
