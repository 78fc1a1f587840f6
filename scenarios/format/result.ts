/** The result file (version 1): others read and write it, so no field is renamed without raising `version`. */
export interface RunResult {
  version: 1;
  kind: 'run';
  manifest: Manifest;
  summary: Summary;
  byClass: ClassSummary[];
  /** Where a scenario has several tasks. */
  byTask?: ClassSummary[];
  series: { stepSeconds: number; columns: Series };
  cdf: { completionSeconds: [share: number, seconds: number][] };
  expectations: { text: string; value: number | null; ok: boolean }[];
  run: RunCost;
  /** sha256 of canonical `{ configuration, seed, fidelity, summary, byClass, series, cdf, expectations }`. */
  digest: string;
}

/** What a world hands over when a run ends: all of a result that does not depend on the machine. */
export interface Outcome {
  summary: Summary;
  byClass: ClassSummary[];
  /** Where a scenario has several tasks. */
  byTask?: ClassSummary[];
  series: { stepSeconds: number; columns: Series };
  cdf: { completionSeconds: [share: number, seconds: number][] };
  /** Work done, for cost per transfer. */
  events: number;
  transfers: number;
  /** Bytes of the tables that grow with the population, per client. */
  memoryBytesPerClient: number;
}

export interface Manifest {
  scenario: string;
  /** The whole resolved scenario and policy; itself a valid scenario file. */
  configuration: unknown;
  scenarioHash: string;
  policy: string;
  policyHash: string;
  engineHash: string;
  seed: number;
  engine: 'sim' | 'pilot';
  fidelity: 'reference' | 'standard' | 'scale';
  availability: 'exact' | 'swarm';
  sluice: string;
  git: { commit: string; dirty: boolean };
  node: string;
  startedAt: string;
}

export interface Quantiles {
  p50: number | null;
  p90: number | null;
  p95: number | null;
  p99: number | null;
  p999: number | null;
  max: number | null;
  mean: number | null;
}
export interface FinishQuantiles {
  p50: number | null;
  p95: number | null;
  p99: number | null;
  max: number | null;
}
export interface ClientCounts {
  total: number;
  completed: number;
  unfinished: number;
  failed: number;
  left: number;
}

export interface SourceBytes {
  origin: number;
  relay: number;
  peer: number;
}

export interface Bytes extends SourceBytes {
  delivered: number;
  duplicate: number;
  discarded: number;
  partial: number;
  originToRelay: number;
  relayToRelay: number;
  peerToRelay: number;
  originSent: number;
}

export interface Summary {
  clients: ClientCounts;
  completionSeconds: Quantiles;
  finishSeconds: FinishQuantiles;
  firstByteSeconds: { p50: number | null; p99: number | null };
  bound: {
    which: 'download' | 'source' | 'aggregate' | 'blocked';
    at: FinishQuantiles;
    ratio: FinishQuantiles;
  };
  bytes: Bytes;
  share: SourceBytes;
  origin: {
    peakBytesPerSecond: number;
    peakConnections: number;
    trafficMaxPerWindow: Record<string, number>;
    /** Share of what leases may grant that was sent while more was wanted; null = that was never so. */
    useWhileShort: number | null;
    violations: number;
    /** Seconds of the first violations, at most 100. */
    violationsAt: number[];
  };
  fallback: {
    opened: number;
    byReason: { slow: number; stalled: number; blocked: number; overdue: number };
    openSeconds: number;
  };
  cost: { total: number; origin: number; relay: number; peer: number; currency: string };
  fairness: { jainCompletion: number | null };
  control: { messages: number; bytes: number };
}

export interface ClassSummary {
  name: string;
  clients: ClientCounts;
  completionSeconds: Quantiles;
  bytes: SourceBytes & { delivered: number; duplicate: number; discarded: number; partial: number };
}

/** Equally long columns, at most 1,000 rows; rates are means over the step that begins at `time`. */
export interface Series {
  time: number[];
  originBytesPerSecond: number[];
  relayBytesPerSecond: number[];
  peerBytesPerSecond: number[];
  originConnections: number[];
  completed: number[];
  fallbackOpen: number[];
}

export interface RunCost {
  wallSeconds: number;
  cpuSeconds: number;
  peakRssBytes: number;
  events: number;
  transfers: number;
  memoryBytesPerClient: number;
}
