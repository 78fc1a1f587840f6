/** How much disk a relay's files may take: the whole files that nobody was served from longest make room. */
import { statfs } from 'node:fs/promises';

export interface Evictable {
  task: string;
  sizeBytes: number;
  /** On the process's clock. */
  lastServedAt: number;
  /** Whole, and nobody's task needs it now. */
  mayGo: boolean;
}

/** Left to the rest of the machine. */
const reserveBytes = 256 * 1024 * 1024;

/** Tasks to evict, in order, so that `bytes` more fit; undefined where even all of them are not enough. */
export function evictions(
  held: Evictable[],
  bytes: number,
  budgetBytes: number,
  diskFreeBytes: number,
): string[] | undefined {
  const heldBytes = held.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let missing = Math.max(heldBytes + bytes - budgetBytes, bytes + reserveBytes - diskFreeBytes);
  const chosen: string[] = [];
  for (const one of held.filter(({ mayGo }) => mayGo).sort((a, b) => a.lastServedAt - b.lastServedAt)) {
    if (missing <= 0) break;
    missing -= one.sizeBytes;
    chosen.push(one.task);
  }
  return missing > 0 ? undefined : chosen;
}

export async function diskFreeBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}
