import { Durations } from '../durations.ts';
import type { Provenance } from '../provenance.ts';
import { Labourer } from './labourer.ts';
import { TrialQueue } from './queue.ts';
import { Drained, type Runner } from './runner.ts';
import type { Store } from './store.ts';
import type { Trial, TrialRecord } from './trial.ts';

/** How often the store is asked for what has come in. */
const pollMilliseconds = 250;
/** How often what is still missing is put into the queue again: another study, drained, may have emptied it. */
const repeatMilliseconds = 30_000;

/** By all workers at one PostgreSQL, of which this process may be one. */
export class SharedRunner implements Runner {
  readonly #store: Store;
  readonly #queue: TrialQueue;
  readonly #labourer: Labourer;
  readonly #durations = new Durations();
  #waiting = new Map<string, Trial>();
  #isDraining = false;
  #isStopped = false;
  #startedAt = 0;
  #doneCount = 0;

  private constructor(store: Store, queue: TrialQueue, labourer: Labourer) {
    this.#store = store;
    this.#queue = queue;
    this.#labourer = labourer;
  }

  /** `workers` may be 0: then others have to come. */
  static async open(store: Store, url: string, workers: number, provenance: Provenance): Promise<SharedRunner> {
    const queue = await TrialQueue.open(url, provenance);
    const labourer = new Labourer(store, provenance);
    const runner = new SharedRunner(store, queue, labourer);
    await queue.onLost((hash) => runner.#giveUp(hash));
    if (workers > 0) await labourer.start(queue, workers);
    else process.stderr.write('waiting for workers: sluice worker --db …\n');
    return runner;
  }

  async run(trials: readonly Trial[], done: (record: TrialRecord) => void): Promise<void> {
    this.#waiting = new Map(trials.map((trial) => [trial.hash, trial]));
    this.#startedAt ||= performance.now();
    await this.#store.ask(trials);
    await this.#add(trials);
    let addedAt = performance.now();
    while (this.#waiting.size > 0) {
      if (this.#isStopped) throw new Drained();
      if (this.#isDraining) await this.#queue.empty();
      await this.#collect(done);
      if (!this.#isDraining && performance.now() - addedAt > repeatMilliseconds) {
        await this.#add([...this.#waiting.values()]);
        addedAt = performance.now();
      }
      if (this.#isDraining && this.#labourer.threads.running.size === 0 && this.#waiting.size > 0) throw new Drained();
      if (this.#waiting.size > 0) await Promise.race([soon(), this.#labourer.alarm]);
    }
  }

  #add(trials: readonly Trial[]): Promise<void> {
    const predicted = (hash: string): number => this.#durations.of(hash) ?? this.#durations.mean ?? 0;
    return this.#queue.add(
      trials.map(({ hash, configurationHash }) => ({ hash, seconds: predicted(configurationHash) })),
    );
  }

  async #collect(done: (record: TrialRecord) => void): Promise<void> {
    const known = await this.#store.known([...this.#waiting.keys()]);
    for (const record of (await this.#store.find([...known])).values()) {
      this.#waiting.delete(record.hash);
      this.#doneCount++;
      this.learn(record);
      done(record);
    }
  }

  learn({ configurationHash, wallSeconds }: TrialRecord): void {
    this.#durations.add(configurationHash, wallSeconds);
  }

  drain(): void {
    this.#isDraining = true;
    void this.#queue.rest();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#labourer.threads.stop();
    await this.#queue.close();
  }

  waiting(): number {
    return Math.max(0, this.#waiting.size - this.#labourer.threads.running.size);
  }

  running(): string[] {
    return [...this.#labourer.threads.running.keys()].map(({ label }) => label);
  }

  /** By the pace so far: nobody knows how many workers there are. */
  remainingSeconds(later: number): number | undefined {
    if (this.#doneCount === 0) return undefined;
    const pace = (performance.now() - this.#startedAt) / 1000 / this.#doneCount;
    return pace * (this.#waiting.size + later);
  }

  async #giveUp(hash: string): Promise<void> {
    const request = await this.#store.asked(hash);
    if (request === undefined || (await this.#store.known([hash])).has(hash)) return;
    const { configurationHash, seed, repeat } = request;
    const error = 'every worker that took it ended without an answer';
    const failure = { status: 'failed', digest: '', result: null, error, wallSeconds: 0 } as const;
    const finishedAt = new Date().toISOString();
    await this.#store.put({ hash, configurationHash, seed, repeat, ...failure, finishedAt, worker: 'nobody' });
  }
}

function soon(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, pollMilliseconds));
}
