/** A bundled scenario, changed as the command line would change it. */
import { scenarioFile } from '#scenarios/format/bundled.ts';
import { readScenarioFile } from '#scenarios/format/document.ts';
import { loadScenario } from '#scenarios/format/load.ts';
import type { Fidelity, Scenario } from '#scenarios/format/scenario.ts';
import { policies } from '#sim/policies/catalogue.ts';

export interface Changes {
  clients?: number;
  fidelity?: Fidelity;
  policy?: string;
  seed?: number;
  set?: string[];
}

export function bundledScenario(name: string, changes: Changes): Scenario {
  const file = scenarioFile(name);
  return loadScenario(readScenarioFile(file), { file, policies, ...changes }).scenario;
}
