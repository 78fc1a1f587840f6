/** A text into a result, a study or a trace; what is none of these ends with words for whoever brought it. */
import type { RunResult } from '#scenarios/format/result.ts';
import { columnsOf, isStudy, type Study } from './study.ts';
import { type TraceFile, traceOf } from './trace-file.ts';

/** Why a file cannot be shown; the message says what it is and what is allowed. */
export class ReadError extends Error {
  override name = 'ReadError';
}

export interface PublishedValue {
  metric: string;
  value: number;
  simulated: number | null;
  source: string;
}

export type Result = RunResult & { published?: PublishedValue[] };

/** The parts of a comparison that are not computed anew. */
export interface ComparisonFile {
  kind: 'comparison';
  scenario: string;
  own: string;
  baseline: string;
  verdict: string;
  results: Result[];
}

export type Content = Result | ComparisonFile | Study | TraceFile;

const versionRead = 1;
const kinds = ['run', 'comparison', 'study', 'trace'];

export function readContent(text: string): Content {
  const value = parsed(text);
  if (!isRecord(value) || typeof value.kind !== 'string' || !kinds.includes(value.kind)) {
    const what = isRecord(value) && typeof value.kind === 'string' ? `It says it is a "${value.kind}". ` : '';
    throw new ReadError(`This is JSON, but not a result. ${what}Allowed is a file of sluice run, compare or sweep.`);
  }
  if (value.version !== versionRead) {
    const newer = typeof value.version === 'number' && value.version > versionRead;
    const hint = newer ? 'A newer sluice made it: update this one.' : 'Make it again with this sluice.';
    const version = JSON.stringify(value.version) ?? 'unknown';
    throw new ReadError(`This ${value.kind} has version ${version}; this page reads version ${versionRead}. ${hint}`);
  }
  if (value.kind === 'trace') return placed('trace', () => traceOf(value));
  if (value.kind === 'study') {
    if (!isStudy(value)) throw new ReadError('This study is not whole: its trials are missing.');
    return placed('study', () => columnsOf(value));
  }
  if (value.kind === 'run') return checkedRun(value, 'This run');
  return checkedComparison(value);
}

function parsed(text: string): unknown {
  const start = text.trimStart();
  if (start === '') throw new ReadError('This file is empty. Allowed is a file of sluice run, compare or sweep.');
  if (!start.startsWith('{')) {
    throw new ReadError(
      'This is not a result: it is no JSON object. Allowed is a file of sluice run, compare or sweep.',
    );
  }
  try {
    return JSON.parse(text);
  } catch {
    const cut = !text.trimEnd().endsWith('}');
    throw new ReadError(
      cut
        ? 'This file ends too early: it was cut off, or is still being written. Load it again once it is whole.'
        : 'This is not a result: its JSON is broken. Allowed is a file of sluice run, compare or sweep.',
    );
  }
}

/** What a reader stumbles over is a defect of the file, said in the file's words. */
function placed<Value>(kind: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw new ReadError(`This ${kind} is not whole: ${(error as Error).message}.`);
  }
}

function checkedComparison(value: Record<string, unknown>): ComparisonFile {
  const { results } = value;
  if (!Array.isArray(results) || results.length === 0) throw new ReadError('This comparison is empty: no results.');
  const checked = results.map((result, index) => checkedRun(result, `Result ${index + 1} of this comparison`));
  const policy = checked[0]!.manifest.policy;
  const text = (given: unknown, otherwise: string) => (typeof given === 'string' ? given : otherwise);
  return {
    kind: 'comparison',
    scenario: text(value.scenario, checked[0]!.manifest.scenario),
    own: text(value.own, policy),
    baseline: text(value.baseline, policy),
    verdict: text(value.verdict, ''),
    results: checked,
  };
}

const parts = ['manifest', 'summary', 'byClass', 'series', 'cdf', 'expectations'];
const seriesNames = [
  'time',
  'originBytesPerSecond',
  'relayBytesPerSecond',
  'peerBytesPerSecond',
  'originConnections',
  'completed',
  'fallbackOpen',
] as const;
const summaryParts = [
  'clients',
  'completionSeconds',
  'finishSeconds',
  'bound',
  'bytes',
  'share',
  'origin',
  'fallback',
  'cost',
];

function checkedRun(value: unknown, place: string): Result {
  const run = isRecord(value) ? value : {};
  for (const part of parts) {
    if (typeof run[part] !== 'object' || run[part] === null) throw new ReadError(`${place} is not whole: no ${part}.`);
  }
  const { summary, series, cdf } = run as unknown as Result;
  for (const part of summaryParts) {
    if (!isRecord((summary as unknown as Record<string, unknown>)[part])) {
      throw new ReadError(`${place} is not whole: no summary.${part}.`);
    }
  }
  const rows = series.columns?.time?.length;
  for (const name of seriesNames) {
    const column: unknown = series.columns?.[name];
    if (!Array.isArray(column)) throw new ReadError(`${place} is not whole: no series.columns.${name}.`);
    if (column.length !== rows) {
      throw new ReadError(`${place}: series.columns.${name} has ${column.length} rows, time has ${rows}.`);
    }
  }
  if (!Array.isArray(cdf.completionSeconds)) throw new ReadError(`${place} is not whole: no cdf.completionSeconds.`);
  return value as Result;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
