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
  /** Rows: the trials, and the baseline if there is one. */
  count: number;
  trialCount: number;
  labels: string[];
  knobs: Knob[];
  objectives: Objective[];
  metrics: Map<string, MetricColumn>;
  /** To the baseline, seed by seed, as shares of its mean. */
  differences: Map<string, MetricColumn>;
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

type IntervalFile = { mean?: unknown; low?: unknown; high?: unknown } | null;

interface TrialFile {
  /** 0 is the baseline. */
  number?: unknown;
  values?: Record<string, unknown>;
  fate?: unknown;
  metrics?: Record<string, IntervalFile>;
  difference?: Record<string, IntervalFile>;
}

interface StudyFile {
  name?: unknown;
  manifest?: { scenario?: unknown; seeds?: unknown };
  objectives?: unknown;
  importance?: unknown;
  baseline?: TrialFile;
  recommended?: { number?: unknown; words?: unknown } | null;
  trials: TrialFile[];
}

export function isStudy(value: object): value is StudyFile {
  const { trials } = value as { trials?: unknown };
  return Array.isArray(trials) && trials.length > 0 && trials.every(isObject);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

export function columnsOf(file: StudyFile): Study {
  const rows = isObject(file.baseline) ? [file.baseline, ...file.trials] : file.trials;
  const metrics = intervalsOf(rows, ({ metrics: given }) => given);
  if (metrics.size === 0) throw new Error('no trial has metrics');
  const numbers = rows.map(({ number }, row) => (typeof number === 'number' ? number : row + 1));
  const { recommended, manifest } = file;
  return {
    kind: 'study',
    name: String(file.name ?? 'study'),
    scenario: String(manifest?.scenario ?? ''),
    count: rows.length,
    trialCount: file.trials.length,
    labels: numbers.map((number) => (number === 0 ? 'baseline' : `trial ${number}`)),
    knobs: knobsOf(rows, file.trials),
    objectives: objectivesOf(file.objectives, metrics),
    metrics,
    differences: intervalsOf(rows, ({ difference }) => difference),
    feasible: Uint8Array.from(rows, ({ fate }) => (fate === 'violates' || fate === 'failed' ? 0 : 1)),
    baseline: numbers.indexOf(0),
    recommended: numbers.indexOf(Number(recommended?.number ?? -1)),
    verdict: typeof recommended?.words === 'string' ? recommended.words : '',
    importance: importanceOf(file.importance),
    seeds: Array.isArray(manifest?.seeds) ? manifest.seeds.length : 0,
  };
}

function intervalsOf(
  rows: TrialFile[],
  of: (trial: TrialFile) => Record<string, IntervalFile> | undefined,
): Map<string, MetricColumn> {
  const columns = new Map<string, MetricColumn>();
  rows.forEach((trial, row) => {
    for (const [name, given] of Object.entries(of(trial) ?? {})) {
      let column = columns.get(name);
      if (column === undefined) {
        const empty = () => new Float64Array(rows.length).fill(Number.NaN);
        column = { mean: empty(), low: empty(), high: empty() };
        columns.set(name, column);
      }
      column.mean[row] = numberOf(given?.mean);
      column.low[row] = numberOf(given?.low);
      column.high[row] = numberOf(given?.high);
    }
  });
  return columns;
}

const numberOf = (value: unknown): number => (typeof value === 'number' ? value : Number.NaN);

/** What the trials vary; the baseline may set other things, which are no knobs. */
function knobsOf(rows: TrialFile[], trials: TrialFile[]): Knob[] {
  const paths = new Set(trials.flatMap((trial) => Object.keys(trial.values ?? {})));
  return [...paths].map((path) =>
    knobOf(
      path,
      rows.map((row) => row.values?.[path]),
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
  const texts = given.map((value) => (typeof value === 'string' ? value : (JSON.stringify(value) ?? '—')));
  const numbers = given.map((value) => (typeof value === 'number' ? value : quantity(value)));
  const isNumeric = numbers.every((value, row) => !Number.isNaN(value) || given[row] == null);
  if (isNumeric) return { path, values: Float64Array.from(numbers), texts, isNumeric };
  const choices = [...new Set(texts)].filter((text) => text !== '—');
  return {
    path,
    values: Float64Array.from(texts, (text) => (text === '—' ? Number.NaN : choices.indexOf(text))),
    texts,
    isNumeric,
  };
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

/** Of the first objective. */
function importanceOf(given: unknown): Study['importance'] {
  if (!Array.isArray(given)) return [];
  return given
    .map(({ knob, shares }: { knob?: unknown; shares?: ({ share?: unknown } | null)[] }) => ({
      path: String(knob),
      share: numberOf(shares?.[0]?.share),
    }))
    .filter(({ share }) => share >= 0);
}
