// test-time-limit: 180s
/** The page in a real browser: every view draws what the file's numbers say, and the views move together. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatRate, formatSeconds } from '#scenarios/format/units.ts';
import { inBrowser, reach, settled } from './browser.ts';
import { type ComparedFile, comparedSmoke, inDirectory, pageFile } from './files.ts';
import { plantedComparison } from './planted.ts';

const drawing = suite('drawing');

let made: string | undefined;

/** A page that shows a comparison: by default that of the smoke scenario, simulated once for this file. */
async function withPage(work: (page: Page, value: ComparedFile) => Promise<void>, given?: string): Promise<void> {
  await inDirectory(async (directory) => {
    made ??= comparedSmoke(directory).text;
    const text = given ?? made;
    const url = await pageFile(directory, [{ name: 'smoke.json', text }]);
    await inBrowser(async (open) => {
      const { page } = await open();
      await page.goto(url);
      await page.locator('.scatter .point').first().waitFor();
      await work(page, JSON.parse(text));
    });
  });
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Of the results themselves, not of the table beside them. */
function meansOf(
  value: ComparedFile,
  read: (result: ComparedFile['results'][number]) => number | null,
): Map<string, number> {
  const policies = [...new Set(value.results.map(({ manifest }) => manifest.policy))];
  return new Map(
    policies.map((policy) => {
      const values = value.results.filter(({ manifest }) => manifest.policy === policy).map(read);
      return [policy, values.includes(null) ? Number.NaN : mean(values as number[])];
    }),
  );
}

/** Where the symbols of the first screen are, by name. */
async function pointsOf(page: Page): Promise<Map<string, [number, number]>> {
  const found = await page.locator('.scatter .point').evaluateAll((points) =>
    points.map((point) => {
      const place = /translate\(([-\d.]+),\s*([-\d.]+)\)/.exec(
        point.querySelector('.symbol')!.getAttribute('transform')!,
      )!;
      return [point.querySelector('.label')!.textContent, [Number(place[1]), Number(place[2])]] as const;
    }),
  );
  return new Map(found as [string, [number, number]][]);
}

/** Heights and widths must be an affine image of the values. */
function assertAffine(pairs: [value: number, pixel: number][], what: string): void {
  const sorted = pairs.toSorted(([left], [right]) => left - right);
  const [low, high] = [sorted[0]!, sorted.at(-1)!];
  const slope = (high[1] - low[1]) / (high[0] - low[0]);
  assert.ok(Number.isFinite(slope) && slope !== 0, `${what}: ${JSON.stringify(pairs)}`);
  for (const [value, pixel] of pairs) {
    const expected = low[1] + slope * (value - low[0]);
    assert.ok(Math.abs(pixel - expected) < 1, `${what}: ${value} is drawn at ${pixel}, not at ${expected}`);
  }
}

drawing('decision: points stand where their means are, the line is the Pareto set', () =>
  withPage(async (page, value) => {
    const times = meansOf(value, ({ summary }) => summary.completionSeconds.p95);
    const costs = meansOf(value, ({ summary }) => summary.cost.total);
    const places = await pointsOf(page);
    const drawn = [...times.keys()];
    assert.equal([...places.keys()].sort(), drawn.toSorted());
    assertAffine(
      drawn.map((policy) => [times.get(policy)!, places.get(policy)![0]]),
      'p95 across',
    );
    assertAffine(
      drawn.map((policy) => [costs.get(policy)!, places.get(policy)![1]]),
      'cost up',
    );
    const broken = meansOf(value, ({ summary }) => summary.origin.violations);
    const sound = drawn.filter((policy) => broken.get(policy) === 0);
    const isBeaten = (policy: string) =>
      sound.some((other) => times.get(other)! < times.get(policy)! && costs.get(other)! < costs.get(policy)!);
    const front = sound.filter((policy) => !isBeaten(policy)).map((policy) => places.get(policy)!.map(Math.round));
    assert.ok(front.length > 1 && front.length < sound.length, 'the planted values have a line to draw');
    const path = (await page.locator('path.front').getAttribute('d'))!;
    const corners = path
      .slice(1)
      .split('L')
      .map((corner) => corner.split(',').map((each) => Math.round(Number(each))));
    assert.equal(
      corners,
      front.toSorted(([left], [right]) => left! - right!),
    );
    const hollow = await page.locator('.scatter .symbol[fill="var(--ground)"]').count();
    assert.is(hollow, drawn.length - sound.length);
  }, plantedComparison()),
);

drawing('decision: the first screen answers without a click', () =>
  withPage(async (page, value) => {
    const row = value.table.find(({ policy }) => policy === 'hybrid')!;
    const tiles = await page.locator('.answer').allInnerTexts();
    assert.is(tiles.length, 4);
    const p95 = meansOf(value, ({ summary }) => summary.completionSeconds.p95).get('hybrid')!;
    assert.match(tiles[0]!, new RegExp(`Fastest[\\s\\S]*hybrid[\\s\\S]*${formatSeconds(p95).replace(' s', '')} ± `));
    assert.match(tiles[1]!, /Cheapest[\s\S]*hybrid[\s\S]*USD/);
    assert.match(tiles[2]!, /Best trade-off[\s\S]*hybrid/);
    const peak = formatRate(row.metrics['origin.peakBytesPerSecond']!.mean);
    assert.match(
      tiles[3]!,
      new RegExp(`contract[\\s\\S]*Held[\\s\\S]*peak ${peak} of 25 MB/s[\\s\\S]*broken by 4 of 5 policies`),
    );
    assert.match(await page.locator('.headline').innerText(), /Only hybrid serves every client and keeps/);
    assert.is((await page.locator('.verdict').innerText()).trim(), value.verdict);
    const box = await page.locator('.ranking').boundingBox();
    assert.ok(box !== null && box.y + box.height < 900, 'the ranking is on the first screen');
  }),
);

drawing('completion: curves rise, and pass through the quantiles of the file', () =>
  withPage(async (page, value) => {
    await reach(page, 'completion');
    const curves = await page
      .locator('#completion path.curve')
      .evaluateAll((paths) =>
        paths.map((path) => [path.getAttribute('data-policy')!, path.getAttribute('d')!] as const),
      );
    assert.is(curves.length, 5);
    const medians = meansOf(value, ({ cdf }) => cdf.completionSeconds.find(([share]) => share >= 0.5 - 1e-9)![1]);
    const pairs: [number, number][] = [];
    for (const [policy, path] of curves) {
      const steps = [...path.matchAll(/H([\d.]+)V([\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)] as const);
      assert.ok(steps.length > 30);
      for (let index = 1; index < steps.length; index++) {
        assert.ok(steps[index]![0] >= steps[index - 1]![0] - 0.05, `${policy} goes back in time`);
        assert.ok(steps[index]![1] < steps[index - 1]![1], `${policy} falls`);
      }
      pairs.push([medians.get(policy)!, steps[49]![0]]);
    }
    assertAffine(pairs, 'the medians');
    const legend = await page.locator('#completion .legend-row').allInnerTexts();
    const late = meansOf(value, ({ cdf }) => cdf.completionSeconds.find(([share]) => share >= 0.9 - 1e-9)?.[1] ?? null);
    const hybrid = legend.find((text) => text.startsWith('hybrid'))!;
    assert.match(hybrid, formatSeconds(late.get('hybrid')!));
    assert.match(legend.find((text) => text.startsWith('kraken-like'))!, /never \(80 % at the end\)/);
  }),
);

drawing('bytes: bars are the shares, the area is the sum of the series', () =>
  withPage(async (page, value) => {
    await reach(page, 'bytes');
    const shares = meansOf(value, ({ summary }) => summary.share.peer);
    const bars = await page.locator('.total').evaluateAll((rows) =>
      rows.map((row) => {
        const bar = row.querySelector('.total-bar')!.getBoundingClientRect();
        const peer = row.querySelector('[data-source="peer"]')!.getBoundingClientRect();
        return [row.querySelector('button')!.textContent!, peer.width / bar.width] as const;
      }),
    );
    for (const [policy, width] of bars) assert.ok(Math.abs(width - shares.get(policy)!) < 0.01, `${policy}: ${width}`);
    const { columns } = value.results.find(({ manifest }) => manifest.policy === 'hybrid')!.series;
    const sums = columns.time.map(
      (_, row) =>
        columns.originBytesPerSecond[row]! + columns.relayBytesPerSecond[row]! + columns.peerBytesPerSecond[row]!,
    );
    const path = (await page.locator('#bytes path[data-source="peer"]').getAttribute('d'))!;
    const heights = [...path.split('L')[0]!.matchAll(/[V,]([\d.]+)/g)].map(([, y]) => Number(y));
    assertAffine(
      sums.map((sum, row) => [sum, heights[row]!]),
      'the top of the area',
    );
    await page.locator('#bytes .choice button', { hasText: 'Share' }).click();
    await settled(page);
    assert.match(await page.locator('#bytes .y-axis').innerHTML(), /100 %/);
  }),
);

drawing('origin and fallback: limits, violations and reasons are those of the file', () =>
  withPage(async (page, value) => {
    const result = value.results.find(({ manifest }) => manifest.policy === 'cdn')!;
    await page.locator('.ranking .name', { hasText: /^cdn$/ }).click();
    await reach(page, 'origin');
    const marks = await page.locator('#origin .time-chart').first().locator('path.violation').count();
    assert.is(marks, result.summary.origin.violationsAt.length);
    assert.match(await page.locator('#origin .limit-text').first().innerHTML(), /contract 25 MB\/s/);
    await page.locator('#origin button', { hasText: 'Next violation' }).click();
    await settled(page);
    const at = result.summary.origin.violationsAt[0]!;
    assert.match(await page.locator('#origin .readout').innerText(), new RegExp(`^${Number(at.toPrecision(3))} s`));
    await page.locator('.ranking .name', { hasText: /^hybrid$/ }).click();
    await reach(page, 'fallback');
    const hybrid = value.results.find(({ manifest }) => manifest.policy === 'hybrid')!;
    const { byReason } = hybrid.summary.fallback;
    const shown = await page.locator('#fallback .use-line b').allInnerTexts();
    assert.equal(shown.map(Number), [byReason.slow, byReason.stalled, byReason.blocked, byReason.overdue]);
  }),
);

drawing('compare: figures are the means of both, and swapping turns them', () =>
  withPage(async (page, value) => {
    await reach(page, 'compare');
    const heads = () => page.locator('.compare-table tr').first().locator('th').allInnerTexts();
    assert.equal((await heads()).slice(1, 3), ['A: hybrid', 'B: p2p-cdn']);
    const cost = meansOf(value, ({ summary }) => summary.cost.total);
    const change = Math.round((cost.get('p2p-cdn')! / cost.get('hybrid')! - 1) * 100);
    const row = page.locator('.compare-table tr', { hasText: /^Cost/ });
    assert.match(await row.innerText(), `+${change} %`);
    await page.locator('#compare button', { hasText: 'Swap' }).click();
    await settled(page);
    assert.equal((await heads()).slice(1, 3), ['A: p2p-cdn', 'B: hybrid']);
    assert.match(await page.locator('.configuration > summary').innerText(), /differs in \d+ places/);
  }),
);

drawing('brushing the first view filters the others, and the address brings it back', () =>
  withPage(async (page) => {
    const places = await pointsOf(page);
    const box = (await page.locator('.scatter svg').boundingBox())!;
    const [x, y] = places.get('cdn')!;
    await page.mouse.move(box.x + x - 14, box.y + y - 14);
    await page.mouse.down();
    await page.mouse.move(box.x + x + 14, box.y + y + 14, { steps: 4 });
    await page.mouse.up();
    await settled(page);
    assert.equal(await page.locator('.ranking .name').allInnerTexts(), ['cdn']);
    await reach(page, 'completion');
    assert.is(await page.locator('#completion path.curve').count(), 1);
    await reach(page, 'bytes');
    assert.is(await page.locator('.total').count(), 1);
    await page.waitForFunction(() => /selection=\d/.test(location.hash));
    await page.reload();
    await page.locator('.scatter .point').first().waitFor();
    assert.equal(await page.locator('.ranking .name').allInnerTexts(), ['cdn']);
    await page.locator('button', { hasText: 'Show all again' }).first().click();
    await settled(page);
    assert.is(await page.locator('.ranking .name').count(), 5);
  }),
);

drawing('the time cursor is one for all charts', () =>
  withPage(async (page) => {
    await reach(page, 'bytes');
    await reach(page, 'origin');
    const overlay = (await page.locator('#origin .overlay').first().boundingBox())!;
    await page.mouse.move(overlay.x + overlay.width / 2, overlay.y + 40);
    await settled(page);
    const cursorOf = (id: string) => page.locator(`#${id} line.cursor`).first().getAttribute('x1');
    const [origin, bytes] = [await cursorOf('origin'), await cursorOf('bytes')];
    assert.ok(origin !== null);
    assert.is(bytes, origin, 'both charts have the same margins, so the cursor is at the same place');
    assert.match(await page.locator('#bytes .readout').innerText(), /Peers .*B\/s/);
    await page.locator('#origin svg').first().focus();
    await page.keyboard.press('ArrowRight');
    await settled(page);
    assert.is.not(await cursorOf('bytes'), bytes);
  }),
);

drawing('the keyboard reaches everything: points, pins, cards, tables', () =>
  withPage(async (page) => {
    for (let tab = 0; tab < 40; tab++) {
      await page.keyboard.press('Tab');
      if (await page.evaluate(() => document.activeElement?.closest('.scatter') !== null)) break;
    }
    await page.keyboard.press('ArrowRight');
    assert.match(await page.locator('.card').innerText(), /p95/);
    const first = await page.locator('.card-title').innerText();
    await page.keyboard.press('Enter');
    await settled(page);
    assert.is(await page.locator('.pinned-name').innerText(), first);
    const command = (await page.locator('.pinned button').first().getAttribute('data-command')) ?? '';
    assert.match(command, /^sluice run smoke --policy \S+ --seed 1$/);
    for (let steps = 0; steps < 5; steps++) {
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('Enter');
    }
    await settled(page);
    assert.ok((await page.locator('.pinned-name').count()) <= 4, 'at most four are pinned');
    await page.locator('#decision .as-table > summary').focus();
    await page.keyboard.press('Enter');
    await page.locator('#decision .table-place tbody tr').first().waitFor();
    assert.is(await page.locator('#decision .table-place tbody tr').count(), 5);
  }),
);

const goldenFile = fileURLToPath(new URL('first-screen.aria.txt', import.meta.url));

drawing('what a screen reader meets on the first screen is the golden file', () =>
  withPage(async (page) => {
    const tree = `${await page.locator('body').ariaSnapshot()}\n`;
    const upTo = tree.indexOf('- region "Completion"');
    const first = upTo < 0 ? tree : tree.slice(0, tree.lastIndexOf('\n', upTo) + 1);
    if (process.env.UPDATE === '1' || !existsSync(goldenFile)) writeFileSync(goldenFile, first);
    assert.is(first, readFileSync(goldenFile, 'utf8'), 'UPDATE=1 writes it anew');
  }, plantedComparison()),
);

drawing.run();
