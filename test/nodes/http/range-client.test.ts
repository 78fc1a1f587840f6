/** Origins as they are: what a range client takes from each kind of answer, and what it must never take. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { suite } from 'uvu';
import { equal, is, match } from 'uvu/assert';
import { OriginConnection } from '#nodes/http/origin-connection.ts';
import { fetchRange, type RangeEnd, type RemoteFile } from '#nodes/http/range-client.ts';
import { content } from '../temporary.ts';

const test = suite('nodes/http/range-client');
const bytes = content(100_000);
const date = 'Sun, 22 Nov 2026 10:00:00 GMT';
const sound = { etag: '"one"', 'last-modified': date };

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** What comes of asking for [start, end) of a server that answers so. */
async function ask(
  answer: Answer,
  pinned: Partial<RemoteFile> = { etag: '"one"', lastModified: date },
  [start, end] = [1000, 2000],
  slowMilliseconds = 5000,
): Promise<RangeEnd & { taken: Buffer }> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.bin`;
  const connection = new OriginConnection();
  const file = { url, sizeBytes: bytes.length, ...pinned };
  const taken: Buffer[] = [];
  const take = (chunk: Uint8Array) => void taken.push(Buffer.from(chunk));
  try {
    const signal = new AbortController().signal;
    const came = await fetchRange(connection, file, start!, end!, signal, take, slowMilliseconds);
    return { ...came, taken: Buffer.concat(taken) };
  } finally {
    await connection.destroy();
    server.closeAllConnections();
    server.close();
  }
}

const part = (headers: Record<string, string | number>, from = 1000, to = 2000): Answer => {
  const range = { 'content-range': `bytes ${from}-${to - 1}/${bytes.length}` };
  return (_, response) => void response.writeHead(206, { ...range, ...headers }).end(bytes.subarray(from, to));
};
const whole = (headers: Record<string, string | number>): Answer => {
  return (_, response) => void response.writeHead(200, { 'content-length': bytes.length, ...headers }).end(bytes);
};

const taken: [name: string, answer: Answer, pinned?: Partial<RemoteFile>][] = [
  ['with its validators', part(sound)],
  ['without any', part({})],
  ['with an entity tag that turned weak', part({ etag: 'W/"one"' })],
  ['of an unknown total', part({ ...sound, 'content-range': 'bytes 1000-1999/*' })],
  ['where nothing is pinned', part({ etag: 'W/"x"' }), {}],
  ['where a date is pinned', part({ 'last-modified': date }), { lastModified: date }],
];
for (const [name, answer, pinned] of taken) {
  test(`taken: a range ${name}`, async () => {
    const came = await ask(answer, pinned);
    is(came.kind, 'done', JSON.stringify(came));
    equal(came.taken, bytes.subarray(1000, 2000));
  });
}

const refused: [name: string, answer: Answer, kind: RangeEnd['kind'], says: RegExp, pinned?: Partial<RemoteFile>][] = [
  ['the whole file, the same one', whole(sound), 'failed', /does not answer ranges/],
  ['the whole of another one', whole({ etag: '"two"' }), 'changed', /is "two", and was "one"/],
  ['the whole of one of another date', whole({ 'last-modified': 'x' }), 'changed', /of x,/, { lastModified: date }],
  ['the whole of one of another size', whole({ 'content-length': 100_000, etag: '"one"' }), 'failed', /ranges/],
  ['a range of another version', part({ etag: '"two"' }), 'changed', /is "two"/],
  ['a range of another size', part({ 'content-range': 'bytes 1000-1999/5' }), 'changed', /has 5 bytes/],
  ['another range', part({ 'content-range': 'bytes 0-999/100000' }), 'failed', /another range/],
  ['a range past what was asked for', part({ 'content-range': 'bytes 1000-2000/100000' }), 'failed', /another range/],
  ['a range that is none', part({ 'content-range': 'bytes -1-9/5' }), 'failed', /another range/],
  ['compressed bytes', part({ 'content-encoding': 'gzip' }), 'failed', /compressed/],
  [
    'redirects without end',
    (_, response) => response.writeHead(302, { location: '/b' }).end(),
    'failed',
    /more than 5/,
  ],
  ['nothing', (_, response) => response.writeHead(204).end(), 'failed', /status 204/],
  ['noise', ({ socket }) => void socket.end('\u0000\u0001 noise\r\n\r\n'), 'failed', /./],
  ['the end', ({ socket }) => void socket.destroy(), 'failed', /./],
  ['gone', (_, response) => response.writeHead(412).end(), 'changed', /412/],
];
for (const [name, answer, kind, says, pinned] of refused) {
  test(`not taken: ${name}`, async () => {
    const came = await ask(answer, pinned);
    is(came.kind, kind, JSON.stringify(came));
    match((came as { problem: string }).problem, says);
    is(came.taken.length, 0);
  });
}

test('a length that is not true: what came counts, the rest is asked for again', async () => {
  const short = await ask((_, response) => {
    response.writeHead(206, { ...sound, 'content-range': 'bytes 1000-1999/100000', 'content-length': 1000 });
    response.write(bytes.subarray(1000, 1400), () => response.socket?.destroy());
  });
  is(short.kind, 'failed');
  is(short.bytes, 400);
  const long = await ask((_, response) => {
    response.writeHead(206, { ...sound, 'content-range': 'bytes 1000-1999/100000' });
    response.end(bytes.subarray(1000, 5000));
  });
  is(long.kind, 'done');
  equal(long.taken, bytes.subarray(1000, 2000));
});

test('429 and 503 say when to come back', async () => {
  for (const [status, text, expected] of [
    [503, '7', 7000],
    [429, '999999999', 3_600_000],
    [503, 'soon', 0],
    [503, '-5', 0],
  ] as const) {
    const came = await ask((_, response) => response.writeHead(status, { 'retry-after': text }).end());
    equal([came.kind, (came as { retryAfterMilliseconds: number }).retryAfterMilliseconds], ['refused', expected]);
  }
});

test('a sender that drips is given up; one that we slow down is not', async () => {
  const startedAt = performance.now();
  const dripping = await ask(
    (_, response) => {
      response.writeHead(206, { ...sound, 'content-range': 'bytes 1000-1999/100000' });
      let at = 1000;
      const timer = setInterval(() => response.write(bytes.subarray(at, ++at)), 20);
      response.on('close', () => clearInterval(timer));
    },
    undefined,
    undefined,
    400,
  );
  is(dripping.kind, 'failed');
  match((dripping as { problem: string }).problem, /fewer than 16384 bytes in 0.4 s/);
  is(performance.now() - startedAt < 3000, true);
});

test('nothing that is no range ever leaves', async () => {
  let asked = 0;
  const count: Answer = (_, response) => {
    asked++;
    response.writeHead(500).end();
  };
  for (const range of [
    [5, 5],
    [6, 5],
    [-1, 5],
    [0.5, 5],
    [0, 5.5],
    [Number.NaN, 5],
    [0, 100_001],
  ] as const) {
    const came = await ask(count, {}, [range[0]!, range[1]!]);
    match((came as { problem: string }).problem, /are no range/);
  }
  is(asked, 0);
  await fc.assert(
    fc.asyncProperty(fc.nat(99_999), fc.nat(99_999), async (one, other) => {
      const [start, end] = [Math.min(one, other), Math.max(one, other) + 1];
      const came = await ask(part(sound, start, end), undefined, [start, end]);
      equal(came.taken, bytes.subarray(start, end));
    }),
    { numRuns: 20 },
  );
});

test.run();
