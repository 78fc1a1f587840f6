/** One run, from a loaded scenario to its whole result. */
import { canonicalJson, sha256 } from '#scenarios/format/canonical.ts';
import type { Configuration } from '#scenarios/format/configuration.ts';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import { evaluateExpectation, type Measured, parseExpectation, readMetric } from '#scenarios/format/expectation.ts';
import type { Manifest, Outcome, RunCost, RunResult } from '#scenarios/format/result.ts';
import type { Scenario } from '#scenarios/format/scenario.ts';
import { simulate, traceFor } from '#sim/simulate.ts';
import { details } from '#sim/state.ts';
import type { Trace } from '#sim/trace.ts';
import { recordFor, recordText } from './client-record.ts';
import type { Provenance } from './provenance.ts';

/** All that a worker needs; plain values only. */
export interface Job {
  configuration: Configuration;
  scenario: Scenario;
  provenance: Provenance;
  traced: boolean;
  /** Number of the client whose decisions are written down. */
  recorded?: number | undefined;
  /** No other simulation runs in this process, so that its whole CPU time is the run's. */
  alone: boolean;
}

/** What was published about a real system, beside what the simulation says. */
export interface PublishedValue {
  metric: string;
  value: number;
  simulated: number | null;
  source: string;
}

export interface LabResult extends RunResult {
  published: PublishedValue[];
}

export interface Executed {
  result: LabResult;
  /** As JSON. */
  trace?: string;
  /** Lines of a record of decisions. */
  record?: string;
}

export function execute(job: Job): Executed {
  const { scenario, traced, recorded, alone } = job;
  const startedAt = new Date().toISOString();
  const trace = traced ? traceFor(scenario) : null;
  const record = recorded === undefined ? null : recordFor(scenario, recorded);
  const { outcome, cost } = measured(() => simulate(scenario, trace, record), alone);
  return {
    result: resultOf(job, outcome, { engine: 'sim', startedAt, cost }),
    ...(trace === null ? {} : { trace: textOf(trace) }),
    ...(record === null ? {} : { record: recordText(record) }),
  };
}

/** How an outcome came about. */
export interface Making {
  engine: Manifest['engine'];
  startedAt: string;
  cost: Machine;
}

export function resultOf(
  { configuration, scenario, provenance }: Pick<Job, 'configuration' | 'scenario' | 'provenance'>,
  outcome: Outcome,
  { engine, startedAt, cost }: Making,
): LabResult {
  const { events, transfers, memoryBytesPerClient, ...found } = outcome;
  const digested = { ...found, expectations: judged(scenario, found) };
  const { seed, fidelity } = scenario;
  const result: LabResult = {
    version: 1,
    kind: 'run',
    manifest: {
      scenario: scenario.name,
      configuration,
      scenarioHash: sha256(canonicalJson(configuration)),
      policy: scenario.policy.name,
      policyHash: sha256(canonicalJson(configuration.policy)),
      seed,
      engine,
      fidelity,
      availability: details[fidelity].availability,
      ...provenance,
      startedAt,
    },
    ...digested,
    published: publishedValues(scenario, found),
    run: { ...cost, events, transfers, memoryBytesPerClient },
    digest: '',
  };
  result.digest = digestOf(result);
  return result;
}

function textOf(trace: Trace): string {
  try {
    return JSON.stringify(trace.toJson());
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new Stop(exitCodes.failure, 'the trace is longer than a text can be: follow fewer clients, or longer pieces');
  }
}

/** Over what does not depend on the machine, the time or the place of a file. */
export function digestOf({ manifest, summary, byClass, byTask, series, cdf, expectations }: RunResult): string {
  const { configuration, seed, fidelity } = manifest;
  const found = { summary, byClass, ...(byTask === undefined ? {} : { byTask }), series, cdf, expectations };
  return sha256(canonicalJson({ configuration, seed, fidelity, ...found }));
}

function judged({ expect }: Scenario, found: Measured): RunResult['expectations'] {
  return expect.map((text) => evaluateExpectation(parseExpectation(text), found));
}

function publishedValues({ published }: Scenario, found: Measured): PublishedValue[] {
  return published.map(({ metric, value, source }) => ({
    metric,
    value,
    simulated: readMetric(found, metric),
    source,
  }));
}

export type Machine = Pick<RunCost, 'wallSeconds' | 'cpuSeconds' | 'peakRssBytes'>;

function measured(run: () => Outcome, alone: boolean): { outcome: Outcome; cost: Machine } {
  // Of this thread where others run, too (Node from 23.9).
  const usage = (): NodeJS.CpuUsage => (alone ? process.cpuUsage() : (process.threadCpuUsage ?? process.cpuUsage)());
  const before = usage();
  const startedAt = performance.now();
  const outcome = withoutTimeAndChance(run);
  const wallSeconds = (performance.now() - startedAt) / 1000;
  const after = usage();
  const cpuSeconds = (after.user - before.user + after.system - before.system) / 1e6;
  // Of the whole process: with several workers, of all of them.
  const peakRssBytes = process.resourceUsage().maxRSS * 1024;
  return { outcome, cost: { wallSeconds, cpuSeconds, peakRssBytes } };
}

const forbidden: [holder: object, name: string][] = [
  [Math, 'random'],
  [globalThis, 'Date'],
  [performance, 'now'],
];

/** A simulation that asks the machine for the time or for chance ends with an error instead of another digest. */
export function withoutTimeAndChance<Value>(work: () => Value): Value {
  const own = forbidden.map(([holder, name]) => Object.getOwnPropertyDescriptor(holder, name));
  for (const [holder, name] of forbidden) {
    Object.defineProperty(holder, name, { value: poisoned(name), configurable: true, writable: true });
  }
  try {
    return work();
  } finally {
    for (const [index, [holder, name]] of forbidden.entries()) {
      if (own[index] !== undefined) Object.defineProperty(holder, name, own[index]);
      else delete (holder as Record<string, unknown>)[name];
    }
  }
}

/** Throws when it is called, made with `new`, or asked for a member such as `Date.now`. */
function poisoned(name: string): unknown {
  const refuse = (): never => {
    throw new Error(`a simulation must not use ${name}: time and chance are arguments`);
  };
  return new Proxy(class {}, { apply: refuse, construct: refuse, get: refuse });
}
