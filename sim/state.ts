/**
 * What a run knows of its endpoints: the columns that several parts of the simulator read and write. Each column has
 * one owner that writes it, named beside it.
 */
import { PieceSets } from '#core/bitset.ts';
import type { Policy } from '#core/policy.ts';
import { SourceShares, shareOrigin, sharePeer, shareRelay } from '#core/swarm/source-shares.ts';
import { microsecondsPerMillisecond, none } from '#core/units.ts';
import type { Scenario, Task } from '#scenarios/format/scenario.ts';
import { Accounts } from './accounts.ts';
import { EventQueue } from './event-queue.ts';
import { FlowMeter } from './flow-meter.ts';
import { Network } from './network.ts';
import { drawPopulation, type Population, reach } from './population.ts';
import { SwarmRates } from './swarm-rates.ts';

/** Status of an endpoint (owner: `world.ts`, `faults.ts`). */
export const status = { absent: 0, downloading: 1, complete: 2, left: 3, failed: 4, down: 5 } as const;

/** An event's payload is its kind and an index: 5 bits and 27 bits. */
export const eventKind = {
  transfer: 0,
  link: 1,
  arrive: 2,
  announce: 3,
  depart: 4,
  abandon: 5,
  httpRetry: 6,
  fallback: 7,
  control: 8,
  faultBegin: 9,
  faultEnd: 10,
  schedule: 11,
  pull: 12,
  timeout: 13,
  message: 14,
  lease: 15,
  quota: 16,
} as const;
const kindFactor = 2 ** 27;

export function event(kind: number, index: number): number {
  return kind * kindFactor + index;
}

export function kindOfEvent(payload: number): number {
  return Math.floor(payload / kindFactor);
}

export function indexOfEvent(payload: number): number {
  return payload % kindFactor;
}

/** How closely a fidelity looks (see the documentation of the model). */
export interface Detail {
  /** Candidates of the piece picker, and neighbours that an uploader looks at for one slot. */
  pickWindow: number;
  scanMax: number;
  /** Peers of a client, if the policy allows more. */
  peersMax: number;
  riseRatioMin: number;
  risesLate: boolean;
  shareMicroseconds: number;
  availability: 'exact' | 'swarm';
  /** Grid of the fallback policy and factor on the choke interval. */
  tickMilliseconds: number;
  chokeFactor: number;
  /** How long an uploader that has looked in vain for somebody to serve rests. */
  restMicroseconds: number;
  /** Senders with which a client does not look for more; it leaves it to the others to find it. */
  sendersEnough: number;
  /** Clients that are doing well are not looked at. */
  isCoarse: boolean;
}

export const details: Record<Scenario['fidelity'], Detail> = {
  reference: {
    pickWindow: Infinity,
    scanMax: Infinity,
    peersMax: Infinity,
    riseRatioMin: 0,
    risesLate: false,
    shareMicroseconds: 0,
    availability: 'exact',
    tickMilliseconds: 1000,
    chokeFactor: 1,
    restMicroseconds: 1,
    sendersEnough: Infinity,
    isCoarse: false,
  },
  standard: {
    pickWindow: Infinity,
    scanMax: Infinity,
    peersMax: Infinity,
    riseRatioMin: 0.01,
    risesLate: false,
    shareMicroseconds: 100_000,
    availability: 'exact',
    tickMilliseconds: 1000,
    chokeFactor: 1,
    restMicroseconds: 1_000_000,
    sendersEnough: 8,
    isCoarse: false,
  },
  scale: {
    pickWindow: 12,
    scanMax: 4,
    peersMax: 36,
    riseRatioMin: 0.05,
    risesLate: true,
    shareMicroseconds: 1_000_000,
    availability: 'swarm',
    tickMilliseconds: 5000,
    chokeFactor: 3,
    restMicroseconds: 5_000_000,
    sendersEnough: 3,
    isCoarse: true,
  },
};

/** Whether BitTorrent is watched, and HTTP opened when it is too slow. */
function hasTriggers({ http, swarm }: Policy): boolean {
  return http.when === 'fallback' && swarm.enabled;
}

/** Up to here the rows of what a client sends are set aside for it: it will need most of them. */
const fewSlots = 8;

export class State {
  readonly scenario: Scenario;
  readonly policy: Policy;
  readonly task: Task;
  readonly taskIndex: number;
  readonly detail: Detail;
  readonly population: Population;
  /** Of the task. */
  readonly clientCount: number;
  readonly pieceCount: number;
  readonly horizon: number;
  /** When the task begins, microseconds: its start, or the window of the distribution if that opens later (M4). */
  readonly beginsAt: number;
  readonly queue: EventQueue;
  readonly flow: FlowMeter;
  readonly swarmRates: SwarmRates | null;
  readonly network: Network;
  readonly sets: PieceSets;
  readonly accounts: Accounts;
  /** Delivered bytes by source against the caps of the distribution; null without caps (M35). */
  readonly shares: SourceShares | null;
  /** Owner: world, faults. */
  readonly status: Uint8Array;
  /** Whether it may upload over BitTorrent now. Owner: world, faults, relays. */
  readonly serves: Uint8Array;
  /** Relay that control chose for a client, or `none`. Owner: world, faults. */
  readonly relayOf: Int16Array;
  /** Microseconds; Infinity = not yet. Owner: world. */
  readonly firstByteAt: Float64Array;
  readonly completedAt: Float64Array;
  /** Regions that cannot reach each other now, `[from * regions + to]`. Owner: faults. */
  readonly partitioned: Uint8Array;
  /** Connections in use at the origin and the relays over HTTP, of all tasks. Owner: http-downloads. */
  readonly connections: Uint32Array;

  /** `first`: state of the first task, with which the others share links, clock and population; null = this is it. */
  constructor(scenario: Scenario, taskIndex: number, first: State | null) {
    this.scenario = scenario;
    this.taskIndex = taskIndex;
    this.task = scenario.tasks[taskIndex];
    this.policy = this.task.policy ?? scenario.policy;
    this.detail = details[scenario.fidelity];
    this.population = first?.population ?? drawPopulation(scenario);
    this.pieceCount = Math.max(1, Math.ceil(this.task.file.sizeBytes / this.task.file.pieceLengthBytes));
    const [opens, closes] = scenario.distribution.windowMilliseconds;
    // At the end of the window the tasks pause: nothing happens any more.
    this.horizon = Math.min(scenario.horizonMilliseconds, closes, 3_650 * 86_400_000) * microsecondsPerMillisecond;
    const { taskDelayMilliseconds } = scenario.model;
    this.beginsAt = (Math.max(this.task.startMilliseconds, opens) + taskDelayMilliseconds) * microsecondsPerMillisecond;
    const { endpointCount, clientsFrom } = this.population;
    this.clientCount = this.task.clients.reduce((sum, index) => sum + scenario.clients[index].count, 0);
    this.queue =
      first?.queue ?? new EventQueue(this.horizon, Math.max(256, Math.ceil((endpointCount - clientsFrom) / 2)));
    this.flow = first?.flow ?? new FlowMeter(this.horizon);
    this.network = first?.network ?? this.#network();
    this.swarmRates = hasTriggers(this.policy) ? this.network.swarmRates : null;
    this.sets = new PieceSets(endpointCount, this.pieceCount);
    this.accounts = first?.accounts ?? new Accounts(scenario, this.population);
    const { origin, relay, peer } = scenario.distribution.shareMax;
    const expectedBytes = this.task.file.sizeBytes * this.clientCount;
    this.shares = Math.min(origin, relay, peer) < 1 ? new SourceShares(expectedBytes, [origin, relay, peer]) : null;
    this.status = new Uint8Array(endpointCount);
    this.serves = new Uint8Array(endpointCount);
    this.relayOf = new Int16Array(endpointCount).fill(none);
    this.connections = first?.connections ?? new Uint32Array(clientsFrom);
    this.firstByteAt = first?.firstByteAt ?? new Float64Array(endpointCount).fill(Infinity);
    this.completedAt = first?.completedAt ?? new Float64Array(endpointCount).fill(Infinity);
    this.partitioned = first?.partitioned ?? new Uint8Array(scenario.regions.length ** 2);
  }

  /** Microseconds on the scenario's clock. */
  get now(): number {
    return this.network.now;
  }

  /** Clients of the task, rising. */
  *clients(): Generator<number> {
    let from = this.population.clientsFrom;
    for (const [index, { count }] of this.scenario.clients.entries()) {
      if (this.task.clients.includes(index)) for (let client = from; client < from + count; client++) yield client;
      from += count;
    }
  }

  /** Whether a transfer belongs to this task. */
  owns(transfer: number): boolean {
    return this.network.taskOf(transfer) === this.taskIndex;
  }

  isClient(endpoint: number): boolean {
    return endpoint >= this.population.clientsFrom;
  }

  isRelay(endpoint: number): boolean {
    return endpoint > 0 && endpoint < this.population.clientsFrom;
  }

  /** Connections that the origin or a relay accepts. */
  connectionsMax(server: number): number {
    if (server === 0) return this.scenario.origin.connectionsMax;
    return this.scenario.relays[this.population.classOf[server]].connectionsMax;
  }

  /** A piece of `bytes` reached a client. */
  countShare(source: number, target: number, bytes: number): void {
    if (this.shares === null || !this.isClient(target)) return;
    this.shares.deliver(source === 0 ? shareOrigin : this.isRelay(source) ? shareRelay : sharePeer, bytes);
  }

  /**
   * How much HTTP may ask of `source` for `client`, 0 to 1: less near the cap of its kind, more below the speed floor.
   * A relay's seeding is not braked: pieces that no peer holds yet would never come into the swarm.
   */
  brake(source: number, client: number): number {
    if (this.shares === null || !this.isClient(client)) return 1;
    const kind = source === 0 ? shareOrigin : this.isRelay(source) ? shareRelay : sharePeer;
    const rate = this.swarmRates === null ? 0 : this.swarmRates.rate(client);
    return this.shares.brake(kind, rate, this.scenario.distribution.speedFloorBytesPerSecond);
  }

  /** Microseconds, one way. */
  latency(from: number, to: number): number {
    const { region } = this.population;
    return this.scenario.latencyMilliseconds[region[from]][region[to]] * microsecondsPerMillisecond;
  }

  canReach(from: number, to: number): boolean {
    const { region } = this.population;
    return this.partitioned[region[from] * this.scenario.regions.length + region[to]] === 0;
  }

  /** Whether two endpoints can open a BitTorrent connection, whoever dials. */
  canConnect(one: number, other: number): boolean {
    const a = this.population.reach[one];
    const b = this.population.reach[other];
    if (a === reach.blocked || b === reach.blocked) return false;
    return !(a === reach.outgoingOnly && b === reach.outgoingOnly) && this.canReach(one, other);
  }

  /** When control knows `client`, microseconds: one that comes later has to start first. */
  knownAt(client: number): number {
    const arriveAt = this.population.arriveAt[client];
    const isLate = arriveAt > this.task.startMilliseconds * microsecondsPerMillisecond;
    const { processStartMilliseconds } = this.scenario.model;
    return isLate ? arriveAt + Math.round(processStartMilliseconds * microsecondsPerMillisecond) : arriveAt;
  }

  /** What a link carries of payload, which is all that the model counts. */
  payloadRate(linkBytesPerSecond: number): number {
    return linkBytesPerSecond / (1 + this.scenario.model.overhead);
  }

  #network(): Network {
    const { population, scenario, detail, policy } = this;
    const { endpointCount, clientsFrom } = population;
    const keepsContract = scenario.tasks.some((task) => (task.policy ?? scenario.policy).contract);
    const isWatched = scenario.tasks.some((task) => hasTriggers(task.policy ?? scenario.policy));
    const swarmRates = isWatched ? new SwarmRates(endpointCount, clientsFrom) : null;
    const regionCount = scenario.regions.length;
    const pairLink = scenario.links.length === 0 ? null : new Int32Array(regionCount ** 2).fill(none);
    const pairCapacities: number[] = [];
    for (const link of scenario.links) {
      const [a, b] = link.regions;
      for (const [from, to] of a === b
        ? [[a, b]]
        : [
            [a, b],
            [b, a],
          ]) {
        if (pairLink !== null) pairLink[from * regionCount + to] = pairCapacities.length;
        pairCapacities.push(link.bytesPerSecond);
      }
    }
    const slots = policy.swarm.enabled ? policy.swarm.uploadSlots + policy.swarm.optimisticSlots : 0;
    const hasFewSlots = slots <= fewSlots;
    const network = new Network(this.queue, this.flow, swarmRates, {
      endpointCount,
      transfersExpected: Math.ceil((endpointCount - clientsFrom) * (hasFewSlots ? 0.1 : 4)),
      regions: population.region,
      regionCount,
      pairLink,
      pairCapacities,
      holdersMax: keepsContract ? endpointCount + scenario.tasks.length * clientsFrom : 0,
      isReference: scenario.fidelity === 'reference',
      riseRatioMin: detail.riseRatioMin,
      risesLate: detail.risesLate,
      shareMicroseconds: detail.shareMicroseconds,
      clientsFrom,
      rowsPerClient: hasFewSlots ? slots : 0,
      eventOfTransfer: (transfer) => event(eventKind.transfer, transfer),
      eventOfLink: (link) => event(eventKind.link, link),
    });
    for (let endpoint = 0; endpoint < endpointCount; endpoint++) {
      network.setCapacity(network.uplink(endpoint), this.payloadRate(population.uplinkBytesPerSecond[endpoint]));
      network.setCapacity(network.downlink(endpoint), this.payloadRate(population.downlinkBytesPerSecond[endpoint]));
    }
    return network;
  }
}
