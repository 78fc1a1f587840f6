/** Entrances for HTTP and what rides on it: a relay with its tracker, and control with REST, polls and frames. */
import { connect } from 'node:net';
import { join } from 'node:path';
import { pino } from 'pino';
import { WebSocket } from 'ws';
import { quotaTermsDefault } from '#core/quota/terms.ts';
import { Control } from '#nodes/control/control.ts';
import { ControlServer } from '#nodes/control/server.ts';
import { hashOfToken } from '#nodes/control/tokens.ts';
import { listen } from '#nodes/http/http-service.ts';
import { Pace } from '#nodes/http/pace.ts';
import { paths } from '#nodes/protocol/limits.ts';
import { RelayServer } from '#nodes/relay/relay-server.ts';
import { openNodeSqlite } from '#nodes/store/node-sqlite-database.ts';
import { Store } from '#nodes/store/store.ts';
import { hex } from '#nodes/wire/swarm.ts';
import { helloOf, progressOf } from '../nodes/control/control-world.ts';
import { talk } from './peers.ts';
import { soundMetainfo } from './sound.ts';
import type { Target } from './target.ts';

const http = (head: string, body = '') =>
  Buffer.from(`${head} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`, 'latin1');
const hash = [...soundMetainfo.infoHash].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
const announce = `info_hash=${hash}&peer_id=${'p'.repeat(20)}&port=6881&left=5&compact=1&event=started&numwant=50`;

export async function relay(): Promise<Target> {
  const server = new RelayServer({ connectionsMax: 1000, bytesPerSecondEach: Infinity }, new Pace());
  const { port } = await listen(server.server, { host: '127.0.0.1', port: 0 });
  server.tracker.add(hex(soundMetainfo.infoHash), () => [{ host: '127.0.0.1', port: 9 }]);
  const answers = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).text();
  let turns = 0;
  return {
    name: 'relay and tracker',
    sound: [
      ...[`GET /announce?${announce}`, `GET /scrape?info_hash=${hash}`, 'GET /healthz'].map((one) => http(one)),
      ...['GET /files/a', 'GET /files/a.torrent', 'HEAD /files/a', 'GET /reach?port=1'].map((one) => http(one)),
      Buffer.from('GET /files/x HTTP/1.1\r\nHost: x\r\nRange: bytes=0-5,7-\r\nIf-Range: "x"\r\n\r\n'),
    ],
    async take(bytes) {
      await talk(connect(port, '127.0.0.1'), bytes, 5);
      if (turns++ % 50 > 0) return;
      if (!(await answers('/healthz')).includes('true')) throw new Error('the relay is not well');
      if (!(await answers(`/announce?${announce}`)).includes('interval')) throw new Error('the tracker is not well');
    },
    async close() {
      server.server.closeAllConnections();
      await server.close(0);
    },
  };
}

/** Rest, polls, enrolment and frames of one control server. */
export async function control(directory: string): Promise<Target[]> {
  const log = pino({ level: 'silent' });
  const store = await Store.open(await openNodeSqlite(join(directory, 'control.sqlite')));
  const now = Date.now();
  const tokens = { operator: 'o'.repeat(40), client: 'c'.repeat(40) };
  await store.addToken({ hash: hashOfToken(tokens.operator), permits: 'operate', holder: 'o', groups: [] }, now);
  const clientToken = { hash: hashOfToken(tokens.client), permits: 'client' as const, holder: 'c1', groups: [] };
  await store.enrol({ name: 'c1', role: 'client', groups: [] }, clientToken, now, undefined);
  const terms = { safeRelayCount: 0, reportEveryMilliseconds: 1000, dispatchPerSecond: 100, quota: quotaTermsDefault };
  const it = await Control.open(store, terms, log);
  const { server, address } = await ControlServer.listen(it, { host: '127.0.0.1', port: 0 }, '0', log, async () => {
    await it.beat();
  });
  const url = `http://127.0.0.1:${address.port}`;
  let turns = 0;
  const checked = async () => {
    if (turns++ % 50 === 0 && !(await (await fetch(`${url}/healthz`)).text()).includes('true'))
      throw new Error('not well');
  };
  const close = async () => {
    await server.close();
    await store.close();
  };
  return [rest(address.port, tokens, checked, close), frames(url, tokens.client, checked)];
}

function rest(
  port: number,
  { operator, client }: { operator: string; client: string },
  checked: () => Promise<void>,
  close: () => Promise<void>,
): Target {
  const ask = (method: string, path: string, token: string, body?: unknown) => {
    const text = body === undefined ? '' : JSON.stringify(body);
    const head = `${method} ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n`;
    return Buffer.from(`${head}Content-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
  };
  const hello = helloOf('client');
  return {
    name: 'REST and polls',
    sound: [
      ask('POST', '/api/tasks', operator, { url: 'http://nowhere.example/a', targets: { groups: ['x'] } }),
      ask('PUT', '/api/origins/a', operator, { url: 'http://127.0.0.1:9/', contract: { connections: 3 } }),
      ask('POST', '/api/tokens', operator, { permits: 'view', name: 'e', expires: '1h' }),
      ask('PATCH', '/api/tasks/task-1', operator, { band: 3 }),
      ask('GET', '/api/tasks/x/clients?after=5', operator),
      ask('DELETE', '/api/nodes/nobody', operator),
      ask('POST', paths.poll, client, { poll: 1, messages: [hello, progressOf('t')] }),
      ask('POST', paths.enrol, client, { name: 'x' }),
      ask('GET', `${paths.manifests}${'a'.repeat(64)}`, client),
      ask('GET', '/metrics', operator),
    ],
    async take(bytes) {
      const heard = await talk(connect(port, '127.0.0.1'), bytes, 10);
      if (/^HTTP\/1.1 500/m.test(heard)) throw new Error(`control failed: ${heard.slice(0, 300)}`);
      await checked();
    },
    close,
  };
}

function frames(url: string, token: string, checked: () => Promise<void>): Target {
  const lease = { kind: 'request', origin: 1, holder: 2, account: 3, spentBytes: 0, number: 1, node: 2 };
  const request = { ...lease, demandBytesPerSecond: 5, slotsWanted: 1, epoch: 0, sequence: 0 };
  const sound = [progressOf('t'), { kind: 'lease', message: request }, helloOf('client')];
  const acknowledge = { kind: 'acknowledge', task: 't', revision: 1, accepted: true };
  return {
    name: 'frames of nodes',
    sound: [...sound, acknowledge].map((value) => Buffer.from(JSON.stringify(value))),
    async take(bytes) {
      const line = new WebSocket(`${url.replace('http', 'ws')}${paths.socket}`, {
        headers: { authorization: `Bearer ${token}` },
      });
      line.on('error', () => {});
      await new Promise<void>((resolve) => {
        line.once('close', () => resolve());
        line.once('open', () => {
          line.send(JSON.stringify(helloOf('client')));
          line.send(bytes.toString('utf8'));
          setTimeout(resolve, 8);
        });
      });
      line.terminate();
      await checked();
    },
    async close() {},
  };
}
