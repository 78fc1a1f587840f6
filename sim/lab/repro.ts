/** `sluice repro`: runs a result again from what stands in its manifest, and says whether it is the same. */
import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import { formatBytes } from '#scenarios/format/units.ts';
import { type Difference, firstDifference } from './difference.ts';
import { digestOf, type LabResult } from './execute.ts';
import type { CommandContext, ReproOptions } from './options.ts';
import type { Task } from './pool.ts';
import { provenance } from './provenance.ts';
import { reproStudy } from './repro-study.ts';
import { runTasks } from './run.ts';
import { loadSource } from './source.ts';
import { plural } from './table.ts';

/** A text of a JavaScript engine cannot be much longer. */
const fileBytesMax = 500_000_000;

interface Repetition {
  policy: string;
  seed: number;
  identical: boolean;
  digest: string;
  /** Whether the sources, or the Node, are others than those that made the file. */
  engineDiffers: boolean;
  nodeDiffers: boolean;
  /** The file's own digest does not fit what stands in it. */
  changed: boolean;
  difference?: Difference;
}

export async function reproCommand({ result: file, json }: ReproOptions, context: CommandContext): Promise<number> {
  const value = contentOf(file);
  if (isRecord(value) && value.kind === 'study' && value.version === 1) {
    return reproStudy(value, { file, json: json === true }, context);
  }
  const given = resultsIn(value, file);
  const executed = await runTasks(
    given.map((result) => taskOf(result, file)),
    undefined,
    context,
  );
  const repetitions = given.map((before, index) => repetitionOf(before, executed[index]!.result));
  const identical = repetitions.every((repetition) => repetition.identical);
  if (json) process.stdout.write(`${JSON.stringify({ identical, runs: repetitions }, undefined, 2)}\n`);
  else print(repetitions);
  return identical ? exitCodes.ok : exitCodes.failure;
}

/** The run of a result file, or all of a comparison. */
function resultsIn(value: unknown, file: string): LabResult[] {
  const kind = isRecord(value) ? value.kind : undefined;
  const isKnown = kind === 'run' || kind === 'comparison' || kind === 'study';
  if (isRecord(value) && value.version !== 1 && isKnown) {
    throw noResult(file, `is a result of version ${JSON.stringify(value.version)}; this sluice reads version 1`);
  }
  if (kind === 'run') return [checkedRun(value, file)];
  if (kind !== 'comparison') throw noResult(file, 'is not a result: neither a run, a comparison nor a study of sluice');
  const { results } = value as { results?: unknown };
  if (!Array.isArray(results) || results.length === 0) throw noResult(file, 'is a comparison without results');
  return results.map((result, index) => checkedRun(result, `${file}: results.${index}`));
}

function contentOf(file: string): unknown {
  const status = statSync(file, { throwIfNoEntry: false });
  if (status === undefined) throw noResult(file, 'no such file');
  if (status.isDirectory()) throw noResult(file, 'is a directory, not a result');
  if (status.size > fileBytesMax) throw noResult(file, `is ${formatBytes(status.size)} long, more than any result`);
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw noResult(file, `is not a result: ${(error as Error).message}`);
  }
}

function checkedRun(value: unknown, place: string): LabResult {
  const { manifest, summary, digest } = isRecord(value) ? value : {};
  if (!isRecord(manifest) || !isRecord(manifest.configuration) || !isRecord(summary) || typeof digest !== 'string') {
    throw noResult(place, 'is not a whole result: manifest, summary or digest is missing');
  }
  if (manifest.engine !== 'sim') throw noResult(place, `was made by "${manifest.engine}", which no simulation repeats`);
  return value as unknown as LabResult;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function noResult(place: string, problem: string): Stop {
  return new Stop(exitCodes.invalid, `${place}: ${problem}`);
}

let origin: ReturnType<typeof provenance> | undefined;

function taskOf({ manifest }: LabResult, file: string): Task {
  origin ??= provenance();
  const text = JSON.stringify(manifest.configuration);
  const { configuration, scenario } = loadSource(
    { file: `${basename(file)}, manifest.configuration`, text },
    { set: [] },
  );
  const { policy, seed } = manifest;
  return {
    job: { configuration, scenario, provenance: origin, traced: false },
    group: policy,
    label: `${policy} seed ${seed}`,
    repeat: `sluice repro ${file}`,
  };
}

function repetitionOf(before: LabResult, after: LabResult): Repetition {
  const difference = firstDifference(compared(before), compared(after));
  const { manifest } = before;
  return {
    policy: after.manifest.policy,
    seed: after.manifest.seed,
    identical: difference === undefined,
    digest: after.digest,
    engineDiffers: manifest.engineHash !== after.manifest.engineHash,
    nodeDiffers: manifest.node !== after.manifest.node,
    changed: digestOf(before) !== before.digest,
    ...(difference === undefined ? {} : { difference }),
  };
}

/** All that must come out again: everything but the machine, its clock, and the sources' names. */
function compared(result: LabResult): unknown {
  const { manifest, run, ...rest } = result;
  const { engineHash, git, sluice, node, startedAt, ...same } = manifest;
  const { events, transfers, memoryBytesPerClient } = run ?? {};
  // As a file holds it: no difference between -0 and 0, or between absent and undefined.
  return JSON.parse(JSON.stringify({ manifest: same, ...rest, run: { events, transfers, memoryBytesPerClient } }));
}

function print(repetitions: Repetition[]): void {
  const differing = repetitions.filter(({ identical }) => !identical);
  const [first] = repetitions;
  if (repetitions.some(({ engineDiffers }) => engineDiffers)) {
    process.stderr.write('note: core or simulator are not the sources that made this result (another engineHash)\n');
  }
  if (repetitions.some(({ nodeDiffers }) => nodeDiffers))
    process.stderr.write('note: made by another version of Node\n');
  if (differing.length === 0) {
    const what = repetitions.length === 1 ? `digest ${first!.digest}` : plural(repetitions.length, 'run');
    process.stdout.write('identical\n');
    process.stderr.write(`${what}\n`);
    return;
  }
  for (const { policy, seed, difference, changed } of differing) {
    const { path, before, after } = difference!;
    process.stdout.write(`different: ${policy}, seed ${seed}: ${path} is ${before} in the file and ${after} now\n`);
    if (changed) process.stdout.write('  the file was changed: its digest does not fit what stands in it\n');
  }
  if (repetitions.length > 1) {
    process.stdout.write(`different: ${differing.length} of ${repetitions.length} runs\n`);
  }
}
