/** One pilot from nothing to a result; whatever happens, nothing of it stays behind. */
import type { LoadedScenario } from '#scenarios/format/load.ts';
import { type LabResult, resultOf } from '../execute.ts';
import type { Provenance } from '../provenance.ts';
import { PilotRun } from './course.ts';
import { assertPilotable } from './machines.ts';
import { cpuBusyShareMax, type Measured } from './measured.ts';
import type { Network } from './network.ts';
import { measuredOutcome } from './outcome.ts';
import { Site } from './site.ts';
import { claimWorkplace, removeWorkplace } from './workplace.ts';

/** A result of a pilot says beside everything else how it was measured. */
export interface PilotResult extends LabResult {
  pilot: {
    network: Network['kind'];
    /** Of all cores, on average; null: not known here. */
    cpuBusyShare: number | null;
    /** The machine was too busy for the network to be what was measured. */
    isRejected: boolean;
    replays: { identical: number; different: string[] };
  };
}

export async function runPilot(
  loaded: LoadedScenario,
  provenance: Provenance,
  kind: Network['kind'],
  signal: AbortSignal,
): Promise<PilotResult> {
  assertPilotable(loaded.scenario);
  const startedAt = new Date().toISOString();
  const startedAtMilliseconds = performance.now();
  const measured = await withSite(loaded, kind, signal, (site) => new PilotRun(site, signal).run());
  const wallSeconds = (performance.now() - startedAtMilliseconds) / 1000;
  const cost = { wallSeconds, cpuSeconds: 0, peakRssBytes: 0 };
  const making = { engine: 'pilot' as const, startedAt, cost };
  const result = resultOf({ ...loaded, provenance }, measuredOutcome(loaded.scenario, measured), making);
  return { ...result, pilot: howMeasured(measured) };
}

/** Makes a site, works on it, and removes every process, interface and file of it. */
export async function withSite<Result>(
  loaded: LoadedScenario,
  kind: Network['kind'],
  signal: AbortSignal,
  work: (site: Site) => Promise<Result>,
): Promise<Result> {
  const workplace = claimWorkplace();
  const remove = () => removeWorkplace(workplace);
  // The last resort, should something end the process without unwinding it.
  process.once('exit', remove);
  try {
    const site = new Site(loaded, workplace, kind);
    await site.open(signal);
    return await work(site);
  } finally {
    process.off('exit', remove);
    remove();
  }
}

function howMeasured({ network, cpuBusyShare, clients }: Measured): PilotResult['pilot'] {
  const replays = { identical: 0, different: [] as string[] };
  for (const { machine, replay } of clients) {
    if (replay === undefined) continue;
    if (replay.isIdentical) replays.identical++;
    else replays.different.push(`${machine.name}: ${replay.says}`);
  }
  return { network, cpuBusyShare, isRejected: cpuBusyShare !== null && cpuBusyShare > cpuBusyShareMax, replays };
}
