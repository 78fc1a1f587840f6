// test-time-limit: 120s
/**
 * One recorded input, two hosts, equal decisions: a client of a simulated run, whose part of the core is driven by the
 * simulator's host, is recorded; the core of a production node, fed with that record, must decide the same.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import { is, match, ok } from 'uvu/assert';
import { type LoggedInput, printInput } from '#core/client-record.ts';
import { replay } from '#nodes/record/replay.ts';
import type { Scenario } from '#scenarios/format/scenario.ts';
import { ClientRecord } from '#sim/client-record.ts';
import { recordText } from '#sim/lab/client-record.ts';
import { simulate } from '#sim/simulate.ts';
import { inDirectory } from '../nodes/temporary.ts';
import { scenarios } from './random-scenario.ts';
import { type ScenarioText, scenarioOf } from './scenario-text.ts';

const test = suite('sim/same-decisions');

/** How often each input came up, and each decision by its kind and reason. */
type Seen = Map<string, number>;

async function compare(scenario: Scenario, client: number, path: string, seen: Seen): Promise<void> {
  const record = new ClientRecord(client);
  simulate(scenario, null, record);
  if (record.inputs.length === 0) return;
  for (const { input, result } of record.inputs) {
    const decision = result as { kind?: string; reason?: string } | null | undefined;
    for (const what of [input[0], `${decision?.kind} ${decision?.reason}`]) seen.set(what, (seen.get(what) ?? 0) + 1);
  }
  writeFileSync(path, recordText(record));
  const { difference, inputs } = await replay(path);
  is(difference, undefined, `${scenario.policy.name}, client ${client}: ${JSON.stringify(difference)}`);
  is(inputs, record.inputs.length);
}

/** Everything that can open HTTP, in one small world. */
const troubled: ScenarioText = {
  policy: {
    extends: 'hybrid',
    fallback: { hold: '3s', stallPeriod: '8s', stallProgress: '4%', overdue: '101%', closeHold: '2s' },
    http: { directBelow: '0B' },
  },
  fidelity: 'standard',
  file: { size: '48MB', pieceLength: '500kB' },
  relays: [{ name: 'relay', count: 2, uplink: '2MB/s', downlink: '4MB/s', connections: 'unlimited' }],
  clients: [
    { name: 'fast', count: 12, uplink: '2MB/s', downlink: '4MB/s', arrive: { over: '20s' } },
    {
      name: 'slow',
      count: 8,
      uplink: '90kB/s',
      downlink: '3MB/s',
      peerToPeer: 'outgoing-only',
      leave: { fixed: '2s' },
    },
    { name: 'locked', count: 2, uplink: '1MB/s', downlink: '4MB/s', peerToPeer: 'blocked' },
  ],
  faults: [
    { at: '20s', relay: 'relay', down: '25s' },
    { at: '30s', clients: 'fast', share: '60%', crash: '25s' },
  ],
};

test('every client of a troubled run decides as a node would', async () => {
  await inDirectory(async (directory) => {
    const seen: Seen = new Map();
    for (const adaptive of [true, false]) {
      const policy = troubled.policy as { fallback: object };
      const fallback = { ...policy.fallback, adaptive };
      const scenario = scenarioOf({ ...troubled, policy: { ...policy, fallback } });
      for (let client = 0; client < 22; client++) await compare(scenario, client, join(directory, 'record'), seen);
    }
    for (const what of ['request rarest', 'request endgame', 'range missing', 'httpRate', 'part', 'brokenOff'])
      ok(seen.has(what), `${what} came up: ${JSON.stringify([...seen])}`);
    for (const reason of ['slow', 'blocked', 'overdue', 'recovered'])
      ok(seen.has(`fallback ${reason}`), `${reason} came up: ${JSON.stringify([...seen])}`);
    for (const reason of ['reciprocates', 'optimistic', 'seed-rotation'])
      ok(seen.has(`unchoke ${reason}`), `${reason} came up`);
  });
});

test('clients of random worlds under faults decide as nodes would', async () => {
  await inDirectory(async (directory) => {
    const seen: Seen = new Map();
    const names = ['hybrid', 'p2p', 'p2p-cdn', 'kraken-like', 'delivery-optimization-like'];
    await fc.assert(
      fc.asyncProperty(scenarios(names, 2), fc.nat(1000), async (text, draw) => {
        const scenario = scenarioOf({ ...text, fidelity: draw % 2 === 0 ? 'standard' : 'reference' });
        const count = scenario.clients.reduce((sum, each) => sum + each.count, 0);
        await compare(scenario, draw % count, join(directory, 'record'), seen);
      }),
      { numRuns: 40 },
    );
    ok((seen.get('ask') ?? 0) > 500, JSON.stringify([...seen]));
  });
});

test('another decision is seen', async () => {
  await inDirectory(async (directory) => {
    const path = join(directory, 'record');
    const record = new ClientRecord(0);
    simulate(scenarioOf(troubled), null, record);
    const first = (name: string) =>
      record.inputs.findIndex(
        ({ input, result }) => input[0] === name && typeof result === 'object' && result !== null,
      );
    for (const name of ['ask', 'unchoke', 'look']) {
      const at = first(name);
      ok(at > 0, `${name} was decided`);
      const inputs = record.inputs.slice();
      const changed = structuredClone(inputs[at]!) as LoggedInput & { result: Record<string, unknown> };
      changed.result.reason = 'other';
      inputs[at] = changed;
      const lines = [recordText(record).split('\n')[0], ...inputs.map(printInput)];
      writeFileSync(path, lines.join('\n'));
      is((await replay(path)).difference?.line, at + 2, name);
      // An input that the core was not told changes what it decides from there on.
      writeFileSync(
        path,
        lines
          .toSpliced(
            lines.findIndex((line) => line?.includes('"heard"')),
            1,
          )
          .join('\n'),
      );
      match((await replay(path)).difference?.recorded ?? '', /"input"/);
    }
  });
});

test.run();
