/**
 * The bytes that transfers bring at their rates, and the moment at which each has brought all.
 *
 * A falling rate leaves the transfer's event where it is (it finds work left when it fires and moves on); only a
 * rising one queues a new event, and the sequence number kept in the transfer tells which event is the true one.
 */
import { microsecondsPerSecond, none } from '#core/units.ts';
import type { EventQueue } from './event-queue.ts';
import { type FlowMeter, flowKind } from './flow-meter.ts';
import type { SwarmRates } from './swarm-rates.ts';
import {
  linkDoubles,
  linkField,
  type TableShape,
  TransferTable,
  transferDoubles,
  transferField,
  transferFlag,
  transferWord,
  transferWords,
} from './transfer-table.ts';

export interface FlowOptions extends TableShape {
  /** Payload of the event at which a transfer is due. */
  eventOfTransfer: (transfer: number) => number;
  /** Rows in which bytes from the origin are counted; 0 = they are not. */
  holdersMax: number;
}

export class TransferFlow extends TransferTable {
  readonly queue: EventQueue;
  readonly flow: FlowMeter;
  readonly swarmRates: SwarmRates | null;
  /** Microseconds. */
  now = 0;
  /** Transfer whose last byte has just arrived and is being dealt with, or `none`. */
  arriving = none;
  /** Whether the event last asked about was the transfer's own, not one left behind. */
  isOwnEvent = false;
  /** Bytes that each holder of a lease took from the origin; null where nobody keeps a contract. */
  readonly originTaken: Float64Array | null;
  readonly #eventOf: (transfer: number) => number;

  constructor(queue: EventQueue, flow: FlowMeter, swarmRates: SwarmRates | null, options: FlowOptions) {
    super(options);
    this.queue = queue;
    this.flow = flow;
    this.swarmRates = swarmRates;
    this.#eventOf = options.eventOfTransfer;
    this.originTaken = options.holdersMax === 0 ? null : new Float64Array(options.holdersMax);
  }

  /** Whether this event is still the transfer's own and all its bytes have arrived; else it is queued again. */
  hasFinished(transfer: number, sequence: number): boolean {
    this.isOwnEvent = this.transferInts[transfer * transferWords + transferWord.sequence] === (sequence | 0);
    if (!this.isOwnEvent) return false;
    this.settle(transfer);
    const row = transfer * transferDoubles;
    const left = this.transfers[row + transferField.remaining];
    // Events come at whole microseconds: what flows in one of them is not worth another event.
    if (left <= this.transfers[row + transferField.rate] / microsecondsPerSecond + 1e-6) {
      if (left > 0) this.#count(transfer, this.now, left);
      this.transfers[row + transferField.remaining] = 0;
      this.transferInts[transfer * transferWords + transferWord.sequence] = 0;
      return true;
    }
    this.schedule(transfer);
    return false;
  }

  /** Accounts for the bytes that flowed since the rate last changed. */
  settle(transfer: number): void {
    const row = transfer * transferDoubles;
    const from = this.transfers[row + transferField.settledAt];
    const elapsed = this.now - from;
    if (elapsed <= 0) return;
    const rate = this.transfers[row + transferField.rate];
    const left = this.transfers[row + transferField.remaining];
    const bytes = Math.min((rate * elapsed) / microsecondsPerSecond, left);
    if (bytes > 0) this.#count(transfer, from, bytes);
    this.transfers[row + transferField.remaining] = left - bytes;
    this.transfers[row + transferField.settledAt] = this.now;
  }

  #count(transfer: number, from: number, bytes: number): void {
    const kind = this.kindOf(transfer);
    this.flow.add(kind, from, this.now, bytes);
    if (kind === flowKind.origin && this.originTaken !== null) this.originTaken[this.takenIndex(transfer)] += bytes;
  }

  /** Where `originTaken` counts what this transfer brings: a row for each client, and for each relay in each task. */
  takenIndex(transfer: number): number {
    const target = this.target(transfer);
    return this.isClient(target) ? target : this.endpointCount + this.taskOf(transfer) * this.clientsFrom + target;
  }

  setRate(transfer: number, rate: number): void {
    const row = transfer * transferDoubles;
    const before = this.transfers[row + transferField.rate];
    if (before === rate) return;
    this.settle(transfer);
    this.addRate(transfer, rate - before);
    this.transfers[row + transferField.rate] = rate;
    if (rate > before || this.transferInts[transfer * transferWords + transferWord.sequence] === 0)
      this.schedule(transfer);
  }

  /** Bytes per second more, or less, on all links of the transfer; its own rate is the caller's to set. */
  protected addRate(transfer: number, change: number): void {
    const source = this.source(transfer);
    const target = this.target(transfer);
    this.links[this.uplink(source) * linkDoubles + linkField.allocated] += change;
    this.links[this.downlink(target) * linkDoubles + linkField.allocated] += change;
    const pair = this.pairLinkOf(transfer);
    if (pair !== none) this.links[pair * linkDoubles + linkField.allocated] += change;
    if (this.swarmRates !== null && !this.has(transfer, transferFlag.http)) {
      this.swarmRates.change(target, change, this.now);
    }
  }

  /** Queues the moment at which all will have arrived at this rate. */
  protected schedule(transfer: number): void {
    const row = transfer * transferDoubles;
    const rate = this.transfers[row + transferField.rate];
    if (rate <= 0) {
      this.transferInts[transfer * transferWords + transferWord.sequence] = 0;
      return;
    }
    const start = Math.max(this.now, this.transfers[row + transferField.settledAt]);
    const at = start + Math.ceil((this.transfers[row + transferField.remaining] / rate) * microsecondsPerSecond);
    this.transferInts[transfer * transferWords + transferWord.sequence] = this.queue.push(at, this.#eventOf(transfer));
  }
}
