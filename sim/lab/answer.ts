/** What comes back from a thread that simulates. */
import { type Executed, execute, type Job } from './execute.ts';

export type Answer = { executed: Executed } | { failure: Failure };

/** What is left of an error when it leaves its thread. */
export interface Failure {
  message: string;
  /** Absent: a defect. */
  exitCode?: number;
  stack?: string;
}

export function answer(job: Job): Answer {
  try {
    return { executed: execute(job) };
  } catch (error) {
    return { failure: failureOf(error) };
  }
}

export function failureOf(error: unknown): Failure {
  const { exitCode, message, stack } = error as { exitCode?: unknown; message?: string; stack?: string };
  return {
    message: message ?? String(error),
    ...(typeof exitCode === 'number' ? { exitCode } : {}),
    ...(stack === undefined ? {} : { stack }),
  };
}
