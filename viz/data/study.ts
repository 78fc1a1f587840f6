/** The file of `sluice sweep export`, as typed columns: a row per trial. */

export interface Knob {
  path: string;
  /** Of each trial, in base units, or the place in `choices`. */
  values: Float64Array;
  /** What a value stands for: the texts of a knob without numbers, or the text of each number. */
  texts: string[];
  isNumeric: boolean;
}

export interface Objective {
  metric: string;
  goal: 'minimize' | 'maximize';
}

export interface MetricColumn {
  mean: Float64Array;
  low: Float64Array;
  high: Float64Array;
}

export interface Study {
  kind: 'study';
  name: string;
  scenario: string;
  count: number;
  labels: string[];
  knobs: Knob[];
  objectives: Objective[];
  metrics: Map<string, MetricColumn>;
  /** 1 where every constraint held. */
  feasible: Uint8Array;
  /** Place of the trial of the baseline; −1 if there is none. */
  baseline: number;
  recommended: number;
  verdict: string;
  /** Share of the variance of the first objective, as the study says; empty if it does not. */
  importance: { path: string; share: number }[];
  seeds: number;
}

interface TrialFile {
  values?: Record<string, unknown>;
  metrics?: Record<string, { mean?: unknown; low?: unknown; high?: unknown } | number | null>;
  feasible?: unknown;
  baseline?: unknown;
  recommended?: unknown;
}

interface StudyFile {
  name?: unknown;
  scenario?: unknown;
  objectives?: unknown;
  verdict?: unknown;
  importance?: unknown;
  seeds?: unknown;
  trials: TrialFile[];
}

export function isStudy(value: object): value is StudyFile {
  const { trials } = value as { trials?: unknown };
  return (
    Array.isArray(trials) && trials.length > 0 && trials.every((each) => typeof each === 'object' && each !== null)
  );
}

export function columnsOf(file: StudyFile): Study {
  const { trials } = file;
  const metrics = metricsOf(trials);
  const knobs = knobsOf(trials);
  return {
    kind: 'study',
    name: String(file.name ?? 'study'),
    scenario: String(file.scenario ?? ''),
    count: trials.length,
    labels: trials.map((_, row) => `trial ${row + 1}`),
    knobs,
    objectives: objectivesOf(file.objectives, metrics),
    metrics,
    feasible: Uint8Array.from(trials, (trial) => (trial.feasible === false ? 0 : 1)),
    baseline: trials.findIndex((trial) => trial.baseline === true),
    recommended: trials.findIndex((trial) => trial.recommended === true),
    verdict: typeof file.verdict === 'string' ? file.verdict : '',
    importance: importanceOf(file.importance),
    seeds: Array.isArray(file.seeds) ? file.seeds.length : Number(file.seeds ?? 0),
  };
}

function metricsOf(trials: TrialFile[]): Map<string, MetricColumn> {
  const metrics = new Map<string, MetricColumn>();
  trials.forEach((trial, row) => {
    for (const [name, given] of Object.entries(trial.metrics ?? {})) {
      let column = metrics.get(name);
      if (column === undefined) {
        const empty = () => new Float64Array(trials.length).fill(Number.NaN);
        column = { mean: empty(), low: empty(), high: empty() };
        metrics.set(name, column);
      }
      const { mean, low, high } = typeof given === 'number' ? { mean: given } : (given ?? {});
      column.mean[row] = numberOf(mean);
      column.low[row] = numberOf(low);
      column.high[row] = numberOf(high);
    }
  });
  if (metrics.size === 0) throw new Error('no trial has metrics');
  return metrics;
}

const numberOf = (value: unknown): number => (typeof value === 'number' ? value : Number.NaN);

function knobsOf(trials: TrialFile[]): Knob[] {
  const paths = new Set(trials.flatMap((trial) => Object.keys(trial.values ?? {})));
  return [...paths].map((path) =>
    knobOf(
      path,
      trials.map((trial) => trial.values?.[path]),
    ),
  );
}

/** Scales of what knobs are written in; bits count as eighths of bytes. */
const factors: Record<string, number> = {
  '': 1,
  '%': 0.01,
  B: 1,
  bps: 1 / 8,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
};
for (const [power, prefix] of ['k', 'M', 'G', 'T'].entries()) {
  factors[`${prefix}B`] = 1000 ** (power + 1);
  factors[`${prefix}bps`] = 1000 ** (power + 1) / 8;
  factors[`${prefix === 'k' ? 'K' : prefix}iB`] = 1024 ** (power + 1);
}

function knobOf(path: string, given: unknown[]): Knob {
  const texts = given.map((value) => (typeof value === 'string' ? value : JSON.stringify(value ?? null)));
  const numbers = given.map((value) => (typeof value === 'number' ? value : quantity(value)));
  const isNumeric = numbers.every((value, row) => !Number.isNaN(value) || given[row] == null);
  if (isNumeric) return { path, values: Float64Array.from(numbers), texts, isNumeric };
  const choices = [...new Set(texts)];
  return { path, values: Float64Array.from(texts, (text) => choices.indexOf(text)), texts, isNumeric };
}

function quantity(value: unknown): number {
  const found = /^([-+]?[\d.]+(?:e[-+]?\d+)?)\s*([A-Za-z%]*)(?:\/s)?$/.exec(String(value));
  const factor = found === null ? undefined : factors[found[2]!];
  return factor === undefined ? Number.NaN : Number(found![1]) * factor;
}

function objectivesOf(given: unknown, metrics: Map<string, MetricColumn>): Objective[] {
  const texts = Array.isArray(given) ? given : [];
  const found = texts.map((each): Objective => {
    if (typeof each !== 'string') return each as Objective;
    const [, goal, metric] = /^\s*(minimize|maximize)?\s*(.*?)\s*$/.exec(each)!;
    return { goal: (goal ?? 'minimize') as Objective['goal'], metric: metric! };
  });
  const known = found.filter(({ metric }) => metrics.has(metric));
  return known.length > 0 ? known : [...metrics.keys()].slice(0, 2).map((metric) => ({ metric, goal: 'minimize' }));
}

function importanceOf(given: unknown): Study['importance'] {
  if (!Array.isArray(given)) return [];
  return given
    .map(({ path, share }: { path?: unknown; share?: unknown }) => ({ path: String(path), share: numberOf(share) }))
    .filter(({ share }) => share >= 0);
}
