/** A real Chromium: the machine's own, else the one in the registry package. Every page is watched. */
import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type Browser, chromium, type Page } from 'playwright-core';
import * as assert from 'uvu/assert';

const known = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

async function executable(): Promise<string> {
  const own = [process.env.SLUICE_CHROMIUM ?? '', ...known].find((path) => path !== '' && existsSync(path));
  if (own !== undefined) return own;
  const packed = (await import('@sparticuz/chromium')).default;
  // It unpacks itself into one place, where two test files must not write at once.
  const lock = join(tmpdir(), 'sluice-chromium.lock');
  for (let tries = 0; tries < 300; tries++) {
    try {
      mkdirSync(lock);
      break;
    } catch {
      await wait(100);
    }
  }
  try {
    return await packed.executablePath();
  } finally {
    if (existsSync(lock)) rmdirSync(lock);
  }
}

export interface Look {
  width?: number;
  height?: number;
  theme?: 'light' | 'dark';
}

export interface Watched {
  page: Page;
  /** What went wrong so far: errors of scripts and of the console, requests that left the page's origin. */
  problems: string[];
}

/** Runs `work` with a browser, and ends it whatever happens. */
export async function inBrowser(work: (open: (look?: Look) => Promise<Watched>) => Promise<void>): Promise<void> {
  const args = ['--no-sandbox', '--disable-gpu', '--font-render-hinting=none'];
  const browser: Browser = await chromium.launch({ executablePath: await executable(), args });
  const all: Watched[] = [];
  try {
    await work(async ({ width = 1440, height = 900, theme = 'light' } = {}) => {
      const context = await browser.newContext({
        viewport: { width, height },
        colorScheme: theme,
        reducedMotion: 'reduce',
      });
      context.setDefaultTimeout(20_000);
      const watched = watch(await context.newPage());
      all.push(watched);
      return watched;
    });
    assert.equal(
      all.flatMap(({ problems }) => problems),
      [],
      'no page complained, and none asked anybody but its own server',
    );
  } finally {
    await browser.close();
  }
}

function watch(page: Page): Watched {
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) problems.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    const url = new URL(request.url());
    const isOwn = url.protocol === 'data:' || url.protocol === 'blob:' || url.origin === new URL(page.url()).origin;
    const isFirst = request.isNavigationRequest() && page.url() === 'about:blank';
    if (!isOwn && !isFirst) problems.push(`request: ${request.url()}`);
  });
  return { page, problems };
}

/** Drops files on the page, as a hand would. */
export async function drop(page: Page, files: { name: string; text: string }[]): Promise<void> {
  const transfer = await page.evaluateHandle((given) => {
    const made = new DataTransfer();
    for (const { name, text } of given) made.items.add(new File([text], name, { type: 'application/json' }));
    return made;
  }, files);
  await page.dispatchEvent('body', 'drop', { dataTransfer: transfer });
}

/** Brings a view into sight and waits until it is drawn. */
export async function reach(page: Page, id: string): Promise<void> {
  await page.locator(`nav a[data-view="${id}"]`).click();
  await page.locator(`#${id} .summary`).filter({ hasText: /./ }).waitFor();
  await settled(page);
}

/** Two frames: a change of the state is drawn in the next one. */
export async function settled(page: Page): Promise<void> {
  await page.evaluate(
    () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 0)))),
  );
}
