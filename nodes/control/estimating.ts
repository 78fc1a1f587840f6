/** The estimate of core/scheduler from what nodes said of themselves and from earlier tasks (M6). */

import { assumedLinks } from '#core/limits.ts';
import { estimateReasons } from '#core/record.ts';
import { efficiencyOf, estimateTask } from '#core/scheduler/estimate.ts';
import type { CompiledInstruction } from '#nodes/protocol/instruction.ts';
import { compileOriginContract } from '#nodes/protocol/instruction.ts';
import type { OriginRecord, TaskEstimate } from '../store/records.ts';
import type { FleetNode } from './fleet.ts';
import { hasWhole, type TaskEntry } from './task-table.ts';

const { downlinkBytesPerSecond: downlinkUnknown, uplinkBytesPerSecond: uplinkUnknown } = assumedLinks;
const { serverBytesPerSecond: serverUnknown } = assumedLinks;
/** Earlier tasks that are looked at: the latest. */
const historyMax = 50;

export interface EstimateSituation {
  fileBytes: number;
  compiled: CompiledInstruction;
  origin: OriginRecord;
  clients: FleetNode[];
  relays: FleetNode[];
  earlier: Iterable<TaskEntry>;
}

export function estimateOf(situation: EstimateSituation): TaskEstimate {
  const { fileBytes, compiled, origin, clients, relays } = situation;
  const { bytesPerSecond } = compileOriginContract(origin.contract);
  const history = historyOf(situation.earlier);
  const downlinks = clients.map(({ record }) => record.hello?.downlinkBytesPerSecond ?? downlinkUnknown);
  const reachable = clients.filter(({ record }) => record.hello?.peerToPeer !== 'blocked');
  const input = {
    fileBytes,
    clientCount: clients.length,
    downlinkBytesPerSecond: downlinks.reduce((least, one) => Math.min(least, one), serverUnknown),
    uplinkSumBytesPerSecond: sum(reachable, ({ record }) => record.hello?.uplinkBytesPerSecond ?? uplinkUnknown),
    relayUplinkSumBytesPerSecond: sum(
      relays,
      ({ record }) => record.hello?.relay?.sendBytesPerSecondMax ?? serverUnknown,
    ),
    relayCount: relays.length,
    sourceBytesPerSecond: Math.min(bytesPerSecond, compiled.ceilingBytesPerSecond, serverUnknown),
    relaysExchange: compiled.policy.relay.exchange,
    sourceServesClients: compiled.policy.http.sources.includes('origin'),
    originRatio: history.originRatio,
    relayRatio: history.relayRatio,
    efficiencyRatio: history.efficiencyRatio,
  };
  const estimate = estimateTask(input);
  const bound = estimateTask({ ...input, efficiencyRatio: 1 }).finishMilliseconds;
  return {
    ...(estimate.finishMilliseconds === Infinity ? {} : { finishMilliseconds: Math.ceil(estimate.finishMilliseconds) }),
    reason: estimateReasons[estimate.reason]!,
    originBytes: Math.round(estimate.originBytes),
    relayBytes: Math.round(estimate.relayBytes),
    peerBytes: Math.round(estimate.peerBytes),
    originBytesPerSecond: Math.round(estimate.originBytesPerSecond),
    ...(bound === Infinity ? {} : { boundMilliseconds: bound }),
  };
}

/** Shares and efficiency of the tasks that have come to their end. */
function historyOf(earlier: Iterable<TaskEntry>) {
  const bounds: number[] = [];
  const took: number[] = [];
  const received = { origin: 0, relay: 0, peer: 0 };
  const done = [...earlier].filter(({ record }) => record.state === 'complete').slice(-historyMax);
  for (const { record, clients } of done) {
    const { boundMilliseconds } = record.estimate;
    if (boundMilliseconds !== undefined && record.finishedAtMilliseconds !== undefined) {
      bounds.push(boundMilliseconds);
      took.push(Math.max(boundMilliseconds, record.finishedAtMilliseconds - record.createdAtMilliseconds));
    }
    for (const row of clients.values()) {
      if (row.progress === undefined || !hasWhole(row)) continue;
      received.origin += row.progress.received.origin;
      received.relay += row.progress.received.relay;
      received.peer += row.progress.received.peer;
    }
  }
  const total = received.origin + received.relay + received.peer;
  return {
    efficiencyRatio: efficiencyOf(bounds, took),
    originRatio: total === 0 ? 0 : received.origin / total,
    relayRatio: total === 0 ? 0 : received.relay / total,
  };
}

function sum<Item>(items: Item[], value: (item: Item) => number): number {
  let total = 0;
  for (const item of items) total += value(item);
  return total;
}
