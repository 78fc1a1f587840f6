/** What a run costs by the scenario's prices: bytes by source, relay hours, the origin's peak, traffic of regions. */
import { millisecondsPerSecond } from '#core/units.ts';
import { quantileRank } from '#scenarios/format/bounds.ts';
import type { Bytes, Summary } from '#scenarios/format/result.ts';
import type { Scenario } from '#scenarios/format/scenario.ts';
import type { Accounts } from './accounts.ts';

/** Transit is billed by means over five minutes; a shorter run is billed by its one mean. */
const billingSeconds = 300;

export function costOf(
  scenario: Scenario,
  accounts: Accounts,
  bytes: Bytes,
  originPerSecond: Float64Array,
  seconds: number,
): Summary['cost'] {
  const { prices } = scenario;
  const relayCount = scenario.relays.reduce((total, relay) => total + relay.count, 0);
  const relaySent = bytes.relay + bytes.relayToRelay;
  const peerSent = bytes.peer + bytes.peerToRelay;
  const origin =
    bytes.originSent * prices.originPerByte +
    billedRate(originPerSecond, prices.originPeak.percentile) * prices.originPeak.perBytePerSecond;
  const relay =
    relaySent * prices.relayPerByte + relayCount * seconds * millisecondsPerSecond * prices.relayPerMillisecond;
  const peer = peerSent * prices.peerPerByte;
  return { total: origin + relay + peer + transit(scenario, accounts), origin, relay, peer, currency: prices.currency };
}

/** Bytes per second that are billed: the percentile of the five-minute means. */
function billedRate(originPerSecond: Float64Array, percentile: number): number {
  const means: number[] = [];
  for (let from = 0; from < originPerSecond.length; from += billingSeconds) {
    const end = Math.min(originPerSecond.length, from + billingSeconds);
    let sum = 0;
    for (let second = from; second < end; second++) sum += originPerSecond[second];
    means.push(sum / (end - from));
  }
  means.sort((left, right) => left - right);
  return means[quantileRank(percentile / 100, means.length) - 1];
}

function transit(scenario: Scenario, accounts: Accounts): number {
  const count = scenario.regions.length;
  return scenario.prices.between.reduce((total, { regions: [one, other], perByte }) => {
    const there = accounts.betweenRegions[one * count + other];
    const back = one === other ? 0 : accounts.betweenRegions[other * count + one];
    return total + (there + back) * perByte;
  }, 0);
}
