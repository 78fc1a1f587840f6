/**
 * Who is told of whom: the tracker's random peers, the random regular graph, and the relay that control names.
 * Connections are symmetric and bounded on both sides; a list is pruned when its owner comes across somebody gone.
 */

import { scaled } from '#core/prng.ts';
import type { Availability } from '#core/swarm/availability.ts';
import type { Downloads } from '#core/swarm/downloads.ts';
import { none } from '#core/units.ts';
import { Neighbours } from './neighbours.ts';
import { reach } from './population.ts';
import { event, eventKind, type State, status } from './state.ts';

/** Between two announces of a client: what most trackers allow. */
const announceMicroseconds = 30_000_000;

export class Tracker {
  readonly neighbours: Neighbours;
  readonly #state: State;
  readonly #availability: Availability;
  readonly #downloads: Downloads;
  readonly #members: Int32Array;
  readonly #memberAt: Int32Array;
  #memberCount = 0;
  /** Connections that a newcomer opens itself; others open the rest to it. */
  readonly #opens: number;

  constructor(state: State, availability: Availability, downloads: Downloads) {
    this.#state = state;
    this.#availability = availability;
    this.#downloads = downloads;
    const { endpointCount, clientsFrom } = state.population;
    const { swarm } = state.policy;
    this.#members = new Int32Array(endpointCount);
    this.#memberAt = new Int32Array(endpointCount).fill(none);
    const peersMax = Math.min(swarm.peerConnections, state.detail.peersMax);
    this.#opens = swarm.graph === 'tracker' ? Math.ceil(peersMax / 2) : peersMax;
    const capacities = new Uint32Array(endpointCount).fill(peersMax, clientsFrom);
    const clientCount = endpointCount - clientsFrom;
    for (let server = 0; server < clientsFrom; server++) {
      const isPeer = server === 0 ? swarm.originSeeds : swarm.relaysSeed;
      capacities[server] = isPeer ? Math.min(state.connectionsMax(server), clientCount + clientsFrom) : 0;
    }
    this.neighbours = new Neighbours(capacities);
  }

  tableBytes(): number {
    return this.neighbours.bytes() + this.#members.byteLength * 2;
  }

  join(endpoint: number): void {
    this.#memberAt[endpoint] = this.#memberCount;
    this.#members[this.#memberCount++] = endpoint;
  }

  leave(endpoint: number): void {
    const at = this.#memberAt[endpoint];
    if (at === none) return;
    const last = this.#members[--this.#memberCount];
    this.#members[at] = last;
    this.#memberAt[last] = at;
    this.#memberAt[endpoint] = none;
  }

  get memberCount(): number {
    return this.#memberCount;
  }

  member(index: number): number {
    return this.#members[index];
  }

  /** `client` asks for peers and connects to those it can; it asks again at intervals, as long as it has too few. */
  announce(client: number): void {
    const state = this.#state;
    const isThere = state.status[client] === status.downloading;
    if (!isThere && state.status[client] !== status.down) return;
    state.queue.push(state.now + announceMicroseconds, event(eventKind.announce, client));
    if (!isThere) return;
    // Whom nobody sends anything may have a list of those who are gone.
    if (state.network.transferCount(state.network.downlink(client)) === 0) this.#dropGone(client);
    if (this.neighbours.count(client) >= this.#opens / 2) return;
    const relay = state.relayOf[client];
    if (relay !== none && state.policy.swarm.relaysSeed) this.connect(client, relay);
    if (state.policy.swarm.originSeeds) this.connect(client, 0);
    const wanted = Math.min(this.#opens, this.neighbours.room(client));
    let opened = 0;
    for (let tries = 0; opened < wanted && tries < 3 * wanted && this.#memberCount > 1; tries++) {
      const other = this.#members[scaled(this.#downloads.draw(client), this.#memberCount)];
      if (this.connect(client, other)) opened++;
    }
  }

  #dropGone(client: number): void {
    for (let index = this.neighbours.count(client) - 1; index >= 0; index--) {
      const is = this.#state.status[this.neighbours.at(client, index)];
      if (is === status.left || is === status.failed) this.drop(client, index);
    }
  }

  /** A relay that control named: a peer too, where the policy has relays in the swarm. */
  connectIfPeer(client: number, relay: number): void {
    const { swarm } = this.#state.policy;
    if (swarm.enabled && swarm.relaysSeed && swarm.graph !== 'scheduled') this.connect(client, relay);
  }

  connect(one: number, other: number): boolean {
    const state = this.#state;
    const { neighbours } = this;
    if (one === other || !state.canConnect(one, other)) return false;
    if (neighbours.room(one) === 0) return false;
    if (neighbours.room(other) === 0 && !this.#makeRoom(other, one)) return false;
    if (state.sets.isComplete(one) && state.sets.isComplete(other)) return false;
    if (state.population.reach[one] === reach.blocked) return false;
    const shorter = neighbours.count(one) <= neighbours.count(other) ? one : other;
    if (neighbours.indexOf(shorter, shorter === one ? other : one) !== none) return false;
    neighbours.add(one, other);
    neighbours.add(other, one);
    this.#availability.connected(one, other, state.sets);
    this.#availability.connected(other, one, state.sets);
    return true;
  }

  /** A full peer parts from a neighbour that has far more peers than the newcomer, as clients with peer turnover do. */
  #makeRoom(full: number, newcomer: number): boolean {
    const { neighbours } = this;
    const state = this.#state;
    if (!state.isClient(full) || neighbours.count(newcomer) >= this.#opens / 2) return false;
    if (neighbours.indexOf(newcomer, full) !== none) return false;
    const index = scaled(this.#downloads.draw(full), neighbours.count(full));
    const victim = neighbours.at(full, index);
    if (!state.isClient(victim) || neighbours.count(victim) < this.#opens) return false;
    const { network } = state;
    const { taskIndex } = state;
    const isBusy = network.find(full, victim, taskIndex) !== none || network.find(victim, full, taskIndex) !== none;
    if (isBusy) return false;
    this.drop(full, index);
    const back = neighbours.indexOf(victim, full);
    if (back !== none) this.drop(victim, back);
    return true;
  }

  /** Takes the neighbour at `index` out of the list of `endpoint` (the other list is pruned when it is looked at). */
  drop(endpoint: number, index: number): void {
    const other = this.neighbours.at(endpoint, index);
    this.#availability.parted(endpoint, other, this.#state.sets);
    this.neighbours.removeAt(endpoint, index);
  }
}
