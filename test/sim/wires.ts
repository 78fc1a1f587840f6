/** A network alone, driven as a world drives it: its own clock, and a second set of books that knows only rates. */
import { ok } from 'uvu/assert';
import { none } from '#core/units.ts';
import { EventQueue } from '#sim/event-queue.ts';
import { FlowMeter } from '#sim/flow-meter.ts';
import { Network } from '#sim/network.ts';
import { details } from '#sim/state.ts';

export const second = 1_000_000;
const horizon = 1e6 * second;

export interface WiresOptions {
  /** Bytes per second of each endpoint. */
  up: number[];
  down: number[];
  fidelity: 'reference' | 'standard' | 'scale';
  /** Region of each endpoint, and capacities of `[from][to]`; absent pairs are unlimited. */
  regions?: number[];
  pairs?: { from: number; to: number; capacity: number }[];
}

/** A transfer as the test sees it. */
export interface Wire {
  transfer: number;
  source: number;
  target: number;
  bytes: number;
  /** First byte, microseconds. */
  beginsAt: number;
  /** Sum of rate times time. */
  flowed: number;
  endedAt: number;
}

export class Wires {
  readonly queue: EventQueue;
  readonly flow: FlowMeter;
  readonly network: Network;
  readonly active: Wire[] = [];
  readonly ended: Wire[] = [];
  now = 0;

  constructor({ up, down, fidelity, regions = up.map(() => 0), pairs = [] }: WiresOptions) {
    const regionCount = Math.max(...regions) + 1;
    const pairLink = new Int32Array(regionCount ** 2).fill(none);
    for (const [index, { from, to }] of pairs.entries()) pairLink[from * regionCount + to] = index;
    const { riseRatioMin, risesLate, shareMicroseconds } = details[fidelity];
    this.queue = new EventQueue(horizon);
    this.flow = new FlowMeter(horizon);
    this.network = new Network(this.queue, this.flow, null, {
      endpointCount: up.length,
      transfersExpected: 4,
      regions: Uint8Array.from(regions),
      regionCount,
      pairLink: pairs.length === 0 ? null : pairLink,
      pairCapacities: pairs.map(({ capacity }) => capacity),
      isReference: fidelity === 'reference',
      holdersMax: 0,
      riseRatioMin,
      risesLate,
      shareMicroseconds,
      clientsFrom: 1,
      rowsPerClient: 2,
      eventOfTransfer: (transfer) => 2 * transfer,
      eventOfLink: (link) => 2 * link + 1,
    });
    const { network } = this;
    for (const [endpoint, rate] of up.entries()) network.setCapacity(network.uplink(endpoint), rate);
    for (const [endpoint, rate] of down.entries()) network.setCapacity(network.downlink(endpoint), rate);
  }

  start(source: number, target: number, bytes: number, options: { cap?: number; delay?: number } = {}): Wire {
    const { cap = Infinity, delay = 0 } = options;
    const transfer = this.network.start(source, target, 0, bytes, cap, delay, 0);
    const beginsAt = this.now + delay;
    const wire = { transfer, source, target, bytes, beginsAt, flowed: 0, endedAt: Infinity };
    this.active.push(wire);
    return wire;
  }

  stop(wire: Wire): void {
    this.network.stop(wire.transfer);
    this.end(wire);
  }

  rate(wire: Wire): number {
    return this.network.rate(wire.transfer);
  }

  rates(): number[] {
    return this.active.map((wire) => this.rate(wire));
  }

  /** All that is due until then happens; what was changed before is settled first. */
  runTo(at: number): void {
    this.settle();
    for (let next = this.queue.peek(); next <= at; next = this.queue.peek()) {
      this.moveTo(next);
      this.queue.pop();
      this.network.now = this.now;
      this.handle(this.queue.payload, this.queue.sequence);
      this.settle();
    }
    this.moveTo(at);
    this.network.now = at;
  }

  /** Until all have ended, if they do. */
  runOut(): void {
    this.settle();
    while (this.active.length > 0 && this.queue.peek() < Infinity) this.runTo(this.queue.peek());
  }

  /** What a world does after each event. */
  settle(): void {
    this.network.flush();
    // Events of this very instant come first.
    if (this.network.isStale && this.queue.peek() > this.now) this.network.solve();
    if (!this.network.isStale) this.check();
  }

  private handle(payload: number, sequence: number): void {
    const id = Math.floor(payload / 2);
    if (payload % 2 === 1) this.network.shareNow(id);
    else if (this.network.hasFinished(id, sequence)) {
      const wire = this.active.find(({ transfer }) => transfer === id)!;
      this.network.stop(id);
      this.end(wire);
    }
  }

  private end(wire: Wire): void {
    this.active.splice(this.active.indexOf(wire), 1);
    wire.endedAt = this.now;
    this.ended.push(wire);
  }

  private moveTo(at: number): void {
    for (const wire of this.active) {
      const from = Math.max(this.now, wire.beginsAt);
      if (at > from) wire.flowed += (this.rate(wire) * (at - from)) / second;
    }
    this.now = at;
  }

  /** No link over its capacity; what a link calls allocated is what its transfers have. */
  check(): void {
    const { network } = this;
    for (let link = 0; link < network.linkCount; link++) {
      let sum = 0;
      for (let transfer = network.firstTransfer(link); transfer !== none; transfer = network.nextOnLink(transfer, link))
        sum += network.rate(transfer);
      const capacity = network.capacity(link);
      ok(sum <= capacity * (1 + 1e-9) + 1e-6, `at ${this.now}: link ${link} carries ${sum} of ${capacity}`);
      const allocated = network.allocated(link);
      ok(Math.abs(sum - allocated) <= 1e-9 * capacity + 1e-6, `link ${link} says ${allocated} and carries ${sum}`);
    }
  }
}
