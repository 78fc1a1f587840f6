// test-time-limit: 180s
/**
 * The page on a desk and on a phone, light and dark: nothing overlaps, nothing is cut off, every axis has a unit.
 * UPDATE=1 writes what it looks like into docs/images.
 */
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inBrowser, reach, settled } from './browser.ts';
import { comparedSmoke, inDirectory, pageFile, tracedSmoke } from './files.ts';
import { studyText } from './study-text.ts';

const pictures = suite('pictures');
const images = fileURLToPath(new URL('../../docs/images/', import.meta.url));
const looks = [
  { name: 'desk', width: 1440, height: 900, theme: 'light' },
  { name: 'desk-dark', width: 1440, height: 900, theme: 'dark' },
  { name: 'phone', width: 390, height: 844, theme: 'light' },
  { name: 'phone-dark', width: 390, height: 844, theme: 'dark' },
] as const;
const views = ['decision', 'completion', 'bytes', 'origin', 'fallback', 'swarm', 'player', 'compare'];
const kept = new Set([
  'desk-decision',
  'desk-dark-decision',
  'phone-decision',
  'desk-completion',
  'desk-swarm',
  'desk-player',
]);

async function keep(page: Page, name: string): Promise<void> {
  if (process.env.UPDATE !== '1' || !kept.has(name)) return;
  mkdirSync(images, { recursive: true });
  await page.screenshot({ path: `${images}${name}.png` });
}

/** Texts of one drawing that lie on each other, and texts beyond the window. */
async function flaws(page: Page, id: string): Promise<string[]> {
  return page.evaluate((section) => {
    const found: string[] = [];
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth > width) found.push(`the page is wider than the window`);
    for (const svg of document.querySelectorAll(`#${section} svg:not(.mark)`)) {
      const texts = [...svg.querySelectorAll('text')]
        .map((element) => ({ text: element.textContent, box: element.getBoundingClientRect() }))
        .filter(({ text, box }) => text !== '' && box.width > 0);
      texts.forEach(({ text, box }, index) => {
        // What scrolls sideways by itself may go on beyond the window.
        const isCut = svg.closest('.parallel') === null && (box.left < -1 || box.right > width + 1);
        if (isCut) found.push(`"${text}" is cut off by the window`);
        for (const { text: other, box: next } of texts.slice(index + 1)) {
          const across = Math.min(box.right, next.right) - Math.max(box.left, next.left);
          const down = Math.min(box.bottom, next.bottom) - Math.max(box.top, next.top);
          if (across > 2 && down > 3) found.push(`"${text}" lies on "${other}"`);
        }
      });
      const hasAxis = svg.querySelector('.y-axis .tick') !== null;
      if (hasAxis && svg.querySelector('.axis .title:not(:empty)') === null) found.push('an axis without a title');
    }
    for (const element of document.querySelectorAll(`#${section} :is(h2, h3, p, button, .answer, .headline)`)) {
      if (element.scrollWidth > element.clientWidth + 2 && getComputedStyle(element).display !== 'inline') {
        found.push(`${element.tagName} "${element.textContent!.slice(0, 40)}" does not fit its place`);
      }
    }
    return found;
  }, id);
}

for (const { name, width, height, theme } of looks) {
  pictures(`${name}, ${width} × ${height}: nothing overlaps, nothing is cut off`, () =>
    inDirectory(async (directory) => {
      const url = await pageFile(directory, [
        { name: 'smoke.json', text: compared(directory) },
        { name: 'trace.json', text: traced(directory) },
      ]);
      await inBrowser(async (open) => {
        const { page } = await open({ width, height, theme });
        await page.goto(url);
        await page.evaluate(() => document.fonts.ready.then(() => undefined));
        assert.is(await page.evaluate(() => document.documentElement.dataset.theme), theme);
        const found: string[] = [];
        for (const view of views) {
          await reach(page, view);
          if (view === 'decision') await page.evaluate(() => scrollTo(0, 0));
          await settled(page);
          await keep(page, `${name}-${view}`);
          found.push(...(await flaws(page, view)).map((flaw) => `${view}: ${flaw}`));
        }
        assert.equal(found, []);
      });
    }),
  );
}

pictures('a study: nothing overlaps, nothing is cut off', () =>
  inDirectory(async (directory) => {
    const url = await pageFile(directory, [{ name: 'study.json', text: studyText(300) }]);
    await inBrowser(async (open) => {
      for (const width of [1440, 390]) {
        const { page } = await open({ width });
        await page.goto(url);
        await reach(page, 'parameters');
        const found = [...(await flaws(page, 'decision')), ...(await flaws(page, 'parameters'))];
        // Axes that lie close to each other hold their values apart by a halo.
        assert.equal(
          found.filter((flaw) => width === 1440 || !flaw.includes('lies on')),
          [],
        );
        const shares = await page.locator('#parameters .use-line').allInnerTexts();
        assert.match(shares[0]!, /relays\.eu-relay\.count\s+[89]\d %/, 'the planted knob matters most');
      }
    });
  }),
);

let comparedText: string | undefined;
let traceText: string | undefined;

function compared(directory: string): string {
  comparedText ??= comparedSmoke(directory).text;
  return comparedText;
}

function traced(directory: string): string {
  traceText ??= tracedSmoke(directory).trace;
  return traceText;
}

pictures.run();
