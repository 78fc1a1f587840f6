/** A scenario in, an outcome out: one run, deterministic in the scenario and its seed. */
import type { Outcome } from '#scenarios/format/result.ts';
import type { Scenario } from '#scenarios/format/scenario.ts';
import { closeAndCheck } from './checkers.ts';
import type { ClientRecord } from './client-record.ts';
import { outcomeOf } from './outcome.ts';
import { QuotaLog } from './quota-log.ts';
import { assertSupported } from './supported.ts';
import { Trace } from './trace.ts';
import { World } from './world.ts';

/** Throws a `CheckerError` when something happened that must not. */
export function simulate(scenario: Scenario, trace: Trace | null = null, record: ClientRecord | null = null): Outcome {
  assertSupported(scenario);
  const world = new World(scenario, trace, record);
  world.run();
  closeAndCheck(world);
  return outcomeOf(world);
}

/** Who held what of the origin, every so often, and what came of it. */
export function simulateQuota(scenario: Scenario, everySeconds: number): { log: QuotaLog; outcome: Outcome } {
  assertSupported(scenario);
  const world = new World(scenario, null);
  const log = new QuotaLog(everySeconds);
  world.quotaLog = log;
  world.run();
  log.passTo(world, world.state.now);
  closeAndCheck(world);
  return { log, outcome: outcomeOf(world) };
}

/** A trace that fits the scenario. */
export function traceFor({ name, seed, regions, origin, relays, clients, tasks, policy }: Scenario): Trace {
  const { file } = tasks[0];
  const { threshold, hold, triggers } = policy.fallback;
  const opensBySpeed = policy.http.when === 'fallback' && triggers.includes('slow');
  return new Trace({
    scenario: name,
    policy: policy.name,
    seed,
    fileBytes: file.sizeBytes,
    pieceBytes: file.pieceLengthBytes,
    ...(opensBySpeed && { fallback: { thresholdBytesPerSecond: threshold, holdSeconds: hold / 1000 } }),
    groups: [
      { kind: 'origin', name: 'origin', region: regions[origin.region], count: 1 },
      ...relays.map((each) => ({ kind: 'relay' as const, ...groupOf(each, regions) })),
      ...clients.map((each) => ({ kind: 'client' as const, ...groupOf(each, regions) })),
    ],
  });
}

function groupOf({ name, region, count }: { name: string; region: number; count: number }, regions: string[]) {
  return { name, region: regions[region], count };
}
