/**
 * The control server in virtual time: paces the dispatch, names a relay for each client, estimates, collects what
 * clients report and moves the thresholds (M6–M9, M25, M32, M34). Leases of the origin are in `origin-access.ts`.
 */
import { adaptThreshold } from '#core/fallback/threshold.ts';
import { assumedLinks } from '#core/limits.ts';
import { Prng } from '#core/prng.ts';
import { efficiencyWithoutHistory, estimateTask } from '#core/scheduler/estimate.ts';
import { chooseRelay, RelayTable } from '#core/scheduler/relay-choice.ts';
import { microsecondsPerSecond, none } from '#core/units.ts';
import type { FallbackWatch } from './fallback-watch.ts';
import type { HttpDownloads } from './http-downloads.ts';
import { reach } from './population.ts';
import { type State, status } from './state.ts';
import type { Tracker } from './tracker.ts';

/** Clients of a class whose rates are looked at for its quartile. */
const cohortSampleMax = 128;
/** Bytes of a state report and of a task message: a JSON of some fields over an open WebSocket. */
const reportBytes = 200;
const taskBytes = 600;

/** When the next client may be told of its task, microseconds: all tasks wait in one line. */
export interface Pace {
  nextAt: number;
}

export class Control {
  messages = 0;
  bytes = 0;
  readonly #state: State;
  readonly #http: HttpDownloads;
  readonly #tracker: Tracker;
  readonly #relays: RelayTable;
  readonly #prng: Prng;
  readonly #estimates: Float64Array;
  readonly #pace: Pace;
  readonly #classFrom: number[];

  constructor(state: State, http: HttpDownloads, tracker: Tracker, pace: Pace) {
    this.#pace = pace;
    this.#state = state;
    this.#http = http;
    this.#tracker = tracker;
    const { scenario, population } = state;
    this.#prng = new Prng(scenario.seed, 'control');
    this.#relays = new RelayTable(population.relayCount, scenario.regions.length);
    for (let relay = 1; relay <= population.relayCount; relay++) this.#describeRelay(relay);
    let from = population.clientsFrom;
    this.#classFrom = scenario.clients.map((each) => {
      const first = from;
      from += each.count;
      return first;
    });
    this.#estimates = new Float64Array(scenario.clients.map((_, index) => this.#estimateOf(index)));
  }

  /** When the next client may be told of its task, microseconds (M7). */
  dispatchAt(now: number): number {
    const { policy, scenario } = this.#state;
    this.messages++;
    this.bytes += taskBytes;
    const perSecond = policy.contract ? scenario.control.dispatchPerSecond : Infinity;
    const at = Math.max(now, this.#pace.nextAt, this.#state.beginsAt);
    this.#pace.nextAt = at + microsecondsPerSecond / perSecond;
    return Math.ceil(at);
  }

  /** Relay for a client that begins, or `none` (M8). */
  relayFor(client: number): number {
    return this.#choose(client, none);
  }

  /** The client's relay is down, or refuses: another one (M9). */
  anotherRelay(client: number): number {
    const before = this.#state.relayOf[client];
    const relay = this.#choose(client, before);
    if (relay !== none) {
      this.#state.relayOf[client] = relay;
      this.#tracker.connectIfPeer(client, relay);
    }
    return relay;
  }

  /** How long the download of `client` should take, counted from its start. */
  estimateMilliseconds(client: number): number {
    const estimate = this.#estimates[this.#state.population.classOf[client]];
    // A download of a few seconds is not overdue before a slow one would be slow.
    return Math.max(estimate, this.#state.policy.fallback.hold);
  }

  /** Once per report interval: what clients reported moves the thresholds. */
  report(fallback: FallbackWatch | null, isUp: boolean): void {
    const state = this.#state;
    const reporting = this.#tracker.memberCount;
    this.messages += reporting;
    this.bytes += reporting * reportBytes;
    if (fallback !== null && state.policy.fallback.adaptive && isUp) this.#moveThresholds(fallback);
  }

  #choose(client: number, except: number): number {
    const { policy, population } = this.#state;
    if (!policy.relay.used || population.relayCount === 0) return none;
    for (let relay = 1; relay <= population.relayCount; relay++) {
      this.#relays.up[relay - 1] = this.#state.status[relay] === status.down ? 0 : 1;
      this.#relays.load[relay - 1] = this.#loadOf(relay);
    }
    const draw = this.#prng.bits();
    const chosen = chooseRelay(
      policy.relay.choice,
      this.#relays,
      population.region[client],
      draw,
      except === none ? none : except - 1,
    );
    return chosen === none ? none : chosen + 1;
  }

  /** Connections over both protocols. */
  #loadOf(relay: number): number {
    return Math.max(this.#http.connections[relay], this.#tracker.neighbours.count(relay));
  }

  #describeRelay(relay: number): void {
    const { scenario, population } = this.#state;
    const relays = this.#relays;
    relays.region[relay - 1] = population.region[relay];
    relays.capacity[relay - 1] = Math.min(this.#state.connectionsMax(relay), 2 ** 31 - 1);
    for (let region = 0; region < scenario.regions.length; region++) {
      const latency = scenario.latencyMilliseconds[region][population.region[relay]];
      relays.latencyMilliseconds[region * population.relayCount + relay - 1] = 2 * latency;
      if (region !== population.region[relay])
        relays.setDistance(region, population.region[relay], Math.max(latency, 1));
    }
  }

  #estimateOf(clientClass: number): number {
    const { scenario, population, policy, task } = this.#state;
    const isKnown = scenario.model.controlKnowsLinks;
    const of = (actual: number, assumed: number) => (isKnown ? actual : assumed);
    const { downlinkBytesPerSecond, uplinkBytesPerSecond, serverBytesPerSecond } = assumedLinks;
    let uplinks = 0;
    for (const index of task.clients) {
      const each = scenario.clients[index];
      if (each.peerToPeer === 'blocked') continue;
      uplinks += each.count * of(each.uplink.meanBytesPerSecond, uplinkBytesPerSecond);
    }
    let relayUplinks = 0;
    for (const each of scenario.relays)
      relayUplinks += each.count * of(each.uplinkBytesPerSecond, serverBytesPerSecond);
    const contractRate = policy.contract ? scenario.origin.contract.bytesPerSecondMax : Infinity;
    return estimateTask({
      fileBytes: task.file.sizeBytes,
      clientCount: this.#state.clientCount,
      downlinkBytesPerSecond: of(scenario.clients[clientClass].downlink.meanBytesPerSecond, downlinkBytesPerSecond),
      uplinkSumBytesPerSecond: uplinks,
      relayUplinkSumBytesPerSecond: relayUplinks,
      relayCount: population.relayCount,
      sourceBytesPerSecond: Math.min(of(scenario.origin.uplinkBytesPerSecond, serverBytesPerSecond), contractRate),
      relaysExchange: policy.relay.exchange,
      sourceServesClients: policy.http.sources.includes('origin'),
      efficiencyRatio: efficiencyWithoutHistory,
      originRatio: 0,
      relayRatio: 0,
    }).finishMilliseconds;
  }

  /** Threshold of each class by file, network and scale, and by the first quartile of what its clients get (B-c5). */
  #moveThresholds(fallback: FallbackWatch): void {
    const { scenario, policy, task, population } = this.#state;
    const thresholds = new Float64Array(scenario.clients.length);
    const targets = new Float64Array(scenario.clients.length);
    for (let index = 0; index < scenario.clients.length; index++) {
      const rates = this.#sampleRates(index);
      const quartile = rates.length === 0 ? 0 : rates[Math.floor(rates.length / 4)];
      const situation = {
        fileBytes: task.file.sizeBytes,
        network: 'unknown',
        clients: scenario.clients[index].count,
        cohortFirstQuartile: quartile,
        cohortSize: rates.length,
      } as const;
      // The floor under the speed holds, whatever the cohort gets (M35).
      const floor = scenario.distribution.speedFloorBytesPerSecond;
      thresholds[index] = Math.max(floor, adaptThreshold(policy.fallback.threshold, situation));
      if (fallback.record !== null && population.classOf[fallback.record.client] === index)
        fallback.record.situated(situation, policy.fallback.threshold, thresholds[index]);
      targets[index] = Math.max(floor, adaptThreshold(policy.fallback.threshold, { ...situation, cohortSize: 0 }));
    }
    fallback.setThresholds(thresholds, targets);
  }

  /** Rates over BitTorrent of some clients of a class that are downloading, rising. */
  #sampleRates(clientClass: number): Float64Array {
    const { scenario, swarmRates, status: statuses, population } = this.#state;
    const { count } = scenario.clients[clientClass];
    const from = this.#classFrom[clientClass];
    const rates = new Float64Array(cohortSampleMax);
    let found = 0;
    for (let tries = 0; tries < 4 * cohortSampleMax && found < cohortSampleMax; tries++) {
      const client = from + (count <= cohortSampleMax ? tries : this.#prng.below(count));
      if (client >= from + count) break;
      if (statuses[client] !== status.downloading || population.reach[client] === reach.blocked) continue;
      rates[found++] = swarmRates === null ? 0 : swarmRates.rate(client);
    }
    return rates.slice(0, found).sort();
  }
}
