// test-time-limit: 120s
/** Whatever bytes arrive: an answer that says what is wrong, or the end of that line; never the end of control. */
import { connect } from 'node:net';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import { messageBytesMax } from '#nodes/protocol/limits.ts';
import { type ControlWorld, CountingOrigin, helloOf, inWorld, progressOf, TestNode, until } from './control-world.ts';

const seed = Number(process.env.SLUICE_SEED ?? 1);
const hostile = suite('control: hostile input');

/** What control says to these frames, and with which code it closes. */
function said(
  world: ControlWorld,
  token: string,
  frames: (string | Buffer)[],
): Promise<{ code: number; says: string }> {
  const address = `${world.url.replace('http', 'ws')}/nodes/v1/socket`;
  const line = new WebSocket(address, { headers: { authorization: `Bearer ${token}` } });
  const heard: string[] = [];
  return new Promise((done) => {
    line.on('open', () => {
      for (const frame of frames) line.send(frame);
    });
    line.on('message', (data: Buffer) => heard.push(data.toString()));
    line.on('error', () => {});
    line.on('close', (code) => done({ code, says: heard.join('\n') }));
  });
}

hostile('frames of a node: each kind of wrong one ends its line with the reason', () =>
  inWorld(async (world) => {
    const token = await world.enrol('client', 'c1');
    const hello = JSON.stringify(helloOf('client'));
    const cases: [frames: (string | Buffer)[], code: number, says: RegExp][] = [
      [['{'], 1008, /"malformed".*not JSON/],
      [['null'], 1008, /not an object/],
      [['[]'], 1008, /kind/],
      [[JSON.stringify(progressOf('t'))], 1008, /"hello-first"/],
      [[Buffer.from(hello)], 1008, /a text frame is needed/],
      [['x'.repeat(messageBytesMax + 1)], 1009, /^$/],
      [[JSON.stringify({ ...helloOf('client'), protocol: 99 })], 1008, /"protocol".*protocol 1/],
      [[JSON.stringify(helloOf('relay'))], 1008, /the token is a client's/],
      [[JSON.stringify({ ...helloOf('client'), groups: ['../x'] })], 1008, /groups/],
      [[hello, '{"kind":"__proto__"}'], 1008, /is none of/],
      [[hello, ...Array(150).fill(JSON.stringify(progressOf('t')))], 1008, /"too-many"/],
      [[`{"kind":"hello","tasks":${'['.repeat(30_000)}`], 1008, /not JSON/],
      [['{"kind":"hello",'.padEnd(messageBytesMax, '"a":1,')], 1008, /not JSON/],
    ];
    for (const [frames, code, says] of cases) {
      const answer = await said(world, token, frames);
      assert.is(answer.code, code, `${String(frames[0]).slice(0, 60)}: ${JSON.stringify(answer).slice(0, 200)}`);
      assert.match(answer.says, says);
    }
    assert.is((await world.ask('GET', '/healthz')).status, 200);
  }),
);

hostile('a node speaks for itself alone', () =>
  inWorld(async (world) => {
    const origin = new CountingOrigin(1000);
    const url = await origin.listen();
    await world.ask('PUT', '/api/origins/main', { url, contract: { connections: 4, bandwidth: '8Mbps' } });
    const node = new TestNode(world.url, 'client', 'c1', await world.enrol('client', 'c1'));
    const other = new TestNode(world.url, 'client', 'c2', await world.enrol('client', 'c2'));
    const task = (await world.ask('POST', '/api/tasks', { url: `${url}/file.bin`, targets: { clients: ['c1'] } })).body
      .task;
    await until('the node is told', () => node.assignments.has(task));
    const { lease } = node.assignments.get(task)!;
    const message = {
      kind: 'request' as const,
      ...lease,
      account: 1,
      spentBytes: 0,
      number: 1,
      demandBytesPerSecond: 1000,
      slotsWanted: 1,
      epoch: 0,
      sequence: 0,
    };
    const refusals = (of: TestNode) => of.messages.filter(({ kind }) => kind === 'refusal').length;
    other.send({ kind: 'lease', message });
    other.report(task, { state: 'complete', verifiedBytes: 1000 });
    other.send({ kind: 'acknowledge', task, revision: 1, accepted: false });
    node.send({ kind: 'lease', message: { ...message, node: 1 } });
    node.send({ kind: 'lease', message: { ...message, origin: 7 } });
    node.send({ kind: 'acknowledge', task, revision: 1_000_000, accepted: true });
    node.report(task, { verifiedBytes: 1001 });
    await until('all are refused', () => refusals(other) === 3 && refusals(node) === 4);
    assert.is((await world.ask('GET', `/api/tasks/${task}`)).body.state, 'active');
    node.send({ kind: 'lease', message });
    await until('its own request is granted', () => node.messages.some(({ kind }) => kind === 'lease'));
    assert.not(other.messages.some(({ kind }) => kind === 'lease'));
    node.link.close();
    other.link.close();
    origin.close();
  }),
);

hostile('any JSON as a body, any bytes on the socket', () =>
  inWorld(async (world) => {
    const token = await world.enrol('client', 'c1');
    const paths = ['/api/tasks', '/api/tokens', '/nodes/v1/poll', '/nodes/v1/enrol'];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), fc.json({ maxDepth: 6 }), async (path, body) => {
        const { status } = await world.ask('POST', path, body, path.startsWith('/nodes') ? token : world.token);
        assert.ok(status >= 400 && status < 500, `${path} ${body}: ${status}`);
      }),
      { seed, numRuns: 100 },
    );
    assert.is((await world.ask('POST', '/api/tasks', `{"url":"${'x'.repeat(1024 * 1024)}"}`)).status, 413);
    const raw = (text: string) =>
      new Promise<string>((done) => {
        let answer = '';
        const socket = connect(world.port, '127.0.0.1', () => socket.write(text));
        setTimeout(() => socket.end(), 500);
        socket.setEncoding('utf8').on('data', (data) => (answer += data));
        socket.on('error', () => {});
        socket.on('close', () => done(answer));
      });
    assert.match(await raw('\x00\xff garbage\r\n\r\n'), /400/);
    const upgrade = (path: string) =>
      `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n`;
    assert.match(await raw(`${upgrade('/nodes/v1/socket')}\r\n`), /401/);
    assert.match(await raw(`${upgrade('//')}\r\n`), /40\d/);
    assert.match(await raw(`${upgrade('/nodes/v1/socket')}Authorization: Bearer ${token}\r\n\r\n\xff\xff\xff`), /101/);
    assert.is((await world.ask('GET', '/healthz')).status, 200);
  }),
);

hostile('polling: out of turn, twice, with another node’s session', () =>
  inWorld(async (world) => {
    const token = await world.enrol('client', 'c1');
    const other = await world.enrol('client', 'c2');
    const poll = (body: object, by = token) => world.ask('POST', '/nodes/v1/poll', body, by);
    assert.is((await poll({ poll: 1, messages: [] })).status, 409, 'hello first');
    const first = await poll({ poll: 1, messages: [helloOf('client')] });
    assert.is(first.status, 200, JSON.stringify(first.body));
    const { session } = first.body;
    assert.is(first.body.messages[0].kind, 'welcome');
    assert.is((await poll({ session, poll: 2, messages: [] }, other)).status, 409);
    assert.is((await poll({ session, poll: 2, messages: [] })).status, 200);
    assert.is((await poll({ session, poll: 2, messages: [] })).status, 409, 'a repeated one ends the session');
    assert.is((await poll({ session, poll: 3, messages: [] })).status, 409);
  }),
);

hostile.run();
