/** A suite of pilots: a file that lists scenarios, under which policies, and which were set aside. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';

export interface SuiteEntry {
  scenario: string;
  /** Absent: the scenario's own. */
  policy: string | undefined;
  isHoldout: boolean;
}

/** What a path names: the entries of a suite, or the one scenario. */
export function suiteOf(path: string, policies: readonly string[] | undefined): SuiteEntry[] {
  const text = /\.ya?ml$/.test(path) ? read(path) : '';
  const value: unknown = /^kind:\s*pilot-suite\s*$/m.test(text) ? parse(text) : undefined;
  if (value === undefined) return entriesOf(path, policies, false);
  const { scenarios } = value as { scenarios?: unknown };
  if (!Array.isArray(scenarios) || scenarios.length === 0) throw invalid(path, 'scenarios must list at least one');
  return scenarios.flatMap((entry: unknown, index) => {
    const { scenario, policies: own, holdout = false, ...rest } = (entry ?? {}) as Record<string, unknown>;
    const [unknown] = Object.keys(rest);
    const where = `scenarios[${index}]`;
    if (unknown !== undefined) throw invalid(path, `${where}: unknown key "${unknown}": scenario, policies, holdout`);
    if (typeof scenario !== 'string') throw invalid(path, `${where}: the key "scenario" is missing`);
    if (typeof holdout !== 'boolean') throw invalid(path, `${where}.holdout: it is true or false`);
    const listed = own === undefined ? undefined : namesOf(own);
    if (own !== undefined && listed === undefined) throw invalid(path, `${where}.policies: it is a list of names`);
    return entriesOf(join(dirname(path), scenario), policies ?? listed, holdout);
  });
}

function entriesOf(scenario: string, policies: readonly string[] | undefined, isHoldout: boolean): SuiteEntry[] {
  if (policies === undefined) return [{ scenario, policy: undefined, isHoldout }];
  return policies.map((policy) => ({ scenario, policy, isHoldout }));
}

function namesOf(value: unknown): string[] | undefined {
  const isNames = Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'string');
  return isNames ? (value as string[]) : undefined;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Whoever loads the scenario says what is wrong with it.
    return '';
  }
}

function invalid(path: string, problem: string): Stop {
  return new Stop(exitCodes.invalid, `${path}: ${problem}`);
}
