/** The queue that several machines share, on the PostgreSQL of their store; its jobs carry hashes and nothing else. */
import { PgBoss } from 'pg-boss';
import { sha256 } from '#scenarios/format/canonical.ts';
import type { Provenance } from '../provenance.ts';
import { unreachable } from './postgres-database.ts';
import { majorOf } from './trial.ts';

/** A worker that has been silent for so long is taken for dead, and another one gets its trial. The least allowed. */
const heartbeatSeconds = 10;
/** A trial that has cost so many workers is given up. */
const retriesMax = 3;
const superviseSeconds = 2;
const pollSeconds = 0.5;
/** The most that the queue allows. */
const trialSecondsMax = 24 * 3600 - 1;

export interface Job {
  hash: string;
}

export class TrialQueue {
  readonly #boss: PgBoss;
  /** Workers with other sources look at another queue: their results would carry other hashes. */
  readonly name: string;
  readonly #lostName: string;

  private constructor(boss: PgBoss, { engineHash, node }: Provenance) {
    this.#boss = boss;
    this.name = `trials-${sha256(engineHash).slice(0, 16)}-node${majorOf(node)}`;
    this.#lostName = `lost-${this.name}`;
  }

  static async open(url: string, provenance: Provenance): Promise<TrialQueue> {
    const boss = new PgBoss({
      connectionString: url,
      schema: 'sluice_queue',
      application_name: 'sluice',
      max: 4,
      superviseIntervalSeconds: superviseSeconds,
      monitorIntervalSeconds: superviseSeconds,
    });
    // Errors of its maintenance; those of our own calls come as rejections.
    boss.on('error', (error) => {
      process.stderr.write(`warning: the queue: ${error.message}\n`);
    });
    const queue = new TrialQueue(boss, provenance);
    try {
      await boss.start();
    } catch (error) {
      throw unreachable(url, error as Error);
    }
    await queue.#create();
    return queue;
  }

  async #create(): Promise<void> {
    await this.#boss.createQueue(this.#lostName, { retryLimit: 0 });
    await this.#boss.createQueue(this.name, {
      policy: 'exclusive',
      deadLetter: this.#lostName,
      heartbeatSeconds,
      retryLimit: retriesMax,
      retryDelay: 0,
      expireInSeconds: trialSecondsMax,
      // A finished job tells nothing that the store does not.
      deleteAfterSeconds: 60,
    });
  }

  /** The longest first. One that waits or runs already is not taken twice. */
  async add(hashes: readonly { hash: string; seconds: number }[]): Promise<void> {
    const jobs = hashes.map(({ hash, seconds }) => ({
      data: { hash } satisfies Job,
      singletonKey: hash,
      priority: Math.min(1_000_000, Math.round(seconds * 1000)),
    }));
    const chunk = 1000;
    for (let start = 0; start < jobs.length; start += chunk) {
      await this.#boss.insert(this.name, jobs.slice(start, start + chunk));
    }
  }

  /** Takes what nobody has begun out of the queue. */
  async empty(): Promise<void> {
    await this.#boss.deleteQueuedJobs(this.name);
  }

  /** Runs jobs, so many at a time. The queue hears of each worker's heart while its job runs. */
  async work(count: number, run: (hash: string) => Promise<void>): Promise<void> {
    const options = { localConcurrency: count, pollingIntervalSeconds: pollSeconds, burstWhenBatchFull: true };
    await this.#boss.work<Job>(this.name, options, async ([job]) => run(job!.data.hash));
  }

  /** Takes no more jobs; those that run go on. */
  async rest(): Promise<void> {
    await this.#boss.offWork(this.name, { wait: false });
  }

  /** What was given up after several workers had died over it. */
  async onLost(note: (hash: string) => Promise<void>): Promise<void> {
    await this.#boss.work<Job>(this.#lostName, { pollingIntervalSeconds: pollSeconds }, async ([job]) =>
      note(job!.data.hash),
    );
  }

  /** Takes no more jobs and waits for those that run. */
  async close(): Promise<void> {
    await this.#boss.stop({ graceful: true, close: true, timeout: trialSecondsMax * 1000 });
  }
}
