/** What clients of a task are told of the whole: the brake φ and the cohort that thresholds are held against (M25). */
import { paceUnderLoad } from '#core/scheduler/dispatch.ts';
import type { Fleet } from './fleet.ts';
import { isUsable } from './relay-chooser.ts';
import type { TaskEntry } from './task-table.ts';

/** Changes below it are not worth a message. */
const noticeableRatio = 0.1;

/** Looks at what was reported; raises the revision when clients should hear of it. */
export function guide(entry: TaskEntry, fleet: Fleet): void {
  const { guidance } = entry;
  const brakeRatio = paceUnderLoad(1, relayLoad(entry, fleet));
  const cohorts = cohortsOf(entry, fleet);
  const kinds = new Set([...cohorts.keys(), ...guidance.cohorts.keys()]);
  const isChanged =
    differs(brakeRatio, guidance.brakeRatio) ||
    [...kinds].some((kind) => {
      const now = cohorts.get(kind);
      const before = guidance.cohorts.get(kind);
      return (
        differs(now?.size ?? 0, before?.size ?? 0) ||
        differs(now?.firstQuartileBytesPerSecond ?? 0, before?.firstQuartileBytesPerSecond ?? 0)
      );
    });
  if (!isChanged) return;
  entry.guidance = { revision: guidance.revision + 1, brakeRatio, cohorts };
}

/** Of the relays together: HTTP goes to them first. What goes past them to the origin is bounded by leases. */
function relayLoad(entry: TaskEntry, fleet: Fleet): number {
  let sum = 0;
  let count = 0;
  for (const { relay, state } of entry.relays.values()) {
    const node = fleet.nodes.get(relay);
    if (state === 'moved' || node === undefined || !isUsable(node)) continue;
    sum += node.status?.loadRatio ?? 0;
    count++;
  }
  return count === 0 ? 0 : sum / count;
}

function cohortsOf(entry: TaskEntry, fleet: Fleet) {
  const rates = new Map<string, number[]>();
  for (const { client, progress } of entry.clients.values()) {
    if (progress?.state !== 'transferring') continue;
    const kind = fleet.nodes.get(client)?.record.hello?.network ?? 'unknown';
    const known = rates.get(kind);
    if (known === undefined) rates.set(kind, [progress.bittorrentBytesPerSecond]);
    else known.push(progress.bittorrentBytesPerSecond);
  }
  return new Map(
    [...rates].map(([kind, list]) => {
      const sorted = Float64Array.from(list).sort();
      return [kind, { firstQuartileBytesPerSecond: sorted[Math.floor(sorted.length / 4)]!, size: sorted.length }];
    }),
  );
}

function differs(now: number, before: number): boolean {
  return Math.abs(now - before) > noticeableRatio * Math.max(Math.abs(before), Math.abs(now));
}
