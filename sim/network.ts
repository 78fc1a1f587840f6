/**
 * Who sends what to whom, and how fast. Access-link model: a transfer (a piece, or a run of pieces over HTTP) crosses
 * the uplink of its source, the downlink of its target and, where a scenario limits a pair of regions, that pair's
 * link. Rates are piecewise constant. How they are found depends on the fidelity:
 *
 * - `reference`: max–min fair over all links, solved anew after every instant that changed something (`max-min.ts`);
 * - `standard`, `scale`: each link shares what the other links of its transfers leave over. A start takes what is
 *   free, or its equal share and then the link that is over its capacity is shared anew; an end lets others rise.
 *   A link with many transfers is shared anew at intervals instead, and newcomers wait for it.
 *   Falls are never skipped, so no link is ever over its capacity; rises under `riseRatioMin` are.
 */
import { none } from '#core/units.ts';
import type { EventQueue } from './event-queue.ts';
import type { FlowMeter } from './flow-meter.ts';
import { solveMaxMin } from './max-min.ts';
import type { SwarmRates } from './swarm-rates.ts';
import { type FlowOptions, TransferFlow } from './transfer-flow.ts';
import {
  grown,
  linkDoubles,
  linkField,
  linkWord,
  linkWords,
  pieceMask,
  transferDoubles,
  transferField,
  transferWord,
  transferWords,
} from './transfer-table.ts';
import { Claims } from './water-level.ts';

/** From this many transfers on, a link is shared anew at intervals. */
const manyTransfers = 64;
/** A link of which less than this is in use is shared anew at once, also where rises are late. */
const muchLeft = 0.7;
/** The same for one with many transfers: it is not left idle until the interval is over. */
const crowdedLeft = 0.9;
/** A newcomer that finds this much of its equal share free takes that, where rises are late. */
const nearlyShare = 0.75;

/** Whether a link is to be shared anew: with the event at hand, or when its interval is over. */
const dirty = { no: 0, now: 1, later: 2 } as const;

export interface NetworkOptions extends FlowOptions {
  isReference: boolean;
  /** A rise smaller than this share of the rate is skipped. */
  riseRatioMin: number;
  /** Whether a transfer rises with its next piece only, unless much of a link is free. */
  risesLate: boolean;
  /** Interval at which a link with many transfers is shared anew. */
  shareMicroseconds: number;
  eventOfLink: (link: number) => number;
}

export class Network extends TransferFlow {
  /** Something changed since the last solution (`reference`). */
  isStale = false;

  readonly #options: NetworkOptions;
  readonly #fullRatio: number;
  #dirty: Int32Array = new Int32Array(256);
  #dirtyCount = 0;
  /** Links that a share elsewhere has brought over their capacity, to be shared within the same instant. */
  readonly #over: number[] = [];
  readonly #claims = new Claims();

  constructor(queue: EventQueue, flow: FlowMeter, swarmRates: SwarmRates | null, options: NetworkOptions) {
    super(queue, flow, swarmRates, options);
    this.#options = options;
    this.#fullRatio = 1 - Math.max(options.riseRatioMin, 1e-9);
  }

  /** Bytes per second. */
  setCapacity(link: number, capacity: number): void {
    this.links[link * linkDoubles + linkField.capacity] = capacity;
    if (this.#options.isReference) this.isStale = true;
    else this.#shareAll(link);
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

  /** The next piece on the same connection; rates stay as they are, but for a rise that was put off. */
  next(transfer: number, piece: number, bytes: number): void {
    const row = transfer * transferDoubles;
    const at = transfer * transferWords + transferWord.piece;
    this.transferInts[at] = (this.transferInts[at] & ~pieceMask) | piece;
    this.transfers[row + transferField.remaining] = bytes;
    this.transfers[row + transferField.settledAt] = this.now;
    if (this.#options.risesLate) this.#riseLate(transfer);
    this.schedule(transfer);
  }

  #riseLate(transfer: number): void {
    const row = transfer * transferDoubles;
    const rate = this.transfers[row + transferField.rate];
    const wanted = Math.min(this.transfers[row + transferField.cap], rate + this.slack(transfer));
    if (wanted <= rate * (1 + this.#options.riseRatioMin)) return;
    this.addRate(transfer, wanted - rate);
    this.transfers[row + transferField.rate] = wanted;
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
    const wasUpFull = this.#holdsBack(this.uplink(source));
    const wasDownFull = this.#holdsBack(this.downlink(target));
    if (rate > 0) this.addRate(transfer, -rate);
    this.transfers[row + transferField.rate] = 0;
    this.transferInts[words + transferWord.sequence] = 0;
    const pair = this.pairLinkOf(transfer);
    this.remove(transfer);
    if (this.#options.isReference) {
      this.isStale = true;
    } else if (rate > 0) {
      if (wasUpFull) this.#markFreed(this.uplink(source));
      if (wasDownFull) this.#markFreed(this.downlink(target));
      if (pair !== none) this.#markFreed(pair);
    }
  }

  /** Bytes per second that the transfer may reach at most. */
  setCap(transfer: number, cap: number): void {
    const row = transfer * transferDoubles;
    if (this.transfers[row + transferField.cap] === cap) return;
    this.transfers[row + transferField.cap] = cap;
    this.isStale = this.#options.isReference;
    if (this.isStale) return;
    if (this.transfers[row + transferField.rate] > cap) this.setRate(transfer, cap);
    this.#markDirty(this.uplink(this.source(transfer)));
    this.#markDirty(this.downlink(this.target(transfer)));
  }

  /** Called after each event: lets others take what became free; at `reference` only when the instant is over. */
  flush(): void {
    for (let index = 0; index < this.#dirtyCount; index++) {
      // Often the next transfer has taken already what the last one left.
      if (!this.#isFull(this.#dirty[index])) this.#share(this.#dirty[index]);
    }
    // Only now: each link has one turn, or two that disagree about a transfer would take turns for ever.
    for (let index = 0; index < this.#dirtyCount; index++) {
      this.linkInts[this.#dirty[index] * linkWords + linkWord.isDirty] = dirty.no;
    }
    this.#dirtyCount = 0;
  }

  /** A link with many transfers is due to be shared anew. */
  shareNow(link: number): void {
    this.linkInts[link * linkWords + linkWord.isDirty] = dirty.no;
    this.#shareAll(link);
  }

  /** Called when time is about to move on (`reference`). */
  solve(): void {
    this.isStale = false;
    solveMaxMin(this);
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
    if (count > manyTransfers) return free;
    const share = capacity / count;
    // Where rises are late, so is what would be a small one: the others are left alone.
    return this.#options.risesLate && free >= nearlyShare * share ? free : Math.max(free, share);
  }

  /** Nothing is left that would be worth a rise. */
  #isFull(link: number): boolean {
    const row = link * linkDoubles;
    return this.links[row + linkField.allocated] >= this.links[row + linkField.capacity] * this.#fullRatio;
  }

  /** In use as far as it ever is: what is freed of it may be of use to others. */
  #holdsBack(link: number): boolean {
    if (!this.#options.risesLate) return this.#isFull(link);
    const usual = this.transferCount(link) > manyTransfers ? crowdedLeft : muchLeft;
    return this.allocated(link) >= usual * this.capacity(link);
  }

  #isStarved(transfer: number, link: number): boolean {
    const count = this.linkInts[link * linkWords + linkWord.count];
    return count > manyTransfers && this.rate(transfer) < (0.8 * this.capacity(link)) / count;
  }

  #shareIfOver(link: number): void {
    if (this.isOver(link)) this.#share(link);
  }

  /** To be shared when the event at hand is over; one that many fill waits for its interval. */
  #markDirty(link: number): void {
    const words = link * linkWords;
    const count = this.linkInts[words + linkWord.count];
    if (count === 0) return;
    const waits = count > manyTransfers && this.allocated(link) >= crowdedLeft * this.capacity(link);
    const before = this.linkInts[words + linkWord.isDirty];
    if (before === dirty.now || (waits && before === dirty.later)) return;
    this.linkInts[words + linkWord.isDirty] = waits ? dirty.later : dirty.now;
    if (waits) {
      this.queue.push(this.now + this.#options.shareMicroseconds, this.#options.eventOfLink(link));
      return;
    }
    if (this.#dirtyCount === this.#dirty.length) this.#dirty = grown(this.#dirty, new Int32Array(2 * this.#dirtyCount));
    this.#dirty[this.#dirtyCount++] = link;
  }

  /**
   * Shares a link anew: weighted by nothing, each transfer gets the water level or what its other links leave over.
   * Falls first, so that the link is at no moment over its capacity; a rise takes what the other links leave over, or
   * (`displaces`) more, and notes which of them is over its capacity then.
   */
  #share(link: number, displaces = false): void {
    this.#collect(link);
    const { count } = this.#claims;
    if (count === 0) return;
    const row = link * linkDoubles;
    const { ids, limits } = this.#claims;
    const level = this.#claims.level(this.links[row + linkField.capacity]);
    for (let index = 0; index < count; index++) {
      const wanted = Math.min(limits[index], level);
      if (wanted < this.rate(ids[index])) this.#fall(ids[index], wanted, link);
    }
    let total = 0;
    for (let index = 0; index < count; index++) total += this.rate(ids[index]);
    // Sums of differences drift; this one is exact.
    this.links[row + linkField.allocated] = total;
    for (let index = 0; index < count; index++) {
      const rate = this.rate(ids[index]);
      if (limits[index] <= rate || level <= rate) continue;
      // Transfers of this link may share another one: what is left there is looked up when it is this one's turn.
      const free = displaces ? this.leftOver(link) : this.slack(ids[index]);
      const wanted = Math.min(limits[index], level, rate + free);
      if (wanted <= rate * (1 + this.#options.riseRatioMin)) continue;
      this.setRate(ids[index], wanted);
      if (displaces) this.#noteOver(ids[index]);
    }
  }

  /**
   * Shares a link anew, and whatever that brings over its capacity. A crowded link gives its newcomers no share when
   * they start; here they take it, up to their equal share of their other links, which others there give up.
   */
  #shareAll(link: number): void {
    this.#share(link, this.transferCount(link) > manyTransfers);
    for (let over = this.#over.pop(); over !== undefined; over = this.#over.pop()) this.#shareIfOver(over);
  }

  #noteOver(transfer: number): void {
    for (const link of [this.uplink(this.source(transfer)), this.downlink(this.target(transfer))]) {
      if (this.isOver(link)) this.#over.push(link);
    }
    const pair = this.pairLinkOf(transfer);
    if (pair !== none && this.isOver(pair)) this.#over.push(pair);
  }

  /** The link's transfers, and what each could reach elsewhere. */
  #collect(link: number): void {
    this.#claims.clear();
    for (let transfer = this.firstTransfer(link); transfer !== none; transfer = this.nextOnLink(transfer, link)) {
      const up = this.uplink(this.source(transfer));
      const down = this.downlink(this.target(transfer));
      const pair = this.pairLinkOf(transfer);
      const rate = this.rate(transfer);
      let limit = this.transfers[transfer * transferDoubles + transferField.cap];
      if (up !== link) limit = Math.min(limit, this.reach(up, rate));
      if (down !== link) limit = Math.min(limit, this.reach(down, rate));
      if (pair !== none && pair !== link) limit = Math.min(limit, this.reach(pair, rate));
      this.#claims.add(transfer, Math.max(0, limit));
    }
  }

  /** `link` leaves the transfer less than it has; what that frees of its other links is for others there. */
  #fall(transfer: number, rate: number, link: number): void {
    const up = this.uplink(this.source(transfer));
    const down = this.downlink(this.target(transfer));
    const pair = this.pairLinkOf(transfer);
    const isUpFreed = up !== link && this.#holdsBack(up);
    const isDownFreed = down !== link && this.#holdsBack(down);
    const isPairFreed = pair !== none && pair !== link && this.#holdsBack(pair);
    this.setRate(transfer, rate);
    if (isUpFreed) this.#markFreed(up);
    if (isDownFreed) this.#markFreed(down);
    if (isPairFreed) this.#markFreed(pair);
  }

  #markFreed(link: number): void {
    const isPutOff = this.#options.risesLate && this.transferCount(link) <= manyTransfers;
    if (!isPutOff || this.allocated(link) < muchLeft * this.capacity(link)) this.#markDirty(link);
  }
}
