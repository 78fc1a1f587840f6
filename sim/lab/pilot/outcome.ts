/** The outcome of a pilot in the form of a simulated one, put together from what was measured. */
import { millisecondsPerSecond } from '#core/units.ts';
import { boundContract, lowerBound } from '#scenarios/format/bounds.ts';
import type { Bytes, ClassSummary, ClientCounts, Outcome, Series, Summary } from '#scenarios/format/result.ts';
import type { Scenario } from '#scenarios/format/scenario.ts';
import { Accounts } from '#sim/accounts.ts';
import { costOf } from '#sim/cost.ts';
import { drawPopulation } from '#sim/population.ts';
import { allQuantiles, at, curve, jain, quantiles } from '#sim/quantiles.ts';
import { rollingMaximum } from '#sim/rolling-maximum.ts';
import type { ClientState, Measured, MeasuredClient } from './measured.ts';
import type { Sample } from './watch.ts';

const reasons = ['slow', 'stalled', 'blocked', 'overdue'] as const;
const seriesRowsMax = 1000;

export function measuredOutcome(scenario: Scenario, measured: Measured): Outcome {
  const { clients } = measured;
  const seconds = Math.max(1, Math.ceil(measured.seconds));
  const completion = completions(clients);
  const finish = quantiles(sorted(clients, ({ completedSeconds }) => completedSeconds));
  const firsts = sorted(clients, ({ firstByteSeconds, arrivedSeconds }) =>
    firstByteSeconds === null ? null : firstByteSeconds - arrivedSeconds,
  );
  const bytes = bytesOf(measured);
  const origin = originPerSecond(measured, seconds);
  const total = bytes.origin + bytes.relay + bytes.peer;
  const share = (part: number) => (total === 0 ? 0 : part / total);
  const summary: Summary = {
    clients: countsOf(clients),
    completionSeconds: allQuantiles(completion),
    finishSeconds: finish,
    firstByteSeconds: { p50: at(firsts, 0.5), p99: at(firsts, 0.99) },
    bound: boundOf(scenario, measured, finish),
    bytes,
    share: { origin: share(bytes.origin), relay: share(bytes.relay), peer: share(bytes.peer) },
    origin: originOf(scenario, measured, origin),
    fallback: fallbackOf(measured),
    cost: costOf(scenario, new Accounts(scenario, drawPopulation(scenario)), bytes, origin, seconds),
    fairness: { jainCompletion: jain(completion) },
    control: { messages: 0, bytes: controlBytes(measured) },
  };
  return {
    summary,
    byClass: scenario.clients.map(({ name }) => classOf(name, clients)),
    series: seriesOf(measured, origin, seconds),
    cdf: { completionSeconds: curve(completion) },
    events: 0,
    transfers: 0,
    memoryBytesPerClient: 0,
  };
}

/** Rising; those who left before they had finished do not count, an unfinished one counts as Infinity. */
function sorted(clients: MeasuredClient[], value: (client: MeasuredClient) => number | null): Float64Array {
  const counted = clients.filter(({ state, completedSeconds }) => state !== 'left' || completedSeconds !== null);
  return Float64Array.from(counted, (client) => value(client) ?? Infinity).sort();
}

function completions(clients: MeasuredClient[]): Float64Array {
  return sorted(clients, ({ completedSeconds, arrivedSeconds }) =>
    completedSeconds === null ? null : completedSeconds - arrivedSeconds,
  );
}

function countsOf(clients: MeasuredClient[]): ClientCounts {
  const count = (wanted: ClientState) => clients.filter(({ state }) => state === wanted).length;
  const [completed, unfinished, failed, left] = [
    count('completed'),
    count('unfinished'),
    count('failed'),
    count('left'),
  ];
  return { total: clients.length, completed, unfinished, failed, left };
}

function sum<Item>(items: readonly Item[], value: (item: Item) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}

function clientBytes(clients: MeasuredClient[]): ClassSummary['bytes'] {
  const received = (kind: 'origin' | 'relay' | 'peer') => sum(clients, ({ bytes }) => bytes.received[kind]);
  const [origin, relay, peer] = [received('origin'), received('relay'), received('peer')];
  const delivered = sum(clients, ({ bytes }) => bytes.verifiedBytes);
  const duplicate = sum(clients, ({ bytes }) => bytes.duplicateBytes);
  const discarded = sum(clients, ({ bytes }) => bytes.discardedBytes);
  const partial = Math.max(0, origin + relay + peer - delivered - duplicate - discarded);
  return { origin, relay, peer, delivered, duplicate, discarded, partial };
}

function bytesOf({ clients, relays }: Measured): Bytes {
  const own = clientBytes(clients);
  const received = (kind: 'origin' | 'relay' | 'peer') => sum(relays, (relay) => relay.received?.[kind] ?? 0);
  const originToRelay = received('origin');
  return {
    ...own,
    originToRelay,
    relayToRelay: received('relay'),
    peerToRelay: received('peer'),
    originSent: own.origin + originToRelay,
  };
}

function classOf(name: string, clients: MeasuredClient[]): ClassSummary {
  const own = clients.filter(({ machine }) => machine.className === name);
  return {
    name,
    clients: countsOf(own),
    completionSeconds: allQuantiles(completions(own)),
    bytes: clientBytes(own),
  };
}

function boundOf(scenario: Scenario, { machines }: Measured, finish: ReturnType<typeof quantiles>): Summary['bound'] {
  const { clients, relays, origin } = machines;
  const { which, at: bounds } = lowerBound([
    {
      fileBytes: scenario.tasks[0]!.file.sizeBytes,
      arrivalSeconds: Float64Array.from(clients, ({ arriveSeconds }) => arriveSeconds),
      uplinkBytesPerSecond: Float64Array.from(clients, (client) => client.uplinkBytesPerSecond),
      downlinkBytesPerSecond: Float64Array.from(clients, (client) => client.downlinkBytesPerSecond),
      peering: Uint8Array.from(clients, ({ peerToPeer }) => (peerToPeer === 'blocked' ? 0 : 1)),
      source: {
        uplinkBytesPerSecond: origin.uplinkBytesPerSecond,
        ...(scenario.policy.contract ? { contract: boundContract(scenario) } : {}),
      },
      relays: relays.map(({ uplinkBytesPerSecond }) => ({ uplinkBytesPerSecond, holdsAll: false })),
    },
  ]);
  const ratio = (name: 'p50' | 'p95' | 'p99' | 'max') => (finish[name] === null ? null : finish[name] / bounds[name]);
  return { which, at: bounds, ratio: { p50: ratio('p50'), p95: ratio('p95'), p99: ratio('p99'), max: ratio('max') } };
}

/** By the origin's own audit: bytes that it sent in each second, heads of HTTP included. */
function originPerSecond({ audit }: Measured, seconds: number): Float64Array {
  const column = new Float64Array(seconds);
  for (const { atMilliseconds, sentBytes } of audit.steps) {
    const second = Math.min(seconds - 1, Math.floor(atMilliseconds / millisecondsPerSecond));
    column[second]! += sentBytes;
  }
  return column;
}

/** A violation is a second with more bytes than the contract allows in one, or a step with more connections. */
function originOf(scenario: Scenario, { audit }: Measured, perSecond: Float64Array): Summary['origin'] {
  const { contract } = scenario.origin;
  const { bytesPerSecondMax, burstBytes, connectionsMax } = contract;
  const violationsAt: number[] = [];
  for (const [second, bytes] of perSecond.entries()) {
    if (bytes > bytesPerSecondMax + burstBytes) violationsAt.push(second);
  }
  for (const step of audit.steps) {
    if (step.connectionsMax > connectionsMax) violationsAt.push(step.atMilliseconds / millisecondsPerSecond);
  }
  const windows: Record<string, number> = {};
  for (const { name, windowMilliseconds, bytesMax } of contract.traffic) {
    windows[name] = rollingMaximum(perSecond, Math.ceil(windowMilliseconds / millisecondsPerSecond));
    if (windows[name] > bytesMax) violationsAt.push(perSecond.length);
  }
  violationsAt.sort((left, right) => left - right);
  return {
    peakBytesPerSecond: perSecond.reduce((most, value) => Math.max(most, value), 0),
    peakConnections: audit.steps.reduce((most, step) => Math.max(most, step.connectionsMax), 0),
    trafficMaxPerWindow: windows,
    useWhileShort: null,
    violations: violationsAt.length,
    violationsAt: violationsAt.slice(0, 100),
  };
}

function fallbackOf({ clients, seconds }: Measured): Summary['fallback'] {
  const byReason = { slow: 0, stalled: 0, blocked: 0, overdue: 0 };
  let openSeconds = 0;
  for (const { fallbackOpened, fallback, completedSeconds } of clients) {
    for (const reason of reasons) byReason[reason] += fallbackOpened[reason];
    let openedAt: number | null = null;
    for (const { seconds: when, isOpen } of [...fallback, { seconds: completedSeconds ?? seconds, isOpen: false }]) {
      if (openedAt !== null) openSeconds += Math.max(0, when - openedAt);
      openedAt = isOpen ? when : null;
    }
  }
  return { opened: sum(reasons, (reason) => byReason[reason]), byReason, openSeconds: Math.round(openSeconds) };
}

function controlBytes({ samples, machines }: Measured): number {
  const of = (sample: Sample | undefined) => {
    const counters = sample?.counters.get(machines.control.number);
    return counters === undefined ? 0 : counters.sentBytes + counters.receivedBytes;
  };
  return of(samples.at(-1)) - of(samples[0]);
}

/** Relays and peers by their interfaces: what they sent, heads of all layers included. */
function seriesOf(measured: Measured, origin: Float64Array, seconds: number): Outcome['series'] {
  const { machines, clients, samples, audit } = measured;
  const stepSeconds = Math.ceil(seconds / seriesRowsMax);
  const time = Array.from({ length: Math.ceil(seconds / stepSeconds) }, (_, step) => step * stepSeconds);
  const numbers = (list: { number: number }[]) => list.map(({ number }) => number);
  const relays = sentPerSecond(samples, numbers(machines.relays), seconds);
  const peers = sentPerSecond(samples, numbers(machines.clients), seconds);
  const mean = (column: Float64Array) =>
    time.map((from) => {
      const part = column.subarray(from, from + stepSeconds);
      return Math.round(part.reduce((total, value) => total + value, 0) / part.length);
    });
  const columns: Series = {
    time,
    originBytesPerSecond: mean(origin),
    relayBytesPerSecond: mean(relays),
    peerBytesPerSecond: mean(peers),
    originConnections: time.map((from) => connectionsAt(audit.steps, from + stepSeconds)),
    completed: time.map(
      (from) => clients.filter((each) => (each.completedSeconds ?? Infinity) <= from + stepSeconds).length,
    ),
    fallbackOpen: time.map((from) => clients.filter((each) => isOpenAt(each, from + stepSeconds)).length),
  };
  return { stepSeconds, columns };
}

function connectionsAt(steps: Measured['audit']['steps'], second: number): number {
  const step = steps.findLast(({ atMilliseconds }) => atMilliseconds <= second * millisecondsPerSecond);
  const isNow = step !== undefined && step.atMilliseconds > (second - 1) * millisecondsPerSecond;
  return isNow ? step.connectionsMax : 0;
}

function isOpenAt({ fallback, completedSeconds }: MeasuredClient, second: number): boolean {
  if (completedSeconds !== null && completedSeconds <= second) return false;
  return fallback.findLast(({ seconds }) => seconds <= second)?.isOpen ?? false;
}

/** Between two samples evenly. */
function sentPerSecond(samples: readonly Sample[], numbers: number[], seconds: number): Float64Array {
  const column = new Float64Array(seconds);
  const of = ({ counters }: Sample) => sum(numbers, (number) => counters.get(number)?.sentBytes ?? 0);
  for (let index = 1; index < samples.length; index++) {
    const [before, after] = [samples[index - 1]!, samples[index]!];
    const second = Math.floor((before.seconds + after.seconds) / 2);
    if (second >= 0 && second < seconds) column[second]! += Math.max(0, of(after) - of(before));
  }
  return column;
}
