/**
 * What a node decided, upon which inputs: one line for each input of its core, with what came out. `sluice replay`
 * runs the core over the inputs again. The file is bounded: it is replaced by a fresh one that opens with a snapshot
 * of the core's state, and the one before it is kept.
 */
import { closeSync, openSync, renameSync, writeSync } from 'node:fs';
import type { ClientCore } from '#core/client.ts';
import { type ClientInput, clientInputs, type LogHeader, printHeader, printInput } from '#core/client-record.ts';
import { snapshotOf } from '#core/client-snapshot.ts';
import { policyVersionOf } from '#scenarios/format/policy-version.ts';

export const segmentBytesMax = 16 * 1024 * 1024;
const bufferBytes = 64 * 1024;

export class DecisionLog {
  readonly path: string;
  readonly #core: ClientCore;
  readonly #segmentBytesMax: number;
  readonly #startedAt = performance.now();
  #file = -1;
  #bytes = 0;
  #waiting = '';
  readonly #timer: NodeJS.Timeout;

  /** The core must be fresh, or the first segment opens with a snapshot of it. */
  constructor(path: string, core: ClientCore, segmentMax = segmentBytesMax) {
    this.path = path;
    this.#core = core;
    this.#segmentBytesMax = segmentMax;
    this.#open(false);
    this.#timer = setInterval(() => this.flush(), 1000);
    this.#timer.unref();
  }

  write(input: ClientInput, given: unknown[], result: unknown): void {
    const at = Math.round(performance.now() - this.#startedAt);
    this.#waiting += `${printInput({ at, input: [input, ...given], result })}\n`;
    if (this.#waiting.length < bufferBytes) return;
    this.flush();
    if (this.#bytes > this.#segmentBytesMax) this.#rotate();
  }

  flush(): void {
    if (this.#file === -1 || this.#waiting === '') return;
    const bytes = Buffer.from(this.#waiting);
    this.#waiting = '';
    try {
      this.#bytes += writeSync(this.#file, bytes);
    } catch {
      // A full disk must not stop a download for the sake of its record.
      this.#close();
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.flush();
    this.#close();
  }

  #rotate(): void {
    this.#close();
    try {
      renameSync(this.path, `${this.path}.1`);
    } catch {
      return;
    }
    this.#open(true);
  }

  #open(hasState: boolean): void {
    const { options } = this.#core;
    const header: LogHeader = {
      kind: 'sluice-decisions',
      version: 1,
      policyVersion: policyVersionOf(options.policy),
      startedAt: new Date().toISOString(),
      options,
      ...(hasState ? { snapshot: snapshotOf(this.#core) } : {}),
    };
    try {
      this.#file = openSync(this.path, 'w');
      this.#bytes = writeSync(this.#file, `${printHeader(header)}\n`);
    } catch {
      this.#file = -1;
    }
  }

  #close(): void {
    if (this.#file !== -1) closeSync(this.#file);
    this.#file = -1;
  }
}

/** The same core, each of whose inputs is written down. Everything that only reads passes through. */
export function recorded(core: ClientCore, log: DecisionLog): ClientCore {
  const inputs = new Map<string, unknown>(
    clientInputs.map((name) => [
      name,
      (...given: unknown[]) => {
        const result = (core[name] as (...values: unknown[]) => unknown).apply(core, given);
        log.write(name, given, result);
        return result;
      },
    ]),
  );
  return new Proxy(core, {
    get(target, name) {
      const found = inputs.get(name as string) ?? Reflect.get(target, name, target);
      return typeof found === 'function' && !inputs.has(name as string) ? found.bind(target) : found;
    },
  });
}
