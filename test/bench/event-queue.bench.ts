// test-time-limit: 120s
/** What an event costs: one push and one pop with so many pending, beside one heap for all, the rejected design. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mix } from '#core/prng.ts';
import { EventQueue } from '#sim/event-queue.ts';
import { cpuSeconds } from './calibration.ts';

interface Queue {
  time: number;
  push(time: number, payload: number): number;
  pop(): boolean;
}

const rounds = 1_000_000;
const runCount = 3;
const delayMicrosecondsMax = 20_000_000;
const horizonMicroseconds = 3_600_000_000 * 24;
const bench = suite('event queue');

for (const pending of [10_000, 100_000, 1_000_000]) {
  bench(`${pending} pending`, () => {
    const wheel = least(() => new EventQueue(horizonMicroseconds, pending), pending);
    const heap = least(() => new OneHeap(pending + 1), pending);
    console.log(`${pending} pending: ${wheel.toFixed(0)} ns per push and pop; one heap for all ${heap.toFixed(0)} ns`);
  });
}

bench('both give the same order', () => {
  const one = new EventQueue(horizonMicroseconds);
  const other = new OneHeap(1001);
  for (const queue of [one, other]) for (let event = 0; event < 1000; event++) queue.push(mix(1, event) % 500, event);
  while (one.pop()) {
    assert.ok(other.pop());
    assert.is(one.payload, other.payload);
  }
});

function least(make: () => Queue, pending: number): number {
  return Math.min(...Array.from({ length: runCount }, () => hold(make(), pending)));
}

/** The hold model: each event that comes out queues one more, some time later. Nanoseconds per event. */
function hold(queue: Queue, pending: number): number {
  for (let event = 0; event < pending; event++) queue.push(mix(1, event) % delayMicrosecondsMax, event);
  const startedAt = cpuSeconds();
  for (let event = 0; event < rounds; event++) {
    queue.pop();
    queue.push(queue.time + (mix(2, event) % delayMicrosecondsMax), event);
  }
  return ((cpuSeconds() - startedAt) / rounds) * 1e9;
}

/** A typed binary heap ordered by (time, sequence). */
class OneHeap implements Queue {
  time = 0;
  payload = 0;
  readonly #times: Float64Array;
  readonly #payloads: Uint32Array;
  readonly #sequences: Uint32Array;
  #count = 0;
  #nextSequence = 1;

  constructor(countMax: number) {
    this.#times = new Float64Array(countMax);
    this.#payloads = new Uint32Array(countMax);
    this.#sequences = new Uint32Array(countMax);
  }

  push(time: number, payload: number): number {
    const sequence = this.#nextSequence++;
    let at = this.#count++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(time, sequence, parent)) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#put(at, time, payload, sequence);
    return sequence;
  }

  pop(): boolean {
    if (this.#count === 0) return false;
    this.time = this.#times[0]!;
    this.payload = this.#payloads[0]!;
    const last = --this.#count;
    const time = this.#times[last]!;
    const sequence = this.#sequences[last]!;
    let at = 0;
    for (let child = 1; child < last; child = 2 * at + 1) {
      if (child + 1 < last && this.#isBefore(this.#times[child + 1]!, this.#sequences[child + 1]!, child)) child++;
      if (this.#isBefore(time, sequence, child)) break;
      this.#move(child, at);
      at = child;
    }
    this.#put(at, time, this.#payloads[last]!, sequence);
    return true;
  }

  #isBefore(time: number, sequence: number, at: number): boolean {
    return time < this.#times[at]! || (time === this.#times[at]! && sequence < this.#sequences[at]!);
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#times[from]!, this.#payloads[from]!, this.#sequences[from]!);
  }

  #put(at: number, time: number, payload: number, sequence: number): void {
    this.#times[at] = time;
    this.#payloads[at] = payload;
    this.#sequences[at] = sequence;
  }
}

bench.run();
