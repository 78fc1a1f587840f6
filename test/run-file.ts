/** Runs one test file and reports to `run.ts`, which started this process. */
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';

export interface FileReport {
  passed: number;
  failed: number;
  /** Names, each with its `because`. */
  skipped: string[];
  problems: string[];
}

export type Message =
  | { kind: 'test'; name: string }
  | { kind: 'problem'; text: string }
  | { kind: 'report'; report: FileReport };

type Runner = () => Promise<[errors: string | true, passed: number, skipped: number, total: number]>;

const openMillisecondsMax = 3000;

/** uvu takes its queue from here and leaves the walk to us. */
const uvuWorld = globalThis as unknown as { UVU_DEFER: number; UVU_QUEUE: Runner[][] };
uvuWorld.UVU_DEFER = 1;
uvuWorld.UVU_QUEUE = [[]];

const watchedUrl = new URL('watched-uvu.ts', import.meta.url).href;
registerHooks({
  resolve(specifier, context, next) {
    if (specifier !== 'uvu' || context.parentURL === watchedUrl) return next(specifier, context);
    return { url: watchedUrl, shortCircuit: true };
  },
});
fc.configureGlobal({ seed: Number(process.env.SLUICE_SEED) });

function send(message: Message): void {
  process.send?.(message);
}

const { watch } = await import('./watched-uvu.ts');
watch.onTest = (name) => send({ kind: 'test', name });
await import(pathToFileURL(process.argv[2]!).href);

const problems = watch.problemsOfDeclaration();
for (const run of uvuWorld.UVU_QUEUE[0]!) {
  const [errors] = await run();
  if (errors !== true) console.log(`\n${errors}`);
}
problems.push(...watch.problems);
const lost = watch.declared - watch.passed;
send({
  kind: 'report',
  report: { passed: watch.passed, failed: lost + problems.length, skipped: watch.skipped, problems },
});

// What is still open now would keep a real process alive, too.
setTimeout(() => {
  const open = process.getActiveResourcesInfo().filter((name) => name !== 'PipeWrap');
  send({ kind: 'problem', text: `still open after the last test: ${open.join(', ')}` });
  setImmediate(() => process.exit(1));
}, openMillisecondsMax).unref();
