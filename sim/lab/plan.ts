/** `sluice plan`: when a distribution will be done, what it asks of the origin and costs, and how sure that is. */
import { exitCodes } from '#scenarios/format/exit-codes.ts';
import { readMetric } from '#scenarios/format/expectation.ts';
import type { LoadedScenario } from '#scenarios/format/load.ts';
import { formatBytes, formatRate, formatSeconds, parseQuantity, parseSize } from '#scenarios/format/units.ts';
import type { LabResult } from './execute.ts';
import type { CommandContext, Overrides } from './options.ts';
import { type ModelError, type PredictedMetric, predictionFactors, readModelError } from './pilot/model-error.ts';
import { provenance } from './provenance.ts';
import { runTasks } from './run.ts';
import { loadSource, openSource, repeatCommand } from './source.ts';
import { aligned, count, money } from './table.ts';

export interface PlanOptions extends Overrides {
  /** Of a scenario: a path or a name; else the text of one that describes a task. */
  given: string;
  deadline?: string;
  maxOrigin?: string;
  seeds?: number;
  /** A file of model errors instead of the one that comes with sluice. */
  errors?: string;
  json?: boolean;
}

/** A text that describes a task of a fleet, where no file does. */
export interface PlannedTask {
  text: string;
  /** What is not known of the fleet and was assumed. */
  notes: string[];
}

interface Predicted {
  simulated: number | null;
  /** In which 95 of 100 are expected: the spread over seeds, widened by the model's measured error. */
  low: number | null;
  high: number | null;
}

export interface Plan {
  version: 1;
  kind: 'plan';
  scenario: string;
  policy: string;
  seeds: number;
  completionSeconds: { p50: Predicted; p95: Predicted };
  /** On the scenario's clock. */
  finishSeconds: Predicted;
  origin: {
    sentBytes: Predicted;
    peakBytesPerSecond: number;
    peakConnections: number;
    contract: { bytesPerSecond: number | null; connections: number | null };
    violations: number;
  };
  cost: { total: number; currency: string };
  gates: { text: string; predicted: number | null; limit: number; ok: boolean }[];
  notes: string[];
  /** On how many cases the model's error was measured. */
  modelErrorCases: number;
}

const seedsDefault = 5;

export async function planCommand(
  options: PlanOptions,
  context: CommandContext,
  task: PlannedTask | undefined,
): Promise<number> {
  const deadlineSeconds = options.deadline === undefined ? undefined : parseQuantity('time', options.deadline) / 1000;
  const originBytesMax = options.maxOrigin === undefined ? undefined : parseSize(options.maxOrigin);
  const error = readModelError(options.errors);
  const source =
    task === undefined ? openSource(options.given) : { given: options.given, file: options.given, ...task };
  const first = loadSource(source, options);
  for (const warning of first.warnings) process.stderr.write(`warning: ${warning}\n`);
  const results = await simulated(source, first, options, context);
  const plan = planOf(first, results, error, task?.notes ?? []);
  plan.gates = gatesOf(plan, deadlineSeconds, originBytesMax);
  process.stdout.write(options.json ? `${JSON.stringify(plan, undefined, 2)}\n` : planText(plan));
  return plan.gates.every(({ ok }) => ok) ? exitCodes.ok : exitCodes.expectation;
}

async function simulated(
  source: ReturnType<typeof openSource>,
  first: LoadedScenario,
  options: PlanOptions,
  context: CommandContext,
): Promise<LabResult[]> {
  const { seed } = first.scenario;
  const made = provenance();
  const tasks = Array.from({ length: options.seeds ?? seedsDefault }, (_, index) => {
    const overrides = { ...options, seed: seed + index };
    const { configuration, scenario } = loadSource(source, overrides);
    const label = `${scenario.policy.name}, seed ${scenario.seed}`;
    const repeat = repeatCommand(source.given, overrides);
    return { job: { configuration, scenario, provenance: made, traced: false }, group: 'plan', label, repeat };
  });
  return (await runTasks(tasks, undefined, context)).map(({ result }) => result);
}

function planOf({ scenario }: LoadedScenario, results: LabResult[], error: ModelError, notes: string[]): Plan {
  const summaries = results.map(({ summary }) => summary);
  const most = (of: (summary: (typeof summaries)[number]) => number) => Math.max(...summaries.map(of));
  const mean = (of: (summary: (typeof summaries)[number]) => number) =>
    summaries.reduce((sum, summary) => sum + of(summary), 0) / summaries.length;
  const predicted = (metric: string, errorOf: PredictedMetric): Predicted =>
    predictedOf(
      results.map((result) => readMetric(result, metric)),
      predictionFactors(error, errorOf),
    );
  const { contract } = scenario.origin;
  return {
    version: 1,
    kind: 'plan',
    scenario: scenario.name,
    policy: scenario.policy.name,
    seeds: results.length,
    completionSeconds: {
      p50: predicted('p50(completion)', 'p50(completion)'),
      p95: predicted('p95(completion)', 'p95(completion)'),
    },
    finishSeconds: predicted('max(finish)', 'max(completion)'),
    origin: {
      sentBytes: predicted('bytes.originSent', 'bytes.originSent'),
      peakBytesPerSecond: most(({ origin }) => origin.peakBytesPerSecond),
      peakConnections: most(({ origin }) => origin.peakConnections),
      contract: { bytesPerSecond: finite(contract.bytesPerSecondMax), connections: finite(contract.connectionsMax) },
      violations: most(({ origin }) => origin.violations),
    },
    cost: { total: mean(({ cost }) => cost.total), currency: scenario.prices.currency },
    gates: [],
    notes,
    modelErrorCases: error.cases.length,
  };
}

const finite = (value: number): number | null => (value === Infinity ? null : value);

function predictedOf(values: (number | null)[], { low, high }: { low: number; high: number }): Predicted {
  if (values.includes(null)) return { simulated: null, low: null, high: null };
  const known = values as number[];
  return {
    simulated: known.reduce((sum, value) => sum + value, 0) / known.length,
    low: Math.min(...known) * low,
    high: Math.max(...known) * high,
  };
}

/** Judged by the upper end: a promise that holds in the middle case only is none. */
function gatesOf(plan: Plan, deadlineSeconds: number | undefined, originBytesMax: number | undefined): Plan['gates'] {
  const gates: Plan['gates'] = [];
  const add = (text: string, predicted: number | null, limit: number) =>
    gates.push({ text, predicted, limit, ok: predicted !== null && predicted <= limit });
  if (deadlineSeconds !== undefined) {
    add(`everybody done within ${formatSeconds(deadlineSeconds)}`, plan.finishSeconds.high, deadlineSeconds);
  }
  if (originBytesMax !== undefined) {
    add(`the origin sends at most ${formatBytes(originBytesMax)}`, plan.origin.sentBytes.high, originBytesMax);
  }
  return gates;
}

function planText(plan: Plan): string {
  const { completionSeconds, finishSeconds, origin, cost, gates, notes } = plan;
  const row = (name: string, { simulated, low, high }: Predicted, show: (value: number) => string) => {
    if (simulated === null || low === null || high === null) return [name, 'never for some', '', ''];
    return [name, show(simulated), show(low), show(high)];
  };
  const { bytesPerSecond, connections } = origin.contract;
  const of = (limit: number | null, show: (value: number) => string) => (limit === null ? 'unlimited' : show(limit));
  const lines = [
    `${plan.scenario}: ${plan.policy}, simulated with ${plan.seeds} seeds`,
    ...notes.map((note) => `  ${note}`),
    '',
    ...aligned([
      ['', 'predicted', 'at least', 'at most'],
      row('half of the clients', completionSeconds.p50, formatSeconds),
      row('95 % of the clients', completionSeconds.p95, formatSeconds),
      row('everybody done at', finishSeconds, formatSeconds),
      row('the origin sends', origin.sentBytes, formatBytes),
    ]),
    `between them 95 of 100 runs are expected, by the error that was measured in ${plan.modelErrorCases} cases`,
    '',
    ...aligned(
      [
        ['origin peak', `${formatRate(origin.peakBytesPerSecond)} of ${of(bytesPerSecond, formatRate)}`],
        ['connections', `${count(origin.peakConnections)} of ${of(connections, count)}`],
        ['violations', count(origin.violations)],
        ['cost', `${money(cost.total)} ${cost.currency}`],
      ],
      2,
    ),
    ...gates.map(({ text, ok }) => `${ok ? '✓' : '✗'} ${text}`),
  ];
  return `${lines.join('\n')}\n`;
}
