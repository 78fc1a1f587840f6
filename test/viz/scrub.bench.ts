// test-time-limit: 300s
/**
 * How many frames a second Swarm and Player draw while a trace of 100,000 clients is scrubbed, and what a frame costs
 * the page's thread in CPU time: the first depends on what else the machine does, the second is judged.
 */
import type { Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { tinyResult } from '../lab/tiny-result.ts';
import { inBrowser, reach } from './browser.ts';
import { inDirectory, pageFile } from './files.ts';

const scrub = suite('scrub');
const clientCount = 100_000;
const piecesEach = 16;
const framesMin = 30;

/** Every client gets every piece, from the origin, relays and peers in turn. */
function traceText(): string {
  const rows = clientCount * piecesEach;
  const parts = (value: (row: number) => string | number) => {
    const texts = Array.from({ length: rows }, (_, row) => JSON.stringify(value(row)));
    return `[${texts.join(',')}]`;
  };
  const columns = {
    time: parts((row) => Number(((row / rows) * 600).toFixed(4))),
    client: parts((row) => 5 + ((row * 7919) % clientCount)),
    event: parts(() => 'piece'),
    source: parts((row) => (row % 10 === 0 ? 1 + (row % 4) : 5 + ((row * 31) % clientCount))),
    piece: parts((row) => Math.floor(row / clientCount)),
    reason: parts(() => ''),
  };
  const inside = Object.entries(columns).map(([name, text]) => `"${name}":${text}`);
  const about = {
    ...{ version: 1, kind: 'trace', clientsFrom: 5, every: 1, scenario: 'scrub', policy: 'hybrid', seed: 1 },
    ...{ fileBytes: piecesEach * 2 ** 20, pieceBytes: 2 ** 20 },
    groups: [
      { kind: 'origin', name: 'origin', region: 'eu', count: 1 },
      { kind: 'relay', name: 'relay', region: 'eu', count: 4 },
      { kind: 'client', name: 'office', region: 'eu', count: clientCount / 2 },
      { kind: 'client', name: 'home', region: 'us', count: clientCount / 2 },
    ],
  };
  return `${JSON.stringify(about).slice(0, -1)},"columns":{${inside.join(',')}}}`;
}

interface Frames {
  perSecond: number;
  cpuMilliseconds: number;
}

async function framesOf(page: Page, selector: string, keys: [string, string]): Promise<Frames> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const cpuSeconds = async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration')!.value;
  };
  const before = await cpuSeconds();
  const perSecond = await framesOnce(page, selector, keys);
  const cpuMilliseconds = (((await cpuSeconds()) - before) * 1000) / (perSecond * 2);
  await session.detach();
  return { perSecond, cpuMilliseconds };
}

/** Changes something in every frame for two seconds; the answer counts the frames. */
async function framesOnce(page: Page, selector: string, keys: [string, string]): Promise<number> {
  return page.evaluate(
    ([target, forth, back]) =>
      new Promise<number>((done) => {
        const element = document.querySelector<SVGElement>(target)!;
        const startedAt = performance.now();
        let frames = 0;
        const frame = () => {
          const key = Math.floor(frames / 40) % 2 === 0 ? forth : back;
          element.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
          frames++;
          const passed = performance.now() - startedAt;
          if (passed < 2000) requestAnimationFrame(frame);
          else done((frames / passed) * 1000);
        };
        requestAnimationFrame(frame);
      }),
    [selector, ...keys] as const,
  );
}

scrub('a trace of 100,000 clients', () =>
  inDirectory(async (directory) => {
    const url = await pageFile(directory, [{ name: 'run.json', text: JSON.stringify(tinyResult('hybrid', 1)) }]);
    await inBrowser(async (open) => {
      const { page } = await open();
      await page.goto(url);
      const text = traceText();
      // In parts: a text of this length is more than one message to the browser may hold.
      await page.evaluate(() => Object.assign(globalThis, { parts: [] }));
      for (let at = 0; at < text.length; at += 20e6) {
        await page.evaluate(
          (part) => (globalThis as unknown as { parts: string[] }).parts.push(part),
          text.slice(at, at + 20e6),
        );
      }
      const startedAt = performance.now();
      await page.evaluate(() => {
        const { parts } = globalThis as unknown as { parts: string[] };
        const transfer = new DataTransfer();
        transfer.items.add(new File(parts.splice(0), 'trace.json'));
        document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true }));
      });
      await page.locator('nav a[data-view="player"]').waitFor({ timeout: 120_000 });
      const readSeconds = (performance.now() - startedAt) / 1000;
      console.log(`${(text.length / 1e6).toFixed(0)} MB of trace read in ${readSeconds.toFixed(1)} s`);
      await reach(page, 'swarm');
      const cursor = await framesOf(page, '#swarm svg', ['ArrowRight', 'ArrowLeft']);
      const rows = await framesOf(page, '#swarm svg', ['ArrowDown', 'ArrowUp']);
      const zoom = await framesOf(page, '#swarm svg', ['+', '-']);
      await reach(page, 'player');
      const player = await framesOf(page, '#player svg', ['ArrowRight', 'ArrowLeft']);
      const all = { 'swarm, time': cursor, 'swarm, rows': rows, 'swarm, zoom': zoom, player };
      for (const [name, { perSecond, cpuMilliseconds }] of Object.entries(all)) {
        console.log(
          `${name.padEnd(12)} ${perSecond.toFixed(0)} frames a second, ${cpuMilliseconds.toFixed(1)} ms of CPU a frame`,
        );
        assert.ok(cpuMilliseconds < 1000 / framesMin, `${name}: a frame takes ${cpuMilliseconds} ms`);
      }
    });
  }),
);

scrub.run();
