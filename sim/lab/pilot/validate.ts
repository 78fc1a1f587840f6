/** `sluice pilot --against-sim`: runs each case several times on real processes and as often in simulation. */
import type { LoadedScenario } from '#scenarios/format/load.ts';
import { execute, type LabResult } from '../execute.ts';
import type { Overrides } from '../options.ts';
import { provenance } from '../provenance.ts';
import { loadSource, openSource } from '../source.ts';
import { percent } from '../table.ts';
import { KeptRuns } from './kept-runs.ts';
import type { Network } from './network.ts';
import { type PilotResult, runPilot } from './pilot.ts';
import type { SuiteEntry } from './suite.ts';
import { type Validation, validationRows } from './validation.ts';

export interface ValidateOptions extends Overrides {
  runs: number;
  network: Network['kind'];
  /** Where measured runs are kept, and looked for. */
  results: string | undefined;
  /** Simulates beside what is kept, and measures nothing. */
  isMeasured: boolean;
}

/** A run that was rejected is measured again, so often at most per case. */
const rejectedMax = 3;

export async function validate(entry: SuiteEntry, options: ValidateOptions, signal: AbortSignal): Promise<Validation> {
  const source = openSource(entry.scenario);
  const policy = entry.policy ?? options.policy;
  const loadSeed = (seed: number | undefined): LoadedScenario =>
    loadSource(source, {
      ...options,
      ...(policy === undefined ? {} : { policy }),
      ...(seed === undefined ? {} : { seed }),
    });
  const first = loadSeed(options.seed).scenario.seed;
  const kept = new KeptRuns(options.results);
  const measured: PilotResult[] = [];
  const simulated: LabResult[] = [];
  let rejected = 0;
  for (let run = 0; run < options.runs; run++) {
    const loaded = loadSeed(first + run);
    const found = await measureOnce(loaded, kept, options, rejectedMax - rejected, signal);
    rejected += found.rejected;
    if (found.result !== undefined) measured.push(found.result);
    simulated.push(execute({ ...loaded, provenance: provenance(), traced: false, alone: true }).result);
  }
  const { name, policy: own } = loadSeed(first).scenario;
  return {
    scenario: name,
    policy: own.name,
    isHoldout: entry.isHoldout,
    rejected,
    measured,
    simulated,
    rows: validationRows(measured, simulated),
  };
}

async function measureOnce(
  loaded: LoadedScenario,
  kept: KeptRuns,
  options: ValidateOptions,
  patience: number,
  signal: AbortSignal,
): Promise<{ result: PilotResult | undefined; rejected: number }> {
  const before = kept.find(loaded);
  if (before !== undefined) return { result: before, rejected: before.pilot.rejectedBefore };
  if (options.isMeasured) return { result: undefined, rejected: 0 };
  for (let rejected = 0; ; ) {
    const result = await runPilot(loaded, provenance(), options.network, signal);
    say(loaded, result);
    if (!result.pilot.isRejected) {
      result.pilot.rejectedBefore = rejected;
      kept.keep(loaded, result);
      return { result, rejected };
    }
    rejected++;
    if (rejected >= patience) return { result: undefined, rejected };
  }
}

function say({ scenario }: LoadedScenario, { summary, pilot }: PilotResult): void {
  const { p50, max } = summary.completionSeconds;
  const busy = pilot.cpuBusyShare === null ? '' : `, processors ${percent(pilot.cpuBusyShare)} busy`;
  const how = pilot.isRejected ? ': rejected' : '';
  const times = `p50 ${p50?.toFixed(2) ?? '—'} s, last ${max?.toFixed(2) ?? '—'} s`;
  process.stderr.write(`${scenario.name}, ${scenario.policy.name}, seed ${scenario.seed}: ${times}${busy}${how}\n`);
}
