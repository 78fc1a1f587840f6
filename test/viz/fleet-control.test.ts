// test-time-limit: 150s
/** The page against a real control server with a real origin, relay and clients: it starts, stops and limits them. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { manifestOf, printManifest } from '#nodes/files/manifest.ts';
import type { LiveTask } from '#nodes/protocol/live.ts';
import { servePage } from '#viz/command/view.ts';
import { type ControlWorld, inWorld } from '../nodes/control/control-world.ts';
import { until, withProcesses } from '../nodes/running.ts';
import { content, inDirectory } from '../nodes/temporary.ts';
import { inBrowser, settled } from './browser.ts';

const test = suite('fleet and control');
const bytes = content(24_000_000);

interface Stage {
  world: ControlWorld;
  origin: string;
  directory: string;
}

/** An origin of 2 MB/s, a relay and two clients as processes. */
async function onStage(work: (stage: Stage) => Promise<void>): Promise<void> {
  await inDirectory(async (directory) => {
    await withProcesses(async (start) => {
      const files = join(directory, 'files');
      mkdirSync(files);
      writeFileSync(join(files, 'package.bin'), bytes);
      writeFileSync(join(files, 'package.bin.manifest'), printManifest(await manifestOf(join(files, 'package.bin'))));
      const [origin] = await start(['origin', files, '--listen', '127.0.0.1:0']).prints(/http:\S+(?=\/)/);
      await inWorld(
        async (world) => {
          const contract = { connections: 8, bandwidth: '16Mbps', burst: '1MB', traffic: { '1h': '1GB' } };
          assert.is((await world.ask('PUT', '/api/origins/main', { url: origin, contract })).status, 200);
          for (const [role, name] of [
            ['relay', 'r1'],
            ['client', 'c1'],
            ['client', 'c2'],
          ] as const) {
            const where = ['--dir', join(directory, name), '--control', world.url, '--listen-peers', '127.0.0.1:0'];
            const listens = role === 'relay' ? ['--listen', '127.0.0.1:0'] : [];
            start([role, ...where, ...listens], { SLUICE_TOKEN: await world.enrol(role, name) });
          }
          await work({ world, origin: origin!, directory });
        },
        ['--report-every', '1s'],
      );
    });
  });
}

async function withPage({ world }: Stage, work: (page: Page, problems: string[]) => Promise<void>): Promise<void> {
  process.env.SLUICE_TOKEN = world.token;
  const { server, address } = await servePage([], { port: 7464, control: world.url });
  try {
    await inBrowser(async (open) => {
      const { page, problems } = await open();
      await page.goto(address);
      await page.locator('.pill', { hasText: 'live' }).waitFor();
      await work(page, problems);
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const taskOf = async (world: ControlWorld): Promise<LiveTask> => (await world.ask('GET', '/api/tasks')).body[0];

/** Nothing is cut off at the sides, and no text lies over another. */
async function checkLayout(page: Page): Promise<void> {
  const wrong = await page.evaluate(() => {
    const found: string[] = [];
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth > clientWidth) found.push(`the page is ${scrollWidth} wide, the window ${clientWidth}`);
    const texts = [...document.querySelectorAll<HTMLElement>('#fleet *')].filter(
      (one) =>
        one.checkVisibility() && [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent?.trim()),
    );
    const boxes = texts.map((one) => ({ one, box: one.getBoundingClientRect() }));
    for (const [index, { one, box }] of boxes.entries()) {
      const clipped = getComputedStyle(one).overflow === 'hidden' && one.scrollWidth > one.clientWidth + 1;
      if (clipped) found.push(`cut off: ${one.textContent}`);
      for (const other of boxes.slice(index + 1)) {
        if (one.contains(other.one) || other.one.contains(one)) continue;
        const across = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left);
        const down = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top);
        if (across > 2 && down > 2) found.push(`overlap: "${one.textContent}" and "${other.one.textContent}"`);
      }
    }
    return found;
  });
  assert.equal(wrong, []);
}

async function looks(page: Page): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const [width, height] of [
      [1440, 900],
      [390, 844],
    ] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize({ width, height });
      await settled(page);
      assert.is(await page.evaluate(() => document.documentElement.dataset.theme), colorScheme);
      await checkLayout(page);
      if (process.env.SLUICE_PICTURES !== undefined) {
        const path = join(process.env.SLUICE_PICTURES, `fleet-${width}-${colorScheme}.png`);
        await page.screenshot({ path, fullPage: true });
      }
    }
  }
  await page.setViewportSize({ width: 1440, height: 900 });
}

/** Control is killed and comes back: the page says so, and goes on. */
async function returns(world: ControlWorld, page: Page): Promise<void> {
  await world.stop('SIGKILL');
  await page.locator('.pill', { hasText: 'stale' }).waitFor();
  await page.locator('.origin-card button', { hasText: 'Resume' }).click();
  await page.locator('.order-message', { hasText: 'does not answer' }).waitFor();
  await world.start();
  await page.locator('.pill', { hasText: 'live' }).waitFor();
  await page.locator('#fleet .summary', { hasText: '2 of 2 clients are connected' }).waitFor();
  assert.is(await page.locator('#fleet.stale').count(), 0);
  await page.locator('.origin-card', { hasText: '(paused)' }).waitFor();
}

const button = (page: Page, name: string): Locator => page.locator('.fleet-table button', { hasText: name });

test('a distribution is started, paused, limited, resumed and cancelled from the page', () =>
  onStage(async (stage) => {
    const { world, origin, directory } = stage;
    await withPage(stage, async (page, problems) => {
      await page.locator('#fleet .summary', { hasText: '2 of 2 clients are connected' }).waitFor();
      await page.locator('.fleet-form > summary').click();
      const field = (name: string) => page.locator(`.fleet-form input[name="${name}"]`);
      await field('url').fill(`${origin}/nowhere.bin`);
      await page.locator('.fleet-form button').click();
      await page.locator('.order-message', { hasText: /Control refuses: .*nowhere\.bin/ }).waitFor();
      problems.splice(0);
      await field('url').fill(`${origin}/package.bin`);
      await field('deadline').fill('2h');
      await page.locator('.fleet-form button').click();
      await button(page, 'Pause').waitFor();
      await page.locator('.fleet-table', { hasText: /relays [1-9]/ }).waitFor();
      assert.is((await taskOf(world)).state, 'active');
      await page.locator('.origin-card', { hasText: /of 2 MB\/s/ }).waitFor();
      await looks(page);
      const shown = (await page.locator('.origin-card .use-share').first().innerText()).split(',')[0]!;
      assert.ok(Number.parseFloat(shown) <= 100, `${shown} of the contract, where it is kept`);
      await button(page, 'Pause').click();
      await button(page, 'Resume').waitFor();
      assert.is((await taskOf(world)).state, 'paused');
      page.once('dialog', (dialog) => void dialog.accept('8Mbps'));
      await button(page, 'Limit').click();
      await until('the limit is control’s', async () => {
        const { id, task } = (await taskOf(world)) as LiveTask & { id?: string };
        const { body } = await world.ask('GET', `/api/tasks/${task ?? id}`);
        return JSON.stringify(body).includes('8Mbps');
      });
      await button(page, 'Resume').click();
      await page.locator('.fleet-table', { hasText: '2 of 2 done' }).waitFor({ timeout: 60_000 });
      for (const name of ['c1', 'c2'])
        assert.ok(readFileSync(join(directory, name, 'package.bin')).equals(bytes), `${name} has the file`);
      await field('url').fill(`${origin}/package.bin`);
      await field('name').fill('again.bin');
      await page.locator('.fleet-form button').click();
      const again = page.locator('.fleet-table tr', { hasText: 'again.bin' });
      page.once('dialog', (dialog) => void dialog.accept());
      await again.locator('button', { hasText: 'Cancel' }).click();
      await page.locator('.fleet-table tr', { hasText: /again\.bin\s*cancelled/ }).waitFor();
      await page.locator('.origin-card button', { hasText: 'Pause' }).click();
      await page.locator('.origin-card', { hasText: '(paused)' }).waitFor();
      await returns(world, page);
      problems.splice(0);
    });
  }));

test.run();
