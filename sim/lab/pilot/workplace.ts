/** The directory and the network of one pilot, claimed and removed again: also what a pilot that was killed left. */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import { namespacesOf, prefix, removeNamespaces } from './network.ts';
import { killAll } from './processes.ts';

const idsEnd = 250;
const claimMilliseconds = 2000;

export interface Workplace {
  id: number;
  directory: string;
}

const directoryOf = (id: number): string => join(tmpdir(), `${prefix}${id}`);

/** A number that no other pilot on this machine has, and a directory that goes with it. */
export function claimWorkplace(): Workplace {
  for (let id = 0; id < idsEnd; id++) {
    const directory = directoryOf(id);
    try {
      mkdirSync(directory, { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw new Stop(exitCodes.failure, `${directory}: ${(error as Error).message}`);
    }
    writeFileSync(join(directory, 'owner'), `${process.pid} ${startOf(process.pid)}\n`);
    return { id, directory };
  }
  throw new Stop(exitCodes.failure, `${idsEnd} pilots are there already: sluice pilot clean removes those that ended`);
}

export function removeWorkplace({ id, directory }: Workplace): void {
  killAll(directory);
  removeNamespaces(id);
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
}

/** What pilots that are gone have left: removed, and named. */
export function cleanWorkplaces(): { removed: string[]; inUse: string[] } {
  const removed: string[] = [];
  const inUse: string[] = [];
  const ids = new Set(namespacesOf().map(idOf));
  for (const name of readdirSync(tmpdir())) if (name.startsWith(prefix)) ids.add(idOf(name));
  for (const id of [...ids].sort((left, right) => left - right)) {
    if (Number.isNaN(id)) continue;
    const directory = directoryOf(id);
    if (isOwned(directory)) {
      inUse.push(directory);
      continue;
    }
    removeWorkplace({ id, directory });
    removed.push(directory);
  }
  return { removed, inUse };
}

const idOf = (name: string): number => Number.parseInt(name.slice(prefix.length), 10);

/** The process that claimed it still runs; a number may since have gone to another process. */
function isOwned(directory: string): boolean {
  try {
    const [pid = '', start = ''] = readFileSync(join(directory, 'owner'), 'utf8').trim().split(' ');
    return start !== '' && startOf(Number(pid)) === start;
  } catch {
    // Just made: its owner is about to write its name.
    const made = statSync(directory, { throwIfNoEntry: false });
    return made !== undefined && Date.now() - made.ctimeMs < claimMilliseconds;
  }
}

/** When a process began, in the machine's own count; '' where there is none. */
function startOf(pid: number): string {
  try {
    // The name of the program may hold anything, but nothing after its bracket does.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/s, '').trim().split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
