/** The wanted state of a task on a node, put together from the task, its row and the fleet as they are now. */

import { scenarioDefaults } from '#core/limits.ts';
import { safeShareOf } from '#core/quota/safe-share.ts';
import { quotaTermsDefault } from '#core/quota/terms.ts';
import type { Assignment, GrowingTask, Limits, RelayAddress } from '#nodes/protocol/assignment.ts';
import { compileOriginContract } from '#nodes/protocol/instruction.ts';
import { relaysMax, trackersMax } from '#nodes/protocol/limits.ts';
import { printPolicy } from '#scenarios/format/policy-text.ts';
import type { ClientTaskRecord, GrowingRecord, RelayTaskRecord } from '../store/records.ts';
import type { Fleet } from './fleet.ts';
import { reachesOrigin, toldAccess } from './origin-reach.ts';
import { clientsShare, relaysShare, type TaskEntry } from './task-table.ts';

/** Where connections have no limit, neither has a part of them: so many are enough. */
const safeConnectionsMax = 64;

/** Rises with every change of the task and of the row. */
export function revisionOf(entry: TaskEntry, row: RelayTaskRecord | ClientTaskRecord): number {
  return entry.record.revision + row.revision;
}

export function clientAssignment(
  entry: TaskEntry,
  row: ClientTaskRecord,
  fleet: Fleet,
  controlKey: string,
): Assignment {
  const common = commonOf(entry, row, fleet, controlKey, 'client', row.relay);
  return {
    role: 'client',
    ...common,
    // A client that cannot ask the origin has relays and peers alone.
    ...(reachesOrigin(entry.origin, entry.record) ? {} : { limits: { ...common.limits, originConnections: 0 } }),
    lease: { origin: entry.origin.number, holder: row.holder, node: clientsShare(entry.record.sharePosition) },
  };
}

export function relayAssignment(entry: TaskEntry, row: RelayTaskRecord, fleet: Fleet, controlKey: string): Assignment {
  const common = commonOf(entry, row, fleet, controlKey, 'relay', undefined);
  const { relay } = entry.compiled.policy;
  return {
    role: 'relay',
    ...common,
    // What another relay has taken over is no longer this one's, even if it comes back.
    state: row.state === 'moved' ? 'cancelled' : common.state,
    relays: common.relays.filter((other) => other.relay !== row.relay),
    lease: { origin: entry.origin.number, holder: row.holder, node: relaysShare(entry.record.sharePosition) },
    part: { firstByte: row.firstByte, endByte: row.endByte },
    pullConnections: relay.pullConnections,
    ...safeShareFor(entry, row.relay, fleet),
    bufferBeforeServingBytes: relay.completeFirst
      ? entry.record.file.sizeBytes
      : Math.min(scenarioDefaults.bufferBeforeServingBytes, entry.record.file.sizeBytes),
  };
}

/** Its part of what is never leased; none of an origin that is paused, or whose rate has no limit to take a part of. */
function safeShareFor({ origin }: TaskEntry, relay: string, fleet: Fleet) {
  const position = fleet.relays.findIndex(({ record }) => record.name === relay);
  if (origin.paused || position < 0 || position >= fleet.safeRelayCount) return {};
  const contract = compileOriginContract(origin.contract);
  const part = safeShareOf(contract, quotaTermsDefault, position, fleet.safeRelayCount);
  const { bytesPerSecond, burstBytes, windows } = part;
  const connections = Math.min(part.connections, safeConnectionsMax);
  if (connections === 0 || bytesPerSecond === Infinity || burstBytes === Infinity) return {};
  return { safeShare: { connections, bytesPerSecond, burstBytes, windows } };
}

function commonOf(
  entry: TaskEntry,
  row: RelayTaskRecord | ClientTaskRecord,
  fleet: Fleet,
  controlKey: string,
  role: Assignment['role'],
  first: string | undefined,
) {
  const { record, compiled } = entry;
  const relays = relaysOf(entry, fleet, first);
  const { deadlineMilliseconds } = compiled;
  return {
    task: record.id,
    revision: revisionOf(entry, row),
    state: record.state,
    file: record.file,
    origin: entry.origin.name,
    ...toldAccess(entry.origin, record, role),
    ...(record.manifest === undefined ? {} : { manifest: record.manifest }),
    ...(record.growing === undefined ? {} : { growing: growingOf(record.growing, controlKey) }),
    ...(record.infoHash === undefined ? {} : { infoHash: record.infoHash }),
    trackers: [...new Set(relays.flatMap(({ trackers }) => trackers))].slice(0, trackersMax),
    relays: relays.slice(0, relaysMax).map(({ trackers: _, ...address }) => address),
    clientCount: entry.clients.size,
    policy: printPolicy(compiled.policy),
    limits: limitsOf(entry),
    estimate: {
      ...(record.estimate.finishMilliseconds === undefined
        ? {}
        : { finishMilliseconds: Math.ceil(record.estimate.finishMilliseconds) }),
      reason: record.estimate.reason,
    },
    ...(deadlineMilliseconds === Infinity
      ? {}
      : { deadlineAtMilliseconds: Math.round(record.createdAtMilliseconds + deadlineMilliseconds) }),
    band: record.instruction.band,
  };
}

function growingOf({ distrusted: _, ...growing }: GrowingRecord, controlKey: string): GrowingTask {
  return { ...growing, controlKey };
}

/** Those that take part and can be reached, the client's own first. */
function relaysOf(
  entry: TaskEntry,
  fleet: Fleet,
  first: string | undefined,
): (RelayAddress & { trackers: string[] })[] {
  const rows = [...entry.relays.values()].filter(({ state }) => state !== 'moved');
  rows.sort((left, right) => Number(right.relay === first) - Number(left.relay === first));
  return rows.flatMap(({ relay }) => {
    const capacity = fleet.nodes.get(relay)?.record.hello?.relay;
    if (capacity === undefined) return [];
    const { httpUrl, peer, trackers } = capacity;
    return [{ relay, httpUrl, trackers, ...(peer === undefined ? {} : { peer }) }];
  });
}

function limitsOf({ compiled }: TaskEntry): Limits {
  const { distribution } = compiled;
  return {
    originConnections: distribution.originConnections,
    ...bounded('peerConnections', distribution.peerConnections),
    ...bounded('receiveBytesPerSecondMax', distribution.speedMaxBytesPerSecond),
    ...(distribution.speedFloorBytesPerSecond > 0
      ? bounded('speedFloorBytesPerSecond', distribution.speedFloorBytesPerSecond)
      : {}),
    retries: distribution.retries,
    timeoutMilliseconds: Math.ceil(distribution.timeoutMilliseconds),
    priorityPieces: distribution.priorityPieces,
    protocols: distribution.protocols,
    shareMax: distribution.shareMax,
  };
}

/** On the wire what is not limited is absent. */
function bounded<Key extends string>(key: Key, value: number): { [K in Key]?: number } {
  return (value === Infinity ? {} : { [key]: Math.floor(value) }) as { [K in Key]?: number };
}
