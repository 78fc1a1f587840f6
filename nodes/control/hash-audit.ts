/**
 * Whether relays sign what the origin has: of each so many pieces that a relay signs in a row one is drawn, after all
 * of them were signed, and fetched again from the origin, under control's own lease. With w wrong pieces in different
 * rows of n the lie is found with probability 1 − (1 − 1/n)^w; a last row may be shorter, and is watched the closer.
 */
import { createHash, randomInt } from 'node:crypto';
import type { TargetFile } from '#nodes/protocol/assignment.ts';
import type { GrowingManifest } from '../files/growing-manifest.ts';
import { sha256Length } from '../files/piece-hashes.ts';
import { type OriginAccess, OriginConnection } from '../http/origin-connection.ts';
import { fetchRange, type RangeEnd, type RemoteFile } from '../http/range-client.ts';
import type { Budget } from './own-access.ts';

/** Pieces of a row: what control takes from the origin is 2 % of what relays take. */
export const auditRowPieces = 50;
const againMilliseconds = 3_000;
/** Of one piece, with what the contract makes it wait. */
const pieceMilliseconds = 60_000;

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

/**
 * Fetches one piece from the origin, or where that fails from one of its mirrors, and holds it against the signed
 * hash. Throws where nothing can be said.
 */
export async function auditPiece(
  file: TargetFile,
  access: OriginAccess,
  pieceLengthBytes: number,
  manifest: GrowingManifest,
  piece: number,
  budget: Budget,
): Promise<AuditResult> {
  const wanted = manifest.sha256.subarray(piece * sha256Length, (piece + 1) * sha256Length);
  const start = piece * pieceLengthBytes;
  const end = Math.min(file.sizeBytes, start + pieceLengthBytes);
  // The query signs one URL.
  const mirrors = (file.mirrors ?? []).map((mirror) => ({ ...mirror, access: { ...access, query: undefined } }));
  let problem = '';
  for (const source of [{ ...file, access }, ...mirrors]) {
    const found = await hashAt({ ...source, sizeBytes: file.sizeBytes, mirrors: [] }, start, end, budget);
    if (found instanceof Uint8Array) return Buffer.from(found).equals(wanted) ? 'same' : 'different';
    if (found.kind === 'changed' && source.url === file.url) return 'changed';
    problem = 'problem' in found ? found.problem : found.kind;
  }
  throw new Error(problem);
}

/** SHA-256 of [start, end) there, or how it ended before. One connection, closed afterwards. */
async function hashAt(file: RemoteFile, start: number, end: number, budget: Budget): Promise<Uint8Array | RangeEnd> {
  const connection = new OriginConnection(file.access);
  const signal = AbortSignal.any([budget.signal, AbortSignal.timeout(pieceMilliseconds)]);
  const hash = createHash('sha256');
  try {
    for (let at = start; at < end; ) {
      const bytes = await budget.ask(end - at);
      const ended = await fetchRange(connection, file, at, at + bytes, signal, (chunk) => {
        budget.arrive(chunk.byteLength);
        hash.update(chunk);
      });
      budget.signal.throwIfAborted();
      if (ended.kind !== 'done') return ended;
      at += ended.bytes;
    }
    return hash.digest();
  } finally {
    await connection.destroy();
  }
}
