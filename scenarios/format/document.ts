import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
} from 'yaml';
import { scenarioLimits } from '#core/limits.ts';
import { type Path, ScenarioError } from './error.ts';
import { formatBytes } from './units.ts';

/** A YAML (or JSON) text as plain values, which still knows where each of them stands. */
export interface SourceDocument {
  value: unknown;
  /** `file:line:column` of the value at the path, or of its key; of the nearest one above where it is absent. */
  locate(path: Path, atKey: boolean): string;
}

/** The text of a scenario file; refuses what cannot be one before it is read. */
export function readScenarioFile(path: string): string {
  const file = openFile(path);
  try {
    const status = fstatSync(file);
    if (status.isDirectory()) throw new ScenarioError(`${path}: is a directory, not a scenario file`);
    if (!status.isFile()) throw new ScenarioError(`${path}: is not a regular file`);
    if (status.size > scenarioLimits.fileBytesMax) {
      const most = formatBytes(scenarioLimits.fileBytesMax);
      throw new ScenarioError(`${path}: is ${formatBytes(status.size)} long; a scenario file has at most ${most}`);
    }
    return decoded(path, readAll(file, status.size));
  } finally {
    closeSync(file);
  }
}

function openFile(path: string): number {
  try {
    // Not blocking: opening a pipe that nobody writes to would wait for ever.
    return openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const reason =
      code === 'ENOENT' ? 'no such file' : code === 'EACCES' ? 'may not be read' : `cannot be opened (${code})`;
    throw new ScenarioError(`${path}: ${reason}`);
  }
}

function readAll(file: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let length = 0;
  while (length < size) {
    const read = readSync(file, bytes, length, size - length, null);
    if (read === 0) break;
    length += read;
  }
  return bytes.subarray(0, length);
}

function decoded(path: string, bytes: Uint8Array): string {
  const binary = new ScenarioError(`${path}: is not a text file (UTF-8); a scenario is YAML or JSON`);
  if (bytes.includes(0)) throw binary;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw binary;
  }
}

export function parseSource(text: string, file: string): SourceDocument {
  if (text.includes('\0')) throw new ScenarioError(`${file}: is not a text file (UTF-8); a scenario is YAML or JSON`);
  const lines = new LineCounter();
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
  };
  const document = parsed(text, file, lines, place);
  if (document.contents === null) throw new ScenarioError(`${file}:1:1: is empty; a scenario begins with "version: 1"`);
  const value = new Values(place).plain(document.contents, 0);
  return { value, locate: (path, atKey) => place(offsetOf(document, path, atKey)) };
}

function parsed(text: string, file: string, lines: LineCounter, place: (offset: number) => string): Document {
  let document: Document;
  try {
    // Unique keys are checked below: here it would take quadratic time.
    document = parseDocument(text, {
      version: '1.2',
      lineCounter: lines,
      prettyErrors: false,
      uniqueKeys: false,
    });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ScenarioError(`${file}:1:1: is nested too deeply; at most ${scenarioLimits.depthMax} levels are allowed`);
  }
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem === undefined) return document;
  throw new ScenarioError(`${place(problem.pos[0])}: invalid YAML: ${problem.message}`);
}

/** Turns nodes into plain values; counts what aliases multiply, so that a bomb ends early. */
class Values {
  private readonly place: (offset: number) => string;
  /** The latest node of each anchor so far; the library's own look-up walks the document for every alias. */
  private readonly anchors = new Map<string, Node>();
  private aliasValues = 0;
  private aliasDepth = 0;

  constructor(place: (offset: number) => string) {
    this.place = place;
  }

  plain(node: Node | null, depth: number): unknown {
    if (node === null) return null;
    if (depth > scenarioLimits.depthMax) {
      this.fail(node, `nested too deeply; at most ${scenarioLimits.depthMax} levels are allowed`);
    }
    if (this.aliasDepth > 0 && ++this.aliasValues > scenarioLimits.aliasValuesMax) {
      this.fail(node, `aliases multiply to more than ${scenarioLimits.aliasValuesMax} values`);
    }
    if (isAlias(node)) return this.resolved(node, depth);
    const anchor = (node as { anchor?: string }).anchor;
    if (anchor !== undefined) this.anchors.set(anchor, node);
    if (isScalar(node)) return this.scalar(node, node.value);
    if (isSeq(node)) return node.items.map((item) => this.plain(item as Node | null, depth + 1));
    if (isMap(node)) return this.record(node.items as { key: unknown; value: unknown }[], depth);
    return this.fail(node, 'is neither a value, a list nor a set of keys');
  }

  private resolved(alias: Alias, depth: number): unknown {
    const target = this.anchors.get(alias.source);
    if (target === undefined) return this.fail(alias, `the alias *${alias.source} has no anchor`);
    this.aliasDepth++;
    const value = this.plain(target, depth + 1);
    this.aliasDepth--;
    return value;
  }

  private scalar(node: Node, value: unknown): unknown {
    if (typeof value === 'number' && !Number.isFinite(value)) this.fail(node, `${value} is not a finite number`);
    if (typeof value === 'bigint') return Number(value);
    return value;
  }

  private record(items: { key: unknown; value: unknown }[], depth: number): Record<string, unknown> {
    // Without a prototype, so that "__proto__" is a key like any other.
    const record: Record<string, unknown> = Object.create(null);
    for (const { key, value } of items) {
      if (!isScalar(key)) this.fail(key as Node, 'a key must be a word');
      const name = String((key as { value: unknown }).value);
      if (name in record) this.fail(key as Node, `the key "${name}" stands here twice`);
      record[name] = this.plain(value as Node | null, depth + 1);
    }
    return record;
  }

  private fail(node: Node, message: string): never {
    throw new ScenarioError(`${this.place(node.range?.[0] ?? 0)}: ${message}`);
  }
}

function offsetOf(document: Document, path: Path, atKey: boolean): number {
  let node = document.contents as Node | null;
  let offset = node?.range?.[0] ?? 0;
  for (const [depth, step] of path.entries()) {
    if (isAlias(node)) node = (node.resolve(document) ?? null) as Node | null;
    if (isSeq(node)) {
      node = (node.items[Number(step)] ?? null) as Node | null;
    } else if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (pair === undefined) return offset;
      offset = (pair.key as Node).range?.[0] ?? offset;
      if (atKey && depth === path.length - 1) return offset;
      node = pair.value as Node | null;
    }
    if (node === null) return offset;
    offset = node.range?.[0] ?? offset;
  }
  return offset;
}
