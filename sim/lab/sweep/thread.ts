/** Simulates what it is sent, one after the other. */
import { parentPort } from 'node:worker_threads';
import { answer, type Failure } from '../answer.ts';
import type { Job } from '../execute.ts';
import { type StoredResult, stored } from './trial.ts';

export type Outcome = { result: StoredResult } | { failure: Failure };

parentPort?.on('message', (job: Job) => {
  const found = answer(job);
  const outcome: Outcome = 'failure' in found ? found : { result: stored(found.executed.result) };
  parentPort!.postMessage(outcome);
});
