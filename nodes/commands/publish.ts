/** `sluice publish URL`. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { nodePolicies } from '#nodes/protocol/instruction.ts';
import type { LiveTask } from '#nodes/protocol/live.ts';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import { parsePolicyFile } from '#scenarios/format/policy-file.ts';
import { printPolicy } from '#scenarios/format/policy-text.ts';
import { formatBytes, formatSeconds } from '#scenarios/format/units.ts';
import type { TaskEstimate } from '../store/records.ts';
import { type ControlAddress, withControl } from './control-client.ts';

export interface PublishOptions extends ControlAddress {
  name?: string;
  label?: string;
  size?: string;
  sha256?: string;
  group: string[];
  region: string[];
  client: string[];
  set: string[];
  instruction?: string;
  /** What a sweep wrote with --apply. */
  policyFile?: string;
  key?: string;
}

export async function publishCommand(url: string, options: PublishOptions): Promise<number> {
  const body = instructionOf(url, options);
  return withControl(options, async (control) => {
    const task = await control.ask<LiveTask & { estimate: TaskEstimate; manifest: string | null }>(
      'POST',
      '/api/tasks',
      { body, headers: { 'idempotency-key': options.key ?? randomUUID() } },
    );
    if (options.json) {
      process.stdout.write(`${JSON.stringify(task, undefined, 2)}\n`);
      return;
    }
    process.stdout.write(`${task.task}\n`);
    const { finishMilliseconds } = task.estimate;
    const finish = finishMilliseconds === undefined ? 'no estimate' : formatSeconds(finishMilliseconds / 1000);
    process.stderr.write(
      `${task.name}, ${formatBytes(task.sizeBytes)}, to ${task.clients.total} clients over ${task.relays} relays; ` +
        `estimated: ${finish}${task.manifest === null ? '; no manifest, so relays sign hashes' : ''}\n`,
    );
  });
}

/** A file, and on top of it what the options say. */
function instructionOf(url: string, options: PublishOptions): Record<string, unknown> {
  const { instruction, name, label, size, sha256, group, region, client } = options;
  const body: Record<string, unknown> = instruction === undefined ? {} : readInstructionFile(instruction);
  body.url = url;
  for (const [key, value] of Object.entries({ name, version: label, size, sha256 })) {
    if (value !== undefined) body[key] = value;
  }
  if (group.length + region.length + client.length > 0) {
    body.targets = { groups: group, regions: region, clients: client };
  }
  if (options.policyFile !== undefined) body.policy = readPolicyFile(options.policyFile);
  for (const assignment of options.set) assign(body, assignment);
  return body;
}

function readInstructionFile(file: string): Record<string, unknown> {
  try {
    const value = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
    throw new Error('not an object');
  } catch (error) {
    throw new Stop(exitCodes.invalid, `--instruction ${file}: ${(error as Error).message}`);
  }
}

/** Every knob explicit: what was tried is what is ordered, whatever a later version has as its defaults. */
function readPolicyFile(file: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Stop(exitCodes.invalid, `--policy-file ${file}: ${(error as Error).message}`);
  }
  return printPolicy(parsePolicyFile(text, file, nodePolicies));
}

/** `distribution.speedMax=10MB/s`: the value is JSON where it is such, else a text. */
export function assign(target: Record<string, unknown>, assignment: string): void {
  const at = assignment.indexOf('=');
  const keys = assignment.slice(0, at).split('.');
  const last = keys.pop()!;
  let group = target;
  for (const key of keys) {
    const inner = Object.hasOwn(group, key) ? group[key] : undefined;
    if (typeof inner === 'object' && inner !== null && !Array.isArray(inner)) {
      group = inner as Record<string, unknown>;
      continue;
    }
    const made: Record<string, unknown> = {};
    Object.defineProperty(group, key, { value: made, enumerable: true, configurable: true, writable: true });
    group = made;
  }
  const value = parsedValue(assignment.slice(at + 1));
  Object.defineProperty(group, last, { value, enumerable: true, configurable: true, writable: true });
}

function parsedValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
