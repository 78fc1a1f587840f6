/**
 * Which relay serves this client? (M8, M9)
 *
 * Every relay that is up and not full gets a cost in [0, 1] by the asked criterion; the lowest wins:
 *
 *     geography  0 in the client's region, else distance / (distance of the farthest pair)
 *     latency    l / (l + 50 ms): 0 nearby, 1/2 at 50 ms, never quite 1
 *     load       active / capacity
 *     history    1 − observed rate / best observed rate among the candidates; nothing observed counts as 1/2
 *     combined   4/10 load + 3/10 history + 2/10 latency + 1/10 geography: load first, since it is the only one that
 *                gets worse by our own choices; geography last, since latency says the same when it is measured
 *
 * Equal relays are taken in turn: the search starts at a relay that the client's own draw names and a tie keeps the
 * first, so a thousand clients that see the same table do not all go to relay 0, and one client
 * always goes to the same.
 * Rejected: power-of-two-choices (two draws see two relays; the table is small and at hand), a random relay in
 * proportion to weight (no reason to give afterwards).
 */
import { assert } from '../assert.ts';
import type { RelayPolicy } from '../policy.ts';
import { none } from '../units.ts';

export type RelayChoice = RelayPolicy['choice'];

const halfLatencyMilliseconds = 50;
const loadWeight = 0.4;
const historyWeight = 0.3;
const latencyWeight = 0.2;
const geographyWeight = 0.1;

/** All relays, one column per fact, and what regions know of them. */
export class RelayTable {
  readonly relayCount: number;
  readonly regionCount: number;
  readonly region: Int32Array;
  /** Connections it may serve, and serves. */
  readonly capacity: Int32Array;
  readonly load: Int32Array;
  /** Mean rate that clients observed, bytes/s; 0 = nobody has yet. */
  readonly historyBytesPerSecond: Float64Array;
  /** 1 = up. */
  readonly up: Uint8Array;
  /** Measured or assumed round trip from clients of a region: index region · relayCount + relay. */
  readonly latencyMilliseconds: Float64Array;
  /** Between regions, in any unit: index from · regionCount + to. */
  readonly distance: Float64Array;
  distanceMax = 0;

  constructor(relayCount: number, regionCount: number) {
    assert(relayCount >= 0, 'a count is not negative');
    assert(regionCount >= 1, 'the world has a region');
    this.relayCount = relayCount;
    this.regionCount = regionCount;
    this.region = new Int32Array(relayCount);
    this.capacity = new Int32Array(relayCount);
    this.load = new Int32Array(relayCount);
    this.historyBytesPerSecond = new Float64Array(relayCount);
    this.up = new Uint8Array(relayCount);
    this.latencyMilliseconds = new Float64Array(relayCount * regionCount);
    this.distance = new Float64Array(regionCount * regionCount);
  }

  /** Both directions; within a region it stays 0. */
  setDistance(fromRegion: number, toRegion: number, distance: number): void {
    assert(fromRegion !== toRegion, 'a region is at no distance from itself');
    assert(distance >= 0, 'a distance is not negative');
    this.distance[fromRegion * this.regionCount + toRegion] = distance;
    this.distance[toRegion * this.regionCount + fromRegion] = distance;
    this.distanceMax = 0;
    for (const one of this.distance) this.distanceMax = Math.max(this.distanceMax, one);
  }
}

/**
 * Relay for a client of `clientRegion`, or `none`; `draw` (uint32) is the client's own, `except` a relay it does not
 * want again. Changes nothing: whoever connects counts the load.
 */
export function chooseRelay(
  kind: RelayChoice,
  relays: RelayTable,
  clientRegion: number,
  draw: number,
  except = none,
): number {
  assert(clientRegion >= 0 && clientRegion < relays.regionCount, 'region out of range');
  assert(draw >= 0, 'a draw is not negative');
  const { relayCount } = relays;
  if (relayCount === 0) return none;
  const bestBytesPerSecond = bestHistory(relays, except);
  const firstRelay = draw % relayCount;
  let best = none;
  let bestCost = Infinity;
  for (let i = 0; i < relayCount; i++) {
    const relay = firstRelay + i < relayCount ? firstRelay + i : firstRelay + i - relayCount;
    if (relay === except || !canServe(relays, relay)) continue;
    const cost = costOf(kind, relays, relay, clientRegion, bestBytesPerSecond);
    if (cost < bestCost) {
      best = relay;
      bestCost = cost;
    }
  }
  return best;
}

/** Why `chooseRelay` answered `relay`: position in `relayReasons`. */
export function relayReason(kind: RelayChoice, relays: RelayTable, relay: number, except = none): number {
  let candidates = 0;
  let up = 0;
  for (let one = 0; one < relays.relayCount; one++) {
    if (one === except) continue;
    up += relays.up[one];
    if (canServe(relays, one)) candidates++;
  }
  if (relay !== none) return candidates <= 1 ? 5 : reasonOfKind[kind];
  if (relays.relayCount === 0) return 8;
  return up > 0 ? 7 : 6;
}

const reasonOfKind = { geography: 0, latency: 1, load: 2, history: 3, combined: 4 };

/** Up, and a connection is free. */
export function canServe(relays: RelayTable, relay: number): boolean {
  return relays.up[relay] === 1 && relays.load[relay] < relays.capacity[relay];
}

function costOf(
  kind: RelayChoice,
  relays: RelayTable,
  relay: number,
  clientRegion: number,
  bestBytesPerSecond: number,
): number {
  switch (kind) {
    case 'geography':
      return geographyCost(relays, relay, clientRegion);
    case 'latency':
      return latencyCost(relays, relay, clientRegion);
    case 'load':
      return relays.load[relay] / relays.capacity[relay];
    case 'history':
      return historyCost(relays, relay, bestBytesPerSecond);
    case 'combined':
      return (
        loadWeight * (relays.load[relay] / relays.capacity[relay]) +
        historyWeight * historyCost(relays, relay, bestBytesPerSecond) +
        latencyWeight * latencyCost(relays, relay, clientRegion) +
        geographyWeight * geographyCost(relays, relay, clientRegion)
      );
    default:
      return kind satisfies never;
  }
}

function geographyCost(relays: RelayTable, relay: number, clientRegion: number): number {
  const region = relays.region[relay];
  if (region === clientRegion) return 0;
  if (relays.distanceMax === 0) return 1;
  return relays.distance[clientRegion * relays.regionCount + region] / relays.distanceMax;
}

function latencyCost(relays: RelayTable, relay: number, clientRegion: number): number {
  const latency = relays.latencyMilliseconds[clientRegion * relays.relayCount + relay];
  return latency / (latency + halfLatencyMilliseconds);
}

function historyCost(relays: RelayTable, relay: number, bestBytesPerSecond: number): number {
  const observed = relays.historyBytesPerSecond[relay];
  return observed === 0 ? 0.5 : 1 - observed / bestBytesPerSecond;
}

function bestHistory(relays: RelayTable, except: number): number {
  let best = 0;
  for (let relay = 0; relay < relays.relayCount; relay++) {
    if (relay !== except && canServe(relays, relay)) best = Math.max(best, relays.historyBytesPerSecond[relay]);
  }
  return best;
}
