/** Runs simulations in worker threads, a fresh one for each, the longest first as far as that is known. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import type { Answer, Failure } from './answer.ts';
import { Durations } from './durations.ts';
import type { Executed, Job } from './execute.ts';

export interface Task {
  job: Omit<Job, 'alone'>;
  /** Tasks of one group take about equally long. */
  group: string;
  label: string;
  /** The command line that runs this task alone. */
  repeat: string;
}

export interface Standing {
  done: number;
  total: number;
  running: string[];
  /** Absent until something is known. */
  remainingSeconds?: number;
}

export interface PoolOptions {
  /** How many at once; by default one for each core. */
  workers?: number | undefined;
}

/** The answers of all tasks in their order, or the first failure. */
export class Pool {
  readonly #tasks: readonly Task[];
  readonly #workersMax: number;
  readonly #waiting: Set<number>;
  readonly #running = new Map<number, { worker: Worker; startedAt: number }>();
  readonly #durations = new Durations();
  readonly #done: Executed[] = [];
  #doneCount = 0;

  constructor(tasks: readonly Task[], { workers = availableParallelism() }: PoolOptions = {}) {
    this.#tasks = tasks;
    this.#workersMax = Math.min(workers, tasks.length);
    this.#waiting = new Set(tasks.keys());
  }

  async run(): Promise<Executed[]> {
    const lane = async (): Promise<void> => {
      for (let next = this.#next(); next !== undefined; next = this.#next()) await this.#runOne(next);
    };
    try {
      await Promise.all(Array.from({ length: this.#workersMax }, lane));
    } finally {
      this.stop();
    }
    return this.#done;
  }

  /** Ends all that runs, at once. */
  stop(): void {
    this.#waiting.clear();
    for (const { worker } of this.#running.values()) void worker.terminate();
  }

  standing(): Standing {
    const running = [...this.#running.keys()].map((index) => this.#tasks[index]!.label);
    const standing: Standing = { done: this.#doneCount, total: this.#tasks.length, running };
    const remainingSeconds = this.#remainingSeconds();
    return remainingSeconds === undefined ? standing : { ...standing, remainingSeconds };
  }

  #next(): number | undefined {
    let next: number | undefined;
    let longest = -1;
    for (const index of this.#waiting) {
      // What nobody has measured yet goes first: from then on it is known.
      const seconds = this.#durations.of(this.#tasks[index]!.group) ?? Infinity;
      if (seconds <= longest) continue;
      longest = seconds;
      next = index;
    }
    if (next !== undefined) this.#waiting.delete(next);
    return next;
  }

  async #runOne(index: number): Promise<void> {
    const task = this.#tasks[index]!;
    const startedAt = performance.now();
    const workerData: Job = { ...task.job, alone: this.#workersMax === 1 };
    const worker = new Worker(new URL('worker.ts', import.meta.url), { workerData });
    this.#running.set(index, { worker, startedAt });
    try {
      const answer = await answerOf(worker);
      if ('failure' in answer) throw errorOf(answer.failure, task.repeat);
      this.#durations.add(task.group, secondsSince(startedAt));
      this.#done[index] = answer.executed;
      this.#doneCount++;
    } finally {
      this.#running.delete(index);
    }
  }

  #remainingSeconds(): number | undefined {
    if (this.#durations.mean === undefined) return undefined;
    const predicted = (index: number): number =>
      this.#durations.of(this.#tasks[index]!.group) ?? this.#durations.mean ?? 0;
    let longest = 0;
    let sum = 0;
    for (const [index, { startedAt }] of this.#running) {
      const seconds = Math.max(0, predicted(index) - secondsSince(startedAt));
      longest = Math.max(longest, seconds);
      sum += seconds;
    }
    for (const index of this.#waiting) sum += predicted(index);
    return Math.max(longest, sum / this.#workersMax);
  }
}

/** Settles when the thread has ended, so that its memory is free again. */
function answerOf(worker: Worker): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let answer: Answer | undefined;
    worker.on('message', (message: Answer) => {
      answer = message;
    });
    worker.on('error', (error: NodeJS.ErrnoException) => {
      answer ??= { failure: { message: error.message, ...outOfMemory(error), stack: error.stack ?? error.message } };
    });
    worker.on('exit', (code) => {
      if (answer === undefined)
        reject(new Stop(exitCodes.failure, `a worker ended with code ${code}, without an answer`));
      else resolve(answer);
    });
  });
}

function outOfMemory({ code }: NodeJS.ErrnoException): Pick<Failure, 'exitCode'> {
  return code === 'ERR_WORKER_OUT_OF_MEMORY' ? { exitCode: exitCodes.failure } : {};
}

function errorOf({ message, exitCode, stack }: Failure, repeat: string): Error {
  if (exitCode !== undefined) return new Stop(exitCode, `${message}\nrepeat: ${repeat}`);
  const error = new Error(message);
  error.stack = `${stack ?? message}\nrepeat: ${repeat}`;
  return error;
}

function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1000;
}
