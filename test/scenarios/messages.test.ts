/** What a writer of scenarios is told; each message is the whole of what the command prints. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScenarioError } from '#scenarios/format/error.ts';
import { loadScenario } from '#scenarios/format/load.ts';
import { policies } from '#sim/policies/catalogue.ts';

const messages = suite('messages');

/** The smallest scenario with everything that can be misspelt; `replace` and `add` plant one mistake. */
function scenario({ replace, add = '' }: { replace?: [string, string]; add?: string }): string {
  const text = `version: 1
name: small
file: { size: 100MB }
regions: [eu, us-east]
origin: { uplink: 1Gbps }
relays:
  - { name: edge, count: 2, uplink: 1Gbps }
clients:
  - { name: office, count: 10, uplink: 10Mbps, downlink: 100Mbps }
${add}`;
  if (replace === undefined) return text;
  assert.ok(text.includes(replace[0]), `"${replace[0]}" is not in the scenario`);
  return text.replace(...replace);
}

function messageOf(text: string, set: string[] = [], more: object = {}): string {
  try {
    loadScenario(text, { file: 's.yaml', policies, set, ...more });
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    assert.is(error.exitCode, 3);
    return error.message;
  }
  return 'no error';
}

const rates = 'bps, kbps, Mbps, Gbps, Tbps, B/s, kB/s, MB/s, GB/s, TB/s, KiB/s, MiB/s, GiB/s, TiB/s (such as 100Mbps)';
const clientKeys = 'name, region, count, uplink, downlink, peerToPeer, arrive, leave, abandon, clockDrift';
const topKeys = [
  '$schema, version, name, description, seed, horizon, file, origin, regions, latency, links, relays,',
  'clients, prices, policy, fidelity, tasks, distribution, control, messages, model, faults, expect, published',
].join(' ');
const fallbackKeys = [
  'triggers, delay, threshold, hold, stallProgress, stallPeriod, blockedAttempts, overdue, closeRatio,',
  'closeHold, fill, adaptive',
].join(' ');
const faultKeys = [
  'at, relay, down, origin, slow, for, contract, control, ledger, claims, regions, partition, clients,',
  'share, crash, suspend, clockStep, messages',
].join(' ');
const names = 'http-origin, cdn, p2p, p2p-cdn, hybrid, dragonfly-like, kraken-like, delivery-optimization-like';

const told: [what: string, change: { replace?: [string, string]; add?: string }, message: string][] = [
  ['nothing', {}, 'no error'],
  [
    'a wrong unit',
    { replace: ['100Mbps', '100Mbs'] },
    [
      's.yaml:9:58: clients.office.downlink: "100Mbs" is not a rate:',
      `allowed is a number with one of ${rates}; did you mean "100Mbps"?`,
    ].join(' '),
  ],
  [
    'no unit',
    { replace: ['100Mbps', '100'] },
    `s.yaml:9:58: clients.office.downlink: 100 has no unit: allowed is a number with one of ${rates}`,
  ],
  [
    'an unknown key',
    { replace: ['uplink: 10Mbps', 'uplnk: 10Mbps'] },
    `s.yaml:9:32: clients.office: unknown key "uplnk": allowed are ${clientKeys}; did you mean "uplink"?`,
  ],
  [
    'a downlink of nothing',
    { replace: ['100Mbps', '0Mbps'] },
    's.yaml:9:58: clients.office.downlink: is zero: nobody would ever receive anything',
  ],
  [
    'a misspelt policy',
    { add: 'policy: hybird' },
    `s.yaml:10:9: policy: unknown policy "hybird": allowed are ${names}; did you mean "hybrid"?`,
  ],
  [
    'a misspelt knob',
    { add: 'policy: { extends: hybrid, relay: { chioce: load } }' },
    [
      's.yaml:10:37: policy.relay: unknown key "chioce":',
      'allowed are used, choice, pullConnections, exchange, completeFirst; did you mean "choice"?',
    ].join(' '),
  ],
  [
    'a knob that is one of some words',
    { add: 'policy: { fallback: { triggers: [slow, stal] } }' },
    [
      's.yaml:10:40: policy.fallback.triggers.1: "stal" is not known here:',
      'allowed are slow, stalled, blocked, overdue; did you mean "stalled"?',
    ].join(' '),
  ],
  [
    'knobs that contradict each other',
    { add: 'policy: { fallback: { closeRatio: 90% } }' },
    's.yaml:10:35: policy.fallback.closeRatio: below 1, HTTP would open and close at the same rate',
  ],
  [
    'a negative size',
    { replace: ['100MB', '-100MB'] },
    's.yaml:3:15: file.size: "-100MB" is negative: a size must be above 0',
  ],
  [
    'a region that does not exist',
    { replace: ['uplink: 10Mbps', 'region: us-eats, uplink: 10Mbps'] },
    [
      's.yaml:9:40: clients.office.region: unknown region "us-eats":',
      'allowed are eu, us-east; did you mean "us-east"?',
    ].join(' '),
  ],
  [
    'no clients',
    { replace: ['count: 10', 'count: 0'] },
    's.yaml:9:3: clients: the scenario has no clients: at least one is needed',
  ],
  [
    'no class of clients',
    { replace: ['clients:\n  - ', 'clients: [] #'] },
    's.yaml:8:10: clients: has 0 members: at least 1 are needed',
  ],
  [
    'a count that is missing',
    { replace: ['count: 10, ', ''] },
    's.yaml:9:5: clients.office: the key "count" is missing (How many there are.)',
  ],
  [
    'a name that is taken',
    { add: '  - { name: office, count: 1, uplink: 1Mbps, downlink: 1Mbps }' },
    's.yaml:10:13: clients.office.name: the name "office" is already taken by clients.0',
  ],
  ['a key that stands twice', { add: 'name: x' }, 's.yaml:10:1: the key "name" stands here twice'],
  [
    'a region that stands twice',
    { replace: ['[eu, us-east]', '[eu, eu]'] },
    's.yaml:4:15: regions.1: the region "eu" stands here twice',
  ],
  [
    'regions whose pairs have one key',
    { replace: ['[eu, us-east]', '[a, b-c, a-b, c]'] },
    's.yaml:4:10: regions: "a-b-c" could be the regions "a" and "b-c" or "a-b" and "c"; rename one',
  ],
  [
    'a latency of no pair',
    { add: 'latency: { eu-us: 1ms }' },
    [
      's.yaml:10:12: latency: "eu-us" is not a pair of regions:',
      'allowed are eu-eu, eu-us-east, us-east-eu, us-east-us-east; did you mean "eu-us-east"?',
    ].join(' '),
  ],
  [
    'a latency that is given twice',
    { add: 'latency: { eu-us-east: 1ms, us-east-eu: 2ms }' },
    's.yaml:10:29: latency: the pair eu-us-east is given twice, as 1ms and 2ms',
  ],
  [
    'a name with signs in it',
    { replace: ['name: office', 'name: "of/fice"'] },
    's.yaml:9:13: clients.of/fice.name: "of/fice" is not allowed: letters, digits, "_" and "-", at most 64',
  ],
  [
    'a number for a text',
    { replace: ['name: small', 'name: 5'] },
    's.yaml:2:7: name: 5 is not a text; put it in quotes',
  ],
  [
    'a number that is not finite',
    { replace: ['count: 10', 'count: .inf'] },
    's.yaml:9:28: Infinity is not a finite number',
  ],
  [
    'a huge count',
    { replace: ['count: 10', 'count: 1e12'] },
    's.yaml:9:28: clients.office.count: 1000000000000 is too large: at most 50000000 is allowed',
  ],
  [
    'huge counts together',
    {
      replace: ['count: 10', 'count: 30000000'],
      add: '  - { name: home, count: 30000000, uplink: 1Mbps, downlink: 1Mbps }',
    },
    's.yaml:9:3: clients: 60000000 clients are too many: at most 50000000 are allowed',
  ],
  [
    'too many pieces',
    { replace: ['size: 100MB', 'size: 1TB, pieceLength: 16KiB'] },
    's.yaml:3:33: file.pieceLength: 61035157 pieces are too many: at most 1000000 are allowed',
  ],
  [
    'arrivals that are not there',
    { replace: ['count: 10', 'arrive: { file: nowhere.csv }'] },
    's.yaml:9:37: clients.office.arrive.file: no such file: nowhere.csv',
  ],
  [
    'an unknown arrival',
    { replace: ['count: 10', 'arrive: at-onc'] },
    [
      's.yaml:9:29: clients.office.arrive: "at-onc" is not known here:',
      'allowed are at-once, { at }, { over }, { poisson }, { file }, { seconds }; did you mean "at-once"?',
    ].join(' '),
  ],
  [
    'two arrivals in one',
    { replace: ['count: 10', 'count: 10, arrive: { over: 3s, poisson: 1/s }'] },
    's.yaml:9:52: clients.office.arrive: unknown key "poisson": allowed are at, over',
  ],
  [
    'a fault of a relay that does not exist',
    { add: 'faults: [{ at: 1s, relay: edge/2, down: 1s }]' },
    's.yaml:10:27: faults.0.relay: there is no relay "edge/2": they are edge/0 to edge/1',
  ],
  [
    'a fault of a misspelt relay',
    { add: 'faults: [{ at: 1s, relay: egde/0, down: 1s }]' },
    's.yaml:10:27: faults.0.relay: unknown relay "egde": allowed are edge; did you mean "edge"?',
  ],
  [
    'a fault without a known word',
    { add: 'faults: [{ at: 1s, clients: office, crahs: 1s }]' },
    `s.yaml:10:37: faults.0: unknown key "crahs": allowed are ${faultKeys}; did you mean "crash"?`,
  ],
  [
    'a task for an unknown class',
    { add: 'tasks: [{ name: a, clients: [offic] }]' },
    's.yaml:10:30: tasks.a.clients.0: unknown class "offic": allowed are office; did you mean "office"?',
  ],
  [
    'the same window twice',
    {
      replace: ['uplink: 1Gbps }\nrelays', 'uplink: 1Gbps, contract: { traffic: { 1h: 1GB, 60m: 2GB } } }\nrelays'],
    },
    's.yaml:5:58: origin.contract.traffic: 60m is the same window as 1h',
  ],
  [
    'an expectation of a misspelt metric',
    { add: 'expect: [origin.violation == 0]' },
    [
      's.yaml:10:10: expect.0: at character 1: "origin.violation" is not a number of the summary;',
      'did you mean "origin.violations"?',
    ].join(' '),
  ],
  [
    'invalid YAML',
    { add: 'prices: { origin: 0.08/GB' },
    's.yaml:10:26: invalid YAML: Flow map in block collection must be sufficiently indented and end with a }',
  ],
  ['an alias to nothing', { add: 'description: *x' }, 's.yaml:10:14: the alias *x has no anchor'],
  [
    'another version',
    { replace: ['version: 1', 'version: 2'] },
    's.yaml:1:10: version: 2 is not allowed: it must be 1',
  ],
];

for (const [what, change, message] of told) {
  messages(what, () => assert.is(messageOf(scenario(change)), message));
}

const texts: [what: string, text: string, message: string][] = [
  ['an empty file', '', 's.yaml:1:1: is empty; a scenario begins with "version: 1"'],
  ['comments alone', '# nothing\n', 's.yaml:1:1: is empty; a scenario begins with "version: 1"'],
  ['a word', 'hello', 's.yaml:1:1: "hello" is not a scenario; it begins with "version: 1"'],
  ['a list', '[1]', 's.yaml:1:1: [1] is not a scenario; it begins with "version: 1"'],
  [
    'two documents',
    'a: 1\n---\nb: 1\n',
    's.yaml:2:1: invalid YAML: Source contains multiple documents; please use YAML.parseAllDocuments()',
  ],
  ['a binary file', 'a\0b', 's.yaml: is not a text file (UTF-8); a scenario is YAML or JSON'],
  ['an alias of itself', 'a: &a [*a]', 's.yaml:1:7: nested too deeply; at most 64 levels are allowed'],
  ['deep nesting', '['.repeat(100) + ']'.repeat(100), 's.yaml:1:66: nested too deeply; at most 64 levels are allowed'],
  ['a prototype', 'version: 1\n__proto__: { name: x }', `s.yaml:2:1: unknown key "__proto__": allowed are ${topKeys}`],
  ['a missing key', 'version: 1\nname: x', 's.yaml:1:1: the key "origin" is missing (Where the file comes from.)'],
];

for (const [what, text, message] of texts) messages(what, () => assert.is(messageOf(text), message));

messages('an alias bomb ends before memory does', () => {
  const rows = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
  for (const [before, name] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg', 'gh'].map((pair) => [...pair])) {
    rows.push(`${name}: &${name} [${Array(10).fill(`*${before}`).join(', ')}]`);
  }
  assert.is(messageOf(rows.join('\n')), 's.yaml:1:14: aliases multiply to more than 100000 values');
});

messages('very deep nesting is refused as well', () => {
  assert.match(messageOf('['.repeat(200_000)), /^s\.yaml:1:1: is nested too deeply|invalid YAML/);
});

messages('many keys take no quadratic time', () => {
  const keys = Array.from({ length: 50_000 }, (_, index) => `k${index}: 1`).join('\n');
  const before = performance.now();
  assert.match(messageOf(keys), /unknown key "k0"/);
  assert.ok(performance.now() - before < 10_000);
});

const sets: [set: string, message: string][] = [
  [
    'clients.office.uplnk=3Mbps',
    `unknown key "uplnk" below clients.office: allowed are ${clientKeys}; did you mean "uplink"?`,
  ],
  ['clients.ofice.uplink=3Mbps', 'unknown member "ofice" below clients: allowed are office; did you mean "office"?'],
  ['polcy.fallback.hold=3s', `unknown key "polcy": allowed are ${topKeys}; did you mean "policy"?`],
  [
    'policy.fallback.treshold=512KiB/s',
    `unknown key "treshold" below policy.fallback: allowed are ${fallbackKeys}; did you mean "threshold"?`,
  ],
  ['policy.fallback.hold=3', '3 has no unit: allowed is a number with one of s, ms, m, h, d (such as 30s)'],
  ['tasks.patch.band=3', 'tasks is not given in the scenario, so it has no member "patch"'],
  ['seed.x=3', 'seed is a single value, so "x" cannot stand below it'],
  ['seed', 'must be PATH=VALUE, such as policy.fallback.threshold=512KiB/s'],
  ['seed=', 'has no value'],
  ['policy.extends=hybird', `unknown policy "hybird": allowed are ${names}; did you mean "hybrid"?`],
];

for (const [set, message] of sets) {
  messages(`--set ${set}`, () => assert.is(messageOf(scenario({}), [set]), `--set ${set}: ${message}`));
}

messages('other options', () => {
  const policy = messageOf(scenario({}), [], { policy: 'p2p-cnd' });
  assert.is(policy, `--policy p2p-cnd: unknown policy "p2p-cnd": allowed are ${names}; did you mean "p2p-cdn"?`);
  assert.is(messageOf(scenario({}), [], { seed: -1 }), '--seed -1: -1 is too small: at least 0 is allowed');
  assert.is(messageOf(scenario({}), [], { clients: 0 }), '--clients 0: must be a whole number from 1 to 50000000');
  const fidelity = messageOf(scenario({}), [], { fidelity: 'scal' });
  assert.is(
    fidelity,
    [
      '--fidelity scal: "scal" is not known here:',
      'allowed are reference, standard, scale; did you mean "scale"?',
    ].join(' '),
  );
});

messages.run();
