/** Fetches one range of a file by HTTP, pinned to the file's validator, and hands on its bytes as they come. */
import { Agent, Client, type Dispatcher, request } from 'undici';

export interface RemoteFile {
  url: string;
  sizeBytes: number;
  /** Strong ETag or date as the server sent it: bytes of another version are never taken. */
  etag?: string | undefined;
  lastModified?: string | undefined;
}

/**
 * `done`: all that was asked for, or, when `bytes` is less, as much as the server gave in one answer.
 * `refused`: not now (429, 503), come back after that; `changed`: it is another file now, nothing of it is of use;
 * `failed`: what happened.
 */
export type RangeEnd =
  | { kind: 'done'; bytes: number }
  | { kind: 'refused'; retryAfterMilliseconds: number; bytes: number }
  | { kind: 'changed'; problem: string; bytes: number }
  | { kind: 'failed'; problem: string; bytes: number }
  | { kind: 'aborted'; bytes: number };

const headersMilliseconds = 20_000;
/** A server that sends nothing for this long has lost us; a relay breaks off sooner. */
const bodyMilliseconds = 30_000;
/** How long a request waits for the first byte of its answer, and for each further one; absent: as above. */
export interface Patience {
  timeoutMilliseconds?: number | undefined;
}
const retryAfterMaxSeconds = 3600;

/** Connections to relays: kept open between requests. */
export function relayDispatcher(connections: number): Dispatcher {
  return new Agent({
    connections,
    pipelining: 1,
    headersTimeout: headersMilliseconds,
    bodyTimeout: bodyMilliseconds,
    connect: { timeout: 5000 },
    keepAliveTimeout: 10_000,
  });
}

/** One connection to an origin; `destroy()` closes it. */
export function originConnection(url: string): Client {
  return new Client(new URL(url).origin, {
    pipelining: 1,
    headersTimeout: headersMilliseconds,
    bodyTimeout: bodyMilliseconds,
    connect: { timeout: 5000 },
  });
}

/** `onBytes` may wait, and thereby slow the sender down. */
export async function fetchRange(
  dispatcher: Dispatcher,
  file: RemoteFile,
  start: number,
  end: number,
  signal: AbortSignal,
  onBytes: (bytes: Uint8Array, at: number) => Promise<void> | void,
  { timeoutMilliseconds }: Patience = {},
): Promise<RangeEnd> {
  let at = start;
  try {
    const condition = file.etag ?? file.lastModified;
    const { statusCode, headers, body } = await request(file.url, {
      dispatcher,
      signal,
      ...(timeoutMilliseconds === undefined
        ? {}
        : { headersTimeout: timeoutMilliseconds, bodyTimeout: timeoutMilliseconds }),
      headers: {
        range: `bytes=${start}-${end - 1}`,
        'accept-encoding': 'identity',
        ...(condition === undefined ? {} : { 'if-range': condition }),
      },
    });
    const problem = answerProblem(file, start, statusCode, headers);
    if (problem !== undefined) {
      body.on('error', () => {});
      body.destroy();
      return { ...problem, bytes: 0 };
    }
    for await (const chunk of body) {
      const bytes = (chunk as Uint8Array).subarray(0, end - at);
      if (bytes.length > 0) await onBytes(bytes, at);
      at += bytes.length;
      if (at === end) break;
    }
    if (at === start) return { kind: 'failed', problem: 'an answer without bytes', bytes: 0 };
    return { kind: 'done', bytes: at - start };
  } catch (error) {
    if (signal.aborted) return { kind: 'aborted', bytes: at - start };
    return { kind: 'failed', problem: (error as Error).message, bytes: at - start };
  }
}

type Headers = Record<string, string | string[] | undefined>;
type Problem =
  | { kind: 'refused'; retryAfterMilliseconds: number }
  | { kind: 'changed'; problem: string }
  | { kind: 'failed'; problem: string };

function answerProblem(file: RemoteFile, start: number, status: number, headers: Headers): Problem | undefined {
  if (status === 503 || status === 429) {
    return { kind: 'refused', retryAfterMilliseconds: retryAfterOf(headers['retry-after']) };
  }
  if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity') {
    return { kind: 'failed', problem: 'the answer is compressed' };
  }
  const isPinned = file.etag !== undefined || file.lastModified !== undefined;
  if (status === 200 && isPinned) return { kind: 'changed', problem: 'the file is another one than it was' };
  if (status === 412 || status === 416) return { kind: 'changed', problem: `status ${status}: the file has changed` };
  if (status === 200) {
    const isAll = start === 0 && Number(headers['content-length']) === file.sizeBytes;
    return isAll ? undefined : { kind: 'failed', problem: 'the server does not answer ranges' };
  }
  if (status !== 206) return { kind: 'failed', problem: `status ${status}` };
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(String(headers['content-range']));
  if (range === null || Number(range[1]) !== start) return { kind: 'failed', problem: 'an answer of another range' };
  if (range[3] !== '*' && Number(range[3]) !== file.sizeBytes) {
    return { kind: 'changed', problem: `the file has ${range[3]} bytes, and had ${file.sizeBytes}` };
  }
  const etag = headers.etag;
  if (file.etag !== undefined && etag !== undefined && etag !== file.etag) {
    return { kind: 'changed', problem: `the file is ${etag}, and was ${file.etag}` };
  }
  return undefined;
}

function retryAfterOf(header: string | string[] | undefined): number {
  const text = String(header ?? '');
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.round(Math.max(0, Math.min(seconds, retryAfterMaxSeconds)) * 1000) : 0;
}

/** What a server says of a file: size and validators. Throws with a text that says what is wrong. */
export async function probe(url: string, dispatcher?: Dispatcher): Promise<RemoteFile> {
  const { statusCode, headers, body } = await request(url, {
    method: 'HEAD',
    signal: AbortSignal.timeout(headersMilliseconds),
    headers: { 'accept-encoding': 'identity' },
    ...(dispatcher === undefined ? {} : { dispatcher }),
  });
  await body.dump();
  if (statusCode !== 200) throw new Error(`${url}: status ${statusCode}`);
  const sizeBytes = Number(headers['content-length']);
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 1) throw new Error(`${url}: the server tells no size`);
  const etag = headers.etag === undefined || String(headers.etag).startsWith('W/') ? undefined : String(headers.etag);
  const lastModified = headers['last-modified'] === undefined ? undefined : String(headers['last-modified']);
  return { url, sizeBytes, etag, lastModified };
}
