/**
 * Serves one file by HTTP while it may still be arriving (RFC 9110): GET, HEAD, one range or several, If-Range.
 *
 * What is not there yet is held for up to ten seconds, and whoever brings the file is told which bytes are wanted
 * next; then the answer is 503 with Retry-After. Never 416 for "not yet": that means "never". An answer that has
 * begun waits in the same way for each of its bytes, and breaks off where they do not come: the length that was
 * promised then shows the client that it has not got all.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Pace } from './pace.ts';
import { type ByteRange, parseRange, rangeApplies } from './range-header.ts';
import { SendBuffer } from './send-buffers.ts';

/** A file that is there, or on its way. */
export interface ServedFile {
  name: string;
  sizeBytes: number;
  etag?: string | undefined;
  lastModified?: string | undefined;
  /** End of what is there from `start` on without a gap. */
  availableEnd(start: number): number;
  /** Ends when `availableEnd(start)` may have moved past `start`, or after `milliseconds`. */
  waitFor(start: number, milliseconds: number, signal: AbortSignal): Promise<void>;
  /** Fills the buffer with what lies from `start` on, all of it there. */
  readInto(buffer: Uint8Array, start: number): Promise<void>;
}

export interface Serving {
  /** Of this connection, and of all of them together. */
  paces: Pace[];
  /** Told of each piece of payload that went to the socket. */
  onSent(bytes: number): void;
}

export const holdMilliseconds = 10_000;
const retryAfterSeconds = 2;
/** An asker that takes nothing for this long is parted from. */
const stalledMilliseconds = 60_000;
/** What shrinks: compressing the rest costs time for nothing. */
const compressible = /\.(txt|log|csv|tsv|json|jsonl|ndjson|xml|svg|html?|css|m?js|ts|map|md|ya?ml|sql|toml|ini|conf)$/i;
const compressedChunkBytes = 64 * 1024;
/** Smaller answers hardly shrink. */
const compressBytesMin = 1024;

/** Answers a request for the file. Ends when the answer has been sent or the asker is gone. */
export async function serveFile(
  request: IncomingMessage,
  response: ServerResponse,
  file: ServedFile,
  serving: Serving,
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return refuse(response, 405, { allow: 'GET, HEAD' });
  }
  const { headers } = request;
  if (isUnchanged(headers['if-none-match'], file.etag)) return refuse(response, 304, validators(file));
  const mayRange = rangeApplies(headers['if-range'] as string | undefined, file.etag, file.lastModified);
  const asked = parseRange(request.method === 'GET' && mayRange ? headers.range : undefined, file.sizeBytes);
  if (asked.kind === 'none') {
    return refuse(response, 416, { ...validators(file), 'content-range': `bytes */${file.sizeBytes}` });
  }
  const common = { ...validators(file), 'accept-ranges': 'bytes' };
  if (request.method === 'HEAD') {
    response.writeHead(200, { ...common, 'content-type': contentType, 'content-length': file.sizeBytes }).end();
    return;
  }
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const ranges = asked.kind === 'all' ? [{ start: 0, end: file.sizeBytes }] : asked.ranges;
  if (!(await isThere(file, ranges[0]!.start, gone.signal))) {
    if (gone.signal.aborted) return;
    return refuse(response, 503, { 'retry-after': String(retryAfterSeconds) });
  }
  const sending = { response, file, serving, signal: gone.signal };
  try {
    if (asked.kind === 'all' && mayCompress(request, file)) return await sendCompressed(sending, common);
    if (ranges.length > 1) return await sendParts(sending, common, ranges);
    const [range] = ranges as [ByteRange];
    response.writeHead(asked.kind === 'all' ? 200 : 206, {
      ...common,
      'content-type': contentType,
      'content-length': range.end - range.start,
      ...(asked.kind === 'all' ? {} : { 'content-range': contentRange(range, file) }),
    });
    await sendRange(sending, range);
    response.end();
  } catch (error) {
    // The head is out: all that can be said is that the answer ends here.
    response.destroy();
    if (!(error instanceof NotComing) && !gone.signal.aborted) throw error;
  }
}

interface Sending {
  response: ServerResponse;
  file: ServedFile;
  serving: Serving;
  signal: AbortSignal;
}

/** The bytes did not arrive in time, or nobody takes them any more. */
class NotComing extends Error {}

const contentType = 'application/octet-stream';

function contentRange({ start, end }: ByteRange, file: ServedFile): string {
  return `bytes ${start}-${end - 1}/${file.sizeBytes}`;
}

function validators(file: ServedFile): Record<string, string> {
  return {
    ...(file.etag === undefined ? {} : { etag: file.etag }),
    ...(file.lastModified === undefined ? {} : { 'last-modified': file.lastModified }),
  };
}

function isUnchanged(ifNoneMatch: string | undefined, etag: string | undefined): boolean {
  if (ifNoneMatch === undefined || etag === undefined) return false;
  const listed = ifNoneMatch.split(',').map((one) => one.trim().replace(/^W\//, ''));
  return listed.includes(etag) || listed.includes('*');
}

function refuse(response: ServerResponse, status: number, headers: Record<string, string>): void {
  response.writeHead(status, status === 304 ? headers : { ...headers, 'content-length': 0 }).end();
}

function mayCompress(request: IncomingMessage, file: ServedFile): boolean {
  const accepts = /(^|,)\s*(gzip|\*)\s*(;\s*q=(?!0(\.0*)?\s*(,|$))[^,]*)?(,|$)/i.test(
    String(request.headers['accept-encoding'] ?? ''),
  );
  return accepts && file.sizeBytes >= compressBytesMin && compressible.test(file.name);
}

/** Waits until the byte at `start` is there; false when it did not come. */
async function isThere(file: ServedFile, start: number, signal: AbortSignal): Promise<boolean> {
  const endAt = performance.now() + holdMilliseconds;
  while (file.availableEnd(start) <= start) {
    const left = endAt - performance.now();
    if (left <= 0 || signal.aborted) return false;
    await file.waitFor(start, left, signal);
  }
  return true;
}

/** Reads and sends by turns, from one buffer: the connection's own keeps it busy meanwhile. */
async function sendRange(sending: Sending, { start, end }: ByteRange): Promise<void> {
  const buffer = new SendBuffer();
  let isFree = false;
  try {
    for (let at = start; at < end; ) {
      const chunk = await readNext(sending, at, end, buffer.bytes);
      const startedAt = performance.now();
      await send(sending, chunk);
      buffer.adapt(performance.now() - startedAt);
      at += chunk.length;
    }
    isFree = true;
  } finally {
    buffer.end(isFree);
  }
}

/** What is there from `start` on, as much of it as the buffer takes and the pace lets pass at once. */
async function readNext({ file, serving, signal }: Sending, start: number, end: number, buffer: Buffer) {
  if (!(await isThere(file, start, signal))) throw new NotComing();
  let length = Math.min(buffer.length, end - start, file.availableEnd(start) - start);
  for (const pace of serving.paces) length = Math.min(length, pace.burstBytes);
  const chunk = buffer.subarray(0, length);
  await file.readInto(chunk, start);
  return chunk;
}

/** Ends when the bytes are the network's. */
async function send({ response, serving, signal }: Sending, chunk: Uint8Array): Promise<void> {
  for (const pace of serving.paces) await pace.take(chunk.length);
  if (signal.aborted) throw new NotComing();
  serving.onSent(chunk.length);
  await new Promise<void>((resolve, reject) => {
    const end = (error?: Error | null) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      if (error === undefined || error === null) resolve();
      else reject(new NotComing());
    };
    const stop = () => end(new NotComing());
    const timer = setTimeout(stop, stalledMilliseconds);
    signal.addEventListener('abort', stop);
    response.write(chunk, end);
  });
}

async function sendParts(sending: Sending, common: Record<string, string>, ranges: ByteRange[]): Promise<void> {
  const { response, file } = sending;
  const boundary = `sluice-${Math.random().toString(36).slice(2)}${Math.random().toString(36).slice(2)}`;
  const heads = ranges.map((range) =>
    Buffer.from(
      `\r\n--${boundary}\r\ncontent-type: ${contentType}\r\ncontent-range: ${contentRange(range, file)}\r\n\r\n`,
    ),
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  const bytes = ranges.reduce((sum, { start, end }, index) => sum + heads[index]!.length + end - start, tail.length);
  response.writeHead(206, {
    ...common,
    'content-type': `multipart/byteranges; boundary=${boundary}`,
    'content-length': bytes,
  });
  for (const [index, range] of ranges.entries()) {
    await send(sending, heads[index]!);
    await sendRange(sending, range);
  }
  response.end(tail);
}

/** The whole file in chunks that may be kept. */
async function* chunksOf(sending: Sending): AsyncGenerator<Uint8Array> {
  const { sizeBytes } = sending.file;
  for (let at = 0; at < sizeBytes; ) {
    const chunk = await readNext(sending, at, sizeBytes, Buffer.allocUnsafeSlow(compressedChunkBytes));
    yield chunk;
    at += chunk.length;
  }
}

/** The whole file, smaller: another representation, so another entity tag, and no ranges of it. */
async function sendCompressed(sending: Sending, common: Record<string, string>): Promise<void> {
  const { response, file } = sending;
  response.writeHead(200, {
    ...common,
    ...(file.etag === undefined ? {} : { etag: file.etag.replace(/"$/, '-gzip"') }),
    'accept-ranges': 'none',
    vary: 'accept-encoding',
    'content-encoding': 'gzip',
    'content-type': contentType,
  });
  await pipeline(chunksOf(sending), createGzip(), async (compressed) => {
    for await (const chunk of compressed) await send(sending, chunk as Uint8Array);
  });
  response.end();
}
