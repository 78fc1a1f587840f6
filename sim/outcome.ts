/** What a run amounts to: the part of a result that depends on the scenario alone, not on the machine. */
import { microsecondsPerSecond, millisecondsPerSecond } from '#core/units.ts';
import { type BoundInput, boundContract, lowerBound } from '#scenarios/format/bounds.ts';
import type {
  Bytes,
  ClassSummary,
  ClientCounts,
  FinishQuantiles,
  Outcome,
  Series,
  Summary,
} from '#scenarios/format/result.ts';
import type { ClassAccount } from './accounts.ts';
import { costOf } from './cost.ts';
import { flowKind } from './flow-meter.ts';
import { reach } from './population.ts';
import { allQuantiles, at, curve, jain, quantiles } from './quantiles.ts';
import { rollingMaximum } from './rolling-maximum.ts';
import { status } from './state.ts';
import type { TaskRun } from './task-run.ts';
import type { World } from './world.ts';

const seriesRowsMax = 1000;
const accountKeys = ['origin', 'relay', 'peer', 'delivered', 'duplicate', 'discarded', 'partial'] as const;

export function outcomeOf(world: World): Outcome {
  const { state } = world;
  const { scenario, accounts, population } = state;
  const { endpointCount, clientsFrom } = population;
  const seconds = Math.max(1, Math.ceil(state.now / microsecondsPerSecond));
  const everybody = rows(clientsFrom, endpointCount);
  const completion = durations(world, everybody);
  const bytes = bytesOf(world);
  const flow = [flowKind.origin, flowKind.relay, flowKind.peer].map((kind) =>
    resized(state.flow.column(kind), seconds),
  );
  const bound = boundOf(world, everybody);
  const finish = quantiles(finishes(world, everybody));
  const summary: Summary = {
    clients: countsOf(world, everybody),
    completionSeconds: allQuantiles(completion),
    finishSeconds: { p50: finish.p50, p95: finish.p95, p99: finish.p99, max: finish.max },
    firstByteSeconds: firstByte(world, everybody),
    bound,
    bytes,
    share: shareOf(bytes),
    origin: {
      peakBytesPerSecond: Math.round(maximum(flow[0])),
      peakConnections: world.watch.peakConnections,
      trafficMaxPerWindow: trafficPerWindow(world, flow[0]),
      useWhileShort: world.watch.useWhileShort(),
      violations: world.watch.violations,
      violationsAt: world.watch.violationsAt,
    },
    fallback: fallbackOf(world),
    cost: costOf(scenario, accounts, bytes, flow[0], seconds),
    fairness: { jainCompletion: jain(completion) },
    control: {
      messages: total(world, ({ control }) => control.messages) + world.mail.sentCount,
      bytes: total(world, ({ control }) => control.bytes) + world.mail.bytes,
    },
  };
  return {
    summary,
    byClass: classesOf(world),
    ...(world.tasks.length > 1 ? { byTask: tasksOf(world) } : {}),
    series: seriesOf(world, flow, seconds),
    cdf: { completionSeconds: curve(completion) },
    events: state.queue.poppedCount,
    transfers: accounts.transferCount,
    memoryBytesPerClient: Math.round(tableBytes(world) / (endpointCount - clientsFrom)),
  };
}

/** Bytes of the tables that grow with the population. */
function tableBytes(world: World): number {
  const { network, queue, swarmRates } = world.state;
  const shared = network.bytes() + queue.bytes() + (swarmRates?.tableBytes() ?? 0);
  return shared + total(world, taskBytes);
}

function taskBytes({ state, availability, tracker, swarm, fallback, downloads, http }: TaskRun): number {
  const columns = state.population.endpointCount * (8 * 4 + 1 * 4 + 2 * 2 + 8 * 2);
  const swarmBytes = state.policy.swarm.enabled ? tracker.tableBytes() + swarm.tableBytes() : 0;
  const watchBytes = fallback === null ? 0 : fallback.tableBytes();
  return (
    columns + availability.counts.byteLength + swarmBytes + watchBytes + downloads.tableBytes() + http.tableBytes()
  );
}

function total(world: World, of: (task: TaskRun) => number): number {
  return world.tasks.reduce((sum, task) => sum + of(task), 0);
}

function rows(from: number, end: number): Int32Array {
  return Int32Array.from({ length: end - from }, (_, index) => from + index);
}

function countsOf(world: World, clients: Int32Array): ClientCounts {
  const counts = { total: clients.length, completed: 0, unfinished: 0, failed: 0, left: 0 };
  const { completedAt } = world.state;
  for (const client of clients) {
    const is = world.statusOf(client);
    if (completedAt[client] < Infinity) counts.completed++;
    else if (is === status.left) counts.left++;
    else if (is === status.failed) counts.failed++;
    else counts.unfinished++;
  }
  return counts;
}

/** Those who left before they had finished do not count; an unfinished one counts as Infinity. Rising. */
function counted(world: World, clients: Int32Array, value: (client: number) => number): Float64Array {
  const { completedAt } = world.state;
  const values = new Float64Array(clients.length);
  let count = 0;
  for (const client of clients) {
    if (completedAt[client] === Infinity && world.statusOf(client) === status.left) continue;
    values[count++] = value(client);
  }
  return values.slice(0, count).sort();
}

function durations(world: World, clients: Int32Array): Float64Array {
  const { completedAt, population } = world.state;
  return counted(
    world,
    clients,
    (client) => (completedAt[client] - population.arriveAt[client]) / microsecondsPerSecond,
  );
}

function finishes(world: World, clients: Int32Array): Float64Array {
  const { completedAt } = world.state;
  return counted(world, clients, (client) => completedAt[client] / microsecondsPerSecond);
}

function firstByte(world: World, clients: Int32Array): { p50: number | null; p99: number | null } {
  const { firstByteAt, population } = world.state;
  const values = counted(
    world,
    clients,
    (client) => (firstByteAt[client] - population.arriveAt[client]) / microsecondsPerSecond,
  );
  return { p50: at(values, 0.5), p99: at(values, 0.99) };
}

/** Bound of all tasks together; the source may work for each as if it were alone. */
function boundOf(world: World, clients: Int32Array): Summary['bound'] {
  const done = finishes(world, clients);
  const inputs = world.tasks.map((task) => boundInput(task));
  const { which, at: bounds } = lowerBound(inputs, done.length);
  const real = quantiles(done);
  const ratio = (name: keyof FinishQuantiles) => (real[name] === null ? null : real[name] / bounds[name as 'p50']);
  return { which, at: bounds, ratio: { p50: ratio('p50'), p95: ratio('p95'), p99: ratio('p99'), max: ratio('max') } };
}

function boundInput({ state }: TaskRun): BoundInput {
  const { scenario, population, policy, task } = state;
  const clients = Int32Array.from(state.clients());
  const column = (values: ArrayLike<number>) => Float64Array.from(clients, (client) => values[client]);
  const contract = boundContract(scenario);
  return {
    fileBytes: task.file.sizeBytes,
    arrivalSeconds: column(population.arriveAt).map((at) => at / microsecondsPerSecond),
    uplinkBytesPerSecond: column(population.uplinkBytesPerSecond),
    downlinkBytesPerSecond: column(population.downlinkBytesPerSecond),
    peering: Uint8Array.from(clients, (client) => (population.reach[client] === reach.blocked ? 0 : 1)),
    source: { uplinkBytesPerSecond: scenario.origin.uplinkBytesPerSecond, ...(policy.contract ? { contract } : {}) },
    relays: scenario.relays.flatMap((relay) =>
      Array.from({ length: relay.count }, () => ({
        uplinkBytesPerSecond: relay.uplinkBytesPerSecond,
        holdsAll: relay.holdsAll,
      })),
    ),
    startSeconds: task.startMilliseconds / millisecondsPerSecond,
  };
}

function bytesOf(world: World): Bytes {
  const { accounts } = world.state;
  const sum = (name: (typeof accountKeys)[number]) =>
    accounts.classes.reduce((total, account) => total + account[name], 0);
  const origin = sum('origin');
  return {
    origin,
    relay: sum('relay'),
    peer: sum('peer'),
    delivered: sum('delivered'),
    duplicate: sum('duplicate'),
    discarded: sum('discarded'),
    partial: sum('partial'),
    originToRelay: accounts.originToRelay,
    relayToRelay: accounts.relayToRelay,
    peerToRelay: accounts.peerToRelay,
    originSent: origin + accounts.originToRelay,
  };
}

function shareOf(bytes: Bytes): { origin: number; relay: number; peer: number } {
  const total = bytes.origin + bytes.relay + bytes.peer;
  if (total === 0) return { origin: 0, relay: 0, peer: 0 };
  return { origin: bytes.origin / total, relay: bytes.relay / total, peer: bytes.peer / total };
}

function fallbackOf(world: World): Summary['fallback'] {
  const byReason = (reason: number) => total(world, ({ fallback }) => fallback?.byReason[reason] ?? 0);
  return {
    opened: total(world, ({ fallback }) => fallback?.opened ?? 0),
    byReason: { slow: byReason(1), stalled: byReason(2), blocked: byReason(3), overdue: byReason(4) },
    openSeconds: total(world, ({ fallback }) => fallback?.openSeconds ?? 0),
  };
}

function trafficPerWindow(world: World, origin: Float64Array): Record<string, number> {
  const windows: Record<string, number> = {};
  for (const { name, windowMilliseconds } of world.state.scenario.origin.contract.traffic) {
    windows[name] = Math.round(rollingMaximum(origin, Math.ceil(windowMilliseconds / millisecondsPerSecond)));
  }
  return windows;
}

function classesOf(world: World): ClassSummary[] {
  const { scenario, population, accounts } = world.state;
  let from = population.clientsFrom;
  return scenario.clients.map(({ name, count }, index) => {
    const clients = rows(from, from + count);
    from += count;
    return summaryOf(world, name, clients, [accounts.classes[index]]);
  });
}

function tasksOf(world: World): ClassSummary[] {
  return world.tasks.map(({ state }) => {
    const classes = state.task.clients.map((index) => state.accounts.classes[index]);
    return summaryOf(world, state.task.name, Int32Array.from(state.clients()), classes);
  });
}

function summaryOf(world: World, name: string, clients: Int32Array, accounts: readonly ClassAccount[]): ClassSummary {
  const bytes = { ...accounts[0] };
  for (const account of accounts.slice(1)) for (const key of accountKeys) bytes[key] += account[key];
  return {
    name,
    clients: countsOf(world, clients),
    completionSeconds: allQuantiles(durations(world, clients)),
    bytes,
  };
}

/** Seconds put together into at most `seriesRowsMax` steps. */
function seriesOf(world: World, flow: Float64Array[], seconds: number): { stepSeconds: number; columns: Series } {
  const stepSeconds = Math.ceil(seconds / seriesRowsMax);
  const count = Math.ceil(seconds / stepSeconds);
  const steps = Array.from({ length: count }, (_, step) => step);
  const mean = (column: Float64Array) =>
    steps.map((step) => {
      const end = Math.min(seconds, (step + 1) * stepSeconds);
      let sum = 0;
      for (let second = step * stepSeconds; second < end; second++) sum += column[second];
      return Math.round(sum / (end - step * stepSeconds));
    });
  const last = (column: Float64Array) => steps.map((step) => column[Math.min(seconds, (step + 1) * stepSeconds) - 1]);
  const { gauges } = world;
  return {
    stepSeconds,
    columns: {
      time: steps.map((step) => step * stepSeconds),
      originBytesPerSecond: mean(flow[0]),
      relayBytesPerSecond: mean(flow[1]),
      peerBytesPerSecond: mean(flow[2]),
      originConnections: last(gauges.originConnections.column(seconds)),
      completed: last(gauges.completed.column(seconds)),
      fallbackOpen: last(gauges.fallbackOpen.column(seconds)),
    },
  };
}

function resized(column: Float64Array, count: number): Float64Array {
  const copy = new Float64Array(count);
  copy.set(column.subarray(0, count));
  return copy;
}

function maximum(column: Float64Array): number {
  let most = 0;
  for (const value of column) most = Math.max(most, value);
  return most;
}
