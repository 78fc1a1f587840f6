import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readScenarioFile } from './document.ts';
import { ScenarioError } from './error.ts';
import { exitCodes } from './exit-codes.ts';
import { type LoadedScenario, loadScenario } from './load.ts';
import type { Catalogue } from './policy-text.ts';
import { publicSchema } from './schema.ts';
import { formatBytes } from './units.ts';

/** What `sluice scenario …` prints: data for stdout, talk for stderr. */
export interface CommandResult {
  output: string;
  talk: string;
  exitCode: number;
}

export interface CommandOptions {
  policies: Catalogue;
  json: boolean;
}

interface Entry {
  file: string;
  valid: boolean;
  /** Absent where it is not valid. */
  name?: string;
  description?: string;
  clients?: number;
  bytes?: number;
  policy?: string;
  warnings: string[];
  error?: string;
}

/** `sluice scenario validate FILE…` */
export function validateCommand(files: readonly string[], { policies, json }: CommandOptions): CommandResult {
  const entries = files.map((file) => entryOf(file, policies));
  const exitCode = entries.every(({ valid }) => valid) ? exitCodes.ok : exitCodes.invalid;
  const talk = entries.flatMap(({ error, warnings }) => [
    ...(error === undefined ? [] : [error]),
    ...warnings.map((warning) => `warning: ${warning}`),
  ]);
  const lines = entries.filter(({ valid }) => valid).map((entry) => `${entry.file}: valid (${summary(entry)})`);
  return { output: json ? asJson(entries) : asLines(lines), talk: json ? '' : asLines(talk), exitCode };
}

/** `sluice scenario list`: the scenarios that come with sluice, or those of another directory. */
export function listCommand(options: CommandOptions, directory = ownDirectory): CommandResult {
  const files = readdirSync(directory)
    .filter((file) => /\.(ya?ml|json)$/.test(file))
    .sort()
    .map((file) => relative('', join(directory, file)));
  const entries = files.map((file) => entryOf(file, options.policies));
  const width = Math.max(0, ...entries.map(({ file }) => file.length));
  const lines = entries.map((entry) => {
    const what = entry.error === undefined ? `${summary(entry)}. ${entry.description}` : `invalid: ${entry.error}`;
    return `${entry.file.padEnd(width)}  ${what}`.trimEnd();
  });
  return { output: options.json ? asJson(entries) : asLines(lines), talk: '', exitCode: exitCodes.ok };
}

/** `sluice scenario schema`: JSON Schema for editors. */
export function schemaCommand(): CommandResult {
  return { output: asJson(publicSchema()), talk: '', exitCode: exitCodes.ok };
}

const ownDirectory = fileURLToPath(new URL('..', import.meta.url));

function entryOf(file: string, policies: Catalogue): Entry {
  try {
    return validEntry(file, loadScenario(readScenarioFile(file), { file, policies }));
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    return { file, valid: false, warnings: [], error: error.message };
  }
}

function validEntry(file: string, { scenario, warnings }: LoadedScenario): Entry {
  const { name, description, policy, tasks, clients } = scenario;
  return {
    file,
    valid: true,
    name,
    description,
    clients: clients.reduce((sum, { count }) => sum + count, 0),
    bytes: tasks.reduce((sum, task) => sum + task.file.sizeBytes, 0),
    policy: policy.name,
    warnings,
  };
}

function summary({ clients, bytes, policy }: Entry): string {
  return `${clients} ${clients === 1 ? 'client' : 'clients'}, ${formatBytes(bytes ?? 0)}, ${policy}`;
}

const asJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
const asLines = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');
