// test-time-limit: 120s
/** Nothing is stored before it has been validated: the right, the file at the origin, every parameter (M2–M4). */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ControlWorld, CountingOrigin, inWorld } from './control-world.ts';

const instructions = suite('control: instructions');

async function inReadyWorld(work: (world: ControlWorld, origin: string) => Promise<void>): Promise<void> {
  const origin = new CountingOrigin(10_000_000);
  const url = await origin.listen();
  try {
    await inWorld(async (world) => {
      await world.ask('PUT', '/api/origins/main', { url, contract: { connections: 4, bandwidth: '80Mbps' } });
      await work(world, url);
    });
  } finally {
    origin.close();
  }
}

instructions('each wrong part is refused with its place and what is allowed, and nothing is stored', () =>
  inReadyWorld(async (world, origin) => {
    const url = `${origin}/file.bin`;
    const cases: [body: unknown, status: number, path: string, message: RegExp][] = [
      [{}, 400, '', /the key "url" is missing/],
      [[], 400, '', /not a set of keys/],
      [{ url: 'ftp://x/y' }, 400, 'url', /http\(s\)/],
      [{ url: `${origin}/none.bin` }, 422, 'url', /answers 404/],
      [{ url: 'http://127.0.0.1:1/x' }, 400, 'url', /belongs to no origin.*main/],
      [{ url: `${origin.replace('127', 'user@127')}/file.bin` }, 400, 'url', /belongs to no origin/],
      [{ url, unknown: 1 }, 400, 'unknown', /unknown key "unknown"/],
      [{ url, distribution: { speedMax: '10MBs' } }, 400, 'distribution.speedMax', /did you mean "10MB\/s"/],
      [{ url, distribution: { window: ['2h', '1h'] } }, 400, 'distribution.window', /ends before it begins/],
      [{ url, distribution: { priorityPieces: ['9-3'] } }, 400, 'distribution.priorityPieces.0', /no range/],
      [{ url, policy: 'p2p' }, 400, 'policy.extends', /allowed are hybrid/],
      [{ url, policy: { fallback: { treshold: '1MB/s' } } }, 400, 'policy.fallback.treshold', /threshold/],
      [{ url, band: 16 }, 400, 'band', /at most 15/],
      [{ url, weight: 0 }, 400, 'weight', /at least 1/],
      [{ url, size: '1MB' }, 422, 'size', /the origin has 10000000 bytes, not 1000000/],
      [{ url, sha256: 'abc' }, 400, 'sha256', /64 hexadecimal/],
      [{ url, targets: { clients: ['nobody'] } }, 400, 'targets.clients.0', /no client "nobody"/],
      [{ url, name: '../passwd' }, 400, 'name', /separator/],
      ['{', 400, '', /JSON/],
    ];
    for (const [body, status, path, message] of cases) {
      const answer = await world.ask('POST', '/api/tasks', body);
      const label = `${JSON.stringify(body)} gives ${JSON.stringify(answer.body)}`;
      assert.is(answer.status, status, label);
      assert.match(answer.body.error.message, message, label);
      assert.is(answer.body.error.path ?? '', path, label);
    }
    assert.equal((await world.ask('GET', '/api/tasks')).body, []);
    const { status, body } = await world.ask('POST', '/api/tasks', { url });
    assert.is(status, 201, JSON.stringify(body));
    assert.is(body.sizeBytes, 10_000_000);
  }),
);

instructions(
  'an origin that refuses HEAD is asked for one byte; one that answers nothing is said to be unreachable',
  () =>
    inReadyWorld(async (world) => {
      const asked: string[] = [];
      const origin = createServer((request, response) => {
        asked.push(`${request.method} ${request.headers.range ?? ''}`.trim());
        if (request.method === 'HEAD') response.writeHead(405).end();
        else if (request.url?.endsWith('.manifest')) response.writeHead(404).end();
        else response.writeHead(206, { 'content-range': 'bytes 0-0/77', etag: 'W/"weak"' }).end('x');
      });
      await new Promise<void>((done) => origin.listen(0, '127.0.0.1', done));
      const url = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
      await world.ask('PUT', '/api/origins/other', { url, contract: { bandwidth: '80Mbps' } });
      const { status, body } = await world.ask('POST', '/api/tasks', { url: `${url}/a`, manifest: 'none' });
      assert.is(status, 201, JSON.stringify(body));
      assert.is(body.sizeBytes, 77);
      assert.equal(asked, ['HEAD', 'GET bytes=0-0']);
      const { body: task } = await world.ask('GET', `/api/tasks/${body.task}`);
      assert.is(task.file.etag, undefined, 'a weak validator says nothing of the bytes');
      origin.closeAllConnections();
      origin.close();
      const gone = await world.ask('POST', '/api/tasks', { url: `${url}/a` });
      assert.is(gone.status, 502);
      assert.match(gone.body.error.message, /ECONNREFUSED/);
    }),
);

instructions('rights: no token, a wrong one, a viewer, an operator of another origin, a revoked node', () =>
  inReadyWorld(async (world, origin) => {
    const body = { url: `${origin}/file.bin` };
    const tokenFor = async (given: object) => (await world.ask('POST', '/api/tokens', given)).body.token as string;
    const viewer = await tokenFor({ permits: 'view', name: 'eve' });
    const other = await tokenFor({ permits: 'operate', name: 'bob', groups: ['other'] });
    const mine = await tokenFor({ permits: 'operate', name: 'ann', groups: ['main'] });
    const relay = await tokenFor({ permits: 'relay', name: 'relay-1' });
    assert.is((await world.ask('POST', '/api/tasks', body, '')).status, 401);
    assert.is((await world.ask('POST', '/api/tasks', body, 'sluice_wrong-token-0123456789')).status, 401);
    assert.is((await world.ask('POST', '/api/tasks', body, viewer)).status, 403);
    assert.is((await world.ask('POST', '/api/tasks', body, relay)).status, 403);
    assert.is((await world.ask('GET', '/api/tasks', undefined, relay)).status, 403);
    assert.is((await world.ask('POST', '/api/tasks', body, other)).status, 403);
    assert.is((await world.ask('PUT', '/api/origins/main', { url: origin }, other)).status, 403);
    assert.equal((await world.ask('GET', '/api/tasks', undefined, viewer)).body, []);
    const { status, body: task } = await world.ask('POST', '/api/tasks', body, mine);
    assert.is(status, 201);
    assert.is((await world.ask('POST', `/api/tasks/${task.task}/cancel`, undefined, other)).status, 403);
    assert.is((await world.ask('POST', `/api/tasks/${task.task}/cancel`, undefined, mine)).status, 200);
    assert.is((await world.ask('DELETE', '/api/nodes/relay-1')).status, 200);
    const polled = await world.ask('POST', '/nodes/v1/poll', { poll: 1, messages: [] }, relay);
    assert.is(polled.status, 401);
  }),
);

instructions('machines of a fleet enrol with one token as often as it allows', () =>
  inReadyWorld(async (world) => {
    const fleet = { permits: 'enrol-client', name: 'lab', groups: ['lab'], uses: 2 };
    const { token } = (await world.ask('POST', '/api/tokens', fleet)).body;
    const first = await world.ask('POST', '/nodes/v1/enrol', { name: 'pc-1' }, token);
    assert.is(first.status, 201);
    assert.is(first.body.node, 'pc-1');
    assert.is((await world.ask('POST', '/nodes/v1/enrol', { name: 'pc-1' }, token)).status, 409);
    assert.is((await world.ask('POST', '/nodes/v1/enrol', {}, token)).status, 201);
    assert.is((await world.ask('POST', '/nodes/v1/enrol', { name: 'pc-3' }, token)).status, 401, 'used up');
    const { body: nodes } = await world.ask('GET', '/api/nodes');
    assert.is(nodes.length, 2);
    assert.equal(nodes[0].groups, ['lab']);
  }),
);

instructions('the API describes itself', () =>
  inReadyWorld(async (world) => {
    const { status, body } = await world.ask('GET', '/api/openapi.json');
    assert.is(status, 200);
    assert.match(body.openapi, /^3\./);
    const publish = body.paths['/api/tasks'].post.requestBody.content['application/json'].schema;
    assert.equal(publish.required, ['url']);
    assert.ok(publish.properties.distribution.properties.speedMax.pattern);
    for (const path of ['/healthz', '/readyz', '/metrics']) assert.is((await world.ask('GET', path)).status, 200);
    const metrics = (await world.ask('GET', '/metrics')).body;
    assert.match(metrics, /sluice_nodes_connected\{role="client"\} 0/);
    assert.match(metrics, /sluice_origin_grants_total\{origin="main"\} \d/);
  }),
);

instructions.run();
