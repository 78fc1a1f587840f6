/**
 * Scenarios drawn by chance, as the texts of scenario files: a counterexample can be saved and run. Everybody in
 * them who stays can finish; `canFinish` says who, as that depends on the policy.
 */
import fc from 'fast-check';
import type { Scenario } from '#scenarios/format/scenario.ts';
import { policies } from '#sim/policies/catalogue.ts';
import type { ScenarioText } from './scenario-text.ts';
import { perSecond } from './scenario-text.ts';

const regionNames = ['eu', 'us', 'asia'];

const rate = fc.constantFrom(40e3, 100e3, 250e3, 333_333, 1e6, 1.1e6, 4e6, 12.5e6).map(perSecond);
const link = fc.oneof(rate, fc.record({ mean: rate, spread: fc.constantFrom('10%', '50%') }));
const milliseconds = (max: number) => fc.integer({ min: 0, max }).map((value) => `${value}ms`);
const arrive = fc.oneof(
  { weight: 3, arbitrary: fc.constant('at-once') },
  fc.record({ at: milliseconds(20_000) }),
  fc.record({ at: milliseconds(2_000), over: fc.constantFrom('1s', '30s', '5m') }),
  fc.record({ poisson: fc.constantFrom('1/s', '6/m') }),
);
const leave = fc.oneof(
  { weight: 3, arbitrary: fc.constant('never') },
  fc.record({ fixed: milliseconds(10_000) }),
  fc.record({ after: milliseconds(60_000), distribution: fc.constantFrom('exponential', 'lognormal') }),
  fc.record({ aborts: fc.constantFrom('20%', '60%') }),
);

const client = (regions: number) =>
  fc.record({
    region: fc.nat(regions - 1).map((index) => regionNames[index]),
    count: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 20 })),
    uplink: link,
    downlink: link,
    peerToPeer: fc.constantFrom('allowed', 'allowed', 'outgoing-only', 'blocked'),
    arrive,
    leave,
    clockDrift: fc.constantFrom('0ppm', '400ppm'),
  });

const relay = (regions: number) =>
  fc.record({
    region: fc.nat(regions - 1).map((index) => regionNames[index]),
    count: fc.integer({ min: 1, max: 2 }),
    uplink: rate,
    downlink: rate,
    connections: fc.constantFrom('unlimited', 100, 60),
    bufferBeforeServing: fc.constantFrom('0B', '100kB', '16MiB'),
    holds: fc.constantFrom('none', 'none', 'all'),
  });

const file = fc
  .record({
    pieces: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 40 }), fc.constantFrom(31, 32, 33)),
    pieceLength: fc.constantFrom(16_384, 65_536, 100_000, 262_144, 1_000_000),
    last: fc.double({ min: 0.0001, max: 1, noNaN: true }),
  })
  .map(({ pieces, pieceLength, last }) => ({
    size: `${(pieces - 1) * pieceLength + Math.ceil(pieceLength * last)}B`,
    pieceLength: `${pieceLength}B`,
  }));

const contract = fc.oneof(
  { weight: 2, arbitrary: fc.constant({}) },
  fc.record(
    {
      connections: fc.constantFrom(1, 3, 50),
      bandwidth: rate,
      burst: fc.constantFrom('64kB', '1MB', '4MB'),
      traffic: fc.constantFrom({ '10s': '2MB' }, { '1m': '20MB' }, { '10s': '3MB', '1m': '10MB' }),
    },
    { requiredKeys: [] },
  ),
);

const latency = (regions: string[]) =>
  fc
    .array(fc.constantFrom('0s', '1ms', '10ms', '150ms'), { minLength: 6, maxLength: 6 })
    .map((times) => Object.fromEntries(pairsOf(regions).map((pair, index) => [pair.join('-'), times[index]])));

function pairsOf(regions: string[]): [string, string][] {
  return regions.flatMap((one, index) => regions.slice(index).map((other): [string, string] => [one, other]));
}

const limitedPair = (regions: string[]) => fc.record({ between: fc.constantFrom(...pairsOf(regions)), capacity: rate });

export const fidelities = ['reference', 'standard', 'scale'] as const;

/** Something that goes wrong and heals: what it names is there. */
const fault = (regions: string[], relays: number, classes: number): fc.Arbitrary<ScenarioText> => {
  const at = milliseconds(30_000);
  const lasting = fc.constantFrom('500ms', '20s', '3m');
  const origin = fc.constant('main');
  const relayName = fc.nat(Math.max(0, relays - 1)).map((index) => `relay-${index}`);
  const className = fc.nat(classes - 1).map((index) => `class-${index}`);
  const share = fc.constantFrom('30%', '100%');
  const kinds: fc.Arbitrary<ScenarioText>[] = [
    fc.record({ at, origin, slow: share, for: lasting }),
    fc.record({ at, origin, down: lasting }),
    fc.record({ at, origin, contract, for: lasting }),
    fc.record({ at, control: fc.nat(1), down: lasting, ledger: fc.constantFrom('kept', 'lost') }),
    fc.record({ at, control: fc.nat(1), claims: fc.constantFrom('500ms', '20s') }),
    fc.record({ at, messages: fc.record({ loss: share, delay: fc.constantFrom('0s', '2s') }), for: lasting }),
    fc.record({ at, clients: className, share, clockStep: fc.constantFrom('5m', '-5m', '3s') }),
    fc.record({ at, clients: className, share, crash: lasting }),
    fc.record({ at, clients: className, share, suspend: lasting }),
    ...(relays === 0 ? [] : [fc.record({ at, relay: relayName, down: lasting })]),
    ...(regions.length === 1 ? [] : [fc.record({ at, regions: fc.constant(regions.slice(0, 2)), partition: lasting })]),
  ];
  return fc.oneof(...kinds);
};

/** Two tasks that share relays and the origin: the first class has one, the others have the other. */
const twoTasks = (names: readonly string[], classes: number): fc.Arbitrary<ScenarioText[]> => {
  const one = fc.record(
    {
      file,
      start: milliseconds(20_000),
      band: fc.nat(1),
      weight: fc.constantFrom(1, 3),
      floor: rate,
      ceiling: rate,
      policy: fc.constantFrom(...names),
    },
    { requiredKeys: ['file'] },
  );
  const all = Array.from({ length: classes }, (_, index) => `class-${index}`);
  return fc.tuple(one, one).map(([first, second]) => [
    { ...first, name: 'first', clients: all.slice(0, 1) },
    { ...second, name: 'second', clients: all.slice(1) },
  ]);
};

/** One scenario, for all policies or for those given. */
export const scenarios = (
  names: readonly string[] = Object.keys(policies),
  faultsMax = 0,
): fc.Arbitrary<ScenarioText> => {
  const counts = fc.record({
    regions: fc.integer({ min: 1, max: 3 }),
    relays: fc.nat(2),
    classes: fc.integer({ min: 1, max: 3 }),
  });
  return counts.chain((count) => {
    const regions = regionNames.slice(0, count.regions);
    const several = <Value>(arbitrary: fc.Arbitrary<Value>, length: number) =>
      fc.array(arbitrary, { minLength: length, maxLength: length });
    return fc
      .record({
        seed: fc.nat(1_000_000),
        file,
        fidelity: fc.constantFrom(...fidelities),
        policy: fc.constantFrom(...names),
        latency: latency(regions),
        links: fc.array(limitedPair(regions), { maxLength: 1 }),
        origin: fc.record({ region: fc.constantFrom(...regions), uplink: rate, contract }),
        relays: several(relay(count.regions), count.relays),
        clients: several(client(count.regions), count.classes),
        control: fc.constant({ count: 2, driftMax: '500ppm' }),
        messages: fc.option(
          fc.record({
            loss: fc.constantFrom('0%', '5%'),
            duplicate: fc.constantFrom('0%', '5%'),
            reorder: fc.constantFrom('0%', '10%'),
            delay: fc.constantFrom('0s', '20ms', '1s'),
          }),
          { nil: {} },
        ),
        tasks: count.classes === 1 ? fc.constant([]) : fc.option(twoTasks(names, count.classes), { freq: 2, nil: [] }),
        faults: fc.array(fault(regions, count.relays, count.classes), { maxLength: faultsMax }),
      })
      .map(({ tasks, ...text }) => ({
        ...text,
        ...(tasks.length === 0 ? {} : { tasks }),
        horizon: '48h',
        regions,
        relays: text.relays.map((each, index) => ({ ...each, name: `relay-${index}` })),
        clients: text.clients.map((each, index) => ({ ...each, name: `class-${index}` })),
      }));
  });
};

/** Whether clients of the class can finish in the end, whatever chance brings. */
export function canFinish(scenario: Scenario, index: number): boolean {
  const { relays, clients, links, tasks } = scenario;
  const task = tasks.find((each) => each.clients.includes(index))!;
  const policy = task.policy ?? scenario.policy;
  const { sizeBytes } = task.file;
  const isPeer = clients[index]!.peerToPeer !== 'blocked';
  const hasRelays = relays.some(({ count }) => count > 0) && policy.relay.used;
  const isSeeded = policy.swarm.originSeeds || (policy.swarm.relaysSeed && hasRelays);
  // Where a slow link is shared by many, pieces that are given up early never arrive: so it is in reality.
  const isPatient = policy.swarm.pieceTimeout >= 60_000 || links.length === 0;
  const bySwarm = policy.swarm.enabled && isPeer && isSeeded && isPatient;
  const byHttp = policy.http.sources.some((source) => source === 'origin' || hasRelays);
  const isDirect = sizeBytes <= policy.http.directBelow && policy.http.sources.includes('origin');
  return bySwarm || (byHttp && policy.http.when !== 'never') || isDirect;
}
