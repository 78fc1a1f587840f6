import { dirname } from 'node:path';
import { compile } from './compile.ts';
import { complete } from './complete.ts';
import type { Configuration } from './configuration.ts';
import { parseSource, type SourceDocument } from './document.ts';
import { type Path, Problem, ScenarioError } from './error.ts';
import { addressOf, applySet, type Override } from './override.ts';
import { type Catalogue, namedPolicy } from './policy-text.ts';
import { isRecord, resolve, shown } from './resolve.ts';
import type { Fidelity, Scenario } from './scenario.ts';
import { scenarioSchema } from './schema.ts';

export interface LoadOptions {
  /** Name of the file, for messages and for the files that it names. */
  file: string;
  policies: Catalogue;
  /** `path=value`, applied in this order after `policy`. */
  set?: readonly string[] | undefined;
  /** Replaces the scenario's policy, and those of its tasks, by a named one. */
  policy?: string | undefined;
  seed?: number | undefined;
  clients?: number | undefined;
  fidelity?: Fidelity | undefined;
}

export interface LoadedScenario {
  configuration: Configuration;
  scenario: Scenario;
  /** Each with its place. */
  warnings: string[];
}

/** Reads, checks and resolves a scenario; a `ScenarioError` says what is wrong with it, and where. */
export function loadScenario(text: string, options: LoadOptions): LoadedScenario {
  const { file, policies } = options;
  const source = parseSource(text, file);
  const root = source.value;
  if (!isRecord(root)) {
    throw new ScenarioError(
      `${source.locate([], false)}: ${shown(root)} is not a scenario; it begins with "version: 1"`,
    );
  }
  const warnings: string[] = [];
  const overrides: Override[] = [];
  const place = (path: Path, atKey: boolean): string => placeOf(path, atKey, root, source, overrides);
  const warn = (path: Path, message: string): void => {
    warnings.push(`${place(path, false)}: ${message}`);
  };
  try {
    applyOptions(root, options, overrides, warn);
    const draft = resolve(scenarioSchema, root, []) as Record<string, unknown>;
    const completion = { policies, directory: dirname(file), clients: options.clients, warn };
    // Once more, for the order of keys: equal scenarios then also look equal.
    const configuration = resolve(scenarioSchema, complete(draft, completion), []) as Configuration;
    const scenario = compile(configuration, policies);
    warnings.push(...uselessPolicy(scenario).map((message) => `${file}: ${message}`));
    return { configuration, scenario, warnings };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    throw new ScenarioError(`${place(error.path, error.atKey)}: ${error.message}`);
  }
}

function applyOptions(
  root: Record<string, unknown>,
  { policies, set = [], policy, seed, fidelity }: LoadOptions,
  overrides: Override[],
  warn: (path: Path, message: string) => void,
): void {
  const replace = (key: string, value: unknown): void => {
    root[key] = value;
    overrides.push({ path: [key], label: `--${key} ${value}` });
  };
  if (policy !== undefined) {
    replace('policy', policy);
    namedPolicy(policy, policies, ['policy']);
    for (const [index, task] of (Array.isArray(root.tasks) ? root.tasks : []).entries()) {
      if (!isRecord(task) || task.policy === undefined) continue;
      warn(['tasks', index, 'policy'], `gives way to --policy ${policy}`);
      delete task.policy;
    }
  }
  if (seed !== undefined) replace('seed', seed);
  if (fidelity !== undefined) replace('fidelity', fidelity);
  for (const text of set) overrides.push(applySet(root, scenarioSchema, text));
}

/** `file:line:column: clients.office.uplink`, or the option that put the value there. */
function placeOf(path: Path, atKey: boolean, root: unknown, source: SourceDocument, overrides: Override[]): string {
  const label = addressOf(atKey ? path.slice(0, -1) : path, root);
  const override = overrides.findLast(
    ({ path: set }) => set.length <= path.length && set.every((step, i) => step === path[i]),
  );
  const place = override === undefined ? source.locate(path, atKey) : override.label;
  return label === '' || (override !== undefined && override.path.length === path.length)
    ? place
    : `${place}: ${label}`;
}

/** Compositions that are legal, but with which nothing can arrive in this scenario. */
function uselessPolicy({ policy, relays, distribution }: Scenario): string[] {
  const { swarm, http, relay, name } = policy;
  const relayCount = relay.used ? relays.reduce((sum, { count }) => sum + count, 0) : 0;
  const byHttp = http.when !== 'never' && distribution.protocols.includes('http');
  const reached = http.sources.some((source) => source === 'origin' || relayCount > 0);
  const seeded = swarm.enabled && (swarm.originSeeds || (swarm.relaysSeed && relayCount > 0));
  const bySwarm = seeded && distribution.protocols.includes('bittorrent');
  if (bySwarm || (byHttp && reached)) return [];
  return [`with the policy "${name}" nobody can receive anything here: it reaches neither the origin nor a relay`];
}
