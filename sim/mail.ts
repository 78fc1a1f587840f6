/**
 * Control messages on their way: with the latency between two regions, and lost, doubled, delayed and out of order as
 * the scenario says. What is cut off by a partition is lost.
 */
import { Prng } from '#core/prng.ts';
import { microsecondsPerMillisecond } from '#core/units.ts';
import type { MessageFaults } from '#scenarios/format/scenario.ts';
import { exponential } from './distribution.ts';
import { event, eventKind, type State } from './state.ts';

/** One that is overtaken arrives up to this much later. */
const reorderMicroseconds = 2_000_000;
/** A lease message as JSON over an open WebSocket. */
const messageBytes = 200;

export class Mail {
  sentCount = 0;
  readonly #state: State;
  readonly #prng: Prng;
  /** Of the scenario, unless a fault says otherwise. */
  #faults: MessageFaults;
  readonly #underway: ((() => void) | null)[] = [];
  readonly #free: number[] = [];

  constructor(state: State) {
    this.#state = state;
    this.#prng = new Prng(state.scenario.seed, 'messages');
    this.#faults = state.scenario.messages;
  }

  get bytes(): number {
    return this.sentCount * messageBytes;
  }

  setFaults(faults: MessageFaults): void {
    this.#faults = faults;
  }

  /** Delivers, once, twice or never. */
  post(fromRegion: number, toRegion: number, deliver: () => void): void {
    const { partitioned, scenario } = this.#state;
    this.sentCount++;
    if (partitioned[fromRegion * scenario.regions.length + toRegion] !== 0) return;
    const { loss, duplicate } = this.#faults;
    if (loss > 0 && this.#prng.real() < loss) return;
    this.#send(fromRegion, toRegion, deliver);
    if (duplicate > 0 && this.#prng.real() < duplicate) this.#send(fromRegion, toRegion, deliver);
  }

  /** The message of this index has arrived. */
  arrive(index: number): void {
    const deliver = this.#underway[index];
    this.#underway[index] = null;
    this.#free.push(index);
    deliver?.();
  }

  #send(fromRegion: number, toRegion: number, deliver: () => void): void {
    const { scenario, queue, now } = this.#state;
    const { reorder, delayMilliseconds } = this.#faults;
    let delay = scenario.latencyMilliseconds[fromRegion][toRegion] * microsecondsPerMillisecond;
    if (delayMilliseconds > 0) delay += exponential(delayMilliseconds, this.#prng.real()) * microsecondsPerMillisecond;
    if (reorder > 0 && this.#prng.real() < reorder) delay += reorderMicroseconds * this.#prng.real();
    const index = this.#free.pop() ?? this.#underway.length;
    this.#underway[index] = deliver;
    queue.push(now + Math.round(delay), event(eventKind.message, index));
  }
}
