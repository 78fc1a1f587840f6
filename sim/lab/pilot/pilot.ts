/** One pilot from nothing to a result; whatever happens, nothing of it stays behind. */
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadedScenario } from '#scenarios/format/load.ts';
import { type LabResult, resultOf } from '../execute.ts';
import type { Provenance } from '../provenance.ts';
import { PilotRun } from './course.ts';
import { assertPilotable } from './machines.ts';
import { cpuBusyShareMax, type Measured } from './measured.ts';
import type { Network } from './network.ts';
import type { ClientKind } from './other-clients.ts';
import { measuredOutcome } from './outcome.ts';
import { Site } from './site.ts';
import { claimWorkplace, removeWorkplace } from './workplace.ts';

/** A result of a pilot says beside everything else how it was measured. */
export interface PilotResult extends LabResult {
  pilot: {
    /** Whose. */
    clients: ClientKind;
    network: Network['kind'];
    /** Of all cores, on average; null: not known here. */
    cpuBusyShare: number | null;
    /** The machine was too busy for the network to be what was measured. */
    isRejected: boolean;
    /** Runs that were rejected before this one was taken. */
    rejectedBefore: number;
    replays: { identical: number; different: string[] };
  };
}

export interface PilotExtras {
  /** Directory for what the nodes said and decided. */
  logs?: string | undefined;
  /** Whose clients download. */
  clients?: ClientKind | undefined;
}

export async function runPilot(
  loaded: LoadedScenario,
  provenance: Provenance,
  kind: Network['kind'],
  signal: AbortSignal,
  { logs, clients = 'sluice' }: PilotExtras = {},
): Promise<PilotResult> {
  assertPilotable(loaded.scenario);
  const startedAt = new Date().toISOString();
  const startedAtMilliseconds = performance.now();
  const measured = await withSite(loaded, kind, signal, async (site) => {
    try {
      return await new PilotRun(site, signal, clients).run();
    } finally {
      if (logs !== undefined) keepLogs(site.directory, logs);
    }
  });
  const wallSeconds = (performance.now() - startedAtMilliseconds) / 1000;
  const cost = { wallSeconds, cpuSeconds: 0, peakRssBytes: 0 };
  const making = { engine: 'pilot' as const, startedAt, cost };
  const result = resultOf({ ...loaded, provenance }, measuredOutcome(loaded.scenario, measured), making);
  return { ...result, pilot: { clients, ...howMeasured(measured) } };
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

/** What the nodes said and decided, but neither the file nor a token. */
function keepLogs(directory: string, logs: string): void {
  for (const entry of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    if (/\.(log|decisions)$/.test(entry)) cpSync(join(directory, entry), join(logs, entry.replaceAll('/', '.')));
  }
}

function howMeasured({ network, cpuBusyShare, clients }: Measured): Omit<PilotResult['pilot'], 'clients'> {
  const replays = { identical: 0, different: [] as string[] };
  for (const { machine, replay } of clients) {
    if (replay === undefined) continue;
    if (replay.isIdentical) replays.identical++;
    else replays.different.push(`${machine.name}: ${replay.says}`);
  }
  const isRejected = cpuBusyShare !== null && cpuBusyShare > cpuBusyShareMax;
  return { network, cpuBusyShare, isRejected, rejectedBefore: 0, replays };
}
