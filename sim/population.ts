/**
 * Who takes part: one row per endpoint (the origin, then the relays, then the clients of each class), drawn before the
 * run from streams of their own, so that every policy meets the same people at the same moments.
 */
import { clientReal, Prng } from '#core/prng.ts';
import { microsecondsPerMillisecond } from '#core/units.ts';
import type { ClientClass, Departure, Scenario } from '#scenarios/format/scenario.ts';
import { exponential, lognormal } from './distribution.ts';

export const reach = { allowed: 0, outgoingOnly: 1, blocked: 2 } as const;

export interface Population {
  relayCount: number;
  /** Row of the first client; row 0 is the origin, the relays come next. */
  clientsFrom: number;
  endpointCount: number;
  uplinkBytesPerSecond: Float64Array;
  downlinkBytesPerSecond: Float64Array;
  region: Uint8Array;
  reach: Uint8Array;
  /** Class of a relay or a client within its kind. */
  classOf: Uint16Array;
  /** When a client arrives, microseconds on the scenario's clock. */
  arriveAt: Float64Array;
}

// Numbers of a client's own draws; the swarm's draws come after them from another seed.
export const draw = {
  uplink: 0,
  downlink: 1,
  departure: 2,
  departureSecond: 3,
  abandon: 4,
  crash: 5,
  arrival: 6,
  drift: 7,
} as const;

export function drawPopulation(scenario: Scenario): Population {
  const relayCount = sum(scenario.relays.map((relay) => relay.count));
  const clientsFrom = 1 + relayCount;
  const endpointCount = clientsFrom + sum(scenario.clients.map((each) => each.count));
  const population: Population = {
    relayCount,
    clientsFrom,
    endpointCount,
    uplinkBytesPerSecond: new Float64Array(endpointCount),
    downlinkBytesPerSecond: new Float64Array(endpointCount),
    region: new Uint8Array(endpointCount),
    reach: new Uint8Array(endpointCount),
    classOf: new Uint16Array(endpointCount),
    arriveAt: new Float64Array(endpointCount),
  };
  population.uplinkBytesPerSecond[0] = scenario.origin.uplinkBytesPerSecond;
  population.downlinkBytesPerSecond[0] = scenario.origin.uplinkBytesPerSecond;
  population.region[0] = scenario.origin.region;
  let row = 1;
  scenario.relays.forEach((relay, index) => {
    for (let k = 0; k < relay.count; k++, row++) {
      population.uplinkBytesPerSecond[row] = relay.uplinkBytesPerSecond;
      population.downlinkBytesPerSecond[row] = relay.downlinkBytesPerSecond;
      population.region[row] = relay.region;
      population.classOf[row] = index;
    }
  });
  scenario.clients.forEach((each, index) => {
    drawClass(population, row, each, index, scenario);
    row += each.count;
  });
  return population;
}

function drawClass(population: Population, from: number, each: ClientClass, index: number, scenario: Scenario): void {
  const { seed } = scenario;
  const reachOf = { allowed: reach.allowed, 'outgoing-only': reach.outgoingOnly, blocked: reach.blocked }[
    each.peerToPeer
  ];
  for (let row = from; row < from + each.count; row++) {
    population.uplinkBytesPerSecond[row] = spread(each.uplink, clientReal(seed, row, draw.uplink));
    population.downlinkBytesPerSecond[row] = spread(each.downlink, clientReal(seed, row, draw.downlink));
    population.region[row] = each.region;
    population.reach[row] = reachOf;
    population.classOf[row] = index;
  }
  const start = taskStart(scenario, index);
  drawArrivals(population, from, each, start, new Prng(seed, `arrivals/${each.name}`));
}

/** A class arrives no earlier than the first of its tasks starts. */
function taskStart(scenario: Scenario, clientClass: number): number {
  const starts = scenario.tasks
    .filter((task) => task.clients.includes(clientClass))
    .map((task) => task.startMilliseconds);
  return starts.length === 0 ? 0 : Math.min(...starts);
}

function drawArrivals(
  population: Population,
  from: number,
  each: ClientClass,
  startMilliseconds: number,
  prng: Prng,
): void {
  const { arrive } = each;
  let poissonAt = arrive.kind === 'poisson' ? arrive.atMilliseconds : 0;
  for (let k = 0; k < each.count; k++) {
    let at: number;
    switch (arrive.kind) {
      case 'at-once':
        at = arrive.atMilliseconds;
        break;
      case 'over':
        at = arrive.atMilliseconds + arrive.overMilliseconds * prng.real();
        break;
      case 'poisson':
        poissonAt += exponential(1 / arrive.perMillisecond, prng.real());
        at = poissonAt;
        break;
      case 'list':
        at = arrive.atMilliseconds[k];
        break;
      default:
        at = arrive satisfies never;
    }
    population.arriveAt[from + k] = Math.round((startMilliseconds + at) * microsecondsPerMillisecond);
  }
}

/** Uniform on mean · (1 ± spread). */
function spread(value: { meanBytesPerSecond: number; spread: number }, real: number): number {
  return value.meanBytesPerSecond * (1 + value.spread * (2 * real - 1));
}

/** Microseconds after completion at which a client leaves; Infinity = it stays. */
export function departureDelay(seed: number, client: number, leave: Departure): number {
  if (leave.kind !== 'after') return Infinity;
  const real = clientReal(seed, client, draw.departure);
  switch (leave.distribution) {
    case 'fixed':
      return Math.round(leave.milliseconds * microsecondsPerMillisecond);
    case 'exponential':
      return Math.round(exponential(leave.milliseconds, real) * microsecondsPerMillisecond);
    case 'lognormal': {
      const second = clientReal(seed, client, draw.departureSecond);
      return Math.round(lognormal(leave.milliseconds, leave.sigma, real, second) * microsecondsPerMillisecond);
    }
    default:
      return leave.distribution satisfies never;
  }
}

/** Share of the file after which a client goes away unfinished; 1 or more = it does not. */
export function abortProgress(seed: number, client: number, leave: Departure): number {
  if (leave.kind !== 'aborts') return 1;
  const real = clientReal(seed, client, draw.departure);
  return real < leave.share ? clientReal(seed, client, draw.departureSecond) : 1;
}

/** Microseconds after arrival at which a client gives up; Infinity = never. */
export function abandonDelay(seed: number, client: number, perMillisecond: number): number {
  if (perMillisecond <= 0) return Infinity;
  return Math.round(
    exponential(1 / perMillisecond, clientReal(seed, client, draw.abandon)) * microsecondsPerMillisecond,
  );
}

/** Whether the client is among the share that a fault hits; each fault draws anew. */
export function isHit(seed: number, client: number, share: number, fault: number): boolean {
  return clientReal(seed, client, draw.crash + 16 * (fault + 1)) < share;
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
