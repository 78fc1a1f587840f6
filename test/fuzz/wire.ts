/**
 * Hostile bytes at every entrance: decoders, peer wire and extension messages, tracker and relay, REST, polls and
 * frames of control, answers of origins, relays and trackers. Sound messages that were hurt, and noise.
 *
 *     npm run fuzz:wire -- --minutes 5 [--seed N]          N, N + 1, …; one case each
 *     npm run fuzz:wire -- --cases 1 --seed N              repeats one
 *     … --only "peer wire"                                 one entrance (the choice is then another one for each seed)
 *     … --plant loop|throw|leak                            a fault that must be found
 *
 * A case that crashes, hangs for `hangMilliseconds`, or lets memory grow ends the run with exit code 4 and its seed.
 */
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { WorkerSays, WorkerTask } from './worker.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    cases: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    plant: { type: 'string' },
  },
});
const [minutes, cases, seed] = [values.minutes, values.cases, values.seed].map(Number) as [number, number, number];
if (!(minutes > 0) || !(cases > 0) || !Number.isSafeInteger(seed)) {
  console.error('--minutes and --cases take numbers above 0, --seed an integer');
  process.exit(2);
}

const hangMilliseconds = 5000;
const residentBytesMax = 1536 * 1024 * 1024;

const at = new Float64Array(new SharedArrayBuffer(3 * Float64Array.BYTES_PER_ELEMENT));
at[0] = -1;
const task: WorkerTask = { seed, cases, milliseconds: minutes * 60_000, only: values.only, plant: values.plant, at };
const worker = new Worker(new URL('worker.ts', import.meta.url), {
  workerData: task,
  resourceLimits: { maxOldGenerationSizeMb: 512 },
});
let names: string[] = [];

const end = (text: string, code: number): never => {
  console.log(text);
  process.exit(code);
};
const fault = (found: number, target: string, what: string): never => {
  const only = values.only === undefined ? '' : ` --only "${values.only}"`;
  const plant = values.plant === undefined ? '' : ` --plant ${values.plant}`;
  const repeat = `repeat: npm run fuzz:wire -- --cases 1 --seed ${found}${only}${plant}`;
  const all = `with what came before it: --cases ${found - seed + 1} --seed ${seed}`;
  return end(`fault at "${target}", seed ${found}: ${what}\n${repeat}\n${all}`, 4);
};

setInterval(() => {
  const [found, sinceMilliseconds, index] = at as unknown as [number, number, number];
  if (found < 0) return;
  const target = names[index] ?? '';
  if (Date.now() - sinceMilliseconds > hangMilliseconds) fault(found, target, `it hangs for ${hangMilliseconds} ms`);
  const resident = process.memoryUsage.rss();
  if (resident > residentBytesMax) fault(found, target, `the process holds ${resident} bytes`);
}, 50);
worker.on('error', (error) => fault(at[0]!, names[at[2]!] ?? '', error.stack ?? String(error)));
worker.on('exit', () => fault(at[0]!, names[at[2]!] ?? '', 'the process has ended'));
worker.on('message', (message: WorkerSays) => {
  if (message.kind === 'ready') names = message.names;
  else if (message.kind === 'fault') fault(message.seed, message.target, message.what);
  else {
    const total = message.cases.reduce((sum, count) => sum + count, 0);
    const line = (count: number, index: number) => `${String(count).padStart(9)}  ${names[index]}`;
    console.log(message.cases.map(line).join('\n'));
    const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
    const [first, last] = [message.heapFirstBytes, message.heapBytes].map(megabytes);
    const heap = `heap ${first} MB when warm, ${last} MB at the end`;
    end(`${total} cases, seeds from ${seed}; ${heap}\n0 faults`, 0);
  }
});
