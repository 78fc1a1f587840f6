/** Whoever brings trials to their results. */
import type { Trial, TrialRecord } from './trial.ts';

export interface Runner {
  /**
   * Runs the trials in an order of its own. `done` hears of each when it is in the store. Rejects with `Drained` when
   * some of them were left.
   */
  run(trials: readonly Trial[], done: (record: TrialRecord) => void): Promise<void>;
  /** Lets what runs come to its end, and begins nothing new. */
  drain(): void;
  /** Ends everything, at once. */
  stop(): Promise<void>;
  /** How many of those that it was given have not begun, or run elsewhere. */
  waiting(): number;
  /** Labels of what runs here. */
  running(): string[];
  /** Of all that it was given, and of so many trials to come; absent: nothing is known yet. */
  remainingSeconds(later: number): number | undefined;
  /** Earlier results tell how long the next ones take. */
  learn(record: TrialRecord): void;
}

/** The study was asked to come to an end before it was done. */
export class Drained extends Error {
  override name = 'Drained';
}
