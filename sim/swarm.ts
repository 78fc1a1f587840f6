/**
 * BitTorrent in virtual time: who is served by whom. A slot of an uploader holds one neighbour for a choke interval
 * and sends it a piece at a time; the next piece on the same slot follows without a gap (requests are pipelined) and
 * touches nothing else. Decisions are the core's: the picker says which piece, the choker says who gets a slot.
 */
import { assert } from '#core/assert.ts';
import type { Host, RequestReason } from '#core/host.ts';
import { scaled } from '#core/prng.ts';
import type { Availability } from '#core/swarm/availability.ts';
import { type SlotKind, slotKind } from '#core/swarm/choker.ts';
import type { Downloads } from '#core/swarm/downloads.ts';
import { microsecondsPerMillisecond, microsecondsPerSecond, none } from '#core/units.ts';
import { AskedAhead } from './asked-ahead.ts';
import type { Neighbours } from './neighbours.ts';
import type { Network } from './network.ts';
import { Slots } from './slots.ts';
import { event, eventKind, type State, status } from './state.ts';
import type { Tracker } from './tracker.ts';
import { taskFlags, transferFlag } from './transfer-table.ts';

/** What the swarm tells the world. */
export interface SwarmListener {
  /** `endpoint` holds one more piece. */
  gained(endpoint: number, piece: number, source: number): void;
  /** `client` was sent its first byte, `atMicroseconds`. */
  began(client: number, atMicroseconds: number): void;
  requested(client: number, source: number, piece: number, reason: RequestReason): void;
}

/** Parents of each client, where a scheduler names them. */
export interface Parents {
  givers(client: number, visit: (source: number) => boolean): void;
  children: Neighbours;
}

export class Swarm implements Host {
  downloads!: Downloads;
  tracker!: Tracker;
  slots!: Slots;
  readonly #state: State;
  readonly #network: Network;
  readonly #availability: Availability;
  readonly #listener: SwarmListener;
  /** Absent: who serves and who is served are the tracker's neighbours. */
  #parents: Parents | null = null;
  /** Transfer that goes on with its next piece, or `none` for a new one; and what a new one is. */
  #continuing = none;
  #flags = 0;
  /** Null: nobody asks for a piece before the one before it is there. */
  #ahead: AskedAhead | null = null;
  /** Piece that was on its way when a time-out was queued. */
  readonly #watched = new Map<number, number>();

  constructor(state: State, availability: Availability, listener: SwarmListener) {
    this.#state = state;
    this.#network = state.network;
    this.#availability = availability;
    this.#listener = listener;
  }

  /** The parts that need each other: called once, before anything happens. */
  connect(downloads: Downloads, tracker: Tracker): void {
    this.downloads = downloads;
    this.tracker = tracker;
    this.slots = new Slots(this.#state, this.#availability, downloads, tracker);
    const { requestAheadMilliseconds } = this.#state.scenario.model;
    if (requestAheadMilliseconds > 0) this.#ahead = new AskedAhead(downloads, requestAheadMilliseconds);
  }

  useParents(parents: Parents): void {
    this.#parents = parents;
    this.slots.takers = parents.children;
  }

  tableBytes(): number {
    return this.slots.tableBytes();
  }

  // ---- Host: what the core asks for -------------------------------------------------------------------------

  requestPiece(client: number, source: number, piece: number, bytes: number, reason: RequestReason): void {
    const network = this.#network;
    const state = this.#state;
    assert(state.sets.holds(source, piece), 'nobody is asked for a piece that he lacks');
    if (this.#continuing !== none) {
      network.next(this.#continuing, piece, bytes);
      this.#ahead?.ask(this.#continuing, client, source, network.rate(this.#continuing));
    } else {
      const delay = 2 * state.latency(source, client);
      const transfer = network.start(source, client, piece, bytes, Infinity, delay, this.#flags);
      network.setRound(transfer, this.slots.roundOf(source));
      this.watch(transfer);
      this.slots.used[source]++;
      this.#ahead?.ask(transfer, client, source, 0);
      if (state.firstByteAt[client] === Infinity) this.#listener.began(client, state.now + delay);
    }
    this.#listener.requested(client, source, piece, reason);
  }

  cancelPiece(client: number, piece: number): void {
    const network = this.#network;
    let transfer = network.firstTransfer(network.downlink(client));
    while (transfer !== none) {
      const next = network.nextIn(transfer);
      const isIt = network.piece(transfer) === piece && this.#state.owns(transfer);
      if (isIt && transfer !== network.arriving) this.onCancel(transfer);
      transfer = next;
    }
  }

  /** Set by the world: ends a transfer, over HTTP or BitTorrent, that lost a race. */
  onCancel: (transfer: number) => void = () => {};

  // ---- Inputs -----------------------------------------------------------------------------------------------

  /** A piece has arrived whole: goes on with the next one, or gives the slot to somebody else. */
  arrived(transfer: number): void {
    const network = this.#network;
    const source = network.source(transfer);
    const client = network.target(transfer);
    this.#take(source, client, network.piece(transfer));
    if (!network.isActive(transfer)) return;
    const next = this.#mayGoOn(source, client) ? this.slots.nextHolder(transfer, source, client) : none;
    if (next === client) {
      if (this.#goOn(transfer, client, source)) {
        this.fillSlots(client);
        return;
      }
    }
    const kind = this.slots.kind(source, transfer);
    this.#release(transfer, source);
    if (next !== none && next !== client) this.#begin(source, next, kind);
    this.fillSlots(source);
    if (this.#state.status[client] === status.downloading) this.seek(client);
    this.fillSlots(client);
  }

  /** The same client goes on: with what it asked for ahead, else with what it asks for now. */
  #goOn(transfer: number, client: number, source: number): boolean {
    const follows = this.#ahead === null ? none : this.#ahead.follow(transfer, client);
    if (follows !== none) {
      const network = this.#network;
      network.next(transfer, follows, this.downloads.asked(client, follows));
      this.#ahead?.ask(transfer, client, source, network.rate(transfer));
      this.#listener.requested(client, source, follows, 'rarest');
      return true;
    }
    this.#continuing = transfer;
    const goesOn = this.downloads.askNext(client, source);
    this.#continuing = none;
    return goesOn;
  }

  /** Ends a transfer whose piece is not whole. */
  breakOff(transfer: number): void {
    const network = this.#network;
    network.settle(transfer);
    const source = network.source(transfer);
    const client = network.target(transfer);
    const piece = network.piece(transfer);
    this.loseProgress(transfer, client, source, piece);
    this.#release(transfer, source);
  }

  /** Books the bytes of a broken-off request, whoever was sending. */
  loseProgress(transfer: number, client: number, source: number, piece: number): void {
    const { accounts } = this.#state;
    const bytes = Math.max(0, Math.floor(this.downloads.asked(client, piece) - this.#network.remaining(transfer)));
    accounts.brokenOffCount++;
    accounts.received(source, client, bytes);
    const lost = this.downloads.brokenOff(client, piece, bytes);
    if (this.downloads.isDuplicate) accounts.duplicate(client, lost);
    else accounts.discarded(client, lost);
  }

  /** Gives the free slots of `source` to neighbours that want something. */
  fillSlots(source: number): void {
    if (!this.slots.mayFill(source)) return;
    while (this.slots.used[source] < this.slots.max[source]) {
      const client = this.slots.choose(source, none);
      if (client === none || !this.#begin(source, client, this.slots.kind(source, none))) {
        this.slots.rest(source);
        return;
      }
    }
  }

  /** `client` looks for neighbours that have a free slot and something it lacks. */
  seek(client: number): void {
    const state = this.#state;
    if (!this.slots.canTake(client) || this.#isServedWell(client)) return;
    if (this.#parents !== null) {
      this.#parents.givers(client, (source) => {
        if (this.slots.isFreeFor(source, client)) this.#begin(source, client, slotKind.regular);
        return this.slots.canTake(client);
      });
      return;
    }
    const { neighbours } = this.tracker;
    const count = neighbours.count(client);
    if (count === 0) return;
    // Nobody sends it anything: then no event of its own would make it look again.
    const isIdle = this.#network.transferCount(this.#network.downlink(client)) === 0;
    const tries = isIdle ? count : Math.min(count, state.detail.scanMax);
    let index = scaled(this.downloads.draw(client), count);
    for (let step = 0; step < tries; step++) {
      if (++index >= count) index = 0;
      const source = neighbours.at(client, index);
      if (!this.slots.isFreeFor(source, client)) continue;
      this.#begin(source, client, slotKind.regular);
      if (!this.slots.canTake(client)) return;
    }
  }

  #isServedWell(client: number): boolean {
    const network = this.#network;
    return network.transferCount(network.downlink(client)) >= this.#state.detail.sendersEnough;
  }

  /** Tells the neighbours of `endpoint` that it holds `piece`. */
  announceHave(endpoint: number, piece: number): void {
    this.#availability.gained(piece);
    if (this.#availability.kind === 'swarm') return;
    const { neighbours } = this.tracker;
    const count = neighbours.count(endpoint);
    for (let index = 0; index < count; index++) this.#availability.heard(neighbours.at(endpoint, index), piece);
  }

  // ---- Inside -----------------------------------------------------------------------------------------------

  #take(source: number, client: number, piece: number): void {
    const { accounts } = this.#state;
    const bytes = this.downloads.asked(client, piece);
    accounts.received(source, client, bytes);
    accounts.transferCount++;
    if (this.downloads.received(client, piece, bytes)) {
      accounts.delivered(client, this.downloads.pieceBytes(piece));
      this.#state.countShare(source, client, this.downloads.pieceBytes(piece));
      this.#listener.gained(client, piece, source);
    } else {
      accounts.duplicate(client, bytes);
    }
  }

  #release(transfer: number, source: number): void {
    this.#ahead?.end(transfer, this.#network.target(transfer));
    this.#network.stop(transfer);
    this.slots.used[source]--;
  }

  #mayGoOn(source: number, client: number): boolean {
    const state = this.#state;
    return state.serves[source] !== 0 && this.slots.isDownloading(client);
  }

  #begin(source: number, client: number, kind: SlotKind): boolean {
    this.#flags = taskFlags(this.#state.taskIndex) | (kind === slotKind.optimistic ? transferFlag.optimistic : 0);
    return this.downloads.askNext(client, source);
  }

  /** Queues a time-out where, at its rate, the piece would arrive after it: the others need none. */
  watch(transfer: number): void {
    const timeout = this.#state.policy.swarm.pieceTimeout * microsecondsPerMillisecond;
    if (timeout === 0) return;
    const network = this.#network;
    const rate = network.rate(transfer);
    if (rate > 0 && (network.remaining(transfer) / rate) * microsecondsPerSecond < timeout) return;
    const bits = network.piece(transfer);
    this.#state.queue.push(this.#state.now + timeout, event(eventKind.timeout, transfer));
    this.#watched.set(transfer, bits);
  }

  /** A request has been open too long: the piece is asked for elsewhere. Returns the client concerned, or `none`. */
  timedOut(transfer: number): number {
    const network = this.#network;
    const piece = this.#watched.get(transfer);
    this.#watched.delete(transfer);
    if (!network.isActive(transfer) || network.has(transfer, transferFlag.http)) return none;
    if (network.piece(transfer) !== piece) return none;
    const source = network.source(transfer);
    const client = network.target(transfer);
    this.breakOff(transfer);
    this.fillSlots(source);
    this.seek(client);
    return client;
  }
}
