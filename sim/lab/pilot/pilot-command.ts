/** `sluice pilot` and `sluice pilot clean`. */
import { scenarioFile } from '#scenarios/format/bundled.ts';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import type { LoadedScenario } from '#scenarios/format/load.ts';
import type { Output, Overrides } from '../options.ts';
import { checkOutputs, writeWhole } from '../output.ts';
import { type Provenance, provenance } from '../provenance.ts';
import { reportOf } from '../report.ts';
import { loadSource, openSource } from '../source.ts';
import { percent } from '../table.ts';
import { modelErrorOf } from './model-error.ts';
import { type Network, namespacesProblem } from './network.ts';
import { type ClientKind, otherClientProblem } from './other-clients.ts';
import { type PilotResult, runPilot } from './pilot.ts';
import { suiteOf } from './suite.ts';
import { validate } from './validate.ts';
import type { Validation } from './validation.ts';
import { suiteText, validationText } from './validation-text.ts';
import { cleanWorkplaces } from './workplace.ts';

const runsDefault = 5;

export interface PilotOptions extends Overrides, Output {
  scenario: string;
  network?: 'auto' | Network['kind'];
  /** Directory for what the nodes said and decided. */
  logs?: string;
  /** Whose clients download. */
  clientsOf?: ClientKind;
  againstSim?: boolean;
  runs?: number;
  policies?: string[];
  /** File for the model's errors. */
  errors?: string;
  /** Directory of measured runs. */
  results?: string;
  /** Only what was measured before. */
  measured?: boolean;
}

/** The file that `--against-sim --out` writes. */
export interface ValidationDocument {
  version: 1;
  kind: 'validation';
  sluice: Provenance;
  validations: Validation[];
}

export async function pilotCommand(options: PilotOptions): Promise<number> {
  if (options.againstSim) return await againstSim(options);
  const { json, out } = options;
  const source = openSource(options.scenario);
  checkOutputs({ '--out': out }, [source.file]);
  const loaded = loadSource(source, options);
  for (const warning of loaded.warnings) process.stderr.write(`warning: ${warning}\n`);
  const kind = networkFor(options.network ?? 'auto');
  checkClients(options.clientsOf ?? 'sluice', loaded, kind);
  const result = await interruptible((signal) =>
    runPilot(loaded, provenance(), kind, signal, { logs: options.logs, clients: options.clientsOf }),
  );
  if (out !== undefined) writeWhole(out, `${JSON.stringify(result, undefined, 2)}\n`);
  process.stdout.write(json ? `${JSON.stringify(result, undefined, 2)}\n` : pilotReport(result));
  return result.expectations.every(({ ok }) => ok) ? exitCodes.ok : exitCodes.expectation;
}

/** Other clients know nothing of control: they take part where everything is BitTorrent. */
function checkClients(clients: ClientKind, { scenario }: LoadedScenario, kind: Network['kind']): void {
  if (clients === 'sluice') return;
  const problem = otherClientProblem(clients);
  if (problem !== undefined) throw new Stop(exitCodes.failure, `--clients-of ${clients}: ${problem}`);
  const { http, swarm } = scenario.policy;
  if (kind === 'namespaces' && http.when === 'never' && swarm.enabled && scenario.faults.length === 0) return;
  const text = 'it takes network namespaces, and a scenario without faults whose policy has http.when: never';
  throw new Stop(exitCodes.invalid, `--clients-of ${clients}: ${text}`);
}

async function againstSim(options: PilotOptions): Promise<number> {
  const { json, out, errors, runs = runsDefault, results, measured = false } = options;
  const entries = suiteOf(scenarioFile(options.scenario), options.policies);
  checkOutputs({ '--out': out, '--errors': errors }, []);
  const network = measured ? 'namespaces' : networkFor(options.network ?? 'auto');
  const validations: Validation[] = [];
  await interruptible(async (signal) => {
    for (const entry of entries) {
      const found = await validate(entry, { ...options, runs, network, results, isMeasured: measured }, signal);
      validations.push(found);
      if (!json) process.stdout.write(`${validationText(found)}\n`);
    }
  });
  if (!json) process.stdout.write(suiteText(validations));
  const document: ValidationDocument = { version: 1, kind: 'validation', sluice: provenance(), validations };
  if (out !== undefined) writeWhole(out, `${JSON.stringify(document)}\n`);
  if (errors !== undefined) {
    writeWhole(errors, `${JSON.stringify(modelErrorOf(validations, provenance()), undefined, 2)}\n`);
  }
  if (json) process.stdout.write(`${JSON.stringify(document)}\n`);
  return exitCodes.ok;
}

/** Clients have no limit of their own on what they receive. */
const onLoopback = 'on loopback: senders keep their limits themselves, the downlinks of clients are not limited';

export function networkFor(wanted: 'auto' | Network['kind']): Network['kind'] {
  if (wanted === 'loopback') {
    process.stderr.write(`sluice: ${onLoopback}\n`);
    return 'loopback';
  }
  const problem = namespacesProblem();
  if (problem === undefined) {
    process.stderr.write('sluice: network namespaces, links shaped by tc\n');
    return 'namespaces';
  }
  if (wanted === 'namespaces') throw new Stop(exitCodes.failure, `no network namespaces: ${problem}`);
  process.stderr.write(`sluice: ${onLoopback} (no network namespaces: ${problem})\n`);
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
