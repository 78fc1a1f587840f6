/**
 * Nodes that failed are told again (M24): as often as the instruction's `retries` say, each time after twice as long.
 * Until then a client counts as waiting, not as failed. A control that restarts counts anew.
 */
import type { ClientTaskRecord, RelayTaskRecord } from '../store/records.ts';
import { revisionOf } from './assigning.ts';
import type { TaskEntry } from './task-table.ts';

const firstMilliseconds = 2_000;
const longestMilliseconds = 600_000;

type Row = ClientTaskRecord | RelayTaskRecord;

interface Attempts {
  entry: TaskEntry;
  /** How often it was told again. */
  count: number;
  /** Infinity: it is under way again. */
  dueAtMilliseconds: number;
  /** Of the assignment that told it again: a failure of one before it is old news. */
  revision: number;
}

export class Retries {
  readonly #attempts = new Map<Row, Attempts>();

  /**
   * The node says that it failed; `heldRevision` is the latest assignment that it has answered. False: it was tried
   * as often as it may be.
   */
  postpone(entry: TaskEntry, row: Row, heldRevision: number, nowMilliseconds: number): boolean {
    const attempts = this.#attempts.get(row) ?? { entry, count: 0, dueAtMilliseconds: Infinity, revision: 0 };
    if (attempts.dueAtMilliseconds < Infinity || heldRevision < attempts.revision) return true;
    if (attempts.count >= entry.compiled.distribution.retries) return false;
    const longest = Math.min(longestMilliseconds, firstMilliseconds * 2 ** attempts.count);
    // At least half of it; the rest by chance, so that those who failed together do not return together.
    attempts.dueAtMilliseconds = nowMilliseconds + longest * (0.5 + Math.random() / 2);
    this.#attempts.set(row, attempts);
    return true;
  }

  /** Those whose time has come; each is wanted anew from now on. */
  take(nowMilliseconds: number): { entry: TaskEntry; row: Row; node: string; count: number }[] {
    const taken: ReturnType<Retries['take']> = [];
    for (const [row, attempts] of this.#attempts) {
      const { entry, dueAtMilliseconds } = attempts;
      if (!['active', 'paused', 'waiting'].includes(entry.record.state)) this.#attempts.delete(row);
      if (dueAtMilliseconds > nowMilliseconds || entry.record.state !== 'active') continue;
      row.revision++;
      attempts.count++;
      attempts.dueAtMilliseconds = Infinity;
      attempts.revision = revisionOf(entry, row);
      taken.push({ entry, row, node: 'client' in row ? row.client : row.relay, count: attempts.count });
    }
    return taken;
  }
}
