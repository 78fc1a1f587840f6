/**
 * Bytes over time by source: what the series and the peaks of a result are made of. Bytes of a stretch of constant
 * rate are spread over the steps that it covers, so the sum over all steps is the sum of all bytes.
 */
import { microsecondsPerSecond } from '#core/units.ts';

export const flowKind = { origin: 0, relay: 1, peer: 2 } as const;
export type FlowKind = (typeof flowKind)[keyof typeof flowKind];

export class FlowMeter {
  readonly #columns: Float64Array[];
  readonly #totals = new Float64Array(3);

  /** One column per kind of source, one step per second. */
  constructor(horizonMicroseconds: number) {
    const steps = Math.min(Math.ceil(horizonMicroseconds / microsecondsPerSecond) + 1, 4096);
    this.#columns = [new Float64Array(steps), new Float64Array(steps), new Float64Array(steps)];
  }

  column(kind: FlowKind): Float64Array {
    return this.#columns[kind];
  }

  /** Bytes of a kind of source up to now, as far as they are settled. */
  total(kind: FlowKind): number {
    return this.#totals[kind];
  }

  /** `bytes` flowed evenly between the two times (microseconds). */
  add(kind: FlowKind, from: number, to: number, bytes: number): void {
    this.#totals[kind] += bytes;
    const last = Math.floor(to / microsecondsPerSecond);
    if (last >= this.#columns[kind].length) this.#grow(kind, last);
    const column = this.#columns[kind];
    const first = Math.floor(from / microsecondsPerSecond);
    if (first === last) {
      column[first] += bytes;
      return;
    }
    const perMicrosecond = bytes / (to - from);
    let added = perMicrosecond * ((first + 1) * microsecondsPerSecond - from);
    column[first] += added;
    for (let step = first + 1; step < last; step++) {
      const whole = perMicrosecond * microsecondsPerSecond;
      column[step] += whole;
      added += whole;
    }
    column[last] += bytes - added;
  }

  #grow(kind: FlowKind, step: number): void {
    const grown = new Float64Array(Math.max(step + 1, this.#columns[kind].length * 2));
    grown.set(this.#columns[kind]);
    this.#columns[kind] = grown;
  }
}
