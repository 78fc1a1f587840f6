// test-time-limit: 400s
/**
 * The page beside a real control server with ten thousand clients that report: how late it is, how long one of its
 * states is, and how soon an order is carried out.
 */
import type { Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { servePage } from '#viz/command/view.ts';
import { type ControlWorld, CountingOrigin, inWorld, TestNode, until } from '../nodes/control/control-world.ts';
import { inBrowser } from './browser.ts';

const test = suite('fleet of many');
const clientCount = Number(process.env.SLUICE_TEST_CLIENTS ?? 10_000);
const sizeBytes = 64_000_000;
const reportMilliseconds = 10_000;

/** Enrols and connects them, some hundred at a time. */
async function connect(world: ControlWorld): Promise<TestNode[]> {
  const nodes: TestNode[] = [];
  for (let first = 0; first < clientCount; first += 250) {
    const names = Array.from({ length: Math.min(250, clientCount - first) }, (_, index) => `c${first + index}`);
    const tokens = await Promise.all(names.map((name) => world.enrol('client', name)));
    const started = names.map((name, index) => new TestNode(world.url, 'client', name, tokens[index]!));
    nodes.push(...started);
    await until('they are welcomed', () => started.every(({ link }) => link.isOpen), 60_000);
  }
  return nodes;
}

/** Everybody reports once in `reportMilliseconds`, a hundredth of them at a time. */
function reporting(nodes: TestNode[], task: string): () => void {
  let reports = 0;
  const timer = setInterval(() => {
    for (let index = reports % 100; index < nodes.length; index += 100) {
      const bytesPerSecond = 1_000_000 + index;
      nodes[index]!.report(task, {
        state: 'transferring',
        verifiedBytes: Math.min(sizeBytes - 1, reports * 10_000),
        receiveBytesPerSecond: bytesPerSecond,
        bittorrentBytesPerSecond: bytesPerSecond,
      });
    }
    reports++;
  }, reportMilliseconds / 100);
  return () => clearInterval(timer);
}

interface State {
  atMilliseconds: number;
  bytes: number;
}

async function watch(page: Page, states: State[]): Promise<void> {
  await page.locator('.fleet-table', { hasText: /[0-9,]+ transferring/ }).waitFor({ timeout: 30_000 });
  await new Promise((resolve) => setTimeout(resolve, 15_000));
  const from = states.length;
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  const seen = states.slice(from);
  const gaps = seen.slice(1).map((state, index) => state.atMilliseconds - seen[index]!.atMilliseconds);
  const most = Math.max(...gaps);
  const orderedAt = performance.now();
  await page.locator('.fleet-table button', { hasText: 'Pause' }).click();
  await page.locator('.fleet-table button', { hasText: 'Resume' }).waitFor();
  const order = performance.now() - orderedAt;
  console.log(
    `${clientCount} clients, ${clientCount / 10} reports a second: a state of ${seen[0]!.bytes} bytes every ` +
      `${(gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length).toFixed(0)} ms, ${most.toFixed(0)} ms at most; ` +
      `an order is seen after ${order.toFixed(0)} ms`,
  );
  assert.ok(seen.length >= 5 && most < 4000, `${gaps}`);
  assert.ok(
    seen.every(({ bytes }) => bytes < 20_000),
    'a state grows with tasks and relays, not with clients',
  );
  assert.ok(order < 5000, `${order} ms`);
}

test(`${clientCount} clients report, and the page keeps up`, async () => {
  const origin = new CountingOrigin(sizeBytes);
  const url = await origin.listen();
  let nodes: TestNode[] = [];
  await inWorld(
    async (world) => {
      const contract = { connections: 100, bandwidth: '1Gbps', burst: '10MB' };
      await world.ask('PUT', '/api/origins/main', { url, contract });
      nodes = await connect(world);
      process.env.SLUICE_TOKEN = world.token;
      const { server, address } = await servePage([], { port: 7466, control: world.url });
      await inBrowser(async (open) => {
        const { page } = await open();
        const states: State[] = [];
        page.on('websocket', (line) =>
          line.on('framereceived', ({ payload }) => {
            states.push({ atMilliseconds: performance.now(), bytes: String(payload).length });
          }),
        );
        await page.goto(address);
        const published = await world.ask('POST', '/api/tasks', { url: `${url}/file.bin`, manifest: 'none' });
        const task = published.body.task as string;
        await until('all are told', () => nodes.every(({ assignments }) => assignments.has(task)), 90_000);
        const stop = reporting(nodes, task);
        await watch(page, states);
        stop();
      });
      server.closeAllConnections();
      server.close();
    },
    ['--report-every', `${reportMilliseconds / 1000}s`],
  );
  for (const node of nodes) node.link.close();
  origin.close();
});

test.run();
