/**
 * The number under which a holder's account begins: higher than every one before it, over restarts and whatever the
 * wall clock does in between. Control takes no request under a lower one, so a clock that was set back would keep a
 * node from the origin until it has caught up.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** More than the accounts that one process begins: one for each lease that it gives back. */
const accountsOfProcess = 1_000_000;

export function nextAccount(stateDirectory: string, nowMilliseconds = Date.now()): number {
  const path = join(stateDirectory, 'account');
  const account = Math.max(nowMilliseconds, lastAccount(path) + accountsOfProcess);
  mkdirSync(stateDirectory, { recursive: true });
  writeFileSync(`${path}.new`, String(account), { flush: true });
  renameSync(`${path}.new`, path);
  return account;
}

function lastAccount(path: string): number {
  try {
    const number = Number(readFileSync(path, 'utf8'));
    // A torn or foreign text must not lead where numbers are no longer exact.
    return Number.isSafeInteger(number) && number > 0 && number < Number.MAX_SAFE_INTEGER / 2 ? number : 0;
  } catch {
    return 0;
  }
}
