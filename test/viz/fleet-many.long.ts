// test-time-limit: 400s
/**
 * The page beside a real control server with ten thousand clients that report: how late it is, how long one of its
 * states is, and how soon an order is carried out.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { servePage } from '#viz/command/view.ts';
import { CountingOrigin, inWorld, TestNode, until } from '../nodes/control/control-world.ts';
import { inBrowser } from './browser.ts';

const test = suite('fleet of many');
const clientCount = Number(process.env.SLUICE_TEST_CLIENTS ?? 10_000);
const sizeBytes = 64_000_000;
const reportMilliseconds = 10_000;

test(`${clientCount} clients report, and the page keeps up`, async () => {
  const origin = new CountingOrigin(sizeBytes);
  const url = await origin.listen();
  const nodes: TestNode[] = [];
  await inWorld(
    async (world) => {
      const contract = { connections: 100, bandwidth: '1Gbps', burst: '10MB' };
      await world.ask('PUT', '/api/origins/main', { url, contract });
      for (let first = 0; first < clientCount; first += 250) {
        const names = Array.from({ length: Math.min(250, clientCount - first) }, (_, index) => `c${first + index}`);
        const tokens = await Promise.all(names.map((name) => world.enrol('client', name)));
        const started = names.map((name, index) => new TestNode(world.url, 'client', name, tokens[index]!));
        nodes.push(...started);
        await until('they are welcomed', () => started.every(({ link }) => link.isOpen), 60_000);
      }
      process.env.SLUICE_TOKEN = world.token;
      const { server, address } = await servePage([], { port: 7466, control: world.url });
      await inBrowser(async (open) => {
        const { page } = await open();
        const states: { atMilliseconds: number; bytes: number }[] = [];
        page.on('websocket', (line) =>
          line.on('framereceived', ({ payload }) => {
            states.push({ atMilliseconds: performance.now(), bytes: String(payload).length });
          }),
        );
        await page.goto(address);
        const published = await world.ask('POST', '/api/tasks', { url: `${url}/file.bin`, manifest: 'none' });
        const task = published.body.task as string;
        await until('all are told', () => nodes.every(({ assignments }) => assignments.has(task)), 90_000);
        // Everybody reports every ten seconds, a tenth of it in each.
        let reports = 0;
        const timer = setInterval(() => {
          for (let index = reports % 100; index < nodes.length; index += 100) {
            const rate = 1_000_000 + index;
            nodes[index]!.report(task, {
              state: 'transferring',
              verifiedBytes: Math.min(sizeBytes - 1, reports * 10_000),
              receiveBytesPerSecond: rate,
              bittorrentBytesPerSecond: rate,
            });
          }
          reports++;
        }, reportMilliseconds / 100);
        await page.locator('.fleet-table', { hasText: /[0-9,]+ transferring/ }).waitFor({ timeout: 30_000 });
        await new Promise((resolve) => setTimeout(resolve, 15_000));
        const from = states.length;
        await new Promise((resolve) => setTimeout(resolve, 10_000));
        const seen = states.slice(from);
        const gaps = seen.slice(1).map((state, index) => state.atMilliseconds - seen[index]!.atMilliseconds);
        const orderedAt = performance.now();
        await page.locator('.fleet-table button', { hasText: 'Pause' }).click();
        await page.locator('.fleet-table button', { hasText: 'Resume' }).waitFor();
        const order = performance.now() - orderedAt;
        clearInterval(timer);
        const frames = await page.evaluate(async () => {
          const startedAt = performance.now();
          for (let frame = 0; frame < 30; frame++) await new Promise((done) => requestAnimationFrame(done));
          return (performance.now() - startedAt) / 30;
        });
        console.log(
          `${clientCount} clients, ${clientCount / 10} reports a second: a state of ${seen[0]!.bytes} bytes every ` +
            `${(gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length).toFixed(0)} ms, ${Math.max(...gaps).toFixed(0)} ms ` +
            `at most; an order is seen after ${order.toFixed(0)} ms; ${frames.toFixed(1)} ms a frame`,
        );
        assert.ok(seen.length >= 5 && Math.max(...gaps) < 4000, `${gaps}`);
        assert.ok(
          seen.every(({ bytes }) => bytes < 20_000),
          'a state grows with tasks and relays, not with clients',
        );
        assert.ok(order < 5000, `${order} ms`);
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
