/** What other processes of this machine have cost so far, as Linux counts it. */
import { readdirSync, readFileSync } from 'node:fs';

/** Of the process and all its threads; ticks of 10 ms. */
const ticksPerSecond = 100;

export interface Cost {
  userSeconds: number;
  systemSeconds: number;
}

/** CPU of a process and of those below it. */
export function costOf(process: number): Cost {
  const cost = { userSeconds: 0, systemSeconds: 0 };
  for (const one of [process, ...childrenOf(process)]) {
    // The name in parentheses may contain anything; the fields after it are numbers, from the state on.
    const fields = readFileSync(`/proc/${one}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    cost.userSeconds += Number(fields[11]) / ticksPerSecond;
    cost.systemSeconds += Number(fields[12]) / ticksPerSecond;
  }
  return cost;
}

export function secondsOf({ userSeconds, systemSeconds }: Cost): number {
  return userSeconds + systemSeconds;
}

/** Memory of a process that is in use now, and the most that ever was; those below it counted. */
export function memoryOf(process: number): { residentBytes: number; peakBytes: number } {
  const memory = { residentBytes: 0, peakBytes: 0 };
  for (const one of [process, ...childrenOf(process)]) {
    const status = readFileSync(`/proc/${one}/status`, 'latin1');
    const kibibytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]);
    memory.residentBytes += kibibytes('VmRSS') * 1024;
    memory.peakBytes += kibibytes('VmHWM') * 1024;
  }
  return memory;
}

function childrenOf(process: number): number[] {
  const found: number[] = [];
  for (const task of readdirSync(`/proc/${process}/task`)) {
    for (const child of readFileSync(`/proc/${process}/task/${task}/children`, 'latin1').split(' ')) {
      if (child.trim() !== '') found.push(Number(child), ...childrenOf(Number(child)));
    }
  }
  return found;
}
