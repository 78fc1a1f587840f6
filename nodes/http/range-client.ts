/** Fetches one range of a file by HTTP, pinned to the file's validator, and hands on its bytes as they come. */
import { Agent, request } from 'undici';
import { type ByteSource, discard, type OriginAccess, OriginConnection } from './origin-connection.ts';

export interface RemoteFile {
  url: string;
  sizeBytes: number;
  /** Strong ETag or date as the server sent it: bytes of another version are never taken. */
  etag?: string | undefined;
  lastModified?: string | undefined;
  /** Of an origin: how it is asked, where else it has the file, and whether it sends the whole of it or nothing. */
  access?: OriginAccess | undefined;
  mirrors?: RemoteFile[] | undefined;
  wholeOnly?: boolean | undefined;
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
const retryAfterMaxSeconds = 3600;
/** Less than this in `slowMilliseconds` of waiting: whoever sends so slowly only holds a connection and a piece. */
const progressBytesMin = 16 * 1024;

/** Connections to relays: kept open between requests. No redirect is followed. */
export class RelayConnections implements ByteSource {
  readonly #agent: Agent;

  constructor(connections: number) {
    this.#agent = new Agent({
      connections,
      pipelining: 1,
      headersTimeout: headersMilliseconds,
      bodyTimeout: bodyMilliseconds,
      connect: { timeout: 5000 },
      keepAliveTimeout: 10_000,
    });
  }

  ask(url: string, headers: Record<string, string>, signal: AbortSignal) {
    return request(url, { dispatcher: this.#agent, headers, signal });
  }

  async destroy(): Promise<void> {
    await this.#agent.destroy();
  }
}

/**
 * `onBytes` may wait, and thereby slow the sender down. Nothing but whole bytes [start, end) is ever asked for.
 * `slowMilliseconds`: without an answer, or with next to nothing more of it, for so long, it has failed.
 */
export async function fetchRange(
  source: ByteSource,
  file: RemoteFile,
  start: number,
  end: number,
  signal: AbortSignal,
  onBytes: (bytes: Uint8Array, at: number) => Promise<void> | void,
  slowMilliseconds = bodyMilliseconds,
): Promise<RangeEnd> {
  // A server takes no notice of a Range that is malformed, and its 200 would pass for another file.
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end <= start || end > file.sizeBytes) {
    return { kind: 'failed', problem: `bytes ${start} to ${end} of ${file.sizeBytes} are no range`, bytes: 0 };
  }
  const slow = new Slowness(slowMilliseconds);
  const ended = AbortSignal.any([signal, slow.signal]);
  let at = start;
  try {
    const asked = {
      range: `bytes=${start}-${end - 1}`,
      'accept-encoding': 'identity',
      // A date is compared here: servers take a young one for weak, and would answer with the whole file.
      ...(file.etag === undefined ? {} : { 'if-range': file.etag }),
    };
    slow.waits();
    const { statusCode, headers, body } = await source.ask(file.url, asked, ended);
    slow.answered();
    const problem = answerProblem(file, start, end, statusCode, headers);
    if (problem !== undefined) {
      body.on('error', () => {});
      body.destroy();
      return { ...problem, bytes: 0 };
    }
    slow.waits();
    for await (const chunk of body) {
      const bytes = (chunk as Uint8Array).subarray(0, end - at);
      slow.brought(bytes.length);
      if (bytes.length > 0) await onBytes(bytes, at);
      at += bytes.length;
      if (at === end) break;
      slow.waits();
    }
    if (at === start) return { kind: 'failed', problem: 'an answer without bytes', bytes: 0 };
    return { kind: 'done', bytes: at - start };
  } catch (error) {
    if (signal.aborted) return { kind: 'aborted', bytes: at - start };
    const problem = slow.signal.aborted ? slow.problem : (error as Error).message;
    return { kind: 'failed', problem, bytes: at - start };
  } finally {
    slow.end();
  }
}

/** Notices a sender that drips. What we make it wait does not count. */
class Slowness {
  readonly #milliseconds: number;
  readonly #abort = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #waitedMilliseconds = 0;
  #since = 0;
  #bytes = 0;

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get problem(): string {
    return `fewer than ${progressBytesMin} bytes in ${this.#milliseconds / 1000} s`;
  }

  /** We wait for bytes from now on. */
  waits(): void {
    this.#since = performance.now();
    const left = this.#milliseconds - this.#waitedMilliseconds;
    this.#timer = setTimeout(() => this.#abort.abort(), Math.max(0, left));
  }

  brought(bytes: number): void {
    this.end();
    this.#waitedMilliseconds += performance.now() - this.#since;
    this.#bytes += bytes;
    if (this.#bytes < progressBytesMin) return;
    this.#bytes = 0;
    this.#waitedMilliseconds = 0;
  }

  /** The head of the answer is there: its bytes have time of their own. */
  answered(): void {
    this.end();
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

type Headers = Record<string, string | string[] | undefined>;
type Problem =
  | { kind: 'refused'; retryAfterMilliseconds: number }
  | { kind: 'changed'; problem: string }
  | { kind: 'failed'; problem: string };

function answerProblem(
  file: RemoteFile,
  start: number,
  end: number,
  status: number,
  headers: Headers,
): Problem | undefined {
  if (status === 503 || status === 429) {
    return { kind: 'refused', retryAfterMilliseconds: retryAfterOf(headers['retry-after']) };
  }
  if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity') {
    return { kind: 'failed', problem: 'the answer is compressed' };
  }
  if (status === 412 || status === 416) return { kind: 'changed', problem: `status ${status}: the file has changed` };
  if (status !== 200 && status !== 206) return { kind: 'failed', problem: `status ${status}` };
  const other = otherFile(file, headers);
  if (other !== undefined) return { kind: 'changed', problem: other };
  if (status === 200) {
    const length = headers['content-length'];
    if (length !== undefined && Number(length) !== file.sizeBytes) {
      return { kind: 'changed', problem: `the file has ${length} bytes, and had ${file.sizeBytes}` };
    }
    if (start !== 0 || end !== file.sizeBytes) return { kind: 'failed', problem: noRanges };
    const isNamed =
      file.etag === undefined ? file.lastModified === headers['last-modified'] : headers.etag !== undefined;
    return isNamed ? undefined : { kind: 'failed', problem: 'an answer that does not say which version it is' };
  }
  const range = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,16}|\*)$/.exec(String(headers['content-range']));
  if (range === null || Number(range[1]) !== start || Number(range[2]) < start || Number(range[2]) >= end) {
    return { kind: 'failed', problem: `an answer of another range: ${String(headers['content-range']).slice(0, 100)}` };
  }
  if (range[3] !== '*' && Number(range[3]) !== file.sizeBytes) {
    return { kind: 'changed', problem: `the file has ${range[3]} bytes, and had ${file.sizeBytes}` };
  }
  return undefined;
}

/** The problem of a server that sends the whole file whatever is asked for. */
export const noRanges = 'the server does not answer ranges';

/** What says that the answer is of another version than the one that is pinned. */
function otherFile({ etag, lastModified }: RemoteFile, headers: Headers): string | undefined {
  if (etag !== undefined) {
    // An entity tag that turned weak still names the version.
    const found = headers.etag === undefined ? undefined : String(headers.etag).replace(/^W\//, '');
    return found === undefined || found === etag ? undefined : `the file is ${found.slice(0, 100)}, and was ${etag}`;
  }
  const found = headers['last-modified'];
  if (lastModified === undefined || found === undefined || found === lastModified) return undefined;
  return `the file is of ${String(found).slice(0, 100)}, and was of ${lastModified}`;
}

function retryAfterOf(header: string | string[] | undefined): number {
  const text = String(header ?? '');
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.round(Math.max(0, Math.min(seconds, retryAfterMaxSeconds)) * 1000) : 0;
}

/** What a server says of a file: size and validators. Throws with a text that says what is wrong. */
export async function probe(url: string, access: OriginAccess = {}): Promise<RemoteFile> {
  const connection = new OriginConnection(access);
  try {
    const timeout = AbortSignal.timeout(headersMilliseconds);
    const answer = await connection.ask(url, { 'accept-encoding': 'identity' }, timeout, 'HEAD');
    await discard(answer);
    const { statusCode, headers } = answer;
    if (statusCode !== 200) throw new Error(`${url}: status ${statusCode}`);
    const sizeBytes = Number(headers['content-length']);
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 1) throw new Error(`${url}: the server tells no size`);
    const etag = headers.etag === undefined || String(headers.etag).startsWith('W/') ? undefined : String(headers.etag);
    const lastModified = headers['last-modified'] === undefined ? undefined : String(headers['last-modified']);
    return { url, sizeBytes, etag, lastModified, access };
  } finally {
    await connection.destroy();
  }
}
