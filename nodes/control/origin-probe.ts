/** Is the file at its origin, and what is it? (M2) By HEAD, or where that is refused by one byte of GET. */

import { createHash } from 'node:crypto';
import type { Dispatcher } from 'undici';
import type { TargetFile } from '#nodes/protocol/assignment.ts';
import { parseManifest } from '../files/manifest.ts';
import { AddressRefused } from '../http/address-rule.ts';
import { discard, type OriginAccess, OriginConnection, RedirectRefused } from '../http/origin-connection.ts';
import { infoHashOf, infoOf } from '../wire/metainfo.ts';
import type { Budget } from './own-access.ts';
import { Refused } from './refusal.ts';

/** Of an answer, body included: the longest is a range of a manifest. */
const answerMilliseconds = 60_000;
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

/** What the origin says of the file, and whether it answers ranges. The texts name the URL without its query. */
export function probeFile(url: string, name: string, access: OriginAccess, budget: Budget): Promise<TargetFile> {
  return asking(access, budget, async (ask) => {
    const head = await ask(url, 'HEAD', {});
    await discard(head);
    const headLength = head.statusCode === 200 ? head.headers['content-length'] : undefined;
    if (headLength !== undefined && head.headers['accept-ranges'] === 'bytes') {
      return described(url, name, head, Number(headLength));
    }
    if (head.statusCode === 404 || head.statusCode === 410) refuseMissing(url, head.statusCode);
    budget.arrive(await budget.ask(1));
    const one = await ask(url, 'GET', { range: 'bytes=0-0' });
    // The origin may send all of it: the connection is cut, not drained.
    cut(one);
    const { statusCode, headers } = one;
    if (statusCode === 404 || statusCode === 410) refuseMissing(url, statusCode);
    const total = /^bytes 0-0\/(\d{1,16})$/.exec(String(headers['content-range']))?.[1];
    if (statusCode === 206 && total !== undefined) return described(url, name, one, Number(total));
    const isWhole = statusCode === 200 && headers['content-encoding'] === undefined;
    if (!isWhole || headers['content-length'] === undefined) {
      throw new Refused('no-such-file', `${url}: the origin answers ${statusCode}, neither a range nor a size`, 'url');
    }
    return { ...described(url, name, one, Number(headers['content-length'])), wholeOnly: true };
  });
}

/** What has become of the file at its origin, if it is not what it was; throws where nothing can be said. */
export async function changeOf(file: TargetFile, access: OriginAccess, budget: Budget): Promise<string | undefined> {
  try {
    const { sizeBytes, etag, lastModified } = await probeFile(file.url, file.name, access, budget);
    const isSame = sizeBytes === file.sizeBytes && etag === file.etag && lastModified === file.lastModified;
    return isSame ? undefined : 'the file changed at its origin while it was distributed';
  } catch (error) {
    if (error instanceof Refused && error.code === 'no-such-file') return error.message;
    throw error;
  }
}

/** The manifest that lies beside the file, if one does and it is of this file. */
export async function findManifest(
  file: TargetFile,
  access: OriginAccess,
  budget: Budget,
): Promise<FoundManifest | undefined> {
  const url = `${file.url}.manifest`;
  const body = await asking({ ...access, query: undefined }, budget, async (ask) => {
    const head = await ask(url, 'HEAD', {});
    await discard(head);
    const sizeBytes = Number(head.headers['content-length']);
    if (head.statusCode !== 200 || !Number.isSafeInteger(sizeBytes)) return undefined;
    if (sizeBytes > manifestBytesMax) throw new Refused('no-such-file', `${url} is longer than a manifest may be`);
    const chunks: Uint8Array[] = [];
    for (let start = 0; start < sizeBytes; ) {
      const chunk = await readRange(ask, url, start, sizeBytes, budget);
      chunks.push(chunk);
      start += chunk.byteLength;
    }
    return Buffer.concat(chunks).toString('utf8');
  });
  if (body === undefined) return undefined;
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

async function readRange(ask: Ask, url: string, start: number, sizeBytes: number, budget: Budget): Promise<Uint8Array> {
  const askedBytes = await budget.ask(sizeBytes - start);
  const isWhole = askedBytes === sizeBytes;
  const answer = await ask(url, 'GET', isWhole ? {} : { range: `bytes=${start}-${start + askedBytes - 1}` });
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

type Ask = (url: string, method: 'HEAD' | 'GET', headers: Record<string, string>) => Promise<Dispatcher.ResponseData>;

/** Asks over one connection, which is closed afterwards: none stays open at the origin. */
async function asking<Result>(
  access: OriginAccess,
  budget: Budget,
  work: (ask: Ask) => Promise<Result>,
): Promise<Result> {
  const connection = new OriginConnection(access);
  const ask: Ask = async (url, method, headers) => {
    try {
      const signal = AbortSignal.any([budget.signal, AbortSignal.timeout(answerMilliseconds)]);
      return await connection.ask(url, { 'accept-encoding': 'identity', ...headers }, signal, method);
    } catch (error) {
      budget.signal.throwIfAborted();
      const { code, message } = error as NodeJS.ErrnoException;
      const isRefused = error instanceof RedirectRefused || error instanceof AddressRefused;
      throw new Refused('origin-unreachable', `${url}: ${isRefused ? message : (code ?? message)}`, 'url');
    }
  };
  try {
    return await work(ask);
  } finally {
    await connection.destroy();
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
