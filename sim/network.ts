/**
 * Who sends what to whom, and how fast. Access-link model: a transfer (a piece, or a run of pieces over HTTP) crosses
 * the uplink of its source, the downlink of its target and, where a scenario limits a pair of regions, that pair's
 * link. Rates are piecewise constant. How they are found depends on the fidelity:
 *
 * - `reference`: max–min fair over all links, solved anew after every instant that changed something (`max-min.ts`);
 * - `standard`, `scale`: each link shares what the other links of its transfers leave over. A start takes what is
 *   free, or its equal share and then the link that is over its capacity is shared anew; an end lets others rise.
 *   A link with many transfers is shared anew at intervals instead, and newcomers wait for what is free.
 *   Falls are never skipped, so no link is ever over its capacity; rises under `riseRatioMin` are.
 *
 * A falling rate leaves the transfer's event where it is (it finds work left when it fires and moves on); only a
 * rising one queues a new event, and the sequence number kept in the transfer tells which event is the true one.
 */
import { microsecondsPerSecond, none } from '#core/units.ts';
import type { EventQueue } from './event-queue.ts';
import { type FlowMeter, flowKind } from './flow-meter.ts';
import { solveMaxMin } from './max-min.ts';
import type { SwarmRates } from './swarm-rates.ts';
import {
  linkDoubles,
  linkField,
  linkWord,
  linkWords,
  pieceMask,
  type TableShape,
  TransferTable,
  transferDoubles,
  transferField,
  transferFlag,
  transferWord,
  transferWords,
} from './transfer-table.ts';
import { waterLevel } from './water-level.ts';

/** From this many transfers on, a link is shared anew at intervals. */
const manyTransfers = 64;
const shareIntervalMicroseconds = 50_000;
const shareMicrosecondsPerTransfer = 50;

export interface NetworkOptions extends TableShape {
  isReference: boolean;
  /** Rows in which bytes from the origin are counted; 0 = they are not. */
  holdersMax: number;
  /** A rise smaller than this share of the rate is skipped. */
  riseRatioMin: number;
  /** Whether falls let the other transfers of the far end rise at once. */
  cascades: boolean;
  eventOfTransfer: (transfer: number) => number;
  eventOfLink: (link: number) => number;
}

export class Network extends TransferTable {
  readonly queue: EventQueue;
  readonly flow: FlowMeter;
  readonly swarmRates: SwarmRates | null;
  /** Microseconds. */
  now = 0;
  /** Transfer whose last byte has just arrived and is being dealt with, or `none`. */
  arriving = none;
  /** Whether the event last asked about was the transfer's own, not one left behind. */
  isOwnEvent = false;
  /** Something changed since the last solution (`reference`). */
  isStale = false;

  /** Bytes that each holder of a lease took from the origin; null where nobody keeps a contract. */
  readonly originTaken: Float64Array | null;
  readonly #options: NetworkOptions;
  readonly #fullRatio: number;
  #dirty: Int32Array = new Int32Array(256);
  #dirtyCount = 0;
  #scratchIds = new Int32Array(256);
  #scratchLimits = new Float64Array(256);
  #scratchSorted = new Float64Array(256);

  constructor(queue: EventQueue, flow: FlowMeter, swarmRates: SwarmRates | null, options: NetworkOptions) {
    super(options);
    this.queue = queue;
    this.flow = flow;
    this.swarmRates = swarmRates;
    this.#options = options;
    this.originTaken = options.holdersMax === 0 ? null : new Float64Array(options.holdersMax);
    this.#fullRatio = 1 - Math.max(options.riseRatioMin, 1e-9);
  }

  /** Bytes per second. */
  setCapacity(link: number, capacity: number): void {
    this.links[link * linkDoubles + linkField.capacity] = capacity;
    if (this.#options.isReference) this.isStale = true;
    else this.#share(link);
  }

  /**
   * Starts a transfer of `bytes`; its first byte flows after `delayMicroseconds`, its share of the links is taken at
   * once. `cap` in bytes per second, Infinity = none.
   */
  start(
    source: number,
    target: number,
    piece: number,
    bytes: number,
    cap: number,
    delayMicroseconds: number,
    flags: number,
  ): number {
    const transfer = this.add(source, target);
    const row = transfer * transferDoubles;
    this.transfers[row + transferField.rate] = 0;
    this.transfers[row + transferField.remaining] = bytes;
    this.transfers[row + transferField.settledAt] = this.now + delayMicroseconds;
    this.transfers[row + transferField.cap] = cap;
    const words = transfer * transferWords;
    this.transferInts[words + transferWord.piece] = piece | flags;
    this.transferInts[words + transferWord.sequence] = 0;
    if (this.#options.isReference) this.isStale = true;
    else this.#firstRate(transfer);
    return transfer;
  }

  /** The next piece on the same connection: rates stay as they are, nothing else is touched. */
  next(transfer: number, piece: number, bytes: number): void {
    const row = transfer * transferDoubles;
    const at = transfer * transferWords + transferWord.piece;
    this.transferInts[at] = (this.transferInts[at] & ~pieceMask) | piece;
    this.transfers[row + transferField.remaining] = bytes;
    this.transfers[row + transferField.settledAt] = this.now;
    this.#schedule(transfer);
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
    this.#schedule(transfer);
    return false;
  }

  /** Ends a transfer, whatever is left of it; others may take what it leaves free. */
  stop(transfer: number): void {
    this.settle(transfer);
    const row = transfer * transferDoubles;
    const rate = this.transfers[row + transferField.rate];
    const words = transfer * transferWords;
    const source = this.transferInts[words + transferWord.source];
    const target = this.transferInts[words + transferWord.target];
    // Whoever shares a link that was not full was not held back by it.
    const wasUpFull = this.#isFull(this.uplink(source));
    const wasDownFull = this.#isFull(this.downlink(target));
    if (rate > 0) this.#addRate(transfer, -rate);
    this.transfers[row + transferField.rate] = 0;
    this.transferInts[words + transferWord.sequence] = 0;
    const pair = this.pairLinkOf(transfer);
    this.remove(transfer);
    if (this.#options.isReference) {
      this.isStale = true;
    } else if (rate > 0) {
      if (wasUpFull) this.#markDirty(this.uplink(source));
      if (wasDownFull) this.#markDirty(this.downlink(target));
      if (pair !== none) this.#markDirty(pair);
    }
  }

  /** Bytes per second that the transfer may reach at most. */
  setCap(transfer: number, cap: number): void {
    const row = transfer * transferDoubles;
    if (this.transfers[row + transferField.cap] === cap) return;
    this.transfers[row + transferField.cap] = cap;
    if (this.#options.isReference) {
      this.isStale = true;
      return;
    }
    if (this.transfers[row + transferField.rate] > cap) this.setRate(transfer, cap);
    this.#markDirty(this.uplink(this.source(transfer)));
    this.#markDirty(this.downlink(this.target(transfer)));
  }

  /** Called after each event: lets others take what became free; at `reference` only when the instant is over. */
  flush(): void {
    for (let index = 0; index < this.#dirtyCount; index++) {
      const link = this.#dirty[index];
      this.linkInts[link * linkWords + linkWord.isDirty] = 0;
      // Often the next transfer has taken already what the last one left.
      if (!this.#isFull(link)) this.#share(link);
    }
    this.#dirtyCount = 0;
  }

  /** A link with many transfers is due to be shared anew. */
  shareNow(link: number): void {
    this.linkInts[link * linkWords + linkWord.isDirty] = 0;
    this.#share(link);
  }

  /** Called when time is about to move on (`reference`). */
  solve(): void {
    this.isStale = false;
    solveMaxMin(this);
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
    this.#addRate(transfer, rate - before);
    this.transfers[row + transferField.rate] = rate;
    if (rate > before || this.transferInts[transfer * transferWords + transferWord.sequence] === 0)
      this.#schedule(transfer);
  }

  #addRate(transfer: number, change: number): void {
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

  #schedule(transfer: number): void {
    const row = transfer * transferDoubles;
    const rate = this.transfers[row + transferField.rate];
    if (rate <= 0) {
      this.transferInts[transfer * transferWords + transferWord.sequence] = 0;
      return;
    }
    const start = Math.max(this.now, this.transfers[row + transferField.settledAt]);
    const at = start + Math.ceil((this.transfers[row + transferField.remaining] / rate) * microsecondsPerSecond);
    this.transferInts[transfer * transferWords + transferWord.sequence] = this.queue.push(
      at,
      this.#options.eventOfTransfer(transfer),
    );
  }

  #firstRate(transfer: number): void {
    const up = this.uplink(this.source(transfer));
    const down = this.downlink(this.target(transfer));
    const pair = this.pairLinkOf(transfer);
    let rate = Math.min(
      this.transfers[transfer * transferDoubles + transferField.cap],
      this.#claim(up),
      this.#claim(down),
    );
    if (pair !== none) rate = Math.min(rate, this.#claim(pair));
    this.setRate(transfer, rate);
    this.#shareIfOver(up);
    this.#shareIfOver(down);
    if (pair !== none) this.#shareIfOver(pair);
    // A link with many transfers gives a newcomer what is free; it gets its share when the link is shared anew.
    if (this.#isStarved(transfer, up)) this.#markDirty(up);
    if (this.#isStarved(transfer, down)) this.#markDirty(down);
    if (pair !== none && this.#isStarved(transfer, pair)) this.#markDirty(pair);
  }

  /** What a new transfer may take of a link: what is free, or its equal share where that is more. */
  #claim(link: number): number {
    const row = link * linkDoubles;
    const capacity = this.links[row + linkField.capacity];
    const free = Math.max(0, capacity - this.links[row + linkField.allocated]);
    const count = this.linkInts[link * linkWords + linkWord.count];
    return count > manyTransfers ? free : Math.max(free, capacity / count);
  }

  /** Nothing is left that would be worth a rise. */
  #isFull(link: number): boolean {
    const row = link * linkDoubles;
    return this.links[row + linkField.allocated] >= this.links[row + linkField.capacity] * this.#fullRatio;
  }

  #isStarved(transfer: number, link: number): boolean {
    const count = this.linkInts[link * linkWords + linkWord.count];
    return count > manyTransfers && this.rate(transfer) < (0.8 * this.capacity(link)) / count;
  }

  #shareIfOver(link: number): void {
    const row = link * linkDoubles;
    if (this.links[row + linkField.allocated] > this.links[row + linkField.capacity] * (1 + 1e-12)) this.#share(link);
  }

  #markDirty(link: number): void {
    const words = link * linkWords;
    if (this.linkInts[words + linkWord.isDirty] !== 0) return;
    const count = this.linkInts[words + linkWord.count];
    if (count === 0) return;
    this.linkInts[words + linkWord.isDirty] = 1;
    if (count > manyTransfers) {
      const wait = Math.max(shareIntervalMicroseconds, count * shareMicrosecondsPerTransfer);
      this.queue.push(this.now + wait, this.#options.eventOfLink(link));
    } else {
      if (this.#dirtyCount === this.#dirty.length)
        this.#dirty = grown(this.#dirty, new Int32Array(2 * this.#dirtyCount));
      this.#dirty[this.#dirtyCount++] = link;
    }
  }

  /**
   * Shares a link anew: weighted by nothing, each transfer gets the water level or what its other links leave over.
   * Falls first, so that the link is at no moment over its capacity.
   */
  #share(link: number): void {
    const count = this.#collect(link);
    if (count === 0) return;
    const row = link * linkDoubles;
    const level = waterLevel(this.links[row + linkField.capacity], this.#scratchLimits, this.#scratchSorted, count);
    const ids = this.#scratchIds;
    const limits = this.#scratchLimits;
    for (let index = 0; index < count; index++) {
      const wanted = Math.min(limits[index], level);
      if (wanted < this.rate(ids[index])) {
        this.setRate(ids[index], wanted);
        if (this.#options.cascades) this.#markFarEnd(ids[index], link);
      }
    }
    let total = 0;
    for (let index = 0; index < count; index++) total += this.rate(ids[index]);
    // Sums of differences drift; this one is exact.
    this.links[row + linkField.allocated] = total;
    for (let index = 0; index < count; index++) {
      const rate = this.rate(ids[index]);
      if (limits[index] <= rate || level <= rate) continue;
      // Transfers of this link may share another one: what is left there is looked up when it is this one's turn.
      const wanted = Math.min(limits[index], level, rate + this.slack(ids[index]));
      if (wanted > rate * (1 + this.#options.riseRatioMin)) this.setRate(ids[index], wanted);
    }
  }

  /** Fills the scratch columns with the link's transfers and what each could reach elsewhere. */
  #collect(link: number): number {
    let count = 0;
    let transfer = this.firstTransfer(link);
    while (transfer !== none) {
      if (count === this.#scratchIds.length) this.#growScratch();
      const up = this.uplink(this.source(transfer));
      const down = this.downlink(this.target(transfer));
      const pair = this.pairLinkOf(transfer);
      const rate = this.rate(transfer);
      let limit = this.transfers[transfer * transferDoubles + transferField.cap];
      if (up !== link) limit = Math.min(limit, this.reach(up, rate));
      if (down !== link) limit = Math.min(limit, this.reach(down, rate));
      if (pair !== none && pair !== link) limit = Math.min(limit, this.reach(pair, rate));
      this.#scratchIds[count] = transfer;
      this.#scratchLimits[count] = Math.max(0, limit);
      count++;
      transfer = this.nextOnLink(transfer, link);
    }
    return count;
  }

  #markFarEnd(transfer: number, link: number): void {
    const up = this.uplink(this.source(transfer));
    this.#markDirty(link === up ? this.downlink(this.target(transfer)) : up);
  }

  #growScratch(): void {
    const ids = new Int32Array(this.#scratchIds.length * 2);
    ids.set(this.#scratchIds);
    this.#scratchIds = ids;
    const limits = new Float64Array(ids.length);
    limits.set(this.#scratchLimits);
    this.#scratchLimits = limits;
    this.#scratchSorted = new Float64Array(ids.length);
  }
}

function grown(from: Int32Array, into: Int32Array): Int32Array {
  into.set(from);
  return into;
}
