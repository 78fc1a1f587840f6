// test-time-limit: 900s
/** The contract in many worlds of faults: true use never beyond it, and everybody finishes once they have healed. */
import fc from 'fast-check';
import { suite } from 'uvu';
import { is, ok } from 'uvu/assert';
import { scenarioFile } from '#scenarios/format/bundled.ts';
import { readScenarioFile } from '#scenarios/format/document.ts';
import { loadScenario } from '#scenarios/format/load.ts';
import { policies } from '#sim/policies/catalogue.ts';
import { simulate } from '#sim/simulate.ts';
import { checkFinished } from './random-runs.ts';
import { scenarios } from './random-scenario.ts';
import { scenarioOf } from './scenario-text.ts';

const test = suite('sim/under-fire');

test('contract-under-fire with 20 seeds', () => {
  const text = readScenarioFile(scenarioFile('contract-under-fire'));
  const uses: number[] = [];
  for (let seed = 1; seed <= 20; seed++) {
    const { scenario } = loadScenario(text, { file: 'contract-under-fire', policies, seed });
    const { origin, clients } = simulate(scenario).summary;
    is(origin.violations, 0);
    is(clients.unfinished, 0);
    uses.push(origin.useWhileShort ?? 1);
  }
  console.log(`of what leases may grant while more is wanted, sent: ${uses.map((use) => use.toFixed(2)).join(' ')}`);
});

test('200 random worlds with up to eight faults', () => {
  let faultCount = 0;
  const worlds = scenarios(['hybrid'], 8).filter(({ faults }) => (faults as unknown[]).length > 0);
  const property = fc.property(worlds, (text) => {
    const scenario = scenarioOf(text);
    const outcome = simulate(scenario);
    is(outcome.summary.origin.violations, 0);
    checkFinished(scenario, outcome);
    faultCount += scenario.faults.length;
  });
  fc.assert(property, { numRuns: 200, includeErrorInReport: true });
  console.log(`${faultCount} faults`);
});

test('without faults, nearly all that leases may grant is sent while more is wanted', () => {
  const uses: [string, number][] = [];
  for (const name of ['two-tasks-one-origin', 'limit-cut']) {
    const text = readScenarioFile(scenarioFile(name));
    const { scenario } = loadScenario(text, { file: name, policies, set: ['faults=[]'] });
    uses.push([name, simulate(scenario).summary.origin.useWhileShort ?? 0]);
  }
  console.log(uses.map(([name, use]) => `${name} ${use.toFixed(3)}`).join(', '));
  for (const [name, use] of uses) ok(use >= 0.94, `${name}: ${use}`);
});

test.run();
