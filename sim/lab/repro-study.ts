/** `sluice repro` of a study: runs every one of its simulations again, and compares their digests. */
import { basename } from 'node:path';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import type { CommandContext } from './options.ts';
import type { Task } from './pool.ts';
import { provenance } from './provenance.ts';
import { runTasks } from './run.ts';
import { loadSource } from './source.ts';
import type { StudyTrial } from './sweep/study-document.ts';
import { plural } from './table.ts';

interface Repeated {
  number: number;
  seed: number;
  /** In the file. */
  digest: string;
  task: Task;
}

export async function reproStudy(
  study: Record<string, unknown>,
  { file, json }: { file: string; json: boolean },
  context: CommandContext,
): Promise<number> {
  const { baseline, trials } = study as { baseline?: StudyTrial; trials?: StudyTrial[] };
  if (baseline === undefined || !Array.isArray(trials)) {
    throw new Stop(exitCodes.invalid, `${file}: is a study without its trials`);
  }
  const origin = provenance();
  const repeated = [baseline, ...trials].flatMap((trial) => repeatedOf(trial, file, origin));
  const executed = await runTasks(
    repeated.map(({ task }) => task),
    undefined,
    context,
  );
  const runs = repeated.map(({ number, seed, digest }, index) => {
    const now = executed[index]!.result.digest;
    return { trial: number, seed, digest, now, identical: now === digest };
  });
  const differing = runs.filter((run) => !run.identical);
  const identical = differing.length === 0;
  if (json) process.stdout.write(`${JSON.stringify({ identical, runs }, undefined, 2)}\n`);
  else if (identical) process.stdout.write('identical\n');
  else {
    for (const { trial, seed, digest, now } of differing) {
      process.stdout.write(`different: trial ${trial}, seed ${seed}: digest ${digest} in the file and ${now} now\n`);
    }
  }
  const { engineHash } = study.manifest as { engineHash?: string };
  if (engineHash !== origin.engineHash) {
    process.stderr.write('note: core or simulator are not the sources that made this study (another engineHash)\n');
  }
  process.stderr.write(`${plural(runs.length, 'run')}\n`);
  return identical ? exitCodes.ok : exitCodes.failure;
}

/** What failed has no digest to compare. */
function repeatedOf(trial: StudyTrial, file: string, origin: ReturnType<typeof provenance>): Repeated[] {
  const { number, configuration: text, runs } = trial;
  if (text === undefined) return [];
  const name = number === 0 ? 'baseline' : `trial ${number}`;
  const place = { file: `${basename(file)}, ${name}`, text: JSON.stringify(text) };
  return runs
    .filter(({ status }) => status === 'done')
    .map(({ seed, digest }) => {
      const { configuration, scenario } = loadSource(place, { seed, set: [] });
      const job = { configuration, scenario, provenance: origin, traced: false };
      const task = { job, group: name, label: `${name}, seed ${seed}`, repeat: `sluice repro ${file}` };
      return { number, seed, digest, task };
    });
}
