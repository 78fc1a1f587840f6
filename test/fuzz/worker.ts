/** Lets hostile bytes in, case after case; whoever watches it sees which case it is at, and what it holds. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';
import { Prng } from '#core/prng.ts';
import { ranges, trackers } from './answers.ts';
import { decoders } from './decoders.ts';
import { hostile } from './mutate.ts';
import { peers } from './peers.ts';
import { control, relay } from './servers.ts';
import type { Target } from './target.ts';

export interface WorkerTask {
  seed: number;
  cases: number;
  milliseconds: number;
  only: string | undefined;
  plant: string | undefined;
  /** [case that has begun, milliseconds since the process began, index of its target]. */
  at: Float64Array;
}
export type WorkerSays =
  | { kind: 'ready'; names: string[] }
  | { kind: 'fault'; seed: number; target: string; what: string }
  | { kind: 'done'; cases: number[]; heapBytes: number; heapFirstBytes: number };

/** A heap that has grown by this since it was warm keeps what strangers send. */
const growthBytesMax = 48 * 1024 * 1024;
const warmCases = 600;
const measuredEvery = 300;

const { seed, cases, milliseconds, only, plant, at } = workerData as WorkerTask;
const say = (message: WorkerSays) => parentPort!.postMessage(message);
const directory = mkdtempSync(join(tmpdir(), 'sluice-fuzz-'));
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const kept: Buffer[] = [];

async function targets(): Promise<Target[]> {
  const all = [
    ...decoders(plant),
    ...(await peers(directory)),
    await relay(),
    ...(await control(directory)),
    await ranges(),
    await trackers(),
  ];
  return only === undefined ? all : all.filter(({ name }) => name.includes(only));
}

function heldBytes(): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

async function run(): Promise<void> {
  const all = await targets();
  say({ kind: 'ready', names: all.map(({ name }) => name) });
  const counts = all.map(() => 0);
  const endAt = performance.now() + milliseconds;
  let first = 0;
  let last = 0;
  for (let done = 0; done < cases && performance.now() < endAt; done++) {
    const number = seed + done;
    // One seed is one case, whatever ran before it.
    const prng = new Prng(number, 'fuzz');
    const index = prng.below(all.length);
    const target = all[index]!;
    at[1] = Date.now();
    at[2] = index;
    at[0] = number;
    const bytes = hostile(prng, target.sound);
    if (plant === 'leak') kept.push(Buffer.alloc(400_000));
    try {
      if (plant === 'throw' && bytes.includes('-5:')) throw new Error('planted');
      await target.take(bytes);
    } catch (error) {
      say({ kind: 'fault', seed: number, target: target.name, what: String((error as Error).stack ?? error) });
      return;
    }
    counts[index]!++;
    if (done % measuredEvery > 0 && done !== cases - 1) continue;
    last = heldBytes();
    if (done <= warmCases) first = Math.max(first, last);
    else if (last - first > growthBytesMax) {
      const what = `memory has grown from ${megabytes(first)} to ${megabytes(last)}`;
      return say({ kind: 'fault', seed: number, target: 'all', what });
    }
  }
  at[0] = -1;
  say({ kind: 'done', cases: counts, heapBytes: last, heapFirstBytes: first });
  for (const target of all) await target.close();
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

try {
  await run();
} finally {
  rmSync(directory, { recursive: true, force: true });
  process.exit(0);
}
