/** Results as files: either the whole file stands there, or what stood there before. */
import { accessSync, constants, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';

/** Before hours of work go into a file that cannot be written; `inputs` must not be written over. */
export function checkOutputs(outputs: Record<string, string | undefined>, inputs: string[]): void {
  const taken = new Map(inputs.map((file) => [realPath(file), 'what the command reads']));
  for (const [option, file] of Object.entries(outputs)) {
    if (file === undefined) continue;
    const problem = problemOf(file);
    if (problem !== undefined) throw new Stop(exitCodes.usage, `${option} ${file}: ${problem}`);
    const before = taken.get(realPath(file));
    if (before !== undefined) throw new Stop(exitCodes.usage, `${option} ${file}: that is ${before}`);
    if (!isDevice(file)) taken.set(realPath(file), `the file of ${option}`);
  }
}

function problemOf(file: string): string | undefined {
  if (file === '') return 'a name is missing';
  const target = statSync(file, { throwIfNoEntry: false });
  if (target?.isDirectory()) return 'is a directory';
  const directory = statSync(dirname(resolve(file)), { throwIfNoEntry: false });
  if (directory === undefined || !directory.isDirectory()) return 'there is no such directory';
  try {
    accessSync(target === undefined || target.isFile() ? dirname(resolve(file)) : file, constants.W_OK);
    return undefined;
  } catch {
    return 'may not be written';
  }
}

export function writeWhole(file: string, text: string | Uint8Array): void {
  if (isDevice(file)) {
    writeFileSync(file, text);
    return;
  }
  const target = realPath(file);
  const draft = join(dirname(target), `.${basename(target)}.${process.pid}.part`);
  try {
    writeFileSync(draft, text);
    renameSync(draft, target);
  } catch (error) {
    rmSync(draft, { force: true });
    throw new Stop(exitCodes.failure, `${file}: cannot be written: ${(error as Error).message}`);
  }
}

function isDevice(file: string): boolean {
  const status = statSync(file, { throwIfNoEntry: false });
  return status !== undefined && !status.isFile() && !status.isDirectory();
}

/** Through links, so that a link stays one. */
function realPath(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return resolve(file);
  }
}
