import { scenarioDefaults } from '#core/limits.ts';
import type { Configuration, ContractText } from './configuration.ts';
import { at, type Path, Problem } from './error.ts';
import { allowed } from './nearest.ts';
import type { Catalogue } from './policy-text.ts';
import { parseQuantity, parseTime, printQuantity } from './units.ts';

export interface Completion {
  policies: Catalogue;
  /** Where the scenario lies, for the files it names. */
  directory: string;
  /** So many clients in all, rather than what the classes count. */
  clients: number | undefined;
  warn(path: Path, message: string): void;
}

export function uniqueNames(members: readonly { name: string }[], path: Path): void {
  const indexes = new Map<string, number>();
  for (const [index, { name }] of members.entries()) {
    const other = indexes.get(name);
    if (other !== undefined) {
      const first = [...path, other].join('.');
      throw new Problem([...path, index, 'name'], `the name "${name}" is already taken by ${first}`);
    }
    indexes.set(name, index);
  }
}

export function checkRegion(region: string, regions: readonly string[], path: Path): void {
  if (!regions.includes(region)) throw new Problem(path, `unknown region "${region}": ${allowed(region, regions)}`);
}

/** Also of the contracts that faults bring. */
export function completeContract(contract: ContractText, path: Path): void {
  const bandwidth = parseQuantity('rate', contract.bandwidth, { endless: 'unlimited' });
  contract.burst ??= printQuantity('size', Math.round(bandwidth * scenarioDefaults.burstSeconds));
  const windows = new Map<number, string>();
  for (const window of Object.keys(contract.traffic)) {
    const here = [...path, 'traffic', window];
    const length = at(here, () => parseQuantity('time', window, { positive: true }));
    const other = windows.get(length);
    if (other !== undefined) throw new Problem(here, `${window} is the same window as ${other}`, true);
    windows.set(length, window);
  }
}

/** Milliseconds after which nothing happens any more. */
export const horizonOf = (configuration: Configuration): number => parseTime(configuration.horizon);
