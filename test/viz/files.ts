/** Real results for the tests of the page, and pages that hold them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as assert from 'uvu/assert';
import { pageText, withData } from '#viz/command/page.ts';
import type { ComparisonFile } from '#viz/data/read.ts';
import { sluice } from '../lab/sluice-process.ts';

/** Interval as a result file holds it. */
export interface IntervalFile {
  mean: number;
  low: number | null;
  high: number | null;
}

export type ComparedFile = ComparisonFile & {
  table: { policy: string; metrics: Record<string, IntervalFile | null> }[];
};

export async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-viz-'));
  try {
    await work(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The smoke scenario under four policies and three seeds, as the command writes it. */
export function comparedSmoke(directory: string): { file: string; text: string; value: ComparedFile } {
  const file = join(directory, 'smoke.json');
  const policies = 'http-origin,cdn,p2p-cdn,hybrid,kraken-like';
  const { code, stderr } = sluice(['compare', 'smoke', '--policies', policies, '--seeds', '3', '--out', file]);
  assert.ok(code === 0 || code === 4, stderr);
  const text = readFileSync(file, 'utf8');
  return { file, text, value: JSON.parse(text) };
}

export function tracedSmoke(directory: string): { result: string; trace: string } {
  const result = join(directory, 'run.json');
  const trace = join(directory, 'trace.json');
  const { code, stderr } = sluice(['run', 'smoke', '--out', result, '--trace', trace]);
  assert.is(code, 0, stderr);
  return { result: readFileSync(result, 'utf8'), trace: readFileSync(trace, 'utf8') };
}

/** A page with files inside, as `sluice report` makes it; the answer is its address. */
export async function pageFile(directory: string, files: { name: string; text: string }[]): Promise<string> {
  const path = join(directory, `page-${files.map(({ name }) => name).join('-')}.html`);
  writeFileSync(path, withData(await pageText(), files));
  return pathToFileURL(path).href;
}
