/**
 * Whom an uploader's slots go to: who is interested, and what the core's choker says. The simulator decides one slot
 * at a time, when the piece in flight on it has ended and the uploader's next choke round has come: that is when a
 * choke takes effect.
 */
import { scaled } from '#core/prng.ts';
import type { Availability } from '#core/swarm/availability.ts';
import { chooseUnchoked, type SlotKind, slotKind, UnchokeCandidates } from '#core/swarm/choker.ts';
import type { Downloads } from '#core/swarm/downloads.ts';
import { microsecondsPerMillisecond, none } from '#core/units.ts';
import type { ClientRecord } from './client-record.ts';
import type { Neighbours } from './neighbours.ts';
import type { Network } from './network.ts';
import { readCandidatesAhead } from './read-ahead.ts';
import { type State, status } from './state.ts';
import type { Tracker } from './tracker.ts';
import { roundCount, transferFlag } from './transfer-table.ts';

/** Slots from which on a membership test goes by the target's list, which is short, instead of the uploader's. */
const manySlots = 16;
/** Neighbours whose memory is read together: most often the first or second one will do. */
const readAheadMax = 4;
/** Neighbours that a server looks at for one slot: it has thousands, and most want something. */
const serverScanMax = 64;
/** Downloaders whose downlink is this full ask nobody else: more senders would only share what is there. */
const saturation = 0.97;

export class Slots {
  /** Slots in use, and of an endpoint in all. */
  readonly used: Uint16Array;
  readonly max: Uint16Array;
  /** Who may be served, if not the tracker's neighbours. */
  takers: Neighbours | null = null;
  /** Told of the decisions of its client. */
  record: ClientRecord | null = null;
  readonly #state: State;
  readonly #network: Network;
  readonly #availability: Availability;
  readonly #downloads: Downloads;
  readonly #tracker: Tracker;
  readonly #candidates = new UnchokeCandidates(256);
  readonly #targets = new Int32Array(manySlots);
  #targetCount = 0;
  #optimisticCount = 0;
  /** Period in which an endpoint looked in vain, from 1; modulo 128. */
  readonly #restedIn: Uint8Array;
  /** Microseconds between two choke rounds of an endpoint, and rounds that an optimistic slot is held. */
  readonly #roundMicroseconds: number;
  readonly #optimisticRounds: number;
  readonly #chokes: boolean;
  readonly #requestsInFlight: number;
  readonly #isHttpAlways: boolean;
  readonly #relaysExchange: boolean;

  constructor(state: State, availability: Availability, downloads: Downloads, tracker: Tracker) {
    this.#state = state;
    this.#network = state.network;
    this.#availability = availability;
    this.#downloads = downloads;
    this.#tracker = tracker;
    const { endpointCount, clientsFrom } = state.population;
    const { swarm, http, relay } = state.policy;
    this.#chokes = swarm.choking === 'tit-for-tat';
    this.#requestsInFlight = swarm.requestsInFlight;
    this.#isHttpAlways = http.when === 'always';
    this.#relaysExchange = relay.exchange;
    const intervalMilliseconds = swarm.chokeInterval * state.detail.chokeFactor;
    this.#roundMicroseconds = intervalMilliseconds * microsecondsPerMillisecond;
    this.#optimisticRounds = Math.max(1, Math.round(swarm.optimisticInterval / intervalMilliseconds));
    this.#restedIn = new Uint8Array(endpointCount);
    this.used = new Uint16Array(endpointCount);
    this.max = new Uint16Array(endpointCount).fill(swarm.uploadSlots + (this.#chokes ? swarm.optimisticSlots : 0));
    for (let server = 0; server < clientsFrom; server++) {
      const byRate = Math.round(state.population.uplinkBytesPerSecond[server] / swarm.relaySlotRate);
      this.max[server] = Math.max(8, Math.min(byRate, state.connectionsMax(server), 65_000));
    }
  }

  tableBytes(): number {
    return this.used.length * 5;
  }

  /** Whether `source` has a free slot and may look for somebody to give it to. */
  mayFill(source: number): boolean {
    if (this.used[source] >= this.max[source] || this.#state.serves[source] === 0) return false;
    if (this.used[source] > 0 && this.#restedIn[source] === this.#restPeriod()) return false;
    return this.#state.sets.heldCount(source) > 0;
  }

  /** It has looked in vain: while other slots keep its uplink busy, it does not look again at every piece. */
  rest(source: number): void {
    this.#restedIn[source] = this.#restPeriod();
  }

  /** Whether it takes pieces over BitTorrent now: a client that downloads, or a relay that still pulls. */
  isDownloading(endpoint: number): boolean {
    const state = this.#state;
    if (state.status[endpoint] !== status.downloading) return false;
    return state.isClient(endpoint) || (this.#relaysExchange && state.isRelay(endpoint));
  }

  /** Whether one more sender would be of use to `client`. */
  canTake(client: number): boolean {
    if (!this.isDownloading(client)) return false;
    const network = this.#network;
    const down = network.downlink(client);
    if (network.transferCount(down) >= this.#requestsInFlight) return false;
    const full = saturation * network.capacity(down);
    if (network.allocated(down) < full || this.#isHttpAlways) return true;
    // HTTP may have filled the downlink; it gives way to BitTorrent.
    const { swarmRates } = this.#state;
    return swarmRates !== null && this.#state.isClient(client) && swarmRates.rate(client) < full;
  }

  wants(client: number, source: number): boolean {
    const { sets } = this.#state;
    if (sets.wants(client, source)) return true;
    const downloads = this.#downloads;
    const isEndgame = downloads.picker.isEndgame(client, downloads.duplicateBytes[client], downloads.fileBytes);
    return isEndgame && sets.wantsAgain(client, source);
  }

  /** Whether `source` has a slot for `client`, which came to ask. */
  isFreeFor(source: number, client: number): boolean {
    const state = this.#state;
    if (this.used[source] >= this.max[source] || state.serves[source] === 0) return false;
    if (!this.#mayServe(source, client) || !this.wants(client, source)) return false;
    return this.#network.find(source, client, this.#state.taskIndex) === none;
  }

  /** The choker's choice for a free slot, or (`held`) for one that is due: a neighbour, or `none`. */
  choose(source: number, held: number): number {
    const network = this.#network;
    this.#collectTargets(source);
    this.#candidates.clear();
    const isSeed = !this.#chokes || !this.#state.isClient(source) || this.#state.sets.isComplete(source);
    const kind = this.kind(source, held);
    if (!isSeed && kind === slotKind.regular) this.#addReciprocators(source);
    // Where nobody sends us anything, and for seeds, chance decides: the first one found at random will do.
    if (this.#candidates.count === 0) this.#addOneByChance(source);
    if (held !== none) {
      const client = network.target(held);
      const back = isSeed ? none : network.find(client, source, this.#state.taskIndex);
      if (this.wants(client, source)) this.#candidates.add(client, back === none ? 0 : network.rate(back));
    }
    const chosen = chooseUnchoked(this.#candidates, kind, isSeed, this.#downloads.draw(source));
    if (this.record !== null && this.record.client === source)
      this.record.unchoked(kind, isSeed, this.#candidates, chosen);
    return chosen === -1 ? none : this.#candidates.endpoint[chosen];
  }

  /** What the slot on `held` is, or the next free one (after `choose` has counted those in use). */
  kind(source: number, held: number): SlotKind {
    if (!this.#chokes) return slotKind.regular;
    if (held !== none) return this.#network.has(held, transferFlag.optimistic) ? slotKind.optimistic : slotKind.regular;
    const regular = this.max[source] - this.#state.policy.swarm.optimisticSlots;
    return this.used[source] - this.#optimisticCount >= regular ? slotKind.optimistic : slotKind.regular;
  }

  /** At the end of a piece: who has the slot from now on? Its holder, until the next round. */
  nextHolder(transfer: number, source: number, client: number): number {
    if (!this.#chokes) return client;
    const round = this.roundOf(source);
    const rounds = this.#network.has(transfer, transferFlag.optimistic) ? this.#optimisticRounds : 1;
    if (((round - this.#network.round(transfer)) & (roundCount - 1)) < rounds) return client;
    const chosen = this.choose(source, transfer);
    if (chosen !== client && chosen !== none) return chosen;
    this.#network.setRound(transfer, round);
    return client;
  }

  /** Choke rounds come at an endpoint's own phase, as nothing keeps the clients of a swarm in step. */
  roundOf(source: number): number {
    const phase = (source * 0x9e3779b1) >>> 0;
    return Math.floor(this.#state.now / this.#roundMicroseconds + phase / 0x1_0000_0000) & (roundCount - 1);
  }

  /** Clients are served by anybody, relays by relays. */
  #mayServe(source: number, client: number): boolean {
    const state = this.#state;
    return (state.isClient(client) || state.isRelay(source)) && state.canReach(source, client);
  }

  #collectTargets(source: number): void {
    const network = this.#network;
    this.#targetCount = 0;
    this.#optimisticCount = 0;
    if (this.max[source] > manySlots) return;
    let transfer = network.firstTransfer(network.uplink(source));
    while (transfer !== none && this.#targetCount < manySlots) {
      if (!network.has(transfer, transferFlag.http)) {
        this.#targets[this.#targetCount++] = network.target(transfer);
        if (network.has(transfer, transferFlag.optimistic)) this.#optimisticCount++;
      }
      transfer = network.nextOut(transfer);
    }
  }

  #isTarget(source: number, client: number): boolean {
    if (this.max[source] > manySlots) return this.#network.find(source, client, this.#state.taskIndex) !== none;
    for (let index = 0; index < this.#targetCount; index++) if (this.#targets[index] === client) return true;
    return false;
  }

  #isCandidate(source: number, client: number): boolean {
    if (this.#isTarget(source, client) || !this.canTake(client)) return false;
    return this.wants(client, source) && this.#mayServe(source, client);
  }

  /** Those that send us most; whoever sends less than one of them would not be chosen. */
  #addReciprocators(source: number): void {
    const network = this.#network;
    let most = 0;
    let transfer = network.firstTransfer(network.downlink(source));
    while (transfer !== none && !this.#candidates.isFull()) {
      const client = network.source(transfer);
      const rate = network.rate(transfer);
      transfer = network.nextIn(transfer);
      if (rate <= 0 || rate < most || !this.#state.isClient(client) || !this.#isCandidate(source, client)) continue;
      this.#candidates.add(client, rate);
      most = rate;
    }
  }

  #addOneByChance(source: number): void {
    const neighbours = this.takers ?? this.#tracker.neighbours;
    const { status: statuses, detail } = this.#state;
    let count = neighbours.count(source);
    if (count === 0) return;
    let tries = Math.min(count, this.max[source] > manySlots ? serverScanMax : detail.scanMax);
    let index = scaled(this.#downloads.draw(source), count);
    readCandidatesAhead(this.#state, neighbours, source, index, Math.min(tries, readAheadMax));
    while (tries-- > 0 && count > 0) {
      if (++index >= count) index = 0;
      const client = neighbours.at(source, index);
      if (statuses[client] === status.downloading) {
        if (!this.#isCandidate(source, client)) continue;
        this.#candidates.add(client, 0);
        return;
      }
      if (this.#isGone(source, client)) {
        this.#prune(neighbours, source, index);
        index--;
        count--;
      }
    }
  }

  #prune(neighbours: Neighbours, source: number, index: number): void {
    const client = neighbours.at(source, index);
    neighbours.removeAt(source, index);
    if (this.#state.status[client] !== status.complete) this.#availability.parted(source, client, this.#state.sets);
  }

  /** Left for good, or done like `source` itself: neither will ever want anything of the other. */
  #isGone(source: number, client: number): boolean {
    const at = this.#state.status[client];
    if (at === status.left || at === status.failed) return true;
    return at === status.complete && this.#state.sets.isComplete(source);
  }

  #restPeriod(): number {
    return 1 + (Math.floor(this.#state.now / this.#state.detail.restMicroseconds) & 127);
  }
}
