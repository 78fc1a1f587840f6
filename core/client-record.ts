/**
 * What a client decided, upon which inputs: one line for each input of its core, with what came out. A node writes
 * them of a real download, the simulator of one of its clients; `sluice replay` runs the core over the inputs again.
 */
import type { ClientOptions } from './client.ts';

/** What changes a client's state, or decides, in any order: what a record holds. Everything else only reads. */
export const clientInputs = [
  'start',
  'join',
  'heard',
  'heardAll',
  'part',
  'ask',
  'arrived',
  'brokenOff',
  'unchoke',
  'handshake',
  'blocked',
  'expect',
  'promise',
  'situate',
  'look',
  'httpRate',
  'drawn',
  'assign',
  'choose',
  'succeeded',
  'failed',
  'takeRange',
  'takeFrom',
  'takeRaced',
  'upload',
] as const;
export type ClientInput = (typeof clientInputs)[number];

/** The first line: whose inputs follow, and from which core they go on. */
export interface LogHeader {
  kind: 'sluice-decisions';
  version: 1;
  /** SHA-256 of the policy, shortened: two records of one version decided by the same rules. */
  policyVersion: string;
  /** Absent in a record of the simulator, which has no date. */
  startedAt?: string;
  options: ClientOptions;
  /** Absent where the record begins with a fresh core. */
  snapshot?: number[][];
}

export interface LoggedInput {
  /** Milliseconds since the log began. */
  at: number;
  input: [ClientInput, ...unknown[]];
  /** What the core answered: a decision with its reason, or a plain value; absent where it answers nothing. */
  result?: unknown;
}

/** JSON has no word for a number without end. */
export const withoutEnd = (_key: string, value: unknown) => (value === Infinity ? 'Infinity' : value);
export const withEnd = (_key: string, value: unknown) => (value === 'Infinity' ? Infinity : value);

export function printHeader(header: LogHeader): string {
  return JSON.stringify(header, withoutEnd);
}

export function printInput({ at, input, result }: LoggedInput): string {
  const line = result === undefined ? { at, input } : { at, input, result };
  return input.includes(Infinity) ? JSON.stringify(line, withoutEnd) : JSON.stringify(line);
}
