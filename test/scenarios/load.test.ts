import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { canonicalJson, sha256 } from '#scenarios/format/canonical.ts';
import { readScenarioFile } from '#scenarios/format/document.ts';
import { type LoadOptions, loadScenario } from '#scenarios/format/load.ts';
import { largestRemainder } from '#scenarios/format/scale.ts';
import { policies } from '#sim/policies/catalogue.ts';

const loading = suite('load');

/** The example of the format's description, with more of everything. */
const office = `
version: 1
name: office-and-mobile
seed: 1
horizon: 2h
file: { size: 2GiB, pieceLength: 4MiB }
origin:
  region: eu
  uplink: 10Gbps
  contract: { connections: 1000, bandwidth: 2Gbps, burst: 64MiB, traffic: { 1h: 500GB, 24h: 2TB } }
regions: [eu, us]
latency: { eu-eu: 10ms, us-eu: 90ms }
relays:
  - { name: eu-relay, region: eu, count: 2, uplink: 10Gbps, connections: 2000 }
  - { name: us-relay, region: us, uplink: 1Gbps, downlink: 2Gbps, holds: all }
clients:
  - { name: office, region: eu, count: 4000, uplink: { mean: 100Mbps, spread: 30% }, downlink: 200Mbps,
      clockDrift: 100ppm }
  - { name: mobile, region: us, count: 1000, uplink: 5Mbps, downlink: 50Mbps, peerToPeer: blocked,
      arrive: { over: 10m }, leave: { after: 30m }, abandon: { rate: 0.1/h } }
links: [{ between: [eu, us], capacity: 1Gbps }]
prices: { origin: 0.08/GB, originPeak: 1/Mbps, relayHour: 0.5/h, between: { us-eu: 0.02/GB } }
faults:
  - { at: 60s, relay: eu-relay, down: 2m }
  - { at: 60s, relay: us-relay/0, down: forever }
  - { at: 60s, origin: main, slow: 20%, for: 5m }
  - { at: 60s, origin: main, contract: { bandwidth: 500Mbps } }
  - { at: 60s, control: 0, down: 30s, ledger: lost }
  - { at: 60s, control: 0, claims: 20s }
  - { at: 60s, regions: [eu, us], partition: 1m }
  - { at: 60s, clients: mobile, share: 10%, crash: 30s }
  - { at: 60s, clients: office, clockStep: -5m }
  - { at: 60s, messages: { loss: 20% }, for: 2m }
expect: [ p99( completion )<20m, 'origin.violations == 0' ]
published: [{ metric: p50(completion), value: 10s, source: somewhere }]
`;

const load = (text: string, options: Partial<LoadOptions> = {}) =>
  loadScenario(text, { file: 'x.yaml', policies, ...options });
const small = (clients: string, more = '') =>
  `version: 1
name: s
file: { size: 10MB }
origin: { uplink: 1Gbps }
relays: [{ name: edge, uplink: 1Gbps }]
clients: [${clients}]
${more}`;
const client = '{ name: a, count: 10, uplink: 1Mbps, downlink: 1Mbps }';

loading('the compiled numbers', () => {
  const { scenario, warnings } = load(office);
  assert.equal(warnings, []);
  assert.equal(scenario.latencyMilliseconds, [
    [10, 90],
    [90, 10],
  ]);
  assert.equal(scenario.origin.contract.traffic, [
    { name: '1h', windowMilliseconds: 3_600_000, bytesMax: 500e9 },
    { name: '24h', windowMilliseconds: 86_400_000, bytesMax: 2e12 },
  ]);
  assert.is(scenario.relays[0]!.downlinkBytesPerSecond, 1.25e9);
  assert.is(scenario.relays[1]!.downlinkBytesPerSecond, 0.25e9);
  assert.is(scenario.relays[1]!.holdsAll, true);
  assert.equal(scenario.clients[0]!.uplink, { meanBytesPerSecond: 12.5e6, spread: 0.3 });
  assert.equal(scenario.clients[1]!.leave, {
    kind: 'after',
    distribution: 'lognormal',
    milliseconds: 1_800_000,
    sigma: 1.5,
  });
  assert.equal(scenario.links, [{ regions: [0, 1], bytesPerSecond: 125e6 }]);
  assert.equal(scenario.prices.between, [{ regions: [0, 1], perByte: 0.02 / 1e9 }]);
  assert.equal(scenario.published, [{ metric: 'p50(completion)', value: 10, source: 'somewhere' }]);
  assert.equal(scenario.expect, ['p99(completion) < 20m', 'origin.violations == 0']);
  assert.equal(scenario.tasks[0]!.clients, [0, 1]);
  assert.is(scenario.tasks[0]!.deadlineMilliseconds, Infinity);
  assert.is(scenario.control.dispatchPerSecond, 2000);
  assert.is(scenario.control.driftMax, 500e-6);
});

loading('the compiled faults', () => {
  const { scenario } = load(office);
  const faults = scenario.faults.map(({ atMilliseconds, untilMilliseconds, ...rest }) => [
    untilMilliseconds - atMilliseconds,
    rest,
  ]);
  const contract = { ...scenario.origin.contract, bytesPerSecondMax: 62.5e6 };
  assert.equal(faults, [
    [120_000, { kind: 'relay-down', relay: 0 }],
    [120_000, { kind: 'relay-down', relay: 1 }],
    [Infinity, { kind: 'relay-down', relay: 2 }],
    [300_000, { kind: 'origin-slow', factor: 0.2 }],
    [Infinity, { kind: 'contract', contract }],
    [30_000, { kind: 'control-down', control: 0, ledgerLost: true }],
    [20_000, { kind: 'control-claims', control: 0 }],
    [60_000, { kind: 'partition', regions: [0, 1] }],
    [30_000, { kind: 'clients-crash', clientClass: 1, share: 0.1 }],
    [Infinity, { kind: 'clock-step', clientClass: 0, share: 1, stepMilliseconds: -300_000 }],
    [120_000, { kind: 'messages', messages: { loss: 0.2, duplicate: 0, reorder: 0, delayMilliseconds: 0 } }],
  ]);
});

loading('the configuration is a scenario, and stands for itself', () => {
  const first = load(office);
  assert.is(first.configuration.tasks[0]!.file, undefined);
  const again = load(JSON.stringify(first.configuration));
  assert.is(JSON.stringify(again.configuration), JSON.stringify(first.configuration));
  assert.equal(again.scenario, first.scenario);
});

loading('what means the same has the same hash', () => {
  const hash = (text: string) => sha256(canonicalJson(load(text).configuration));
  const spelt = office
    .replace('size: 2GiB', 'size: 2048MiB')
    .replace('uplink: 10Gbps', 'uplink: 1.25GB/s')
    .replace('us-eu: 90ms', 'eu-us: 0.09s')
    .replace('seed: 1\n', '# seed: 1\n')
    .replace('slow: 20%', 'slow: 0.2');
  assert.is(hash(spelt), hash(office));
  assert.is(hash(`${office}\ntasks: [{ name: file, file: { size: 2GiB } }]`), hash(office));
  assert.is(hash(`${office}\npolicy: { fallback: { threshold: 8Mbps } }`), hash(office));
  assert.is.not(hash(office.replace('size: 2GiB', 'size: 2GB')), hash(office));
  assert.is.not(hash(`${office}\npolicy: { fallback: { threshold: 1MiB/s } }`), hash(office));
});

loading('leaving in its several ways', () => {
  const leave = (text: string) => load(small(client.replace(' }', `, leave: ${text} }`))).scenario.clients[0]!.leave;
  const after = (distribution: string, sigma: number) => ({
    kind: 'after',
    distribution,
    milliseconds: 1_800_000,
    sigma,
  });
  assert.equal(leave('never'), { kind: 'never' });
  assert.equal(leave('{ aborts: 5% }'), { kind: 'aborts', share: 0.05 });
  assert.equal(leave('{ fixed: 30m }'), after('fixed', 0));
  assert.equal(leave('{ mean: 30m, distribution: exponential }'), after('exponential', 0));
  assert.equal(leave('{ after: 30m, distribution: fixed }'), after('fixed', 0));
  assert.equal(leave('{ median: 30m, distribution: lognormal, sigma: 2 }'), after('lognormal', 2));
});

loading('arriving in its several ways', () => {
  const arrive = (text: string) => load(small(client.replace(' }', `, arrive: ${text} }`))).scenario.clients[0]!.arrive;
  assert.equal(arrive('at-once'), { kind: 'at-once', atMilliseconds: 0 });
  assert.equal(arrive('{ at: 3s }'), { kind: 'at-once', atMilliseconds: 3000 });
  assert.equal(arrive('{ over: 10s }'), { kind: 'over', atMilliseconds: 0, overMilliseconds: 10_000 });
  assert.equal(arrive('{ at: 1s, poisson: 5/s }'), {
    kind: 'poisson',
    atMilliseconds: 1000,
    perMillisecond: 0.005,
  });
  const seconds = '[9, 8, 7, 6, 5, 4, 3, 2, 1, 0.5]';
  assert.equal(arrive(`{ seconds: ${seconds} }`), {
    kind: 'list',
    atMilliseconds: [500, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000],
  });
});

function inDirectory(work: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-load-'));
  try {
    work(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

loading('arrivals come from a file beside the scenario, and stand in the configuration', () => {
  inDirectory((directory) => {
    writeFileSync(join(directory, 'trace.csv'), 'seconds,who\n3,b\n1.5,a\n\n# end\n');
    const file = join(directory, 'x.yaml');
    const text = small('{ name: a, uplink: 1Mbps, downlink: 1Mbps, arrive: { file: trace.csv } }');
    const { configuration, scenario } = load(text, { file });
    assert.equal(scenario.clients[0]!.arrive, { kind: 'list', atMilliseconds: [1500, 3000] });
    assert.is(scenario.clients[0]!.count, 2);
    assert.equal(load(JSON.stringify(configuration)).scenario, scenario);
    assert.throws(
      () => load(text.replace('name: a,', 'name: a, count: 3,'), { file }),
      /counts 3, but 2 arrivals are listed/,
    );
    writeFileSync(join(directory, 'trace.csv'), '1\nx\n');
    assert.throws(() => load(text, { file }), /trace\.csv:2: "x" is not a second of 0 or more/);
  });
});

loading('--clients keeps the proportions and the course of arrivals', () => {
  const text = small(
    `${client}, { name: b, count: 5, uplink: 1Mbps, downlink: 1Mbps, arrive: { poisson: 3/s } },
     { name: c, count: 2, uplink: 1Mbps, downlink: 1Mbps, arrive: { seconds: [1, 2] } }`,
  );
  const counts = (clients: number) => load(text, { clients }).scenario.clients.map(({ count }) => count);
  assert.equal(counts(17), [10, 5, 2]);
  assert.equal(counts(34), [20, 10, 4]);
  assert.equal(counts(1), [1, 0, 0]);
  assert.equal(counts(3), [2, 1, 0]);
  assert.equal(largestRemainder([1, 1, 1], 2), [1, 1, 0]);
  const doubled = load(text, { clients: 34 }).scenario.clients;
  assert.equal(doubled[1]!.arrive, { kind: 'poisson', atMilliseconds: 0, perMillisecond: 0.006 });
  assert.equal(doubled[2]!.arrive, { kind: 'list', atMilliseconds: [1000, 1000, 2000, 2000] });
  assert.equal(load(text, { clients: 3 }).warnings, [
    'x.yaml:7:6: clients.c: of 3 clients none is left for the class "c"',
  ]);
  const again = JSON.stringify(load(text, { clients: 100 }).configuration);
  assert.is(JSON.stringify(load(again).configuration), again);
});

loading('--set goes by name, by index, by knob, and into shorthands', () => {
  const set = [
    'relays.eu-relay.count=3',
    'clients.office.uplink.spread=10%',
    'clients.1.arrive=at-once',
    'policy.fallback.threshold=512KiB/s',
    'policy.http.sources=[origin]',
    'origin.contract.traffic.1h=1GB',
    'latency.us-us=1ms',
    'faults.0.at=5s',
    'distribution.window=[0s, 1h]',
    'expect=[]',
  ];
  const { scenario } = load(office, { set });
  assert.is(scenario.relays[0]!.count, 3);
  assert.equal(scenario.clients[0]!.uplink, { meanBytesPerSecond: 12.5e6, spread: 0.1 });
  assert.equal(scenario.clients[1]!.arrive, { kind: 'at-once', atMilliseconds: 0 });
  assert.is(scenario.policy.fallback.threshold, 524_288);
  assert.equal(scenario.policy.http.sources, ['origin']);
  assert.is(scenario.policy.name, 'hybrid');
  assert.is(scenario.origin.contract.traffic[0]!.bytesMax, 1e9);
  assert.is(scenario.latencyMilliseconds[1]![1], 1);
  assert.is(scenario.faults[0]!.atMilliseconds, 5000);
  assert.equal(scenario.distribution.windowMilliseconds, [0, 3_600_000]);
  assert.equal(scenario.expect, []);
  const plainly = load(office, { set: ['clients.mobile.uplink.spread=10%'] }).scenario.clients[1]!.uplink;
  assert.equal(plainly, { meanBytesPerSecond: 625_000, spread: 0.1 });
});

loading('--policy replaces the policy with its knobs, and those of the tasks; --set comes after it', () => {
  const text = small(client, 'policy: { extends: p2p, swarm: { uploadSlots: 9 } }\ntasks: [{ name: t, policy: cdn }]');
  assert.is(load(text).scenario.policy.swarm.uploadSlots, 9);
  assert.is(load(text).scenario.tasks[0]!.policy?.name, 'cdn');
  const { scenario, warnings } = load(text, { policy: 'p2p-cdn', set: ['policy.swarm.uploadSlots=7'] });
  assert.is(scenario.policy.name, 'p2p-cdn');
  assert.is(scenario.policy.swarm.uploadSlots, 7);
  assert.is(scenario.tasks[0]!.policy, undefined);
  assert.equal(warnings, ['x.yaml:8:28: tasks.t.policy: gives way to --policy p2p-cdn']);
});

loading('the relay choice of the distribution goes above the policy', () => {
  const { configuration, scenario } = load(small(client, 'distribution: { relayChoice: load }'));
  assert.is(scenario.policy.relay.choice, 'load');
  assert.is(load(JSON.stringify(configuration), { policy: 'cdn' }).scenario.policy.relay.choice, 'load');
});

loading('several tasks', () => {
  const text = small(
    `${client}, ${client.replace('name: a', 'name: b')}`,
    `tasks:
  - { name: first, file: { size: 1GB }, clients: [b, a], floor: 10Mbps }
  - { name: second, start: 1m, deadline: 1h, clients: [a], band: 1, weight: 2, ceiling: 1Gbps }`,
  );
  const { configuration, scenario } = load(text);
  assert.equal(
    scenario.tasks.map(({ file }) => file.sizeBytes),
    [1e9, 10e6],
  );
  assert.equal(
    scenario.tasks.map(({ clients }) => clients),
    [[0, 1], [0]],
  );
  assert.is(scenario.tasks[0]!.floorBytesPerSecond, 1.25e6);
  assert.equal([scenario.tasks[1]!.band, scenario.tasks[1]!.weight], [1, 2]);
  assert.equal(load(JSON.stringify(configuration)).scenario, scenario);
});

loading('warnings', () => {
  const warned = (text: string, options = {}) => load(text, options).warnings;
  assert.equal(warned(small(client).replace('10MB', '1MB')), [
    'x.yaml:3:7: file.pieceLength: a piece (4.19 MB) is longer than the file: it has one piece',
  ]);
  assert.equal(warned(small(client, 'relays: []').replace(/relays: \[\{.*\n/, ''), { policy: 'cdn' }), [
    'x.yaml: with the policy "cdn" nobody can receive anything here: it reaches neither the origin nor a relay',
  ]);
  assert.equal(warned(small(client, 'distribution: { priorityPieces: [0-3, 2] }')), [
    'x.yaml:7:34: distribution.priorityPieces.0: 0-3 is beyond the last piece (2)',
  ]);
  assert.equal(warned(small(client, 'horizon: 1m\nfaults: [{ at: 1m, origin: main, down: 1s }]')), [
    'x.yaml:8:16: faults.0.at: is not before the horizon',
  ]);
});

function refuses(path: string, message: string): void {
  assert.throws(
    () => readScenarioFile(path),
    (error: Error) => error.message === message,
  );
}

loading('files that cannot be scenarios are refused before they are read', () => {
  inDirectory((directory) => {
    const path = join(directory, 'x.yaml');
    refuses(directory, `${directory}: is a directory, not a scenario file`);
    refuses(path, `${path}: no such file`);
    writeFileSync(path, '');
    truncateSync(path, 100_000_000);
    refuses(path, `${path}: is 100 MB long; a scenario file has at most 16.8 MB`);
    writeFileSync(path, Uint8Array.of(0xff, 0xfe, 0x41));
    refuses(path, `${path}: is not a text file (UTF-8); a scenario is YAML or JSON`);
    writeFileSync(path, office);
    assert.is(readScenarioFile(path), office);
  });
});

loading('canonical JSON', () => {
  assert.is(
    canonicalJson({ b: [1, { d: null, c: 'x' }], a: undefined, A: true }),
    '{"A":true,"b":[1,{"c":"x","d":null}]}',
  );
  assert.is(sha256('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

loading.run();
