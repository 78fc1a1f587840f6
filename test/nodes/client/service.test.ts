// test-time-limit: 90s
/** What a client shows of itself: its figures, its log, and how it stands in the network, looked at again and again. */

import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import { equal, is, match, ok } from 'uvu/assert';
import { NetworkWatch } from '#nodes/client/network-watch.ts';
import { manifestOf, printManifest } from '#nodes/files/manifest.ts';
import { inWorld } from '../control/control-world.ts';
import { until, withProcesses } from '../running.ts';
import { content, inDirectory } from '../temporary.ts';

const test = suite('nodes/client/service');

test('reachability is asked for again, and only what changes is told', async () => {
  let answer: object | undefined;
  let asked = 0;
  const relay = createServer((_, response) => {
    asked++;
    if (answer === undefined) return response.writeHead(429, { 'content-length': 0 }).end();
    const body = JSON.stringify(answer);
    return response.writeHead(200, { 'content-length': body.length }).end(body);
  });
  await new Promise<void>((done) => relay.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(relay.address() as AddressInfo).port}`;
  const told: object[] = [];
  const watch = new NetworkWatch({
    port: 1,
    onChange: (check) => told.push(check),
    everyMilliseconds: 60,
    firstMilliseconds: 30,
  });
  watch.know([]);
  watch.know([url]);
  await until('it asks until it is answered', () => asked >= 3);
  equal(told, []);
  answer = { address: '127.0.0.1', reachable: true };
  await until('it is told', () => told.length === 1);
  const before = asked;
  await until('it asks again', () => asked >= before + 3);
  is(told.length, 1, 'no news');
  answer = { address: '192.0.2.9', reachable: false };
  await until('the router was changed', () => told.length === 2);
  answer = undefined;
  await until('relays are away', () => asked >= before + 8);
  watch.close();
  equal(told, [
    { nat: 'none', reachable: true },
    { nat: 'translated', reachable: false },
  ]);
  relay.close();
  relay.closeAllConnections();
});

test('under control: health, figures, a log in JSON, and control learns whether peers reach it', async () => {
  await inDirectory(async (directory) => {
    await withProcesses(async (start) => {
      const path = join(directory, 'a.bin');
      writeFileSync(path, content(2_000_000));
      writeFileSync(`${path}.manifest`, printManifest(await manifestOf(path, 65_536)));
      const [origin] = await start(['origin', directory, '--listen', '127.0.0.1:0']).prints(/http:\S+(?=\/)/);
      await inWorld(async (world) => {
        const contract = { connections: 4, bandwidth: '80Mbps', burst: '1MB' };
        await world.ask('PUT', '/api/origins/main', { url: origin, contract });
        const node = async (role: 'relay' | 'client', more: string[]) => {
          const environment = { SLUICE_TOKEN: await world.enrol(role, role) };
          const where = ['--dir', join(directory, role), '--control', world.url];
          return start(
            [role, ...where, '--listen-peers', '127.0.0.1:0', '--listen', '127.0.0.1:0', ...more],
            environment,
          );
        };
        const relay = await node('relay', []);
        await relay.prints(/http:\S+/);
        const client = await node('client', ['--log-level', 'info']);
        const [url] = await client.prints(/http:\S+(?=\/)/);
        const published = await world.ask('POST', '/api/tasks', { url: `${origin}/a.bin` });
        is(published.status, 201, JSON.stringify(published.body));
        const { task } = published.body;
        await until(
          'it has the file',
          async () => (await world.ask('GET', `/api/tasks/${task}`)).body.state === 'complete',
        );
        is((await fetch(`${url}/healthz`)).status, 200);
        equal(await (await fetch(`${url}/readyz`)).json(), { ready: true });
        is((await fetch(`${url}/files`)).status, 404);
        const figures = await (await fetch(`${url}/metrics`)).text();
        match(figures, /^sluice_client_verified_bytes 2000000$/m);
        match(figures, /^sluice_client_control_connected 1$/m);
        const tasks = /^sluice_client_tasks\{state="(seeding|complete)"\} 1$/m;
        match(figures, tasks);
        const received = [...figures.matchAll(/^sluice_client_received_bytes\{source="\w+"\} (\d+)$/gm)];
        is(received.reduce((sum, [, bytes]) => sum + Number(bytes), 0) >= 2_000_000, true, figures);
        await client.prints(/"msg":"the network as relays see it"/);
        const lines = client.stderr
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line));
        ok(lines.every(({ level, time, msg }) => level >= 30 && time > 0 && typeof msg === 'string'));
        match(relay.stderr === '' ? '{"level":30,' : relay.stderr, /^\{"level":[345]0,/);
        await until('control has heard a second hello', async () => {
          const { body } = await world.ask('GET', '/api/nodes');
          return JSON.stringify(body).includes('"peerToPeer":"allowed"');
        });
        is(await client.stop(), 0, client.stderr);
      });
    });
  });
});

test.run();
