/** A file by HTTP while it arrives: what is there, what is on its way, and what never will be. */

import { gunzipSync } from 'node:zlib';
import { request } from 'undici';
import { suite } from 'uvu';
import { equal, is, match, ok } from 'uvu/assert';
import { httpServer, listen } from '#nodes/http/http-service.ts';
import { Pace } from '#nodes/http/pace.ts';
import { parseRange, rangeApplies } from '#nodes/http/range-header.ts';
import { type ServedFile, serveFile } from '#nodes/http/range-server.ts';
import { content } from '../temporary.ts';

const test = suite('nodes/http/range-server');
const bytes = content(200_000);

/** A file of which `there` bytes have arrived. */
class Arriving implements ServedFile {
  readonly name: string;
  readonly sizeBytes = bytes.length;
  readonly etag = '"v1"';
  readonly lastModified = 'Sun, 22 Nov 2026 21:00:00 GMT';
  there: number;
  wanted: number[] = [];
  #wake = () => {};

  constructor(there: number, name = 'a.bin') {
    this.there = there;
    this.name = name;
  }

  arrive(there: number): void {
    this.there = there;
    this.#wake();
  }

  availableEnd(start: number): number {
    return Math.max(start, this.there);
  }

  waitFor(start: number, milliseconds: number): Promise<void> {
    this.wanted.push(start);
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async readInto(buffer: Uint8Array, start: number): Promise<void> {
    buffer.set(bytes.subarray(start, start + buffer.length));
  }
}

async function serving(file: ServedFile, work: (url: string) => Promise<void>, pace = new Pace()): Promise<void> {
  const server = httpServer((ask, answer) => serveFile(ask, answer, file, { paces: [pace], onSent: () => {} }));
  const { port } = await listen(server, { host: '127.0.0.1', port: 0 });
  try {
    await work(`http://127.0.0.1:${port}/`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

async function get(url: string, headers: Record<string, string> = {}, method: 'GET' | 'HEAD' | 'PUT' = 'GET') {
  const { statusCode, headers: said, body } = await request(url, { method, headers });
  return { status: statusCode, headers: said, body: Buffer.from(await body.arrayBuffer()) };
}

test('the whole, a part, the end, and HEAD', async () => {
  await serving(new Arriving(bytes.length), async (url) => {
    const whole = await get(url);
    is(whole.status, 200);
    ok(whole.body.equals(bytes));
    const part = await get(url, { range: 'bytes=100-199' });
    is(part.status, 206);
    is(part.headers['content-range'], 'bytes 100-199/200000');
    ok(part.body.equals(bytes.subarray(100, 200)));
    ok((await get(url, { range: 'bytes=-50' })).body.equals(bytes.subarray(-50)));
    ok((await get(url, { range: 'bytes=199990-999999' })).body.equals(bytes.subarray(199_990)));
    const head = await get(url, {}, 'HEAD');
    is(head.headers['content-length'], '200000');
    is(head.body.length, 0);
    is((await get(url, {}, 'PUT')).status, 405);
    is((await get(url, { 'if-none-match': '"v1"' })).status, 304);
  });
});

test('several ranges come as parts, each with its place', async () => {
  await serving(new Arriving(bytes.length), async (url) => {
    const { status, headers, body } = await get(url, { range: 'bytes=0-9,100-109,-5' });
    is(status, 206);
    const boundary = /boundary=(.+)$/.exec(String(headers['content-type']))![1]!;
    is(Number(headers['content-length']), body.length);
    const parts = body.toString('latin1').split(`\r\n--${boundary}`);
    is(parts.length, 5);
    match(parts[1]!, /content-range: bytes 0-9\/200000/);
    is(parts[3]!.split('\r\n\r\n')[1], bytes.subarray(-5).toString('latin1'));
    is(parts[4], '--\r\n');
  });
});

test('416 is for what never will be; If-Range with another version brings the whole', async () => {
  await serving(new Arriving(bytes.length), async (url) => {
    const beyond = await get(url, { range: 'bytes=200000-' });
    is(beyond.status, 416);
    is(beyond.headers['content-range'], 'bytes */200000');
    is((await get(url, { range: 'bytes=0-9', 'if-range': '"v1"' })).status, 206);
    is((await get(url, { range: 'bytes=0-9', 'if-range': '"v0"' })).status, 200);
    is((await get(url, { range: 'bytes=0-9', 'if-range': 'W/"v1"' })).status, 200);
  });
});

test('what is on its way is waited for, and asked for first', async () => {
  const file = new Arriving(1000);
  await serving(file, async (url) => {
    const waiting = get(url, { range: 'bytes=500-4999' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    equal(file.wanted, [1000]);
    file.arrive(2000);
    await new Promise((resolve) => setTimeout(resolve, 50));
    file.arrive(5000);
    const { status, body } = await waiting;
    is(status, 206);
    ok(body.equals(bytes.subarray(500, 5000)));
  });
});

test('what does not come is 503 with Retry-After after ten seconds, never 416', async () => {
  await serving(new Arriving(1000), async (url) => {
    const startedAt = performance.now();
    const { status, headers } = await get(url, { range: 'bytes=5000-5999' });
    is(status, 503);
    is(headers['retry-after'], '2');
    ok(performance.now() - startedAt > 9_500);
  });
});

test('text shrinks where it may, under an entity tag of its own', async () => {
  await serving(new Arriving(bytes.length, 'a.txt'), async (url) => {
    const { headers, body } = await get(url, { 'accept-encoding': 'gzip' });
    is(headers['content-encoding'], 'gzip');
    is(headers.etag, '"v1-gzip"');
    ok(gunzipSync(body).equals(bytes));
    is((await get(url, { 'accept-encoding': 'gzip;q=0' })).headers['content-encoding'], undefined);
    const part = await get(url, { 'accept-encoding': 'gzip', range: 'bytes=0-9' });
    is(part.headers['content-encoding'], undefined);
  });
});

test('no more than the pace goes out', async () => {
  const slow = new Pace(100_000);
  await serving(
    new Arriving(bytes.length),
    async (url) => {
      const startedAt = performance.now();
      await get(url);
      const seconds = (performance.now() - startedAt) / 1000;
      // 200 kB at 100 kB/s, less the burst of 64 KiB.
      ok(seconds > 1.2 && seconds < 4, `${seconds}`);
    },
    slow,
  );
});

test('Range headers', () => {
  const cases: [string | undefined, unknown][] = [
    [undefined, { kind: 'all' }],
    ['items=0-1', { kind: 'all' }],
    ['bytes=', { kind: 'all' }],
    ['bytes=a-b', { kind: 'all' }],
    ['bytes=5-2', { kind: 'all' }],
    ['bytes=--5', { kind: 'all' }],
    ['bytes=0-0', { kind: 'ranges', ranges: [{ start: 0, end: 1 }] }],
    ['bytes=50-', { kind: 'ranges', ranges: [{ start: 50, end: 100 }] }],
    ['bytes=-200', { kind: 'ranges', ranges: [{ start: 0, end: 100 }] }],
    ['bytes=-0', { kind: 'none' }],
    ['bytes=100-', { kind: 'none' }],
    ['bytes=0-9, 100-', { kind: 'ranges', ranges: [{ start: 0, end: 10 }] }],
    [`bytes=${'0-99,'.repeat(20)}`, { kind: 'all' }],
    [`bytes=${'0-0,'.repeat(100)}`, { kind: 'all' }],
    ['bytes=99999999999999999999-', { kind: 'all' }],
  ];
  for (const [header, expected] of cases) equal(parseRange(header, 100), expected, String(header));
  ok(rangeApplies(undefined, '"a"', undefined));
  ok(!rangeApplies('Sun, 22 Nov 2026 21:00:00 GMT', '"a"', undefined));
});

test.run();
