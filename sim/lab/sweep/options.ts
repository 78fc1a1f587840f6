/** What the command line hands to the commands of sweeps. */
import type { Output } from '../options.ts';

/** A study, and what the command line changes in it. */
export interface StudyChoice {
  study: string;
  /** Each `path=a,b,c`. */
  space: string[];
  trials?: number;
  replications?: number;
}

export interface StoreChoice {
  /** `postgres://…` or a file; absent: the default one. */
  db?: string;
}

export type ProgressKind = 'auto' | 'json' | 'none';

export interface SweepOptions extends StudyChoice, StoreChoice, Output {
  /** How many simulations at once; 0 only with a PostgreSQL, where others do the work. */
  workers?: number;
  dryRun?: boolean;
  /** Where the recommended policy goes. */
  apply?: string;
  progress: ProgressKind;
  /** Failed trials run once more. */
  retry?: boolean;
}

export type StatusOptions = StudyChoice & StoreChoice & Pick<Output, 'json'>;

export const exportFormats = ['csv', 'parquet', 'json'] as const;

export interface ExportOptions extends StudyChoice, StoreChoice {
  format?: (typeof exportFormats)[number];
  out?: string;
}

export interface WorkerOptions extends StoreChoice {
  workers?: number;
}
