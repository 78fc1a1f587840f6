// test-time-limit: 180s
/** Swarm, player and the speed of one client say what the trace says. */
import type { Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inBrowser, reach, settled } from './browser.ts';
import { inDirectory, pageFile, tracedSmoke } from './files.ts';

interface TraceText {
  clientsFrom: number;
  fileBytes: number;
  pieceBytes: number;
  groups: { kind: string; name: string; count: number }[];
  columns: { time: number[]; client: number[]; event: string[]; source: number[]; reason: string[] };
}

let made: { result: string; trace: string } | undefined;

async function withTrace(work: (page: Page, trace: TraceText) => Promise<void>): Promise<void> {
  await inDirectory(async (directory) => {
    made ??= tracedSmoke(directory);
    const files = [
      { name: 'run.json', text: made.result },
      { name: 'trace.json', text: made.trace },
    ];
    const url = await pageFile(directory, files);
    await inBrowser(async (open) => {
      const { page } = await open();
      await page.goto(url);
      await work(page, JSON.parse(made!.trace));
    });
  });
}

interface Client {
  row: number;
  name: string;
  finish: number;
  /** Pieces from the origin, relays, peers. */
  pieces: [number, number, number];
}

/** By finish, counted anew from the rows of the file. */
function clientsOf({ columns, clientsFrom, groups, fileBytes, pieceBytes }: TraceText): Client[] {
  const clients = new Map<number, Client>();
  columns.event.forEach((event, index) => {
    const row = columns.client[index]!;
    if (event !== 'piece' || row < clientsFrom) return;
    const client = clients.get(row) ?? { row, name: '', finish: Infinity, pieces: [0, 0, 0] };
    const sender = columns.source[index]!;
    client.pieces[sender === 0 ? 0 : sender < clientsFrom ? 1 : 2]++;
    const held = client.pieces[0] + client.pieces[1] + client.pieces[2];
    if (held === Math.ceil(fileBytes / pieceBytes)) client.finish = columns.time[index]!;
    clients.set(row, client);
  });
  let first = 0;
  for (const { name, count } of groups) {
    for (let row = first; row < first + count; row++) {
      const client = clients.get(row);
      if (client !== undefined) client.name = count === 1 ? name : `${name} ${row - first}`;
    }
    first += count;
  }
  return [...clients.values()].sort((left, right) => left.finish - right.finish || left.row - right.row);
}

const tracing = suite('tracing');

tracing('swarm: rows by finish, each with its pieces by source, walked by keyboard', () =>
  withTrace(async (page, trace) => {
    const clients = clientsOf(trace);
    await reach(page, 'swarm');
    const readout = page.locator('#swarm .readout');
    await page.locator('#swarm svg').focus();
    for (let steps = 0; steps < 60; steps++) await page.keyboard.press('ArrowUp');
    for (const place of [0, 1, 2]) {
      await settled(page);
      const { name, pieces } = clients[place]!;
      const text = (await readout.innerText()).replace(/\s+/g, ' ');
      assert.match(text, `#${place + 1} ${name} finished at`);
      assert.match(text, `Origin ${pieces[0]} Relays ${pieces[1]} Peers ${pieces[2]}`);
      await page.keyboard.press('ArrowDown');
    }
    await page.keyboard.press('+');
    await page.keyboard.press('+');
    await settled(page);
    assert.is.not(await page.locator('#swarm .place').last().textContent(), '#50', 'zooming shows fewer rows');
    await page.keyboard.press('0');
    await settled(page);
    assert.is(await page.locator('#swarm .place').last().textContent(), '#50');
  }),
);

tracing('swarm: a piece is drawn in the colour of its source, where nothing came it stays empty', () =>
  withTrace(async (page, trace) => {
    await reach(page, 'swarm');
    const last = clientsOf(trace).at(-1)!;
    const times = trace.columns.time.filter(
      (_, index) => trace.columns.event[index] === 'piece' && trace.columns.client[index] === last.row,
    );
    const colours = await page.evaluate(
      ({ inside, outside, rows }) => {
        const canvas = document.querySelector<HTMLCanvasElement>('#swarm canvas')!;
        const context = canvas.getContext('2d')!;
        const y = ((rows - 0.5) / rows) * canvas.height;
        const { data } = context.getImageData(0, y, canvas.width, 1);
        return [inside, outside].map((share) => {
          const pixel = 4 * Math.floor(share * canvas.width);
          return [...data.subarray(pixel, pixel + 4)].join();
        });
      },
      {
        inside: times[10]! / trace.columns.time.at(-1)!,
        outside: times[0]! / trace.columns.time.at(-1)! / 2,
        rows: 50,
      },
    );
    const empty = await page.evaluate(() => {
      const probe = document.createElement('div');
      probe.style.color = 'var(--sunken)';
      document.body.append(probe);
      const [r, g, b] = getComputedStyle(probe).color.match(/\d+/g)!;
      return `${r},${g},${b},255`;
    });
    assert.is(colours[1], empty);
    assert.is.not(colours[0], empty);
  }),
);

tracing('player: shares and counts at any moment are those of the trace', () =>
  withTrace(async (page, trace) => {
    await reach(page, 'player');
    const clients = clientsOf(trace);
    const end = trace.columns.time.at(-1)!;
    const office = clients.filter(({ name }) => name.startsWith('office'));
    const note = page.locator('#player .node', { hasText: 'office' }).locator('.node-note');
    for (const share of [0.2013, 0.5027, 1]) {
      await page.locator('#player input').fill(String(end * share));
      await settled(page);
      // A node shows the end of the step in which the moment lies.
      const until = (Math.min(599, Math.floor((end * share) / (end / 600))) + 1) * (end / 600);
      const done = office.filter(({ finish }) => finish <= until + 1e-9).length;
      assert.is(await note.textContent(), `${done} of 30 done`);
    }
    const percents = await page.locator('#player .node-percent').allTextContents();
    assert.equal(
      percents.filter((text) => text !== ''),
      ['100%', '100%', '100%', '100%', '100%'],
    );
  }),
);

tracing('player: space plays, arrows step, n jumps to the next event', () =>
  withTrace(async (page) => {
    await reach(page, 'player');
    const clock = page.locator('#player .clock');
    await page.locator('#player svg').focus();
    await page.keyboard.press('Home');
    await settled(page);
    assert.is(await clock.innerText(), '0 s');
    await page.keyboard.press('ArrowRight');
    await settled(page);
    assert.is.not(await clock.innerText(), '0 s');
    await page.keyboard.press('n');
    await settled(page);
    assert.match(await page.locator('#player .event-text').innerText(), /opens|holds|first|half|all/);
    const before = await clock.innerText();
    await page.keyboard.press(' ');
    await page.locator('#player button', { hasText: 'Pause' }).waitFor();
    await page.waitForFunction((text) => document.querySelector('#player .clock')!.textContent !== text, before);
    await page.keyboard.press(' ');
    await page.locator('#player button', { hasText: 'Play' }).waitFor();
  }),
);

tracing('fallback: the chosen client’s decisions stand at their times with their reasons', () =>
  withTrace(async (page, trace) => {
    await reach(page, 'fallback');
    const { event, client, reason } = trace.columns;
    const deciding = new Set(client.filter((_, index) => event[index] === 'fallback'));
    const title = await page.locator('.client-title').innerText();
    const shown = clientsOf(trace).find(({ name }) => title.startsWith(`${name},`))!;
    assert.ok(deciding.has(shown.row), 'it opens at a client that decided something');
    const reasons = reason.filter((_, index) => event[index] === 'fallback' && client[index] === shown.row);
    const texts = await page.locator('.decision-tick text').allTextContents();
    assert.equal(
      texts,
      reasons.map((each) => (each === 'recovered' ? 'closes: recovered' : `opens: ${each}`)),
    );
    assert.match(await page.locator('.client-speed .limit-text').innerHTML(), /threshold 1 MB\/s, held for 30 s/);
  }),
);

tracing.run();
