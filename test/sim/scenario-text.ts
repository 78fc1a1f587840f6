/** Scenarios of tests: a small, quiet world, and what a test says over it, as the text of a scenario file. */
import { loadScenario } from '#scenarios/format/load.ts';
import type { Outcome } from '#scenarios/format/result.ts';
import type { Scenario } from '#scenarios/format/scenario.ts';
import { policies } from '#sim/policies/catalogue.ts';
import { simulate } from '#sim/simulate.ts';

/** Keys of a scenario file; JSON is YAML. */
export type ScenarioText = Record<string, unknown>;

const quietWorld: ScenarioText = {
  version: 1,
  name: 'test',
  latency: { 'main-main': '0s' },
  file: { size: '16MB', pieceLength: '1MB' },
  origin: { uplink: '10MB/s' },
  clients: [{ name: 'all', count: 4, uplink: '1MB/s', downlink: '4MB/s' }],
};

export function scenarioOf(text: ScenarioText): Scenario {
  return loadScenario(JSON.stringify({ ...quietWorld, ...text }), { file: 'test.yaml', policies }).scenario;
}

export function run(text: ScenarioText): Outcome {
  return simulate(scenarioOf(text));
}

export const perSecond = (bytes: number): string => `${bytes}B/s`;
