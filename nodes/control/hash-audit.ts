/**
 * Whether relays sign what the origin has: of each so many pieces that a relay signs in a row one is drawn, after all
 * of them were signed, and fetched again from the origin, under control's own lease. With w wrong pieces in different
 * rows of n the lie is found with probability 1 − (1 − 1/n)^w; a last row may be shorter, and is watched the closer.
 */
import { createHash, randomInt } from 'node:crypto';
import type { Dispatcher } from 'undici';
import type { TargetFile } from '#nodes/protocol/assignment.ts';
import type { GrowingManifest } from '../files/growing-manifest.ts';
import { sha256Length } from '../files/piece-hashes.ts';
import type { OriginAccess } from '../http/origin-connection.ts';
import { asking } from './origin-probe.ts';
import type { Budget } from './own-access.ts';

/** Pieces of a row: what control takes from the origin is 2 % of what relays take. */
export const auditRowPieces = 50;
const againMilliseconds = 3_000;

/** `different`: the origin has other bytes; `changed`: it has another file. */
export type AuditResult = 'same' | 'different' | 'changed';

export class HashAudit {
  readonly #manifest: GrowingManifest;
  /** By signer: signed, and no row of their own yet. */
  readonly #rows = new Map<string, number[]>();
  readonly #queue: number[] = [];
  readonly #suspected = new Set<number>();
  #isBusy = false;
  #notBefore = 0;
  count = 0;

  constructor(manifest: GrowingManifest) {
    this.#manifest = manifest;
  }

  /** Pieces that were signed just now. */
  signed(pieces: readonly number[]): void {
    for (const piece of pieces) {
      const signer = this.#manifest.signerOf(piece)!;
      const row = this.#rows.get(signer) ?? [];
      this.#rows.set(signer, row);
      row.push(piece);
      if (row.length === auditRowPieces) this.#draw(row);
    }
    if (this.#manifest.isComplete) for (const row of this.#rows.values()) this.#draw(row);
  }

  /** A piece that two relays say different things of: first of all. */
  suspect(piece: number): void {
    if (this.#suspected.has(piece)) return;
    this.#suspected.add(piece);
    if (!this.#queue.includes(piece)) this.#queue.unshift(piece);
  }

  /** Everything was signed, and all that was drawn was as signed. */
  get isPassed(): boolean {
    return this.#manifest.isComplete && this.#queue.length === 0 && !this.#isBusy;
  }

  /** Fetches the next piece, if one is due and none is under way; what came of it goes to `heed`. */
  run(
    fetch: (piece: number) => Promise<AuditResult>,
    heed: (piece: number, result: AuditResult) => Promise<void>,
    fail: (error: Error) => void,
  ): void {
    const [piece] = this.#queue;
    if (this.#isBusy || piece === undefined || performance.now() < this.#notBefore) return;
    this.#isBusy = true;
    fetch(piece)
      .then(async (result) => {
        this.#queue.splice(this.#queue.indexOf(piece), 1);
        this.count++;
        await heed(piece, result);
      })
      .catch((error: Error) => {
        this.#notBefore = performance.now() + againMilliseconds;
        fail(error);
      })
      .finally(() => {
        this.#isBusy = false;
      });
  }

  #draw(row: number[]): void {
    if (row.length > 0) this.#queue.push(row[randomInt(row.length)]!);
    row.length = 0;
  }
}

/** Fetches one piece from the origin and holds it against the signed hash. Throws where nothing can be said. */
export function auditPiece(
  file: TargetFile,
  access: OriginAccess,
  pieceLengthBytes: number,
  manifest: GrowingManifest,
  piece: number,
  budget: Budget,
): Promise<AuditResult> {
  return asking(access, budget, async (ask) => {
    const hash = createHash('sha256');
    const end = Math.min(file.sizeBytes, (piece + 1) * pieceLengthBytes);
    for (let at = piece * pieceLengthBytes; at < end; ) {
      const bytes = await budget.ask(end - at);
      const answer = await ask(file.url, 'GET', headersOf(file, at, at + bytes));
      const problem = rangeProblem(file, answer, at, at + bytes);
      if (problem !== undefined) {
        answer.body.on('error', () => {}).destroy();
        if (problem === 'changed') return 'changed';
        throw new Error(problem);
      }
      let got = 0;
      for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
        got += chunk.byteLength;
        if (got > bytes) throw new Error('the origin sends more than was asked for');
        budget.arrive(chunk.byteLength);
        hash.update(chunk);
      }
      if (got < bytes) throw new Error('the origin broke off');
      at += bytes;
    }
    const wanted = manifest.sha256.subarray(piece * sha256Length, (piece + 1) * sha256Length);
    return hash.digest().equals(wanted) ? 'same' : 'different';
  });
}

function headersOf({ etag, lastModified }: TargetFile, start: number, end: number): Record<string, string> {
  const condition = etag ?? lastModified;
  return { range: `bytes=${start}-${end - 1}`, ...(condition === undefined ? {} : { 'if-range': condition }) };
}

function rangeProblem(
  file: TargetFile,
  { statusCode, headers }: Dispatcher.ResponseData,
  start: number,
  end: number,
): 'changed' | string | undefined {
  const isPinned = file.etag !== undefined || file.lastModified !== undefined;
  if ((statusCode === 200 && isPinned) || [404, 410, 412, 416].includes(statusCode)) return 'changed';
  if (statusCode !== 206) return `the origin answers ${statusCode}`;
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(String(headers['content-range']));
  if (range === null || Number(range[1]) !== start || Number(range[2]) !== end - 1) return 'another range';
  if (range[3] !== '*' && Number(range[3]) !== file.sizeBytes) return 'changed';
  return file.etag !== undefined && headers.etag !== undefined && headers.etag !== file.etag ? 'changed' : undefined;
}
