/** Runs what the shared queue hands out: in `sluice worker`, and in the process that steers the study. */
import { ScenarioError } from '#scenarios/format/error.ts';
import { loadScenario } from '#scenarios/format/load.ts';
import { policies } from '#sim/policies/catalogue.ts';
import type { Provenance } from '../provenance.ts';
import type { TrialQueue } from './queue.ts';
import type { Request, Store } from './store.ts';
import { Threads } from './threads.ts';
import { configurationHashOf, type Trial, trialHash } from './trial.ts';

export class Labourer {
  readonly #store: Store;
  readonly #provenance: Provenance;
  readonly threads = new Threads();
  doneCount = 0;
  /** An alarm: what is found must not be lost in the queue's log. */
  readonly alarm: Promise<never>;
  #raise: (error: Error) => void = () => {};

  constructor(store: Store, provenance: Provenance) {
    this.#store = store;
    this.#provenance = provenance;
    this.alarm = new Promise((_, reject) => {
      this.#raise = reject;
    });
    this.alarm.catch(() => {});
  }

  start(queue: TrialQueue, count: number): Promise<void> {
    return queue.work(count, (hash) => this.#runOne(hash));
  }

  async #runOne(hash: string): Promise<void> {
    const trial = await this.#guarded(() => this.#waiting(hash));
    if (trial === undefined) return;
    const record = await this.threads.run(trial);
    // The queue gives it to another worker.
    if (record === undefined) throw new Error('stopped');
    await this.#guarded(() => this.#store.put(record));
    this.doneCount++;
  }

  /** Absent: another worker, taken for dead, has come to its end after all. */
  async #waiting(hash: string): Promise<Trial | undefined> {
    if ((await this.#store.known([hash])).has(hash)) return undefined;
    const request = await this.#store.asked(hash);
    if (request === undefined) throw new ScenarioError(`trial ${hash}: the queue names it, the store does not know it`);
    return this.#trialOf(request);
  }

  /** What the store says ends the worker; one request that cannot be read is only left to others. */
  async #guarded<Value>(work: () => Promise<Value>): Promise<Value> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof ScenarioError) process.stderr.write(`warning: ${error.message}\n`);
      else this.#raise(error as Error);
      throw error;
    }
  }

  #trialOf({ hash, seed, label, repeat, configuration: text }: Request): Trial {
    const file = `trial ${hash}`;
    const { configuration, scenario } = loadScenario(text, { file, policies, seed });
    const configurationHash = configurationHashOf(configuration);
    if (trialHash(configurationHash, seed, this.#provenance) !== hash) {
      throw new ScenarioError(`${file}: its configuration is not what its hash was made of`);
    }
    const job = { configuration, scenario, provenance: this.#provenance, traced: false };
    return { hash, configurationHash, seed, label, repeat, job };
  }
}
