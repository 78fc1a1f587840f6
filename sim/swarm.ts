/**
 * BitTorrent in virtual time: who is served by whom. A slot of an uploader holds one neighbour for a choke interval
 * and sends it a piece at a time; the next piece on the same slot follows without a gap (requests are pipelined) and
 * touches nothing else. Decisions are the core's: the picker says which piece, the choker says who gets a slot.
 */
import type { Host, RequestReason } from '#core/host.ts';
import { scaled } from '#core/prng.ts';
import type { Availability } from '#core/swarm/availability.ts';
import { chooseUnchoked, type SlotKind, slotKind, UnchokeCandidates } from '#core/swarm/choker.ts';
import type { Downloads } from '#core/swarm/downloads.ts';
import { microsecondsPerMillisecond, microsecondsPerSecond, none } from '#core/units.ts';
import type { Network } from './network.ts';
import { roundCount, transferFlag } from './network.ts';
import { event, eventKind, type State, status } from './state.ts';
import type { Tracker } from './tracker.ts';

/** Slots from which on a membership test goes by the target's list, which is short, instead of the uploader's. */
const manySlots = 16;
/** Downloaders whose downlink is this full ask nobody else: more senders would only share what is there. */
const saturation = 0.97;
/** Senders with which a client does not look for more, at scale. */
const sendersEnough = 3;
/** How long an endpoint rests, at scale, after it has looked for somebody to serve in vain. */
const restMicroseconds = 5_000_000;

/** What the swarm tells the world. */
export interface SwarmListener {
  /** `endpoint` holds one more piece. */
  gained(endpoint: number, piece: number): void;
  /** `client` was sent its first byte, `atMicroseconds`. */
  began(client: number, atMicroseconds: number): void;
  requested(client: number, source: number, piece: number, reason: RequestReason): void;
}

export class Swarm implements Host {
  downloads!: Downloads;
  readonly slotsUsed: Uint16Array;
  readonly slotsMax: Uint16Array;
  readonly #restingSince: Uint8Array;
  readonly #state: State;
  readonly #network: Network;
  readonly #availability: Availability;
  readonly #listener: SwarmListener;
  tracker!: Tracker;
  /** Parents of each client where a scheduler names them; else who serves and who is served are the same list. */
  parents: {
    givers(client: number, visit: (source: number) => boolean): void;
    children: Tracker['neighbours'];
  } | null = null;
  readonly #candidates = new UnchokeCandidates(256);
  readonly #targets = new Int32Array(256);
  #targetCount = 0;
  #optimisticCount = 0;
  /** Transfer that goes on with its next piece, or `none` for a new one; and what a new one is. */
  #continuing = none;
  #flags = 0;
  /** Microseconds between two choke rounds of an endpoint, and rounds that an optimistic slot is held. */
  readonly #roundMicroseconds: number;
  readonly #optimisticRounds: number;
  readonly #chokes: boolean;
  /** Piece that was on its way when a time-out was queued. */
  readonly #watched = new Map<number, number>();

  constructor(state: State, availability: Availability, listener: SwarmListener) {
    this.#state = state;
    this.#network = state.network;
    this.#availability = availability;
    this.#listener = listener;
    const { endpointCount, clientsFrom } = state.population;
    const { swarm } = state.policy;
    this.#chokes = swarm.choking === 'tit-for-tat';
    this.#roundMicroseconds = swarm.chokeInterval * state.detail.chokeFactor * microsecondsPerMillisecond;
    this.#optimisticRounds = Math.max(
      1,
      Math.round(swarm.optimisticInterval / (swarm.chokeInterval * state.detail.chokeFactor)),
    );
    this.slotsUsed = new Uint16Array(endpointCount);
    this.#restingSince = new Uint8Array(endpointCount);
    this.slotsMax = new Uint16Array(endpointCount).fill(swarm.uploadSlots + (this.#chokes ? swarm.optimisticSlots : 0));
    for (let server = 0; server < clientsFrom; server++) {
      const byRate = Math.round(state.population.uplinkBytesPerSecond[server] / swarm.relaySlotRate);
      this.slotsMax[server] = Math.max(8, Math.min(byRate, state.connectionsMax(server), 65_000));
    }
  }

  tableBytes(): number {
    return this.slotsUsed.byteLength * 2;
  }

  // ---- Host: what the core asks for -------------------------------------------------------------------------

  requestPiece(client: number, source: number, piece: number, bytes: number, reason: RequestReason): void {
    const network = this.#network;
    const state = this.#state;
    if (this.#continuing !== none) {
      network.next(this.#continuing, piece, bytes);
    } else {
      const delay = 2 * state.latency(source, client);
      const transfer = network.start(source, client, piece, bytes, Infinity, delay, this.#flags);
      network.setRound(transfer, this.#roundOf(source));
      this.watch(transfer);
      this.slotsUsed[source]++;
      if (state.firstByteAt[client] === Infinity) this.#listener.began(client, state.now + delay);
    }
    this.#listener.requested(client, source, piece, reason);
  }

  cancelPiece(client: number, piece: number): void {
    const network = this.#network;
    let transfer = network.firstTransfer(network.downlink(client));
    while (transfer !== none) {
      const next = network.nextIn(transfer);
      if (network.piece(transfer) === piece && transfer !== network.arriving) this.onCancel(transfer);
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
    const next = this.#mayGoOn(source, client) ? this.#nextHolder(transfer, source, client) : none;
    if (next === client) {
      this.#continuing = transfer;
      const goesOn = this.downloads.askNext(client, source);
      this.#continuing = none;
      if (goesOn) {
        this.fillSlots(client);
        return;
      }
    }
    const kind = this.#slotKind(source, transfer);
    this.#release(transfer, source);
    if (next !== none && next !== client) this.#begin(source, next, kind);
    this.fillSlots(source);
    if (this.#state.status[client] === status.downloading) this.seek(client);
    this.fillSlots(client);
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
    const state = this.#state;
    if (this.slotsUsed[source] >= this.slotsMax[source] || state.serves[source] === 0) return;
    if (this.#isResting(source) || state.sets.heldCount(source) === 0) return;
    while (this.slotsUsed[source] < this.slotsMax[source]) {
      const client = this.#chooseFor(source, none);
      if (client === none || !this.#begin(source, client, this.#slotKind(source, none))) {
        this.#restingSince[source] = this.#restPeriod();
        return;
      }
    }
  }

  /** `client` looks for neighbours that have a free slot and something it lacks. */
  seek(client: number): void {
    const state = this.#state;
    if (!this.#canTake(client) || this.#isServedWell(client)) return;
    if (this.parents !== null) {
      this.parents.givers(client, (source) => {
        if (this.#isFreeFor(source, client)) this.#begin(source, client, slotKind.regular);
        return this.#canTake(client);
      });
      return;
    }
    const { neighbours } = this.tracker;
    const count = neighbours.count(client);
    if (count === 0) return;
    const tries = Math.min(count, state.detail.scanMax);
    let index = scaled(this.downloads.draw(client), count);
    for (let step = 0; step < tries; step++) {
      if (++index >= count) index = 0;
      const source = neighbours.at(client, index);
      if (!this.#isFreeFor(source, client)) continue;
      this.#begin(source, client, slotKind.regular);
      if (!this.#canTake(client)) return;
    }
  }

  /** At scale, a client with some senders leaves it to the others to find it. */
  #isServedWell(client: number): boolean {
    const network = this.#network;
    return this.#state.detail.isCoarse && network.transferCount(network.downlink(client)) >= sendersEnough;
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
      this.#listener.gained(client, piece);
    } else {
      accounts.duplicate(client, bytes);
    }
  }

  #release(transfer: number, source: number): void {
    this.#network.stop(transfer);
    this.slotsUsed[source]--;
  }

  #mayGoOn(source: number, client: number): boolean {
    const state = this.#state;
    return state.serves[source] !== 0 && this.#downloads(client);
  }

  /** Whether it takes pieces over BitTorrent now: a client that downloads, or a relay that still pulls. */
  #downloads(endpoint: number): boolean {
    const state = this.#state;
    if (state.isClient(endpoint)) return state.status[endpoint] === status.downloading;
    return state.isRelay(endpoint) && state.policy.relay.exchange && state.status[endpoint] === status.downloading;
  }

  #canTake(client: number): boolean {
    const state = this.#state;
    if (!this.#downloads(client)) return false;
    const network = this.#network;
    const down = network.downlink(client);
    if (network.transferCount(down) >= state.policy.swarm.requestsInFlight) return false;
    const full = saturation * network.capacity(down);
    if (network.allocated(down) < full || state.policy.http.when === 'always') return true;
    // HTTP may have filled the downlink; it gives way to BitTorrent.
    return state.swarmRates !== null && state.isClient(client) && state.swarmRates.rate(client) < full;
  }

  #isFreeFor(source: number, client: number): boolean {
    const state = this.#state;
    if (this.slotsUsed[source] >= this.slotsMax[source] || state.serves[source] === 0) return false;
    if (!state.isClient(client) && !state.isRelay(source)) return false;
    return this.#wants(client, source) && state.canReach(source, client) && this.#network.find(source, client) === none;
  }

  #wants(client: number, source: number): boolean {
    if (this.#state.sets.wants(client, source)) return true;
    const { downloads } = this;
    return (
      downloads.picker.isEndgame(client, downloads.duplicateBytes[client], downloads.fileBytes) &&
      this.#state.sets.wantsAgain(client, source)
    );
  }

  #begin(source: number, client: number, kind: SlotKind): boolean {
    this.#flags = kind === slotKind.optimistic ? transferFlag.optimistic : 0;
    return this.downloads.askNext(client, source);
  }

  /** At scale, whoever has looked in vain does not look again at every piece while other slots keep its uplink busy. */
  #isResting(source: number): boolean {
    if (!this.#state.detail.isCoarse || this.slotsUsed[source] === 0) return false;
    return this.#restingSince[source] === this.#restPeriod();
  }

  #restPeriod(): number {
    return 1 + (Math.floor(this.#state.now / restMicroseconds) & 127);
  }

  /** Choke rounds come at an endpoint's own phase, as nothing keeps the clients of a swarm in step. */
  #roundOf(source: number): number {
    const phase = (source * 0x9e3779b1) >>> 0;
    return Math.floor(this.#state.now / this.#roundMicroseconds + phase / 0x1_0000_0000) & (roundCount - 1);
  }

  /** At the end of a piece: who has the slot from now on? Its holder, until the next round. */
  #nextHolder(transfer: number, source: number, client: number): number {
    if (!this.#chokes) return client;
    const round = this.#roundOf(source);
    const rounds = this.#network.has(transfer, transferFlag.optimistic) ? this.#optimisticRounds : 1;
    if (((round - this.#network.round(transfer)) & (roundCount - 1)) < rounds) return client;
    const chosen = this.#chooseFor(source, transfer);
    if (chosen !== client && chosen !== none) return chosen;
    this.#network.setRound(transfer, round);
    return client;
  }

  /** The choker's choice among the interested neighbours of `source` (and the holder of the slot), or `none`. */
  #chooseFor(source: number, held: number): number {
    const state = this.#state;
    const network = this.#network;
    this.#collectTargets(source);
    this.#candidates.clear();
    const isSeed = state.sets.isComplete(source) || !state.isClient(source) || !this.#chokes;
    const kind = this.#slotKind(source, held);
    if (!isSeed && kind === slotKind.regular) this.#addReciprocators(source);
    this.#scanNeighbours(source, isSeed || kind === slotKind.optimistic);
    if (held !== none) {
      const client = network.target(held);
      const back = isSeed ? none : network.find(client, source);
      if (this.#wants(client, source)) this.#candidates.add(client, back === none ? 0 : network.rate(back));
    }
    const chosen = chooseUnchoked(this.#candidates, kind, isSeed, this.downloads.draw(source));
    return chosen === -1 ? none : this.#candidates.endpoint[chosen];
  }

  #slotKind(source: number, held: number): SlotKind {
    if (!this.#chokes) return slotKind.regular;
    if (held !== none) return this.#network.has(held, transferFlag.optimistic) ? slotKind.optimistic : slotKind.regular;
    const regular = this.slotsMax[source] - this.#state.policy.swarm.optimisticSlots;
    return this.slotsUsed[source] - this.#optimisticCount >= regular ? slotKind.optimistic : slotKind.regular;
  }

  /** Whom `source` is sending to now. */
  #collectTargets(source: number): void {
    const network = this.#network;
    this.#targetCount = 0;
    this.#optimisticCount = 0;
    if (this.slotsMax[source] > manySlots) return;
    let transfer = network.firstTransfer(network.uplink(source));
    while (transfer !== none) {
      this.#targets[this.#targetCount++] = network.target(transfer);
      if (network.has(transfer, transferFlag.optimistic)) this.#optimisticCount++;
      transfer = network.nextOut(transfer);
    }
  }

  #isTarget(source: number, client: number): boolean {
    if (this.slotsMax[source] > manySlots) return this.#network.find(source, client) !== none;
    for (let index = 0; index < this.#targetCount; index++) if (this.#targets[index] === client) return true;
    return false;
  }

  #addReciprocators(source: number): void {
    const network = this.#network;
    let transfer = network.firstTransfer(network.downlink(source));
    while (transfer !== none && !this.#candidates.isFull()) {
      const client = network.source(transfer);
      const rate = network.rate(transfer);
      transfer = network.nextIn(transfer);
      if (!this.#state.isClient(client) || rate <= 0) continue;
      if (this.#isCandidate(source, client)) this.#candidates.add(client, rate);
    }
  }

  /** A few at random where a neighbour is chosen by chance anyway; all of them where the best is wanted. */
  #scanNeighbours(source: number, byChance: boolean): void {
    const { detail } = this.#state;
    const neighbours = this.parents === null ? this.tracker.neighbours : this.parents.children;
    const known = this.#candidates.count;
    const foundMax = byChance ? 1 : detail.foundMax;
    let count = neighbours.count(source);
    if (count === 0) return;
    let tries = this.slotsMax[source] > manySlots ? Math.min(count, 64) : Math.min(count, detail.scanMax);
    let index = scaled(this.downloads.draw(source), count);
    while (tries-- > 0 && count > 0) {
      if (++index >= count) index = 0;
      const client = neighbours.at(source, index);
      if (this.#isGone(source, client)) {
        neighbours.removeAt(source, index);
        if (this.#state.status[client] !== status.complete) this.#availability.parted(source, client, this.#state.sets);
        this.tracker.announceAgainIfLonely(source);
        index--;
        count--;
        continue;
      }
      if (!this.#isCandidate(source, client) || this.#isKnown(client, known)) continue;
      this.#candidates.add(client, 0);
      if (this.#candidates.isFull() || this.#candidates.count - known >= foundMax) return;
    }
  }

  #isKnown(client: number, known: number): boolean {
    for (let index = 0; index < known; index++) if (this.#candidates.endpoint[index] === client) return true;
    return false;
  }

  #isCandidate(source: number, client: number): boolean {
    if (!this.#canTake(client) || !this.#wants(client, source)) return false;
    if (!this.#state.isClient(client) && !this.#state.isRelay(source)) return false;
    return !this.#isTarget(source, client) && this.#state.canReach(source, client);
  }

  /** Left for good, or done like `source` itself: neither will ever want anything of the other. */
  #isGone(source: number, client: number): boolean {
    const at = this.#state.status[client];
    if (at === status.left || at === status.failed) return true;
    return at === status.complete && this.#state.sets.isComplete(source);
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

  /** A request has been open too long: the same piece is asked for elsewhere. */
  timedOut(transfer: number): void {
    const network = this.#network;
    const piece = this.#watched.get(transfer);
    this.#watched.delete(transfer);
    if (!network.isActive(transfer) || network.has(transfer, transferFlag.http)) return;
    if (network.piece(transfer) !== piece) return;
    const source = network.source(transfer);
    const client = network.target(transfer);
    this.breakOff(transfer);
    this.fillSlots(source);
    this.seek(client);
  }
}
