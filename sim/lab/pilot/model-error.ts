/** How far real runs were from simulated ones, as a file that predictions take their intervals from. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import { readMetric } from '#scenarios/format/expectation.ts';
import type { Provenance } from '../provenance.ts';
import { intervalOf, tQuantile } from '../statistics.ts';
import type { Validation } from './validation.ts';

/** What is predicted with an interval. */
export const predictedMetrics = ['p50(completion)', 'p95(completion)', 'max(completion)', 'bytes.originSent'] as const;
export type PredictedMetric = (typeof predictedMetrics)[number];

export interface ModelErrorCase {
  scenario: string;
  policy: string;
  isHoldout: boolean;
  runs: number;
  /** Measured mean over simulated mean; null where one of them is not known. */
  ratio: Record<PredictedMetric, number | null>;
}

export interface ModelError {
  version: 1;
  kind: 'model-error';
  sluice: string;
  /** Of the sources that were measured. */
  commits: string[];
  cases: ModelErrorCase[];
}

/** What the suite of pilots that comes with sluice found. */
const shipped = fileURLToPath(new URL('../../../scenarios/pilot/model-error.json', import.meta.url));

export function modelErrorOf(validations: readonly Validation[], { sluice }: Provenance): ModelError {
  const cases = validations
    .filter(({ measured }) => measured.length > 0)
    .map(({ scenario, policy, isHoldout, measured, simulated }): ModelErrorCase => {
      const ratio = (metric: PredictedMetric) => {
        const [there, here] = [measured, simulated].map((results) =>
          intervalOf(results.map((result) => readMetric(result, metric))),
        );
        if (!there || !here || here.mean === 0) return null;
        return Number((there.mean / here.mean).toFixed(4));
      };
      const ratios = predictedMetrics.map((metric) => [metric, ratio(metric)]);
      return { scenario, policy, isHoldout, runs: measured.length, ratio: Object.fromEntries(ratios) };
    });
  const commits = new Set(validations.flatMap(({ measured }) => measured.map(({ manifest }) => manifest.git.commit)));
  return { version: 1, kind: 'model-error', sluice, commits: [...commits], cases };
}

export function readModelError(path = shipped): ModelError {
  try {
    const found = JSON.parse(readFileSync(path, 'utf8')) as ModelError;
    if (found.kind === 'model-error' && found.version === 1) return found;
  } catch {
    // The same as one that is of another kind.
  }
  throw new Stop(exitCodes.invalid, `${path}: not a file of model errors, as sluice pilot --errors writes it`);
}

/**
 * What a prediction is multiplied with for the interval in which 95 of 100 new cases are expected: of the logarithms
 * of the ratios, by Student's t for one more value.
 */
export function predictionFactors({ cases }: ModelError, metric: PredictedMetric): { low: number; high: number } {
  const logarithms = cases
    .map(({ ratio }) => ratio[metric])
    .filter((ratio) => ratio !== null && ratio > 0)
    .map((ratio) => Math.log(ratio!));
  const count = logarithms.length;
  if (count < 3)
    throw new Stop(exitCodes.failure, `the model's error was measured on ${count} cases: at least 3 are needed`);
  const mean = logarithms.reduce((sum, value) => sum + value, 0) / count;
  const variance = logarithms.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  const half = tQuantile(0.975, count - 1) * Math.sqrt(variance * (1 + 1 / count));
  return { low: Math.exp(mean - half), high: Math.exp(mean + half) };
}
