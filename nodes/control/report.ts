/** What a distribution came to, in the words of a simulation's result (M33). */
import type { Control } from './control.ts';
import { liveTask } from './live-state.ts';
import { hasWhole, type TaskEntry } from './task-table.ts';

export function reportOf(entry: TaskEntry, control: Control) {
  const { record } = entry;
  const live = liveTask(entry);
  const rows = [...entry.clients.values()];
  const seconds = rows
    .filter((row) => hasWhole(row) && row.progress !== undefined)
    .map((row) => row.progress!.elapsedMilliseconds / 1000)
    .sort((left, right) => left - right);
  const opened = { slow: 0, stalled: 0, blocked: 0, overdue: 0 };
  let duplicate = 0;
  let discarded = 0;
  for (const { progress } of rows) {
    if (progress === undefined) continue;
    duplicate += progress.duplicateBytes;
    discarded += progress.discardedBytes;
    for (const reason of ['slow', 'stalled', 'blocked', 'overdue'] as const) {
      opened[reason] += progress.fallbackOpened[reason];
    }
  }
  const { origin, relay, peer } = live.received;
  const total = origin + relay + peer;
  const share = (bytes: number): number => (total === 0 ? 0 : bytes / total);
  return {
    task: record.id,
    name: record.file.name,
    state: record.state,
    problem: record.problem ?? null,
    origin: record.origin,
    sizeBytes: record.file.sizeBytes,
    sha256: record.file.sha256 ?? null,
    createdBy: record.createdBy,
    createdAt: new Date(record.createdAtMilliseconds).toISOString(),
    finishedAt:
      record.finishedAtMilliseconds === undefined ? null : new Date(record.finishedAtMilliseconds).toISOString(),
    clients: live.clients,
    completionSeconds: {
      p50: quantile(seconds, 0.5),
      p90: quantile(seconds, 0.9),
      p99: quantile(seconds, 0.99),
      max: seconds.at(-1) ?? null,
    },
    estimate: record.estimate,
    bytes: {
      ...live.received,
      verified: live.verifiedBytes,
      duplicate,
      discarded,
      originToRelay: live.originToRelayBytes,
      originSent: origin + live.originToRelayBytes,
    },
    share: { origin: share(origin), relay: share(relay), peer: share(peer) },
    fallback: { opened: Object.values(opened).reduce((sum, one) => sum + one), byReason: opened },
    relays: [...entry.relays.values()].map((row) => ({
      relay: row.relay,
      state: row.state,
      region: control.fleet.nodes.get(row.relay)?.record.hello?.region ?? null,
      received: row.progress?.received ?? null,
      sent: row.progress?.sent ?? null,
    })),
    failures: rows
      .filter(({ state }) => state === 'failed')
      .slice(0, 100)
      .map(({ client, progress }) => ({ client, error: progress?.error ?? 'refused the task' })),
  };
}

/** Nearest rank. */
function quantile(sorted: number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}
