/**
 * A central scheduler in the manner of Dragonfly 2: it names up to `parents` of `candidates` random members for each
 * client, by a score of 0.6 · free load + 0.2 · same data centre + 0.1 · same location + 0.1 · kind of host (what
 * Dragonfly's base evaluator publishes; data centre and location are both the region here). A client without a parent
 * asks again; after the policy's number of tries it goes to the origin.
 */
import { clientReal, Prng } from '#core/prng.ts';
import { microsecondsPerMillisecond, none } from '#core/units.ts';
import type { HttpDownloads } from '../http-downloads.ts';
import { Neighbours } from '../neighbours.ts';
import { event, eventKind, type State, status } from '../state.ts';
import type { Swarm } from '../swarm.ts';
import type { Tracker } from '../tracker.ts';

const loadWeight = 0.6;
const regionWeight = 0.3;
const hostWeight = 0.1;
/** Children of one peer, as many as Dragonfly lets a peer upload to at a time. */
const childrenMax = 50;

export class ParentScheduler {
  readonly children: Neighbours;
  readonly #state: State;
  readonly #tracker: Tracker;
  readonly #swarm: Swarm;
  readonly #http: HttpDownloads;
  readonly #parents: Int32Array;
  readonly #tries: Uint8Array;
  readonly #isQueued: Uint8Array;
  readonly #prng: Prng;
  readonly #parentsMax: number;

  constructor(state: State, tracker: Tracker, swarm: Swarm, http: HttpDownloads) {
    this.#state = state;
    this.#tracker = tracker;
    this.#swarm = swarm;
    this.#http = http;
    this.#prng = new Prng(state.scenario.seed, 'scheduler');
    const { endpointCount, clientsFrom } = state.population;
    this.#parentsMax = state.policy.swarm.parents;
    this.#parents = new Int32Array(endpointCount * this.#parentsMax).fill(none);
    this.#tries = new Uint8Array(endpointCount);
    this.#isQueued = new Uint8Array(endpointCount);
    const capacities = new Uint32Array(endpointCount).fill(childrenMax);
    const clientCount = endpointCount - clientsFrom;
    for (let relay = 1; relay < clientsFrom; relay++)
      capacities[relay] = Math.min(clientCount, state.connectionsMax(relay));
    this.children = new Neighbours(capacities);
    swarm.useParents({
      children: this.children,
      givers: (client, visit) => this.#visitParents(client, visit),
    });
  }

  begin(client: number): void {
    this.look(client);
  }

  /** A parent went away. */
  orphaned(client: number): void {
    if (this.#state.status[client] === status.downloading) this.#queueLook(client);
  }

  /** `client` asks for parents. */
  look(client: number): void {
    const state = this.#state;
    this.#isQueued[client] = 0;
    if (state.status[client] !== status.downloading) return;
    this.#name(client);
    this.#swarm.seek(client);
    if (this.#hasParent(client)) {
      this.#tries[client] = 0;
    } else if (++this.#tries[client] >= state.policy.http.parentTries && this.#mayUseOrigin()) {
      this.#http.open(client, state.scenario.distribution.speedMaxBytesPerSecond);
      return;
    }
    this.#queueLook(client);
  }

  #mayUseOrigin(): boolean {
    const { originClients, connections } = this.#state.policy.http;
    return originClients === 0 || this.#http.connections[0] < originClients * connections;
  }

  #isServed(client: number): boolean {
    const { network } = this.#state;
    return network.transferCount(network.downlink(client)) > 0;
  }

  #hasParent(client: number): boolean {
    const first = client * this.#parentsMax;
    for (let slot = first; slot < first + this.#parentsMax; slot++) if (this.#parents[slot] !== none) return true;
    return false;
  }

  #queueLook(client: number): void {
    if (this.#isQueued[client] !== 0) return;
    this.#isQueued[client] = 1;
    const { parentRetry } = this.#state.policy.http;
    const wait = this.#isServed(client) ? 10 * parentRetry : parentRetry;
    // Spread over the interval, or all clients of an instant would ask in step for ever.
    const jitter = clientReal(this.#state.scenario.seed, client, this.#tries[client]);
    const at = this.#state.now + Math.ceil(wait * (0.9 + 0.2 * jitter)) * microsecondsPerMillisecond;
    this.#state.queue.push(at, event(eventKind.schedule, client));
  }

  /** Draws candidates, and takes the best as parents in place of those that have nothing (more) to give. */
  #name(client: number): void {
    const state = this.#state;
    const first = client * this.#parentsMax;
    for (let slot = first; slot < first + this.#parentsMax; slot++) {
      const parent = this.#parents[slot];
      if (parent !== none && !this.#gives(parent, client)) this.#drop(client, slot);
    }
    const { candidates } = state.policy.swarm;
    for (let slot = first; slot < first + this.#parentsMax; slot++) {
      if (this.#parents[slot] !== none) continue;
      const best = this.#best(client, candidates);
      if (best === none) return;
      this.#parents[slot] = best;
      this.children.add(best, client);
    }
  }

  #best(client: number, candidates: number): number {
    let best = none;
    let bestScore = -1;
    for (let draw = 0; draw < candidates && this.#tracker.memberCount > 0; draw++) {
      const candidate = this.#tracker.member(this.#prng.below(this.#tracker.memberCount));
      if (candidate === client || this.#isParent(client, candidate) || this.children.room(candidate) === 0) continue;
      if (!this.#gives(candidate, client) || !this.#isRooted(candidate) || this.#isBelow(candidate, client)) continue;
      const score = this.#score(client, candidate);
      if (score > bestScore) {
        best = candidate;
        bestScore = score;
      }
    }
    return best;
  }

  #gives(parent: number, client: number): boolean {
    const state = this.#state;
    const { status: statuses } = state;
    if (statuses[parent] !== status.downloading && statuses[parent] !== status.complete) return false;
    return state.canConnect(parent, client);
  }

  /** Whatever it lacks will come to it: it has all, it is a seed peer, it asks the origin, or it has a parent. */
  #isRooted(candidate: number): boolean {
    const state = this.#state;
    if (state.isRelay(candidate) || candidate === 0 || state.sets.isComplete(candidate)) return true;
    return this.#http.isOpen[candidate] !== 0 || this.#hasParent(candidate);
  }

  /** Whether `candidate` gets its pieces from `client`: the graph stays without cycles. */
  #isBelow(candidate: number, client: number): boolean {
    if (this.children.count(client) === 0) return false;
    const seen = new Set<number>([candidate]);
    for (const each of seen) {
      if (each === client) return true;
      if (!this.#state.isClient(each) || this.#state.sets.isComplete(each)) continue;
      const first = each * this.#parentsMax;
      for (let slot = first; slot < first + this.#parentsMax; slot++)
        if (this.#parents[slot] !== none) seen.add(this.#parents[slot]);
    }
    return false;
  }

  #score(client: number, candidate: number): number {
    const { region, clientsFrom } = this.#state.population;
    const load = this.children.count(candidate) / (this.children.count(candidate) + this.children.room(candidate));
    const isNear = region[client] === region[candidate] ? 1 : 0;
    return loadWeight * (1 - load) + regionWeight * isNear + (candidate < clientsFrom ? hostWeight : hostWeight / 2);
  }

  #isParent(client: number, candidate: number): boolean {
    const first = client * this.#parentsMax;
    for (let slot = first; slot < first + this.#parentsMax; slot++) if (this.#parents[slot] === candidate) return true;
    return false;
  }

  #drop(client: number, slot: number): void {
    const parent = this.#parents[slot];
    this.#parents[slot] = none;
    const index = this.children.indexOf(parent, client);
    if (index !== none) this.children.removeAt(parent, index);
  }

  #visitParents(client: number, visit: (source: number) => boolean): void {
    const first = client * this.#parentsMax;
    for (let slot = first; slot < first + this.#parentsMax; slot++) {
      if (this.#parents[slot] !== none && !visit(this.#parents[slot])) return;
    }
  }
}
