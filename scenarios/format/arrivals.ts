import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { scenarioLimits } from '#core/limits.ts';
import { type Path, Problem } from './error.ts';

/** Seconds of arrivals from the first column of a CSV, sorted; `directory` is where the scenario lies. */
export function readArrivals(directory: string, name: string, path: Path): number[] {
  const file = join(directory, name);
  const lines = readLines(file, path);
  const seconds: number[] = [];
  for (const [index, line] of lines.entries()) {
    const cell = (line.split(',', 1)[0] ?? '').trim();
    if (cell === '' || cell.startsWith('#')) continue;
    const value = Number(cell);
    if (Number.isFinite(value) && value >= 0) seconds.push(value);
    // A first line that is no number is a header.
    else if (seconds.length > 0 || index > 0) {
      throw new Problem(path, `${file}:${index + 1}: "${cell.slice(0, 40)}" is not a second of 0 or more`);
    }
  }
  if (seconds.length === 0) throw new Problem(path, `${file} holds no arrival`);
  return seconds.sort((a, b) => a - b);
}

function readLines(file: string, path: Path): string[] {
  try {
    const status = statSync(file);
    if (!status.isFile()) throw new Problem(path, `${file} is not a file`);
    const bytesMax = scenarioLimits.arrivalFileBytesMax;
    if (status.size > bytesMax) throw new Problem(path, `${file} is too long: at most ${bytesMax} bytes are read`);
    return readFileSync(file, 'utf8').split(/\r?\n/);
  } catch (error) {
    if (error instanceof Problem) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    throw new Problem(path, code === 'ENOENT' ? `no such file: ${file}` : `${file} cannot be read (${code})`);
  }
}

/** As many arrivals as asked for, with the same course over time: evenly spaced ranks of the given ones. */
export function resampledArrivals(seconds: readonly number[], count: number): number[] {
  return Array.from({ length: count }, (_, rank) => seconds[Math.floor((rank * seconds.length) / count)]!);
}
