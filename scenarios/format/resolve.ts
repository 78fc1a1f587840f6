import { at, type Path, Problem } from './error.ts';
import { parseCount, parseWord } from './knobs.ts';
import { allowed, didYouMean } from './nearest.ts';
import type { Schema } from './schema-kinds.ts';
import { parseQuantity, printQuantity } from './units.ts';

/**
 * Brings a value into its canonical form by the schema: shorthands written out, every default of the schema filled
 * in, quantities in one spelling. What is not allowed is a `Problem` at its place.
 */
export function resolve(schema: Schema, value: unknown, path: Path): unknown {
  if (schema.quantity !== undefined) return at(path, () => resolveQuantity(schema, value));
  if (schema.anyOf !== undefined) return resolveUnion(schema, schema.anyOf, value, path);
  if (schema.enum !== undefined) return at(path, () => parseWord(value, schema.enum!));
  if (schema.const !== undefined) {
    if (value === schema.const) return value;
    throw new Problem(path, `${shown(value)} is not allowed: it must be ${shown(schema.const)}`);
  }
  switch (schema.type) {
    case 'integer':
      return at(path, () => parseCount(value, schema.minimum ?? 0, schema.maximum ?? Number.MAX_SAFE_INTEGER));
    case 'number':
      return resolveNumber(schema, value, path);
    case 'boolean':
      if (typeof value === 'boolean') return value;
      throw new Problem(path, `${shown(value)} is neither true nor false`);
    case 'string':
      return resolveText(schema, value, path);
    case 'array':
      return resolveList(schema, value, path);
    default:
      return resolveObject(schema, value, path);
  }
}

function resolveQuantity(schema: Schema, value: unknown): unknown {
  const kind = schema.quantity!;
  const number = parseQuantity(kind, value, schema);
  return kind === 'ratio' ? number : printQuantity(kind, number, schema.endless);
}

function resolveNumber({ minimum = -Infinity, maximum = Infinity }: Schema, value: unknown, path: Path): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new Problem(path, `${shown(value)} is not a number`);
  if (value < minimum) throw new Problem(path, `${value} is too small: at least ${minimum} is allowed`);
  if (value > maximum) throw new Problem(path, `${value} is too large: at most ${maximum} is allowed`);
  return value === 0 ? 0 : value;
}

function resolveText(schema: Schema, value: unknown, path: Path): string {
  if (typeof value !== 'string') {
    const hint = typeof value === 'number' || typeof value === 'boolean' ? '; put it in quotes' : '';
    throw new Problem(path, `${shown(value)} is not a text${hint}`);
  }
  if (schema.pattern === undefined || new RegExp(schema.pattern).test(value)) return value;
  // Messages speak of the pattern by what it is for.
  const form = schema.pattern.startsWith('^[A-Za-z') ? 'letters, digits, "_" and "-", at most 64' : schema.description;
  throw new Problem(path, `${shown(value)} is not allowed: ${form}`);
}

function resolveList(schema: Schema, value: unknown, path: Path): unknown[] {
  if (!Array.isArray(value)) throw new Problem(path, `${shown(value)} is not a list`);
  const { minItems = 0, maxItems = Infinity } = schema;
  if (value.length < minItems) throw new Problem(path, `has ${value.length} members: at least ${minItems} are needed`);
  if (value.length > maxItems) throw new Problem(path, `has ${value.length} members: at most ${maxItems} are allowed`);
  return value.map((item, index) => resolve(schema.items!, item, [...path, index]));
}

function resolveObject(schema: Schema, value: unknown, path: Path): Record<string, unknown> {
  const properties = schema.properties;
  if (!isRecord(value)) {
    const keys = properties === undefined ? [] : Object.keys(properties);
    throw new Problem(path, `${shown(value)} is not a set of keys${keys.length > 0 ? `: ${allowed('', keys)}` : ''}`);
  }
  if (properties === undefined) return resolveRecord(schema.additionalProperties as Schema, value, path);
  for (const key of Object.keys(value)) {
    if (Object.hasOwn(properties, key)) continue;
    throw new Problem([...path, key], `unknown key "${key}": ${allowed(key, Object.keys(properties))}`, true);
  }
  const result: Record<string, unknown> = {};
  for (const [key, property] of Object.entries(properties)) {
    // A key with nothing behind it (its lines commented out) is an absent one.
    const given = value[key] ?? undefined;
    if (given !== undefined) result[key] = resolve(property, given, [...path, key]);
    else if (property.default !== undefined) result[key] = resolve(property, property.default, [...path, key]);
    else if (schema.required?.includes(key)) {
      throw new Problem(path, `the key "${key}" is missing (${property.description ?? ''})`);
    }
  }
  return result;
}

function resolveRecord(member: Schema, value: Record<string, unknown>, path: Path): Record<string, unknown> {
  const entries = Object.entries(value).map(([key, text]) => [key, resolve(member, text, [...path, key])]);
  return Object.fromEntries(entries);
}

function resolveUnion(schema: Schema, forms: Schema[], value: unknown, path: Path): unknown {
  if (isRecord(value) && forms.some((form) => form.properties !== undefined)) {
    const form = objectForm(forms, Object.keys(value), path);
    return resolveObject(form, value, path);
  }
  if (schema.shorthand !== undefined) {
    const key = schema.shorthand;
    const form = forms.find((candidate) => candidate.properties !== undefined)!;
    try {
      return resolveObject(form, { [key]: value }, path);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // The writer's text has no such key.
      throw new Problem(error.path.slice(0, path.length), error.message);
    }
  }
  const scalars = forms.filter((form) => form.properties === undefined);
  for (const form of scalars) {
    try {
      return resolve(form, value, path);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // A number is out of range, rather than none of the words.
      if (
        (form.type === typeof value && form.const === undefined) ||
        (form.type === 'integer' && typeof value === 'number')
      )
        throw error;
    }
  }
  throw new Problem(
    path,
    `${shown(value)} is not known here: allowed are ${forms.map(formName).join(', ')}${meant(forms, value)}`,
  );
}

const formName = (form: Schema): string => {
  if (form.enum !== undefined) return form.enum.join(', ');
  if (form.const !== undefined) return String(form.const);
  if (form.properties !== undefined) return `{ ${(form.required ?? Object.keys(form.properties)).join(', ')} }`;
  return form.type === 'integer' ? 'a whole number' : `a ${form.type}`;
};

function meant(forms: Schema[], value: unknown): string {
  const words = forms.flatMap((form) => form.enum ?? (form.const === undefined ? [] : [String(form.const)]));
  return typeof value === 'string' ? didYouMean(value, words) : '';
}

/** The form that fits the given keys best. */
export function objectForm(forms: Schema[], keys: string[], path: Path): Schema {
  const objects = forms.filter((form) => form.properties !== undefined);
  const known = new Set(objects.flatMap((form) => Object.keys(form.properties!)));
  for (const key of keys) {
    if (known.has(key)) continue;
    throw new Problem([...path, key], `unknown key "${key}": ${allowed(key, [...known])}`, true);
  }
  let best = objects[0]!;
  let bestScore = -Infinity;
  for (const form of objects) {
    const fitting = keys.filter((key) => Object.hasOwn(form.properties!, key)).length;
    const missing = (form.required ?? []).filter((key) => !keys.includes(key)).length;
    const score = fitting - missing / 16;
    if (score <= bestScore) continue;
    best = form;
    bestScore = score;
  }
  return best;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
