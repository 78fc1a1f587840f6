import { Durations } from '../durations.ts';
import { Drained, type Runner } from './runner.ts';
import type { Store } from './store.ts';
import { Threads } from './threads.ts';
import type { Trial, TrialRecord } from './trial.ts';

/** In threads of this process, the longest trials first as far as that is known. */
export class LocalRunner implements Runner {
  readonly #store: Store;
  readonly #workers: number;
  readonly #threads = new Threads();
  /** By configuration: its seeds take about equally long. */
  readonly #durations = new Durations();
  readonly #waiting = new Map<string, Trial[]>();
  #isDraining = false;

  constructor(store: Store, workers: number) {
    this.#store = store;
    this.#workers = workers;
  }

  async run(trials: readonly Trial[], done: (record: TrialRecord) => void): Promise<void> {
    for (const trial of trials) {
      const group = this.#waiting.get(trial.configurationHash) ?? [];
      this.#waiting.set(trial.configurationHash, group);
      group.push(trial);
    }
    const lane = async (): Promise<void> => {
      for (let trial = this.#next(); trial !== undefined; trial = this.#next()) {
        const record = await this.#threads.run(trial);
        if (record === undefined) return;
        this.#durations.add(record.configurationHash, record.wallSeconds);
        await this.#store.put(record);
        done(record);
      }
    };
    await Promise.all(Array.from({ length: Math.min(this.#workers, trials.length) }, lane));
    if (this.#isDraining) throw new Drained();
  }

  /** Results of earlier runs tell how long the next ones take. */
  learn({ configurationHash, wallSeconds }: TrialRecord): void {
    this.#durations.add(configurationHash, wallSeconds);
  }

  drain(): void {
    this.#isDraining = true;
  }

  async stop(): Promise<void> {
    this.#isDraining = true;
    await this.#threads.stop();
  }

  waiting(): number {
    let count = 0;
    for (const { length } of this.#waiting.values()) count += length;
    return count;
  }

  running(): string[] {
    return [...this.#threads.running.keys()].map(({ label }) => label);
  }

  remainingSeconds(later: number): number | undefined {
    const { mean } = this.#durations;
    if (mean === undefined) return undefined;
    let longest = 0;
    let sum = later * mean;
    for (const [{ configurationHash }, { startedAt }] of this.#threads.running) {
      const elapsed = (performance.now() - startedAt) / 1000;
      const seconds = Math.max(0, (this.#durations.of(configurationHash) ?? mean) - elapsed);
      longest = Math.max(longest, seconds);
      sum += seconds;
    }
    for (const [group, { length }] of this.#waiting) sum += length * (this.#durations.of(group) ?? mean);
    return Math.max(longest, sum / this.#workers);
  }

  #next(): Trial | undefined {
    if (this.#isDraining) return undefined;
    let next: string | undefined;
    let longest = -1;
    for (const group of this.#waiting.keys()) {
      // What nobody has measured yet goes first: from then on it is known.
      const seconds = this.#durations.of(group) ?? Infinity;
      if (seconds <= longest) continue;
      longest = seconds;
      next = group;
    }
    if (next === undefined) return undefined;
    const trials = this.#waiting.get(next)!;
    const trial = trials.shift()!;
    if (trials.length === 0) this.#waiting.delete(next);
    return trial;
  }
}
