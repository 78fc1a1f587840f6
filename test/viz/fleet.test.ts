// test-time-limit: 180s
/** The live page: a feed in the words of control's protocol, over real sockets and the real proxy of `sluice view`. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocketServer } from 'ws';
import { servePage } from '#viz/command/view.ts';
import type { LiveState } from '#viz/live/state.ts';
import { inBrowser, settled } from './browser.ts';

const fleet = suite('fleet');

interface Order {
  line: string;
  token: string;
  body: string;
}

/** Speaks as control does; what it is asked to do, it notes, or refuses. */
class Feed {
  readonly orders: Order[] = [];
  refusal: string | null = null;
  state: LiveState = stateAt(0);
  readonly #server: Server;
  readonly #lines = new WebSocketServer({ noServer: true, perMessageDeflate: false });

  private constructor() {
    this.#server = createServer(async (request, response) => {
      const line = `${request.method} ${request.url}`;
      this.orders.push({ line, token: request.headers.authorization ?? '', body: await bodyOf(request) });
      response.writeHead(this.refusal === null ? 200 : 409, { 'content-type': 'application/json' });
      response.end(JSON.stringify(this.refusal === null ? {} : { error: { code: 'conflict', message: this.refusal } }));
    });
    this.#server.on('upgrade', (request, socket, head) => {
      if (request.url !== '/api/live') socket.destroy();
      else this.#lines.handleUpgrade(request, socket, head, (line) => line.send(JSON.stringify(this.state)));
    });
  }

  static async listen(port = 0): Promise<Feed> {
    const feed = new Feed();
    await new Promise<void>((done) => feed.#server.listen(port, '127.0.0.1', done));
    return feed;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  tell(state: LiveState): void {
    this.state = state;
    for (const line of this.#lines.clients) line.send(JSON.stringify(state));
  }

  async close(): Promise<void> {
    for (const line of this.#lines.clients) line.terminate();
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of request) text += part;
  return text;
}

/** A fleet of 10,000 clients, `done` of which have the file. */
function stateAt(done: number): LiveState {
  const gigabyte = 1e9;
  return {
    kind: 'state',
    version: 1,
    atMilliseconds: 1_700_000_000_000 + done,
    nodes: [
      { role: 'relay', enrolled: 3, connected: 3 },
      { role: 'client', enrolled: 10_000, connected: 9_870 },
    ],
    tasks: [
      {
        ...{ task: 'b0d9', name: 'package.bin', state: 'active', origin: 'main', sizeBytes: 2 * gigabyte },
        createdAtMilliseconds: 1_700_000_000_000 - 60_000,
        estimatedFinishMilliseconds: 300_000,
        clients: {
          ...{ total: 10_000, waiting: 130, transferring: 9_870 - done, verifying: 0, seeding: 0 },
          ...{ paused: 0, complete: done, cancelled: 0, failed: 0 },
        },
        relays: 3,
        verifiedBytes: done * 2 * gigabyte,
        received: { origin: 1 * gigabyte, relay: 39 * gigabyte, peer: 60 * gigabyte },
        originToRelayBytes: 6 * gigabyte,
        receiveBytesPerSecond: { total: 8 * gigabyte, bittorrent: 6 * gigabyte },
        fallbackOpen: { slow: 12, stalled: 0, blocked: 300, overdue: 1 },
      },
    ],
    relays: ['a', 'b', 'c'].map((name, index) => ({
      ...{ relay: `relay-${name}`, region: 'eu', connected: index < 2, draining: false, loadRatio: 0.3 * (index + 1) },
      ...{ connections: 500, connectionsMax: 2000, sendBytesPerSecond: 1e8, tasks: 1 },
    })),
    origins: [
      {
        origin: 'main',
        limit: { connections: 1000, bytesPerSecond: 250e6, windows: [{ windowMilliseconds: 3_600_000, bytes: 500e9 }] },
        granted: { connections: 40, bytesPerSecond: 200e6, windows: [{ windowMilliseconds: 3_600_000, bytes: 1e9 }] },
        used: { bytesPerSecond: 120e6, windows: [{ windowMilliseconds: 3_600_000, bytes: 54e9 }], totalBytes: 60e9 },
        holders: 7,
        paused: false,
      },
    ],
  };
}

async function withFleet(work: (page: Page, feed: Feed, problems: string[]) => Promise<Feed>): Promise<void> {
  let feed = await Feed.listen();
  process.env.SLUICE_TOKEN = 'a-token-of-the-operator';
  const { server, address } = await servePage([], { port: 7462, control: `http://127.0.0.1:${feed.port}` });
  try {
    await inBrowser(async (open) => {
      const { page, problems } = await open();
      await page.goto(address);
      await page.locator('.pill', { hasText: 'live' }).waitFor();
      await settled(page);
      feed = await work(page, feed, problems);
    });
  } finally {
    server.closeAllConnections();
    server.close();
    await feed.close();
  }
}

fleet('tasks, origins and relays say what control says', () =>
  withFleet(async (page, feed) => {
    feed.tell(stateAt(2_500));
    await page.locator('.fleet-table', { hasText: '2,500 of 10,000 done' }).waitFor();
    const summary = await page.locator('#fleet .summary').innerText();
    assert.match(summary, '9,870 of 10,000 clients are connected');
    assert.match(summary, 'main gives 120 MB/s (48 % of its contract)');
    const row = await page.locator('.fleet-table tbody tr').first().innerText();
    assert.match(
      row,
      /100 GB[\s\S]*origin 1 GB, relays 39 GB, peers 60 GB[\s\S]*8 GB\/s[\s\S]*75 % BitTorrent[\s\S]*313/,
    );
    const widths = await page
      .locator('.state-bar')
      .evaluate((bar) => [...bar.children].map((part) => (part as HTMLElement).style.width));
    assert.equal(widths, ['25%', '73.7%', '1.3%', '0%']);
    const origin = await page.locator('.origin-card').innerText();
    assert.match(
      origin,
      /7 leases[\s\S]*120 MB\/s of 250 MB\/s[\s\S]*200 MB\/s granted[\s\S]*Within 60 min[\s\S]*54 GB of 500 GB/,
    );
    const relays = await page.locator('#fleet .table-place').first().innerText();
    assert.match(relays, /relay-c[\s\S]*90 %[\s\S]*not connected[\s\S]*relay-b/);
    return feed;
  }),
);

fleet('orders reach control with the token of the command, and a refusal is shown in its words', () =>
  withFleet(async (page, feed, problems) => {
    await page.locator('.fleet-table button', { hasText: 'Pause' }).click();
    await page.locator('.fleet-form > summary').click();
    await page.locator('.fleet-form input[name="url"]').fill('https://origin.example/next.bin');
    await page.locator('.fleet-form input[name="ceiling"]').fill('100Mbps');
    await page.locator('.fleet-form input[name="groups"]').fill('office, home');
    await page.locator('.fleet-form button').click();
    await page.waitForFunction(() => document.querySelector<HTMLInputElement>('.fleet-form input')!.value === '');
    assert.equal(
      feed.orders.map(({ line }) => line),
      ['POST /api/tasks/b0d9/pause', 'POST /api/tasks'],
    );
    assert.ok(feed.orders.every(({ token }) => token === 'Bearer a-token-of-the-operator'));
    assert.equal(JSON.parse(feed.orders[1]!.body), {
      url: 'https://origin.example/next.bin',
      ceiling: '100Mbps',
      targets: { groups: ['office', 'home'] },
    });
    feed.refusal = 'the task is cancelled already';
    await page.locator('.origin-card button', { hasText: 'Pause' }).click();
    await page.locator('.order-message', { hasText: 'the task is cancelled already' }).waitFor();
    // The browser notes a refusal by itself.
    const own = problems.splice(0);
    assert.ok(
      own.every((text) => text.includes('409')),
      own.join('\n'),
    );
    return feed;
  }),
);

fleet('a broken line is shown as stale, and resumes', () =>
  withFleet(async (page, feed, problems) => {
    const { port } = feed;
    await feed.close();
    await page.locator('.pill', { hasText: 'stale' }).waitFor();
    assert.ok(await page.locator('#fleet.stale').count(), 'what is old looks old');
    assert.match(await page.locator('.fleet-table').first().innerText(), /package\.bin/, 'and stays to be read');
    const again = await Feed.listen(port);
    again.state = stateAt(7_777);
    await page.locator('.pill', { hasText: 'live' }).waitFor();
    await page.locator('.fleet-table', { hasText: '7,777 of 10,000 done' }).waitFor();
    const own = problems.splice(0);
    assert.ok(
      own.every((text) => /WebSocket|ERR_/.test(text)),
      own.join('\n'),
    );
    return again;
  }),
);

fleet('the page keeps up with states far more often than control sends them', () =>
  withFleet(async (page, feed) => {
    const states = 300;
    for (let sent = 1; sent <= states; sent++) {
      feed.tell(stateAt(sent));
      await wait(5);
    }
    const startedAt = performance.now();
    await page.locator('.fleet-table', { hasText: `${states} of 10,000 done` }).waitFor();
    const behind = performance.now() - startedAt;
    console.log(`${states} states of 10,000 clients, 200 a second: ${behind.toFixed(0)} ms behind at the end`);
    assert.ok(behind < 1000, `${behind} ms behind`);
    return feed;
  }),
);

fleet.run();
