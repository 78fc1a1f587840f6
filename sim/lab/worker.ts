/** One simulation in a thread of its own: a second one in the same thread runs 42–59 % slower. */
import { parentPort, workerData } from 'node:worker_threads';
import { type Executed, execute, type Job } from './execute.ts';

export type Answer = { executed: Executed } | { failure: Failure };

/** What is left of an error when it leaves its thread. */
export interface Failure {
  message: string;
  /** Absent: a defect. */
  exitCode?: number;
  stack?: string;
}

function failureOf(error: unknown): Failure {
  const { exitCode, message, stack } = error as { exitCode?: unknown; message?: string; stack?: string };
  return {
    message: message ?? String(error),
    ...(typeof exitCode === 'number' ? { exitCode } : {}),
    ...(stack === undefined ? {} : { stack }),
  };
}

function answer(job: Job): Answer {
  try {
    return { executed: execute(job) };
  } catch (error) {
    return { failure: failureOf(error) };
  }
}

parentPort?.postMessage(answer(workerData as Job));
