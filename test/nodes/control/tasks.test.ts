// test-time-limit: 120s
/** From an instruction to nodes that hold what is wanted of them, whatever happens on the way (M5–M9, M32, M33). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import type { LiveState } from '#nodes/protocol/live.ts';
import { type ControlWorld, CountingOrigin, inWorld, TestNode, until } from './control-world.ts';

const tasks = suite('control: tasks');
const sizeBytes = 64 * 1024 * 1024;

interface Stage {
  world: ControlWorld;
  node(role: 'relay' | 'client', name: string, changes?: ConstructorParameters<typeof TestNode>[4]): Promise<TestNode>;
  publish(changes?: object): Promise<string>;
}

/** With an origin; every node's line is closed in the end. */
async function onStage(work: (stage: Stage) => Promise<void>, options: string[] = []): Promise<void> {
  const origin = new CountingOrigin(sizeBytes);
  const url = await origin.listen();
  const nodes: TestNode[] = [];
  try {
    await inWorld(async (world) => {
      await world.ask('PUT', '/api/origins/main', { url, contract: { connections: 8, bandwidth: '800Mbps' } });
      await work({
        world,
        node: async (role, name, changes) => {
          const node = new TestNode(world.url, role, name, await world.enrol(role, name), changes);
          nodes.push(node);
          await until(`${name} is welcomed`, () => node.link.isOpen);
          return node;
        },
        publish: async (changes = {}) => {
          const { status, body } = await world.ask('POST', '/api/tasks', { url: `${url}/file.bin`, ...changes });
          assert.is(status, 201, JSON.stringify(body));
          return body.task;
        },
      });
    }, options);
  } finally {
    for (const node of nodes) node.link.close();
    origin.close();
  }
}

tasks('relays and clients are told, acknowledge, report; the task is complete when all have it', () =>
  onStage(async ({ world, node, publish }) => {
    const relays = [await node('relay', 'r1'), await node('relay', 'r2')];
    const clients = [await node('client', 'c1'), await node('client', 'c2'), await node('client', 'c3')];
    const task = await publish({ sha256: 'a'.repeat(64), distribution: { speedMax: '2MB/s' }, deadline: '1h' });
    await until('all are told', () => [...relays, ...clients].every((one) => one.assignments.has(task)));
    const parts = relays.map((relay) => relay.assignments.get(task)!).map((one) => one.role === 'relay' && one.part);
    assert.equal(parts, [
      { firstByte: 0, endByte: sizeBytes / 2 },
      { firstByte: sizeBytes / 2, endByte: sizeBytes },
    ]);
    const told = clients[0]!.assignments.get(task)!;
    assert.is(told.file.sizeBytes, sizeBytes);
    assert.is(told.file.etag, '"one"');
    assert.is(told.limits.receiveBytesPerSecondMax, 2_000_000);
    assert.is(told.relays.length, 2);
    assert.is(told.clientCount, 3);
    assert.ok(told.deadlineAtMilliseconds! > Date.now());
    const holders = [...relays, ...clients].map((one) => one.assignments.get(task)!.lease.holder);
    assert.is(new Set(holders).size, 5, 'each is a holder of its own');
    const preferred = new Set(clients.map((client) => client.assignments.get(task)!.relays[0]!.relay));
    assert.is(preferred.size, 2, 'equal relays are taken in turn');
    for (const [index, client] of clients.entries()) {
      const received = { origin: 0, relay: sizeBytes / 2, peer: sizeBytes / 2 };
      client.report(task, {
        state: 'seeding',
        verifiedBytes: sizeBytes,
        received,
        elapsedMilliseconds: 1000 * (index + 1),
      });
    }
    await until(
      'the task is complete',
      async () => (await world.ask('GET', `/api/tasks/${task}`)).body.state === 'complete',
    );
    const { body: report } = await world.ask('GET', `/api/tasks/${task}/report`);
    assert.equal(report.completionSeconds, { p50: 2, p90: 3, p99: 3, max: 3 });
    assert.equal(report.share, { origin: 0, relay: 0.5, peer: 0.5 });
    await until('everyone hears that it is', () =>
      clients.every((one) => one.assignments.get(task)?.state === 'complete'),
    );
  }),
);

tasks('a client that failed is told again, as often as the instruction says, and not for old news', () =>
  onStage(async ({ world, node, publish }) => {
    const client = await node('client', 'c1');
    const task = await publish({ distribution: { retries: 1 } });
    await until('it is told', () => client.assignments.has(task));
    const first = client.assignments.get(task)!.revision;
    const clients = async () => (await world.ask('GET', `/api/tasks/${task}`)).body.clients;
    const failed = { state: 'failed' as const, error: 'no space' };
    client.report(task, failed);
    await until('it waits', async () => (await clients()).failed === 0 && (await clients()).waiting === 1);
    await until('it is told again', () => client.assignments.get(task)!.revision > first);
    assert.is((await clients()).failed, 0);
    client.report(task, { state: 'transferring', verifiedBytes: 1 });
    client.report(task, failed);
    await until('it has failed for good', async () => (await clients()).failed === 1);
    const last = client.assignments.get(task)!.revision;
    client.report(task, failed);
    await new Promise((resolve) => setTimeout(resolve, 2500));
    assert.is(client.assignments.get(task)!.revision, last);
  }),
);

tasks('pause, resume, limit and cancel reach every node as a later state', () =>
  onStage(async ({ world, node, publish }) => {
    const client = await node('client', 'c1');
    const task = await publish();
    await until('it is told', () => client.assignments.has(task));
    const revisions = [client.assignments.get(task)!.revision];
    const next = async (verb: string, state: string, body?: object) => {
      const path = verb === '' ? `/api/tasks/${task}` : `/api/tasks/${task}/${verb}`;
      const answer = await world.ask(verb === '' ? 'PATCH' : 'POST', path, body);
      assert.is(answer.status, 200, JSON.stringify(answer.body));
      await until(`${verb} is told`, () => client.assignments.get(task)!.revision > revisions.at(-1)!);
      assert.is(client.assignments.get(task)!.state, state);
      revisions.push(client.assignments.get(task)!.revision);
    };
    await next('pause', 'paused');
    await next('resume', 'active');
    await next('', 'active', { distribution: { speedMax: '500kB/s' }, policy: { fallback: { threshold: '3MB/s' } } });
    const told = client.assignments.get(task)!;
    assert.is(told.limits.receiveBytesPerSecondMax, 500_000);
    assert.is((told.policy.fallback as { threshold: string }).threshold, '3MB/s');
    const wrong = await world.ask('PATCH', `/api/tasks/${task}`, { url: 'http://elsewhere/x' });
    assert.is(wrong.status, 400);
    assert.match(wrong.body.error.message, /cannot change at run time/);
    assert.is((await world.ask('PATCH', `/api/tasks/${task}`, { band: 99 })).status, 400);
    assert.is((await world.ask('POST', `/api/tasks/${task}/resume`, '')).status, 200, 'an empty body that is JSON');
    await next('cancel', 'cancelled');
    assert.is((await world.ask('POST', `/api/tasks/${task}/resume`)).status, 409);
  }),
);

tasks('a relay that refuses, drains or is gone is replaced, and its clients are given another', () =>
  onStage(async ({ world, node, publish }) => {
    const [r1, r2] = [await node('relay', 'r1'), await node('relay', 'r2')];
    const clients = [await node('client', 'c1'), await node('client', 'c2')];
    const task = await publish({ relays: 1 });
    await until('clients are told', () => clients.every((one) => one.assignments.has(task)));
    const relayOf = (client: TestNode) => client.assignments.get(task)!.relays.map(({ relay }) => relay);
    const [first, second] = relayOf(clients[0]!)[0] === 'r1' ? [r1, r2] : [r2, r1];
    assert.equal(relayOf(clients[1]!), [first.name]);
    first.send({
      kind: 'relay-status',
      connections: 2,
      sendBytesPerSecond: 0,
      loadRatio: 0.1,
      diskFreeBytes: 1,
      draining: true,
    });
    await until('clients are moved', () => clients.every((one) => relayOf(one)[0] === second.name));
    assert.is(first.assignments.get(task)!.state, 'cancelled');
    const part = second.assignments.get(task)!;
    assert.equal(part.role === 'relay' && part.part, { firstByte: 0, endByte: sizeBytes });
    const third = await node('relay', 'r3');
    third.refuses = true;
    second.link.close();
    const fourth = await node('relay', 'r4');
    await until('the gone relay is replaced', () => fourth.assignments.has(task), 30_000);
    await until('clients are moved again', () => clients.every((one) => relayOf(one)[0] === 'r4'), 30_000);
    const { body: report } = await world.ask('GET', `/api/tasks/${task}/report`);
    const states = Object.fromEntries(
      report.relays.map((row: { relay: string; state: string }) => [row.relay, row.state]),
    );
    assert.equal(states, { [first.name]: 'moved', [second.name]: 'moved', r3: 'moved', r4: 'accepted' });
  }),
);

tasks('clients are told at the pace, in the order of their networks, also those that come later', () =>
  onStage(
    async ({ node, publish }) => {
      const told: string[] = [];
      const clients: TestNode[] = [];
      for (const [name, network] of [
        ['a', 'mobile'],
        ['b', 'wired'],
        ['c', 'mobile'],
        ['d', 'wired'],
      ] as const) {
        const client = await node('client', name, { network });
        client.onMessage = (message) => message.kind === 'task' && told.push(name);
        clients.push(client);
      }
      const startedAt = performance.now();
      const task = await publish();
      await until('all are told', () => clients.every((one) => one.assignments.has(task)));
      const seconds = (performance.now() - startedAt) / 1000;
      assert.equal(told, ['b', 'd', 'a', 'c']);
      assert.ok(seconds > 1.4 && seconds < 4, `2 per second: ${seconds} s for four`);
      const late = await node('client', 'late');
      await until('the late one is told', () => late.assignments.has(task));
    },
    ['--dispatch', '2/s'],
  ),
);

tasks('a window: nobody is told before it opens; at its end the task pauses', () =>
  onStage(async ({ world, node, publish }) => {
    const client = await node('client', 'c1');
    const task = await publish({ distribution: { window: ['2s', '5s'] } });
    const stateOf = async () => (await world.ask('GET', `/api/tasks/${task}`)).body.state;
    assert.is(await stateOf(), 'waiting');
    await new Promise((done) => setTimeout(done, 800));
    assert.not(client.assignments.has(task));
    await until('it is told', () => client.assignments.has(task));
    assert.is(client.assignments.get(task)!.state, 'active');
    await until('it pauses', () => client.assignments.get(task)!.state === 'paused');
    assert.is(await stateOf(), 'paused');
  }),
);

tasks('targets: only those that the instruction means', () =>
  onStage(async ({ node, publish }) => {
    const [office, mobile, other] = [
      await node('client', 'c1', { groups: ['office'] }),
      await node('client', 'c2', { region: 'eu' }),
      await node('client', 'c3', { groups: ['other'], region: 'us' }),
    ];
    const task = await publish({ targets: { groups: ['office'], regions: ['eu'] } });
    await until('both are told', () => office.assignments.has(task) && mobile.assignments.has(task));
    assert.not(other.assignments.has(task));
    assert.is(office.assignments.get(task)!.clientCount, 2);
  }),
);

tasks('a node that polls hears and says the same', () =>
  onStage(async ({ world, node, publish }) => {
    const client = await node('client', 'c1', { polling: 'always' });
    const task = await publish();
    await until('it is told', () => client.assignments.has(task));
    client.report(task, { state: 'seeding', verifiedBytes: sizeBytes });
    await until(
      'the task is complete',
      async () => (await world.ask('GET', `/api/tasks/${task}`)).body.state === 'complete',
    );
    const { body: nodes } = await world.ask('GET', '/api/nodes');
    assert.ok(nodes[0].connected);
    await until('it hears that', () => client.assignments.get(task)!.state === 'complete');
  }),
);

tasks('guidance: the brake and the cohort come with a report', () =>
  onStage(async ({ node, publish }) => {
    const relay = await node('relay', 'r1');
    const clients = [await node('client', 'c1'), await node('client', 'c2')];
    const task = await publish();
    await until('clients are told', () => clients.every((one) => one.assignments.has(task)));
    relay.send({
      kind: 'relay-status',
      connections: 2,
      sendBytesPerSecond: 0,
      loadRatio: 0.9,
      diskFreeBytes: 1,
      draining: false,
    });
    const brakeOf = (client: TestNode) => client.messages.findLast((message) => message.kind === 'brake');
    await until('the brake is told', () => {
      for (const client of clients) client.report(task, { bittorrentBytesPerSecond: 1_000_000 });
      const brake = brakeOf(clients[0]!);
      return brake?.kind === 'brake' && brake.ratio < 1 && brake.cohortSize === 2;
    });
    const brake = brakeOf(clients[0]!);
    assert.ok(brake?.kind === 'brake');
    assert.ok(Math.abs(brake.ratio - 0.55) < 1e-9, String(brake.ratio));
    assert.is(brake.cohortFirstQuartileBytesPerSecond, 1_000_000);
  }),
);

tasks('whoever watches sees the state each second, and nobody without a token', () =>
  onStage(async ({ world, node, publish }) => {
    const client = await node('client', 'c1');
    const task = await publish();
    await until('it is told', () => client.assignments.has(task));
    client.report(task, { verifiedBytes: 1000, received: { origin: 0, relay: 400, peer: 600 } });
    const states: LiveState[] = [];
    const address = `${world.url.replace('http', 'ws')}/api/live`;
    const watcher = new WebSocket(address, [`sluice.token.${world.token}`]);
    watcher.on('message', (data: Buffer) => states.push(JSON.parse(data.toString())));
    await until('three states', () => states.length >= 3);
    watcher.close();
    const { tasks: seen, nodes } = states.at(-1)!;
    assert.equal(seen[0]!.received, { origin: 0, relay: 400, peer: 600 });
    assert.is(seen[0]!.clients.transferring, 1);
    assert.equal(nodes[1], { role: 'client', enrolled: 1, connected: 1 });
    const stranger = new WebSocket(address);
    const status = await new Promise((done) => {
      stranger.on('unexpected-response', (_request, response) => done(response.statusCode));
      stranger.on('open', () => done('open'));
    });
    assert.is(status, 401);
  }),
);

tasks.run();
