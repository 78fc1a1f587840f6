/** A directory that is gone afterwards, and bytes that are the same for the same seed. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-nodes-'));
  try {
    await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/** No two blocks are alike, so that a piece in the wrong place is found. */
export function content(length: number, seed = 1): Buffer {
  const block = 65_536;
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at += 32) {
    const isNew = at % block === 0;
    if (isNew || at >= 32) {
      const hash = isNew || at % 1024 === 0 ? createHash('sha256').update(`${seed} ${at}`).digest() : undefined;
      (hash ?? bytes.subarray(at - 32, at)).copy(bytes, at, 0, Math.min(32, length - at));
    }
  }
  return bytes;
}
