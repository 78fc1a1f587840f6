/** `sluice pilot` and `sluice pilot clean`. */
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import type { Output, Overrides } from '../options.ts';
import { checkOutputs, writeWhole } from '../output.ts';
import { provenance } from '../provenance.ts';
import { reportOf } from '../report.ts';
import { loadSource, openSource } from '../source.ts';
import { percent } from '../table.ts';
import { type Network, namespacesProblem } from './network.ts';
import { type PilotResult, runPilot } from './pilot.ts';
import { cleanWorkplaces } from './workplace.ts';

export interface PilotOptions extends Overrides, Output {
  scenario: string;
  network?: 'auto' | Network['kind'];
}

export async function pilotCommand(options: PilotOptions): Promise<number> {
  const { json, out } = options;
  const source = openSource(options.scenario);
  checkOutputs({ '--out': out }, [source.file]);
  const loaded = loadSource(source, options);
  for (const warning of loaded.warnings) process.stderr.write(`warning: ${warning}\n`);
  const kind = networkFor(options.network ?? 'auto');
  const result = await interruptible((signal) => runPilot(loaded, provenance(), kind, signal));
  if (out !== undefined) writeWhole(out, `${JSON.stringify(result, undefined, 2)}\n`);
  process.stdout.write(json ? `${JSON.stringify(result, undefined, 2)}\n` : pilotReport(result));
  return result.expectations.every(({ ok }) => ok) ? exitCodes.ok : exitCodes.expectation;
}

export function networkFor(wanted: 'auto' | Network['kind']): Network['kind'] {
  if (wanted === 'loopback') return 'loopback';
  const problem = namespacesProblem();
  if (problem === undefined) {
    process.stderr.write('sluice: network namespaces, links shaped by tc\n');
    return 'namespaces';
  }
  if (wanted === 'namespaces') throw new Stop(exitCodes.failure, `no network namespaces: ${problem}`);
  process.stderr.write(`sluice: on loopback, with limits in the processes (no network namespaces: ${problem})\n`);
  return 'loopback';
}

function pilotReport(result: PilotResult): string {
  const { network, cpuBusyShare, isRejected, replays } = result.pilot;
  const busy = cpuBusyShare === null ? 'not known' : `${percent(cpuBusyShare)} busy${isRejected ? ', too much' : ''}`;
  const lines = [
    `measured on ${network}, processors ${busy}`,
    `records replayed: ${replays.identical} identical, ${replays.different.length} different`,
    ...replays.different,
  ];
  return `${reportOf(result, { machine: false })}\n${lines.join('\n')}\n`;
}

/** At the first Ctrl-C or SIGTERM the work is broken off and what it made is removed. */
export async function interruptible<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) return;
    process.stderr.write('\nsluice: interrupted; everything that the pilot made is removed\n');
    controller.abort(new Stop(exitCodes.interrupted, 'interrupted'));
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, stop);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of signals) process.off(name, stop);
  }
}

export function pilotCleanCommand({ json = false }: { json?: boolean }): number {
  const found = cleanWorkplaces();
  if (json) {
    process.stdout.write(`${JSON.stringify(found)}\n`);
    return exitCodes.ok;
  }
  for (const directory of found.removed) process.stdout.write(`removed ${directory}\n`);
  for (const directory of found.inUse) process.stdout.write(`${directory} is in use: left alone\n`);
  if (found.removed.length + found.inUse.length === 0) process.stdout.write('nothing was left\n');
  return exitCodes.ok;
}
