/** From the runs that a search asks for to their measures: from the store where they are there, else by a runner. */
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import type { Study } from '#scenarios/format/study.ts';
import { type Candidate, type Measure, measureOf, type RunRequest } from './candidate.ts';
import type { Runner } from './runner.ts';
import type { Store } from './store.ts';
import type { Trial, TrialMaker, TrialRecord } from './trial.ts';

/** Some of what was asked for is not there, and nothing is to be run. */
export class Missing extends Error {
  override name = 'Missing';
}

export interface EvaluationOptions {
  study: Study;
  maker: TrialMaker;
  store: Store;
  /** Absent: what is not in the store stays missing. */
  runner?: Runner | undefined;
  /** Failed trials run once more. */
  retry?: boolean | undefined;
}

export class Evaluation {
  readonly #options: EvaluationOptions;
  /** Full-size runs by candidate and replication. */
  readonly #records = new Map<number, TrialRecord[]>();
  readonly #retried = new Set<string>();
  /** Simulations, each counted once. */
  readonly #hashes = new Set<string>();
  cachedCount = 0;
  doneCount = 0;
  missingCount = 0;
  readonly failed = new Map<string, TrialRecord>();
  /** Candidates whose values make no scenario together, with the reason. */
  readonly impossible = new Map<number, string>();
  wallSeconds = 0;

  constructor(options: EvaluationOptions) {
    this.#options = options;
  }

  readonly evaluate = async (requests: readonly RunRequest[]): Promise<Measure[]> => {
    const trials = requests.map((request) => this.#options.maker.make(request));
    const possible = new Map<string, Trial>();
    for (const trial of trials) if (!('error' in trial)) possible.set(trial.hash, trial);
    const places = new Map<string, RunRequest[]>();
    for (const [index, trial] of trials.entries()) {
      const request = requests[index]!;
      if ('error' in trial) this.impossible.set(request.candidate.number, trial.error);
      else places.set(trial.hash, [...(places.get(trial.hash) ?? []), request]);
    }
    const found = await this.#stored([...possible.keys()]);
    const note = (record: TrialRecord): void => {
      found.set(record.hash, record);
      for (const request of places.get(record.hash) ?? []) this.#note(request, record);
    };
    for (const record of [...found.values()]) {
      this.#count(record, 'cachedCount');
      this.#options.runner?.learn(record);
      note(record);
    }
    const missing = [...possible.values()].filter(({ hash }) => !found.has(hash));
    await this.#run(missing, (record) => {
      this.#count(record, 'doneCount');
      note(record);
    });
    return trials.map((trial) => ('error' in trial ? failure(trial.error) : this.#measure(found.get(trial.hash)!)));
  };

  /** By seed, as far as there is no gap. */
  recordsOf({ number }: Candidate): TrialRecord[] {
    const records = this.#records.get(number) ?? [];
    const gap = Array.from(records).indexOf(undefined as never);
    return gap < 0 ? records : records.slice(0, gap);
  }

  measuresOf(candidate: Candidate): Measure[] {
    return this.recordsOf(candidate).map((record) => this.#measure(record));
  }

  async #stored(hashes: readonly string[]): Promise<Map<string, TrialRecord>> {
    const { store, retry, runner } = this.#options;
    const fresh = hashes.filter((hash) => !this.#retried.has(hash));
    if (retry && runner !== undefined && fresh.length > 0) {
      await store.forgetFailed(fresh);
      for (const hash of fresh) this.#retried.add(hash);
    }
    return store.find(hashes);
  }

  async #run(missing: readonly Trial[], done: (record: TrialRecord) => void): Promise<void> {
    if (missing.length === 0) return;
    const { runner } = this.#options;
    if (runner === undefined) {
      this.missingCount += missing.length;
      throw new Missing(`${missing.length} trials are missing`);
    }
    await runner.run(missing, done);
  }

  #count(record: TrialRecord, counter: 'cachedCount' | 'doneCount'): void {
    if (record.status === 'failed') this.failed.set(record.hash, record);
    if (this.#hashes.has(record.hash)) return;
    this.#hashes.add(record.hash);
    this[counter]++;
    this.wallSeconds += record.wallSeconds;
  }

  #note({ candidate, replication, clients }: RunRequest, record: TrialRecord): void {
    if (clients !== 1) return;
    const records = this.#records.get(candidate.number) ?? [];
    this.#records.set(candidate.number, records);
    records[replication] = record;
  }

  #measure({ status, result, error, hash }: TrialRecord): Measure {
    if (status === 'failed') return failure(error);
    if (result === null) throw new Stop(exitCodes.failure, `the store has no result of the trial ${hash}`);
    return measureOf(this.#options.study, result);
  }
}

function failure(error: string): Measure {
  return { objectives: [], violated: [], error };
}
