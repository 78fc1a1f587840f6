/** The state of the fleet as one object: what the visualiser, `sluice status` and the metrics show (M32, M33). */
import type { OriginContract } from '#core/quota/contract.ts';
import { compileOriginContract } from '#nodes/protocol/instruction.ts';
import type { LiveState, LiveTask } from '#nodes/protocol/live.ts';
import type { Control } from './control.ts';
import type { LeaseDesk } from './lease-desk.ts';
import type { TaskEntry } from './task-table.ts';

/** Tasks that are over stay visible for so long. */
const overVisibleMilliseconds = 3_600_000;

export function liveState(control: Control, nowMilliseconds: number): LiveState {
  const tasks = [...control.tasks.tasks.values()].filter(({ record }) => {
    const { finishedAtMilliseconds } = record;
    return finishedAtMilliseconds === undefined || nowMilliseconds - finishedAtMilliseconds < overVisibleMilliseconds;
  });
  return {
    kind: 'state',
    version: 1,
    atMilliseconds: nowMilliseconds,
    nodes: (['relay', 'client'] as const).map((role) => ({
      role,
      enrolled: control.fleet.count(role),
      connected: control.fleet.connectedCount(role),
    })),
    tasks: tasks.map(liveTask),
    relays: control.fleet.relays.map(({ record, session, status }) => ({
      relay: record.name,
      ...(record.hello?.region === undefined ? {} : { region: record.hello.region }),
      connected: session !== undefined,
      draining: status?.draining ?? false,
      loadRatio: status?.loadRatio ?? 0,
      connections: status?.connections ?? 0,
      connectionsMax: record.hello?.relay?.connectionsMax ?? 0,
      sendBytesPerSecond: status?.sendBytesPerSecond ?? 0,
      tasks: [...control.tasks.tasksOf(record.name)].filter((entry) => entry.record.state === 'active').length,
    })),
    origins: [...control.desks.values()].map((desk) => liveOrigin(desk)),
  };
}

export function liveTask(entry: TaskEntry): LiveTask {
  const { record, compiled } = entry;
  const { deadlineMilliseconds } = compiled;
  const { finishMilliseconds } = record.estimate;
  const clients = {
    total: entry.clients.size,
    waiting: 0,
    transferring: 0,
    verifying: 0,
    seeding: 0,
    paused: 0,
    complete: 0,
    cancelled: 0,
    failed: 0,
  };
  const received = { origin: 0, relay: 0, peer: 0 };
  const rates = { total: 0, bittorrent: 0 };
  const fallbackOpen = { slow: 0, stalled: 0, blocked: 0, overdue: 0 };
  let verifiedBytes = 0;
  for (const { state, progress } of entry.clients.values()) {
    clients[state]++;
    if (progress === undefined) continue;
    verifiedBytes += progress.verifiedBytes;
    for (const source of ['origin', 'relay', 'peer'] as const) received[source] += progress.received[source];
    if (state !== 'transferring') continue;
    rates.total += progress.receiveBytesPerSecond;
    rates.bittorrent += progress.bittorrentBytesPerSecond;
    if (progress.fallback !== undefined) fallbackOpen[progress.fallback]++;
  }
  let originToRelayBytes = 0;
  for (const { progress } of entry.relays.values()) originToRelayBytes += progress?.received.origin ?? 0;
  return {
    task: record.id,
    name: record.file.name,
    state: record.state,
    ...(record.problem === undefined ? {} : { problem: record.problem }),
    origin: record.origin,
    sizeBytes: record.file.sizeBytes,
    createdAtMilliseconds: record.createdAtMilliseconds,
    ...(finishMilliseconds === undefined ? {} : { estimatedFinishMilliseconds: finishMilliseconds }),
    ...(deadlineMilliseconds === Infinity
      ? {}
      : { deadlineAtMilliseconds: Math.round(record.createdAtMilliseconds + deadlineMilliseconds) }),
    clients,
    relays: [...entry.relays.values()].filter(({ state }) => state !== 'moved').length,
    verifiedBytes,
    received,
    originToRelayBytes,
    receiveBytesPerSecond: rates,
    fallbackOpen,
    brakeRatio: entry.guidance.brakeRatio,
  };
}

function liveOrigin(desk: LeaseDesk): LiveState['origins'][number] {
  const { origin, owner } = desk;
  const contract = compileOriginContract(origin.contract);
  const { accounts } = owner;
  const usedBytes = desk.windowBytes();
  const granted = { connections: 0, bytesPerSecond: 0 };
  let holders = 0;
  for (let row = 0; row < accounts.end; row++) {
    if (accounts.isUsed[row] === 0 || accounts.promises.count[row] === 0) continue;
    holders++;
    granted.connections += accounts.promises.committedSlots[row]!;
    granted.bytesPerSecond += accounts.promises.committedBytesPerSecond[row]!;
  }
  const windows = (bytes: (index: number) => number) =>
    contract.windows.map(({ windowMilliseconds }, index) => ({ windowMilliseconds, bytes: bytes(index) }));
  return {
    origin: origin.name,
    limit: { ...limited(contract), windows: windows((index) => contract.windows[index]!.bytes) },
    granted: { ...granted, windows: windows((index) => accounts.windows[index]!.reservedBytes) },
    used: {
      bytesPerSecond: desk.spentBytesPerSecond,
      windows: windows((index) => usedBytes[index]!),
      totalBytes: accounts.totals.spentBytes,
    },
    holders,
    paused: origin.paused,
  };
}

function limited({ connections, bytesPerSecond }: OriginContract) {
  return {
    ...(connections === Infinity ? {} : { connections }),
    ...(bytesPerSecond === Infinity ? {} : { bytesPerSecond }),
  };
}
