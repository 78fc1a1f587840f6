import { readFileSync, statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import * as assert from 'uvu/assert';
import { inBrowser } from './browser.ts';

const reportBytesMax = 2_000_000;

/** A report opens from the disk with all its policies, asks nobody, and can be sent by mail. */
export async function assertReport(report: string, policies: number): Promise<void> {
  const { size } = statSync(report);
  assert.ok(size < reportBytesMax, `${size} bytes`);
  assert.not.match(readFileSync(report, 'utf8'), /(src|href)="https?:/);
  await inBrowser(async (open) => {
    const { page } = await open();
    await page.goto(pathToFileURL(report).href);
    await page.locator('.scatter .point').first().waitFor();
    assert.is(await page.locator('.ranking .name').count(), policies);
  });
  console.log(`report of ${policies} policies: ${(size / 1e3).toFixed(0)} kB`);
}
