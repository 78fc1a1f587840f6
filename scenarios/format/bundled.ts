import { existsSync, readdirSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ScenarioError } from './error.ts';
import { allowed } from './nearest.ts';

const directory = fileURLToPath(new URL('..', import.meta.url));

/** The scenarios that come with sluice, by name. */
export function bundledScenarios(): { name: string; file: string }[] {
  return readdirSync(directory)
    .filter((file) => /\.ya?ml$/.test(file))
    .sort()
    .map((file) => ({ name: basename(file, extname(file)), file: join(directory, file) }));
}

/** The file that a command line means: a path, or the name of a bundled scenario. */
export function scenarioFile(nameOrPath: string): string {
  if (existsSync(nameOrPath) || /[/\\.]/.test(nameOrPath)) return nameOrPath;
  const bundled = bundledScenarios();
  const found = bundled.find(({ name }) => name === nameOrPath);
  if (found !== undefined) return found.file;
  const names = bundled.map(({ name }) => name);
  throw new ScenarioError(`${nameOrPath}: neither a file nor a scenario by name: ${allowed(nameOrPath, names)}`);
}
