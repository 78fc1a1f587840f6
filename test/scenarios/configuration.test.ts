/** Random scenarios: the configuration of each is a scenario again, the same one, and fits the JSON Schema. */
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { scenarioLimits } from '#core/limits.ts';
import { ScenarioError } from '#scenarios/format/error.ts';
import { loadScenario } from '#scenarios/format/load.ts';
import { publicSchema, scenarioSchema } from '#scenarios/format/schema.ts';
import type { Schema } from '#scenarios/format/schema-kinds.ts';
import { policies } from '#sim/policies/catalogue.ts';

const configurations = suite('configuration');

const regions = ['eu', 'us', 'us-east'];
const ajv = new Ajv({ strict: true, allowUnionTypes: true, strictTypes: false });
const fits = ajv.compile(publicSchema());
const load = (value: unknown, options: object = {}) =>
  loadScenario(JSON.stringify(value), { file: 'x.json', policies, ...options });

const unitsOf: Record<string, string[]> = {
  size: ['B', 'kB', 'MB', 'MiB', 'GiB'],
  rate: ['bps', 'kbps', 'Mbps', 'MB/s', 'KiB/s'],
  speed: ['B/s', 'MB/s', 'Mbps', 'MiB/s'],
  time: ['ms', 's', 'm', 'h'],
  share: ['%'],
  drift: ['ppm'],
  ratio: ['%'],
  frequency: ['/s', '/m', '/h'],
  pricePerByte: ['/GB', '/MiB', '/TB'],
  pricePerRate: ['/Mbps', '/GB/s'],
  pricePerTime: ['/h', '/d'],
};

/** Any value that the schema allows; names are put right afterwards. */
function drawn(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.quantity !== undefined) return quantityOf(schema);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(drawn));
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.const !== undefined) return fc.constant(schema.const);
  const { minimum = 0, maximum = 100 } = schema;
  switch (schema.type) {
    case 'integer':
      return fc.integer({ min: minimum, max: Math.min(maximum, minimum + 40) });
    case 'number':
      return fc.double({ min: minimum, max: Math.min(maximum, 100), noNaN: true });
    case 'boolean':
      return fc.boolean();
    case 'string':
      return fc.constantFrom('eu', 'x');
    case 'array':
      return fc.uniqueArray(drawn(schema.items!), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.max(schema.minItems ?? 0, 3),
      });
    default:
      return objectOf(schema);
  }
}

function quantityOf(schema: Schema): fc.Arbitrary<string> {
  const numbers = fc.oneof(
    fc.integer({ min: 1, max: 99 }),
    fc.integer({ min: 1, max: 990 }).map((n) => n / 10),
  );
  const words = schema.endless === undefined ? [] : [fc.constant(schema.endless as string)];
  const unit = fc.constantFrom(...unitsOf[schema.quantity!]!);
  return fc.oneof(
    fc.tuple(numbers, unit).map(([number, name]) => `${number}${name}`),
    ...words,
  );
}

function objectOf(schema: Schema): fc.Arbitrary<object> {
  if (schema.properties === undefined) return fc.constant({});
  const members = Object.fromEntries(Object.entries(schema.properties).map(([key, value]) => [key, drawn(value)]));
  return fc.record(members, { requiredKeys: schema.required ?? [] });
}

type Tree = { [key: string]: unknown };

/** Puts right what a schema cannot say: names that exist, once; sizes that go together; metrics. */
function repaired(draft: Tree): Tree {
  const scenario = structuredClone(draft);
  const places = (tree: unknown): void => {
    if (typeof tree !== 'object' || tree === null) return;
    for (const [key, value] of Object.entries(tree)) {
      if (key === 'region') (tree as Tree)[key] = regions[JSON.stringify(tree).length % regions.length];
      else places(value);
    }
  };
  places(scenario);
  const relays = (scenario.relays ?? []) as Tree[];
  const clients = scenario.clients as Tree[];
  const tasks = scenario.tasks as Tree[] | undefined;
  for (const [kind, list] of Object.entries({ relay: relays, client: clients, task: tasks ?? [] })) {
    for (const [index, member] of list.entries()) member.name = `${kind}-${index}`;
  }
  for (const client of clients) repairClient(client);
  for (const task of tasks ?? []) {
    task.clients = ['client-0'];
    task.file = { size: '3GiB', pieceLength: '1MiB' };
    delete task.policy;
  }
  for (const fault of (scenario.faults ?? []) as Tree[]) repairFault(fault, relays);
  const distribution = scenario.distribution as Tree | undefined;
  if (distribution !== undefined) {
    distribution.window = ['1s', '2h'];
    distribution.priorityPieces = ['0-3', 7];
    distribution.share = { origin: '<= 20%' };
  }
  for (const link of (scenario.links ?? []) as Tree[]) link.between = ['eu', 'us'];
  return {
    ...scenario,
    regions,
    latency: { 'us-us-east': '20ms', 'us-east-eu': '120ms' },
    file: { size: '1GiB', pieceLength: '1MiB' },
    expect: ['p99(completion, client-0) < 20m', 'share.origin <= 10%'],
    published: [{ metric: 'max(finish)', value: '3m' }],
    policy: repairedPolicy(scenario.policy),
  };
}

function repairClient(client: Tree): void {
  client.count = 7;
  client.downlink = '30Mbps';
  const arrive = client.arrive as Tree | string | undefined;
  if (typeof arrive !== 'object') return;
  if ('file' in arrive || 'seconds' in arrive) client.arrive = { seconds: [1, 0.5, 3, 3, 1e3, 7, 0] };
}

function repairFault(fault: Tree, relays: Tree[]): void {
  if ('control' in fault) fault.control = 0;
  if ('clients' in fault) fault.clients = 'client-0';
  if ('regions' in fault) fault.regions = ['us', 'us-east'];
  if (!('relay' in fault)) return;
  const usable = relays.filter(({ count = 1 }) => (count as number) > 0);
  if (usable.length > 0) fault.relay = `${usable[0]!.name}/0`;
  else {
    for (const key of Object.keys(fault)) delete fault[key];
    Object.assign(fault, { at: '1s', origin: 'main', down: '2s' });
  }
}

function repairedPolicy(policy: unknown): unknown {
  const names = Object.keys(policies);
  if (typeof policy !== 'object' || policy === null) return names[JSON.stringify(policy ?? 0).length % names.length];
  const { fallback, ...rest } = policy as { fallback?: Tree };
  const knobs = fallback === undefined ? {} : { fallback: { ...fallback, closeRatio: 1.1 } };
  for (const group of ['swarm', 'http', 'relay']) delete (rest as Tree)[group];
  const more = {
    swarm: { uploadSlots: 7, endgame: { budget: '3%' } },
    http: { hedge: 0.01, backoffMax: '77s' },
  };
  return { ...rest, ...knobs, ...more, extends: 'hybrid' };
}

const scenarios = objectOf(scenarioSchema).map((draft) => {
  const { tasks, $schema: _, ...rest } = draft as Tree;
  // Half without tasks: the implied one is a path of its own.
  return repaired(Array.isArray(tasks) && tasks.length > 1 ? { ...rest, tasks } : rest);
});

configurations('a configuration stands for itself, and all of it fits the schema', () => {
  fc.assert(
    fc.property(scenarios, (value) => {
      const first = load(value);
      const again = load(first.configuration);
      assert.is(JSON.stringify(again.configuration), JSON.stringify(first.configuration));
      assert.equal(again.scenario, first.scenario);
      assert.ok(fits(value), ajv.errorsText(fits.errors));
      assert.ok(fits(first.configuration), ajv.errorsText(fits.errors));
    }),
    { numRuns: 120 },
  );
});

configurations('so does one that options changed', () => {
  const counts = fc.integer({ min: 1, max: 10_000 });
  const names = fc.constantFrom(...Object.keys(policies));
  fc.assert(
    fc.property(scenarios, counts, names, (value, clients, policy) => {
      const { configuration, scenario } = load(value, { clients, policy, seed: 7 });
      assert.is(
        scenario.clients.reduce((sum, { count }) => sum + count, 0),
        clients,
      );
      assert.equal(scenario.policy.name, policy);
      assert.equal(load(configuration).scenario, scenario);
    }),
    { numRuns: 100 },
  );
});

configurations('a configuration names no default any more: only schema and model are optional in it', () => {
  const { configuration } = load(
    repaired({ version: 1, name: 'x', origin: { uplink: '1Gbps' }, clients: [{ uplink: '1Mbps' }] }),
  );
  const expected = Object.keys(scenarioSchema.properties!).filter((key) => !['$schema', 'model'].includes(key));
  assert.equal(Object.keys(configuration).sort(), expected.sort());
});

configurations('a key nobody knows is refused at every place, by the loader and by the schema', () => {
  fc.assert(
    fc.property(scenarios, fc.nat(), (drawnValue, pick) => {
      const value = structuredClone(drawnValue);
      const holders = objectsIn(value).filter((tree) => !('us-us-east' in tree));
      holders[pick % holders.length]!.zzz = 1;
      assert.throws(
        () => load(value),
        (error: Error) => error instanceof ScenarioError && /zzz/.test(error.message),
      );
      assert.not.ok(fits(value));
    }),
    { numRuns: 100 },
  );
});

function objectsIn(value: unknown): Tree[] {
  if (Array.isArray(value)) return value.flatMap(objectsIn);
  if (typeof value !== 'object' || value === null) return [];
  return [value as Tree, ...Object.values(value).flatMap(objectsIn)];
}

configurations('whatever stands in a file, the loader answers with a scenario or with a ScenarioError', () => {
  const words = fc.constantFrom('1B', '', '-3s', 'unlimited', 1e300, -0, '0%', 'a-b');
  const junk = fc.oneof(fc.jsonValue({ maxDepth: 2 }), words);
  fc.assert(
    fc.property(scenarios, fc.nat(), fc.nat(), junk, (whole, pick, which, planted) => {
      const value = structuredClone(whole);
      const holders = objectsIn(value);
      const holder = holders[pick % holders.length]!;
      const keys = Object.keys(holder);
      if (keys.length > 0) holder[keys[which % keys.length]!] = planted;
      const text = JSON.stringify(value);
      try {
        loadScenario(text, { file: 'x.json', policies });
      } catch (error) {
        assert.instance(error, ScenarioError);
        assert.match((error as Error).message, /^x\.json:\d+:\d+: /);
      }
    }),
    { numRuns: 300 },
  );
});

configurations('every key of the schema says what it is', () => {
  const silent: string[] = [];
  const visit = (schema: Schema, path: string): void => {
    for (const [key, property] of Object.entries(schema.properties ?? {})) {
      if (property.description === undefined && property.enum === undefined) silent.push(`${path}.${key}`);
      visit(property, `${path}.${key}`);
      for (const form of property.anyOf ?? []) visit(form, `${path}.${key}`);
      if (property.items !== undefined) visit(property.items, `${path}.${key}`);
    }
  };
  visit(scenarioSchema, '');
  assert.equal(silent, []);
  assert.ok(scenarioLimits.clientsMax > 0);
});

configurations.run();
