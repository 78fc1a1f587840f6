/** `sluice run`: one scenario, one result. */
import { exitCodes } from '#scenarios/format/exit-codes.ts';
import type { LoadedScenario } from '#scenarios/format/load.ts';
import { parseRecordOption, recordFor } from './client-record.ts';
import type { Executed } from './execute.ts';
import type { CommandContext, RunOptions } from './options.ts';
import { checkOutputs, writeWhole } from './output.ts';
import { Pool, type Task } from './pool.ts';
import { showProgress } from './progress.ts';
import { provenance } from './provenance.ts';
import { reportOf } from './report.ts';
import { loadSource, openSource, repeatCommand } from './source.ts';

export async function runCommand(options: RunOptions, context: CommandContext): Promise<number> {
  const { out, trace, json } = options;
  const record = options.record === undefined ? undefined : parseRecordOption(options.record);
  const source = openSource(options.scenario);
  checkOutputs({ '--out': out, '--trace': trace, '--record': record?.file }, [source.file]);
  const loaded = loadSource(source, options);
  for (const warning of loaded.warnings) process.stderr.write(`warning: ${warning}\n`);
  const repeat = repeatCommand(source.given, { ...options, seed: loaded.scenario.seed });
  if (record !== undefined) recordFor(loaded.scenario, record.client);
  const asked = { traced: trace !== undefined, recorded: record?.client, repeat };
  const executed = await runAlone(loaded, asked, context);
  const { result } = executed;
  if (trace !== undefined) writeWhole(trace, `${executed.trace}\n`);
  if (record !== undefined) writeWhole(record.file, executed.record!);
  if (out !== undefined) writeWhole(out, `${JSON.stringify(result, undefined, 2)}\n`);
  process.stdout.write(
    json ? `${JSON.stringify(result, undefined, 2)}\n` : reportOf(result, { machine: true, repeat }),
  );
  return result.expectations.every(({ ok }) => ok) ? exitCodes.ok : exitCodes.expectation;
}

/** In a thread of its own, so that Ctrl-C meets a thread that listens. */
async function runAlone(
  { configuration, scenario }: LoadedScenario,
  { repeat, ...asked }: { traced: boolean; recorded: number | undefined; repeat: string },
  context: CommandContext,
): Promise<Executed> {
  const job = { configuration, scenario, provenance: provenance(), ...asked };
  const label = `${scenario.policy.name}, seed ${scenario.seed}`;
  return (await runTasks([{ job, group: label, label, repeat }], 1, context))[0]!;
}

/** All of the tasks, with a progress line and an answer to Ctrl-C. */
export async function runTasks(
  tasks: Task[],
  workers: number | undefined,
  context: CommandContext,
): Promise<Executed[]> {
  const pool = new Pool(tasks, { workers });
  const hideProgress = showProgress(() => pool.standing());
  const release = context.onInterrupt(() => {
    const { done, total } = pool.standing();
    const progress = total === 1 ? '' : `${done} of ${total} runs were done. `;
    return `${progress}Nothing is kept; the same command begins anew.`;
  });
  try {
    return await pool.run();
  } finally {
    release();
    hideProgress();
  }
}
