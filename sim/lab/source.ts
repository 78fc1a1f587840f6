/** Where a scenario comes from, and the command line that runs it again. */
import { scenarioFile } from '#scenarios/format/bundled.ts';
import { readScenarioFile } from '#scenarios/format/document.ts';
import { type LoadedScenario, loadScenario } from '#scenarios/format/load.ts';
import { policies } from '#sim/policies/catalogue.ts';
import type { Overrides } from './options.ts';

export interface Source {
  /** As it was given: a path, or the name of a bundled scenario. */
  given: string;
  file: string;
  text: string;
}

export function openSource(given: string): Source {
  const file = scenarioFile(given);
  return { given, file, text: readScenarioFile(file) };
}

export function loadSource({ file, text }: Pick<Source, 'file' | 'text'>, overrides: Overrides): LoadedScenario {
  const { policy, seed, clients, fidelity, set } = overrides;
  return loadScenario(text, { file, policies, policy, seed, clients, fidelity, set });
}

/** One line that repeats one run. */
export function repeatCommand(given: string, { policy, seed, clients, fidelity, set }: Overrides): string {
  const words = ['sluice', 'run', quoted(given)];
  if (policy !== undefined) words.push('--policy', policy);
  if (seed !== undefined) words.push('--seed', String(seed));
  if (clients !== undefined) words.push('--clients', String(clients));
  if (fidelity !== undefined) words.push('--fidelity', fidelity);
  for (const text of set) words.push('--set', quoted(text));
  return words.join(' ');
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
