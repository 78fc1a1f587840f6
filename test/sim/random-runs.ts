/** What must hold of every run, whatever the scenario: the properties that the short and the long test share. */
import fc from 'fast-check';
import { equal, is, ok } from 'uvu/assert';
import type { Outcome } from '#scenarios/format/result.ts';
import type { Scenario } from '#scenarios/format/scenario.ts';
import { simulate } from '#sim/simulate.ts';
import { canFinish, scenarios } from './random-scenario.ts';
import { type ScenarioText, scenarioOf } from './scenario-text.ts';

/** Rounding of doubles, and of the moments of a piece's start and end to whole microseconds. */
const tolerance = 1e-6;
const roundingSeconds = 3e-6;

/** Oracle 1: nobody is earlier than any policy could be. */
export function checkBound({ summary }: Outcome): void {
  for (const name of ['p50', 'p95', 'p99', 'max'] as const) {
    const ratio = summary.bound.ratio[name];
    const rounding = tolerance + roundingSeconds / (summary.bound.at[name] ?? Infinity);
    ok(ratio === null || ratio >= 1 - rounding, `${name} is ${ratio} of the bound (${summary.bound.which})`);
  }
}

/** Liveness: whoever stays and can finish does. */
export function checkFinished(scenario: Scenario, { byClass }: Outcome): void {
  for (const [index, { name, clients }] of byClass.entries()) {
    if (!canFinish(scenario, index)) continue;
    is(clients.completed + clients.left, clients.total, `${name} under ${scenario.policy.name}: all who stay finish`);
    is(clients.unfinished, 0);
  }
}

function checkSums({ summary, byClass, byTask, series }: Outcome): void {
  const { clients, bytes, share } = summary;
  is(clients.total, clients.completed + clients.unfinished + clients.failed + clients.left);
  is(bytes.origin + bytes.relay + bytes.peer, bytes.delivered + bytes.duplicate + bytes.discarded + bytes.partial);
  is(bytes.originSent, bytes.origin + bytes.originToRelay);
  const sum = (of: (each: (typeof byClass)[number]) => number) => byClass.reduce((total, each) => total + of(each), 0);
  is(
    sum((each) => each.clients.completed),
    clients.completed,
  );
  is(
    sum((each) => each.bytes.delivered),
    bytes.delivered,
  );
  if (byTask !== undefined)
    is(
      byTask.reduce((total, each) => total + each.bytes.delivered, 0),
      bytes.delivered,
    );
  const shares = share.origin + share.relay + share.peer;
  ok(Math.abs(shares - 1) < 1e-9 || shares === 0);
  const { p50, p90, p95, p99, p999, max } = summary.completionSeconds;
  const rising = [p50, p90, p95, p99, p999, max].map((value) => value ?? Infinity);
  equal(
    rising,
    rising.toSorted((a, b) => a - b),
  );
  is(series.columns.completed.at(-1) ?? 0, clients.completed);
}

/** Throws also where a checker of the simulator does. */
export function checkRun(text: ScenarioText): void {
  const scenario = scenarioOf(text);
  const outcome = simulate(scenario);
  checkBound(outcome);
  checkFinished(scenario, outcome);
  checkSums(outcome);
  equal(simulate(scenarioOf(text)), outcome, 'the same scenario runs alike twice');
}

export function checkRandomRuns(runs: number, faultsMax: number, names?: readonly string[]): void {
  fc.assert(fc.property(scenarios(names, faultsMax), checkRun), { numRuns: runs, includeErrorInReport: true });
}
