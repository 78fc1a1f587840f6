// test-time-limit: 120s
/** A relay and a client get the file from origins as they are met; secrets stay with those who need them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import { is, match, ok } from 'uvu/assert';
import { type ControlWorld, inWorld } from '../control/control-world.ts';
import { type Running, until, withProcesses } from '../running.ts';
import { content, inDirectory } from '../temporary.ts';
import { OddOrigin, ranged } from './odd-origins.ts';

const test = suite('nodes/origins');
const bytes = content(3_000_000);
const secret = 'X-Signature=geheim0815';
const password = 'Bearer parole4711';

interface Fleet {
  world: ControlWorld;
  directory: string;
  relay: Running;
  client: Running;
  /** Publishes and waits until the client has the file, with the right bytes. */
  distributes(url: string, more?: object): Promise<string>;
}

async function withFleet(work: (fleet: Fleet) => Promise<void>): Promise<void> {
  await inDirectory(async (directory) => {
    await withProcesses(async (start) => {
      await inWorld(
        async (world) => {
          const run = async (role: 'relay' | 'client', more: string[]): Promise<Running> => {
            const given = [role, '--control', world.url, '--dir', join(directory, role), ...more];
            const listen = ['--listen-peers', '127.0.0.1:0'];
            return start([...given, ...listen], { SLUICE_TOKEN: await world.enrol(role, `${role}-1`) });
          };
          const relay = await run('relay', ['--listen', '127.0.0.1:0']);
          const client = await run('client', []);
          await until('both are connected', async () => {
            const { nodes } = (await world.ask('GET', '/api/state')).body;
            return nodes.every(({ connected }: { connected: number }) => connected === 1);
          });
          const distributes = async (url: string, more: object = {}): Promise<string> => {
            const published = await world.ask('POST', '/api/tasks', { url, ...more });
            is(published.status, 201, JSON.stringify(published.body));
            const name = (more as { name?: string }).name ?? new URL(url).pathname.slice(1);
            const path = join(directory, 'client', name);
            const isWhole = () => {
              try {
                return readFileSync(path).equals(bytes);
              } catch {
                return false;
              }
            };
            await until(`${name} is there`, isWhole, 40_000).catch((error: Error) => {
              throw new Error(`${error.message}\n${relay.stderr}\n${client.stderr}`);
            });
            return published.body.task;
          };
          await work({ world, directory, relay, client, distributes });
        },
        ['--lease', '2s', '--report-every', '1s'],
      );
    });
  });
}

const contract = { connections: 4, bandwidth: '50MB/s', burst: '4MiB' };
async function putOrigin(world: ControlWorld, name: string, more: object): Promise<void> {
  const { status, body } = await world.ask('PUT', `/api/origins/${name}`, { contract, ...more });
  is(status, 200, JSON.stringify(body));
}

/** All that lies in the directory, as one text. */
function allTexts(directory: string): string {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'latin1')).join('\n');
}

test('origins with habits: no ranges, no validators, signatures, passwords, redirects, mirrors', () =>
  withFleet(async ({ world, directory, relay, client, distributes }) => {
    // No ranges and nothing that tells versions apart: the relay takes the whole, the client asks the relay alone.
    const plain = await new OddOrigin(() => ({ status: 200, body: bytes })).listen();
    await putOrigin(world, 'plain', { url: plain.url });
    await distributes(`${plain.url}/plain.bin`, { manifest: 'none' });
    is(plain.asked.filter(({ method, range }) => method === 'GET' && range === undefined).length, 0);
    ok(plain.sentBytes < 2.5 * bytes.length, `${plain.sentBytes} bytes left`);

    // It signs GET alone, wants a password too, and sends us on to another host, where neither belongs.
    const store = await new OddOrigin((request) => ranged(request, bytes, { etag: '"s"' })).listen();
    const guard = await new OddOrigin((request) => {
      const isSigned = request.method === 'GET' && request.url === `/signed.bin?${secret}`;
      if (!isSigned || request.headers.authorization !== password) return { status: 403 };
      return { status: 307, headers: { location: `${store.url}/object` } };
    }).listen();
    const refused = await world.ask('PUT', '/api/origins/guard', { url: guard.url, networks: ['10.0.0.0'] });
    is(refused.status, 400);
    match(refused.body.error.message, /is no network such as/);
    await putOrigin(world, 'guard', { url: guard.url, authorization: password });
    const astray = await world.ask('POST', '/api/tasks', { url: `${guard.url}/signed.bin?${secret}` });
    is(astray.status, 502, JSON.stringify(astray.body));
    match(astray.body.error.message, /redirect to http:\S+, which the operator has not allowed/);
    await putOrigin(world, 'guard', { url: guard.url, redirects: [store.url] });
    const task = await distributes(`${guard.url}/signed.bin?${secret}`);
    is(
      store.asked.every(({ authorization, url }) => authorization === undefined && url === '/object'),
      true,
    );
    const shown = await Promise.all(
      [`/api/tasks/${task}`, '/api/tasks', '/api/origins', '/api/state', `/api/tasks/${task}/report`, '/metrics'].map(
        async (path) => JSON.stringify((await world.ask('GET', path)).body),
      ),
    );
    const heard = [
      shown.join(),
      world.log,
      relay.stderr,
      client.stderr,
      relay.stdout,
      allTexts(join(directory, 'client')),
    ];
    for (const one of heard) is(/geheim0815|parole4711/.test(one), false, one.slice(0, 2000));

    // The first of two places breaks down in the middle.
    let answers = 0;
    const first = await new OddOrigin((request) => {
      if (request.method !== 'HEAD' && ++answers > 2) return { status: 500 };
      return ranged(request, bytes, { etag: '"m"', 'accept-ranges': 'bytes' });
    }).listen();
    const second = await new OddOrigin((request) => {
      return request.url === '/base/mirrored.bin'
        ? ranged(request, bytes, { etag: '"m"', 'accept-ranges': 'bytes' })
        : { status: 404 };
    }).listen();
    await putOrigin(world, 'twice', { url: first.url, mirrors: [`${second.url}/base`, 'http://127.0.0.1:9'] });
    await distributes(`${first.url}/mirrored.bin`, { manifest: 'none' });
    ok(second.sentBytes > 900_000, `${second.sentBytes} bytes from the mirror`);
    for (const origin of [plain, store, guard, first, second]) origin.close();
  }));

test('who may use one origin may not lead control elsewhere', () =>
  inWorld(async (world) => {
    await putOrigin(world, 'mine', { url: 'http://127.0.0.1:9' });
    const given = { permits: 'operate', name: 'ann', groups: ['mine'] };
    const { token } = (await world.ask('POST', '/api/tokens', given)).body;
    const put = (body: object) => world.ask('PUT', '/api/origins/mine', { contract, ...body }, token);
    is((await put({ url: 'http://127.0.0.1:9', contract: { connections: 1 } })).status, 200);
    for (const body of [
      { url: 'http://169.254.169.254' },
      { url: 'http://127.0.0.1:9', networks: ['0.0.0.0/0'] },
      { url: 'http://127.0.0.1:9', mirrors: ['http://10.0.0.1'] },
      { url: 'http://127.0.0.1:9', redirects: ['http://10.0.0.1'] },
      { url: 'http://127.0.0.1:9', authorization: 'x' },
    ]) {
      is((await put(body)).status, 403, JSON.stringify(body));
    }
  }));

test('what is no URL is refused, and breaks nothing for others', () =>
  inWorld(async (world) => {
    for (const url of ['http://a:99999', 'http://[', 'http://%00', 'http://a b']) {
      const put = (body: object) => world.ask('PUT', '/api/origins/odd', { contract, ...body });
      for (const body of [
        { url },
        { url: 'http://a.example', mirrors: [url] },
        { url: 'http://a.example', redirects: [url] },
      ]) {
        is((await put(body)).status, 400, JSON.stringify(body));
      }
      is((await world.ask('POST', '/api/tasks', { url: `${url}/a.bin` })).status, 400, url);
    }
    is((await world.ask('POST', '/api/tasks', { url: 'http://other.example/a.bin' })).status, 400);
  }));

test.run();
