/** `sluice replay FILE`: runs the core over the inputs of a record and compares each answer. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { ClientCore } from '#core/client.ts';
import { clientInputs, type LoggedInput, type LogHeader, printInput, withEnd } from '#core/client-record.ts';
import { restore } from '#core/client-snapshot.ts';
import { policyVersionOf } from '#scenarios/format/policy-version.ts';

/** Not a record, or not one of this version. */
export class UnreadableRecord extends Error {
  override name = 'UnreadableRecord';
  readonly exitCode = 3;
}

export interface Replay {
  inputs: number;
  decisions: number;
  /** The first line that comes out otherwise, and what came out. */
  difference?: { line: number; recorded: string; replayed: string };
}

export async function replay(path: string): Promise<Replay> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity });
  let core: ClientCore | undefined;
  let line = 0;
  const found: Replay = { inputs: 0, decisions: 0 };
  for await (const text of lines) {
    line++;
    const read = parse(text, path, line);
    if (read === undefined) break;
    if (core === undefined) {
      core = coreOf(read as LogHeader, path);
      continue;
    }
    const recordedInput = read as LoggedInput;
    const result = run(core, recordedInput, path, line);
    const replayed = printInput({ ...recordedInput, result });
    found.inputs++;
    if (typeof result === 'object' && result !== null && 'reason' in result) found.decisions++;
    if (replayed !== text) return { ...found, difference: { line, recorded: text, replayed } };
  }
  if (core === undefined) throw new UnreadableRecord(`${path}: an empty file is no record`);
  return found;
}

function parse(text: string, path: string, line: number): unknown {
  try {
    return text.includes('"Infinity"') ? JSON.parse(text, withEnd) : JSON.parse(text);
  } catch {
    // A node that was killed leaves its last line half written.
    if (line > 1) return undefined;
    throw new UnreadableRecord(`${path}: not a record of decisions`);
  }
}

function coreOf(header: LogHeader, path: string): ClientCore {
  if (header?.kind !== 'sluice-decisions' || header.version !== 1) {
    throw new UnreadableRecord(`${path}: not a record of decisions of version 1`);
  }
  if (policyVersionOf(header.options.policy) !== header.policyVersion) {
    throw new UnreadableRecord(`${path}: the policy in its first line is not the one that it names`);
  }
  const core = new ClientCore(header.options);
  if (header.snapshot !== undefined) restore(core, header.snapshot);
  return core;
}

function run(core: ClientCore, { input }: LoggedInput, path: string, line: number): unknown {
  const [name, ...given] = input ?? [];
  if (!clientInputs.includes(name)) {
    throw new UnreadableRecord(`${path}:${line}: "${String(name)}" is not an input of this version's core`);
  }
  return (core[name] as (...values: unknown[]) => unknown).apply(core, given);
}

export async function replayCommand(path: string, { json = false }: { json?: boolean }): Promise<number> {
  const result = await replay(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === undefined) throw error;
    throw Object.assign(new Error(`${path}: ${error.message}`), { exitCode: 2 });
  });
  const { inputs, decisions, difference } = result;
  if (json) process.stdout.write(`${JSON.stringify({ identical: difference === undefined, ...result })}\n`);
  else if (difference === undefined) process.stdout.write(`identical (${inputs} inputs, ${decisions} decisions)\n`);
  else {
    const { line, recorded, replayed } = difference;
    process.stdout.write(`different at line ${line}\n  recorded ${recorded}\n  replayed ${replayed}\n`);
  }
  return difference === undefined ? 0 : 4;
}
