import { parseSource } from './document.ts';
import { type Path, Problem, ScenarioError } from './error.ts';
import { allowed } from './nearest.ts';
import { isRecord, objectForm } from './resolve.ts';
import type { Schema } from './schema-kinds.ts';

/** A value of the file that the command line replaced. */
export interface Override {
  path: Path;
  /** As it was given, for messages. */
  label: string;
}

/** Applies `path=value` to the plain values of a scenario file, in place; members of lists go by name or index. */
export function applySet(root: unknown, schema: Schema, text: string): Override {
  const label = `--set ${text}`;
  const [, address, valueText] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
  if (address === undefined || valueText === undefined || address.trim() === '') {
    throw new ScenarioError(`${label}: must be PATH=VALUE, such as policy.fallback.threshold=512KiB/s`);
  }
  if (valueText.trim() === '') throw new ScenarioError(`${label}: has no value`);
  const { value } = parseSource(valueText, label);
  try {
    return { path: setAt(root, schema, address.trim().split('.'), value), label };
  } catch (error) {
    if (error instanceof Problem) throw new ScenarioError(`${label}: ${error.message}`);
    throw error;
  }
}

function setAt(root: unknown, schema: Schema, steps: string[], value: unknown): Path {
  const path: (string | number)[] = [];
  let holder = root as Record<string, unknown>;
  let here = schema;
  for (const [depth, step] of steps.entries()) {
    const last = depth === steps.length - 1;
    const found = child(here, holder, step, addressOf(path, root), path);
    const key = found.key;
    path.push(key);
    here = found.schema;
    const record = holder as Record<string | number, unknown>;
    if (last) record[key] = value;
    else {
      record[key] = opened(here, record[key], steps[depth + 1]!, path);
      holder = record[key] as Record<string, unknown>;
    }
  }
  return path;
}

function child(
  schema: Schema,
  holder: unknown,
  step: string,
  address: string,
  path: Path,
): { key: string | number; schema: Schema } {
  if (schema.items !== undefined) return { key: memberIndex(holder as unknown[], step, address), schema: schema.items };
  const objects = objectSchema(schema, holder, step, path);
  if (objects.properties === undefined) {
    return { key: step, schema: objects.additionalProperties as Schema };
  }
  const property = Object.hasOwn(objects.properties, step) ? objects.properties[step] : undefined;
  if (property !== undefined) return { key: step, schema: property };
  throw new Problem(path, `unknown key "${step}"${below(address)}: ${allowed(step, Object.keys(objects.properties))}`);
}

function objectSchema(schema: Schema, holder: unknown, step: string, path: Path): Schema {
  if (schema.anyOf === undefined) {
    if (schema.type === 'object') return schema;
    throw new Problem(path, `${path.join('.')} is a single value, so "${step}" cannot stand below it`);
  }
  const keys = isRecord(holder) ? Object.keys(holder) : [];
  return objectForm(schema.anyOf, [...new Set([...keys, step])], path);
}

/** What stands at a place, made ready to take a key: a shorthand written out, an absent value begun. */
function opened(schema: Schema, value: unknown, step: string, path: Path): unknown {
  if (schema.items !== undefined) {
    if (Array.isArray(value)) return value;
    throw new Problem(path, `${path.join('.')} is not given in the scenario, so it has no member "${step}"`);
  }
  if (isRecord(value)) return value;
  const takesKeys = schema.type === 'object' || schema.anyOf?.some((form) => form.properties !== undefined);
  if (takesKeys !== true) {
    throw new Problem(path, `${path.join('.')} is a single value, so "${step}" cannot stand below it`);
  }
  const begun = value !== undefined && value !== null && schema.shorthand !== undefined;
  return begun ? { [schema.shorthand!]: value } : {};
}

function memberIndex(members: unknown[], step: string, address: string): number {
  const names = members.map((member) => {
    const name = isRecord(member) ? member.name : member;
    return typeof name === 'string' ? name : '';
  });
  const named = names.indexOf(step);
  if (named >= 0) return named;
  if (/^\d+$/.test(step) && Number(step) < members.length) return Number(step);
  const listed = names.some((name) => name !== '')
    ? names.filter((name) => name !== '')
    : [...names.keys()].map(String);
  throw new Problem([], `unknown member "${step}"${below(address)}: ${allowed(step, listed)}`);
}

const below = (address: string): string => (address === '' ? '' : ` below ${address}`);

/** As `--set` addresses it: members of lists by their names. */
export function addressOf(path: Path, root: unknown): string {
  let value: unknown = root;
  const steps: string[] = [];
  for (const step of path) {
    // What a shorthand stands for has no address of its own.
    if (typeof value !== 'object' && value !== undefined) break;
    value = (value as Record<string | number, unknown> | null | undefined)?.[step];
    const name = typeof step === 'number' && isRecord(value) ? value.name : undefined;
    steps.push(typeof name === 'string' ? name : String(step));
  }
  return steps.join('.');
}
