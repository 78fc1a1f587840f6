/** Threads that simulate trials. */
import { hostname } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Job } from '../execute.ts';
import type { Outcome } from './thread.ts';
import type { Trial, TrialRecord } from './trial.ts';

/**
 * A second long simulation in one thread runs slower than in a fresh one, but a fresh one has all sources to load (0.3
 * to 0.5 s of CPU): a thread that answers faster than this is used again.
 */
const reusedBelowSeconds = 1;

export class Threads {
  readonly #idle: Worker[] = [];
  readonly #busy = new Set<Worker>();

  /** What is running now. */
  readonly running = new Map<Trial, { startedAt: number }>();

  #isStopped = false;

  /** Never rejects: what goes wrong is the record's error. Absent: all was stopped meanwhile. */
  async run(trial: Trial): Promise<TrialRecord | undefined> {
    const startedAt = performance.now();
    this.running.set(trial, { startedAt });
    const outcome = await this.#simulate({ ...trial.job, alone: false });
    this.running.delete(trial);
    if (this.#isStopped) return undefined;
    const { hash, configurationHash, seed, repeat } = trial;
    return {
      ...{ hash, configurationHash, seed, repeat },
      ...('failure' in outcome
        ? { status: 'failed', digest: '', result: null, error: outcome.failure.message }
        : { status: 'done', digest: outcome.result.digest, result: outcome.result, error: '' }),
      wallSeconds: (performance.now() - startedAt) / 1000,
      finishedAt: new Date().toISOString(),
      worker: `${hostname()}/${process.pid}`,
    };
  }

  /** Ends all of them, at once. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all([...this.#idle.splice(0), ...this.#busy].map((worker) => worker.terminate()));
  }

  async #simulate(job: Job): Promise<Outcome> {
    const worker = this.#idle.pop() ?? new Worker(new URL('thread.ts', import.meta.url));
    this.#busy.add(worker);
    const startedAt = performance.now();
    const outcome = await outcomeOf(worker, job);
    this.#busy.delete(worker);
    const isShort = performance.now() - startedAt < reusedBelowSeconds * 1000;
    if (isShort && !('failure' in outcome)) this.#idle.push(worker);
    else await worker.terminate();
    return outcome;
  }
}

function outcomeOf(worker: Worker, job: Job): Promise<Outcome> {
  return new Promise((resolve) => {
    const settle = (outcome: Outcome): void => {
      // By name: Node listens, too, and without its own listeners a thread is never heard again.
      worker.off('message', settle).off('error', onError).off('exit', onExit);
      resolve(outcome);
    };
    const onError = ({ message, stack }: Error): void =>
      settle({ failure: { message, ...(stack === undefined ? {} : { stack }) } });
    const onExit = (code: number): void => settle({ failure: { message: `its thread ended with code ${code}` } });
    worker.on('message', settle).on('error', onError).on('exit', onExit);
    worker.postMessage(job);
  });
}
