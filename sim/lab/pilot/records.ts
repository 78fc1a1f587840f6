/** What the record of a client's decisions says: when HTTP helped, and whether replaying it comes to the same. */
import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { millisecondsPerSecond } from '#core/units.ts';
import type { MeasuredClient } from './measured.ts';
import { launcher } from './processes.ts';

export interface Found {
  fallback: MeasuredClient['fallback'];
  replay: NonNullable<MeasuredClient['replay']>;
}

/** `startedAt`: what counts as second 0, on the clock of `performance.now()`. */
export async function readRecord(path: string, startedAt: number): Promise<Found> {
  return { fallback: await fallbackOf(path, startedAt), replay: await replayed(path) };
}

async function fallbackOf(path: string, startedAt: number): Promise<Found['fallback']> {
  const found: Found['fallback'] = [];
  let began = 0;
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    if (began === 0) {
      const { startedAt: at } = JSON.parse(line) as { startedAt: string };
      began = Date.parse(at) - performance.timeOrigin - startedAt;
      continue;
    }
    if (!line.includes('"fallback"')) continue;
    const { at, result } = JSON.parse(line) as { at: number; result?: { kind?: string; reason?: string } };
    if (result?.kind !== 'fallback' || result.reason === 'no-change') continue;
    found.push({ seconds: (began + at) / millisecondsPerSecond, isOpen: result.reason !== 'recovered' });
  }
  return found;
}

function replayed(path: string): Promise<Found['replay']> {
  return new Promise((resolve) => {
    execFile(launcher, ['replay', path], (error, stdout, stderr) => {
      resolve({ isIdentical: error === null && stdout.startsWith('identical'), says: (stdout || stderr).trim() });
    });
  });
}
