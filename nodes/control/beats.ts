import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import type { Control } from './control.ts';

/** Control's beats, one at a time. What cannot be written cannot be promised: the first that fails is the last. */
export class Beats {
  /** Kept when a beat has failed. */
  readonly failed: Promise<void>;
  readonly #control: Control;
  #last: Promise<void> = Promise.resolve();
  #waiting: Promise<void> | undefined;
  #problem: unknown;
  #fail: () => void = () => {};

  constructor(control: Control) {
    this.#control = control;
    this.failed = new Promise((done) => {
      this.#fail = done;
    });
  }

  /** Kept at the end of a beat that begins after now; all who wait for one share it. */
  next(): Promise<void> {
    if (this.#waiting === undefined) {
      this.#waiting = this.#last.then(() => {
        this.#waiting = undefined;
        return this.#beat();
      });
      this.#last = this.#waiting;
    }
    return this.#waiting;
  }

  /** After the beat that is under way: the last write, or the error that ended the beats. */
  async end(): Promise<void> {
    await this.#last;
    if (this.#problem !== undefined) throw this.#problem;
    await this.#control.write(true);
  }

  async #beat(): Promise<void> {
    if (this.#problem !== undefined) return;
    try {
      if (await this.#control.beat()) return;
      this.#problem = new Stop(exitCodes.failure, 'another control server has taken over the ledger: this one ends');
    } catch (error) {
      this.#problem = error;
    }
    this.#fail();
  }
}
