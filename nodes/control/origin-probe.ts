/** Is the file at its origin, and what is it? (M2) By HEAD, or where that is refused by one byte of GET. */

import { createHash } from 'node:crypto';
import { type Dispatcher, request } from 'undici';
import type { TargetFile } from '#nodes/protocol/assignment.ts';
import { parseManifest } from '../files/manifest.ts';
import { infoHashOf, infoOf } from '../wire/metainfo.ts';
import type { Budget } from './own-access.ts';
import { Refused } from './refusal.ts';

const answerMilliseconds = 10_000;
/** Of a manifest: a million pieces, 52 bytes each, in base64, and as much again. */
const manifestBytesMax = 160 * 1024 * 1024;

export interface FoundManifest {
  /** Of its bytes: the name under which nodes fetch it. */
  sha256: string;
  body: string;
  infoHash: string;
  /** Of the whole file, where it says so. */
  digest: string | undefined;
}

/** What the origin says of the file; no redirect is followed: it could lead past the contract. */
export async function probeFile(url: string, name: string, budget: Budget): Promise<TargetFile> {
  const head = await ask(url, 'HEAD', {}, budget);
  await head.body.dump();
  if (head.statusCode >= 200 && head.statusCode < 300 && head.headers['content-length'] !== undefined) {
    return described(url, name, head, Number(head.headers['content-length']));
  }
  if (head.statusCode === 404 || head.statusCode === 410) refuseMissing(url, head.statusCode);
  budget.arrive(await budget.ask(1));
  const one = await ask(url, 'GET', { range: 'bytes=0-0' }, budget);
  // The origin may send all of it: the connection is cut, not drained.
  cut(one);
  if (one.statusCode === 404 || one.statusCode === 410) refuseMissing(url, one.statusCode);
  const total = /^bytes 0-0\/(\d+)$/.exec(String(one.headers['content-range']))?.[1];
  if (one.statusCode !== 206 || total === undefined) {
    throw new Refused('no-such-file', `${url}: the origin answers ${one.statusCode}, not a range`, 'url');
  }
  return described(url, name, one, Number(total));
}

/** What has become of the file at its origin, if it is not what it was; throws where nothing can be said. */
export async function changeOf(file: TargetFile, budget: Budget): Promise<string | undefined> {
  try {
    const { sizeBytes, etag, lastModified } = await probeFile(file.url, file.name, budget);
    const isSame = sizeBytes === file.sizeBytes && etag === file.etag && lastModified === file.lastModified;
    return isSame ? undefined : 'the file changed at its origin while it was distributed';
  } catch (error) {
    if (error instanceof Refused && error.code === 'no-such-file') return error.message;
    throw error;
  }
}

/** The manifest that lies beside the file, if one does and it is of this file. */
export async function findManifest(file: TargetFile, budget: Budget): Promise<FoundManifest | undefined> {
  const url = `${file.url}.manifest`;
  const head = await ask(url, 'HEAD', {}, budget);
  await head.body.dump();
  const sizeBytes = Number(head.headers['content-length']);
  if (head.statusCode !== 200 || !Number.isSafeInteger(sizeBytes)) return undefined;
  if (sizeBytes > manifestBytesMax) throw new Refused('no-such-file', `${url} is longer than a manifest may be`);
  const chunks: Uint8Array[] = [];
  for (let start = 0; start < sizeBytes; ) {
    const chunk = await readRange(url, start, sizeBytes, budget);
    chunks.push(chunk);
    start += chunk.byteLength;
  }
  const body = Buffer.concat(chunks).toString('utf8');
  let manifest: ReturnType<typeof parseManifest>;
  try {
    manifest = parseManifest(body);
  } catch (error) {
    throw new Refused('no-such-file', `${url}: ${(error as Error).message}`);
  }
  if (manifest.sizeBytes !== file.sizeBytes) {
    throw new Refused(
      'no-such-file',
      `${url} is of a file of ${manifest.sizeBytes} bytes, the origin has ${file.sizeBytes}: make it anew`,
    );
  }
  return {
    sha256: createHash('sha256').update(body).digest('hex'),
    body,
    infoHash: Buffer.from(infoHashOf(infoOf(manifest))).toString('hex'),
    digest: manifest.digest,
  };
}

async function readRange(url: string, start: number, sizeBytes: number, budget: Budget): Promise<Uint8Array> {
  const askedBytes = await budget.ask(sizeBytes - start);
  const isWhole = askedBytes === sizeBytes;
  const answer = await ask(url, 'GET', isWhole ? {} : { range: `bytes=${start}-${start + askedBytes - 1}` }, budget);
  const chunks: Uint8Array[] = [];
  let length = 0;
  if (answer.statusCode !== (isWhole ? 200 : 206)) {
    cut(answer);
    throw new Refused('no-such-file', `${url}: the origin answers ${answer.statusCode}`);
  }
  for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
    length += chunk.byteLength;
    if (length > askedBytes) break;
    budget.arrive(chunk.byteLength);
    chunks.push(chunk);
  }
  if (length === askedBytes) return Buffer.concat(chunks);
  throw new Refused('no-such-file', `${url}: the origin sends ${length} bytes where ${askedBytes} were asked for`);
}

async function ask(url: string, method: 'HEAD' | 'GET', headers: Record<string, string>, budget: Budget) {
  try {
    return await request(url, {
      method,
      headers: { 'accept-encoding': 'identity', ...headers },
      headersTimeout: answerMilliseconds,
      bodyTimeout: answerMilliseconds,
      // One connection for each question: none stays open at the origin.
      reset: true,
      signal: AbortSignal.any([budget.signal, AbortSignal.timeout(6 * answerMilliseconds)]),
    });
  } catch (error) {
    budget.signal.throwIfAborted();
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Refused('origin-unreachable', `${url}: ${code ?? message}`, 'url');
  }
}

/** Takes no more of an answer. */
function cut({ body }: Dispatcher.ResponseData): void {
  body.on('error', () => {}).destroy();
}

function refuseMissing(url: string, status: number): never {
  throw new Refused('no-such-file', `${url}: the origin answers ${status}`, 'url');
}

function described(url: string, name: string, answer: Dispatcher.ResponseData, sizeBytes: number): TargetFile {
  const { etag, 'last-modified': lastModified } = answer.headers;
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 1) {
    throw new Refused('no-such-file', `${url}: the origin says it has ${sizeBytes} bytes`, 'url');
  }
  return {
    name,
    url,
    sizeBytes,
    // A weak validator says nothing of the bytes.
    ...(typeof etag === 'string' && /^"[^"]{0,1000}"$/.test(etag) ? { etag } : {}),
    ...(typeof lastModified === 'string' && lastModified.length < 100 ? { lastModified } : {}),
  };
}
