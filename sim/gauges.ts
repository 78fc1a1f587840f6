/** Values that hold until they change, read once a second: who has finished, how many have HTTP open. */
import { microsecondsPerSecond } from '#core/units.ts';

/** A step function, sampled at the end of each second. */
export class Gauge {
  #seconds: Float64Array = new Float64Array(256);
  #value = 0;
  #filledTo = 0;

  set(now: number, value: number): void {
    // A change at the very end of a second is what holds at its end.
    this.#fill(Math.max(0, Math.ceil(now / microsecondsPerSecond) - 1));
    this.#value = value;
  }

  /** Values at the ends of the seconds 0 … count − 1. */
  column(count: number): Float64Array {
    this.#fill(count);
    return this.#seconds.slice(0, count);
  }

  /** Seconds before `second` keep the value that held until now. */
  #fill(second: number): void {
    if (second > this.#seconds.length) {
      const grown = new Float64Array(Math.max(second, this.#seconds.length * 2));
      grown.set(this.#seconds);
      this.#seconds = grown;
    }
    for (; this.#filledTo < second; this.#filledTo++) this.#seconds[this.#filledTo] = this.#value;
  }
}

export class Gauges {
  readonly completed = new Gauge();
  readonly fallbackOpen = new Gauge();
  readonly originConnections = new Gauge();
}
