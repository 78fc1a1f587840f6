/**
 * A manifest that still grows: the chains of signed batches that relays made so far, and the hashes that follow from
 * them. The same at whoever signs, passes on or verifies; it believes a hash only if a relay that control appointed
 * for that piece has signed it, in an unbroken chain.
 */
import type { KeyObject } from 'node:crypto';
import type { TargetFile } from '#nodes/protocol/assignment.ts';
import { BadSignature, type Batch, chainHead, chainStart, decodeBatch, isSigned, publicKeyOf } from './hash-batch.ts';
import type { Manifest } from './manifest.ts';
import { sha1Length, sha256Length } from './piece-hashes.ts';

/** Control's word that the holder of a key signs the pieces [firstPiece, endPiece). */
export interface Appointment {
  /** Public key, 64 hexadecimal digits. */
  key: string;
  firstPiece: number;
  endPiece: number;
}

/**
 * `new`: believed, and of use; `known`: held already; `ahead`: batches before it are missing; `unknown-signer`: nobody
 * was appointed with this key, as far as known here.
 */
export type Reception =
  | { kind: 'new'; pieces: number[]; chain: number }
  | { kind: 'known' }
  | { kind: 'ahead'; chain: number }
  | { kind: 'unknown-signer' };

interface Chain {
  key: KeyObject;
  keyText: string;
  ranges: { firstPiece: number; endPiece: number }[];
  batches: Uint8Array[];
  head: Uint8Array;
}

/** Two signed statements that cannot both be true. */
export interface Contradiction {
  piece: number;
  /** Keys of those who signed, the first believed first. */
  keys: [string, string];
}

/** What the manifest of a file says beside its hashes: the same text wherever it is put together. */
export function manifestFile(file: TargetFile, pieceLengthBytes: number): Omit<Manifest, 'sha1' | 'sha256'> {
  const { name, url, sizeBytes, etag, lastModified, sha256 } = file;
  return {
    name,
    sizeBytes,
    pieceLengthBytes,
    ...(sha256 === undefined ? {} : { digest: sha256 }),
    url,
    validator: {
      sizeBytes,
      ...(etag === undefined ? {} : { etag }),
      ...(lastModified === undefined ? {} : { lastModified }),
    },
  };
}

/** A piece that two chains contradict each other about is counted once; more than these prove nothing new. */
const contradictionsMax = 16;
/** Whose hash control's complete manifest is. */
const adopted = 0xffff;

export class GrowingManifest {
  readonly swarm: Uint8Array;
  readonly pieceCount: number;
  readonly sha1: Uint8Array;
  readonly sha256: Uint8Array;
  readonly contradictions: Contradiction[] = [];
  readonly #chains: Chain[] = [];
  /** Of each piece: 1 + the chain that was believed; 0: nobody has signed it yet. */
  readonly #signedBy: Uint16Array;
  knownCount = 0;

  constructor(swarm: Uint8Array, pieceCount: number) {
    this.swarm = swarm;
    this.pieceCount = pieceCount;
    this.sha1 = new Uint8Array(pieceCount * sha1Length);
    this.sha256 = new Uint8Array(pieceCount * sha256Length);
    this.#signedBy = new Uint16Array(pieceCount);
  }

  /** All appointments so far, the earliest first: chains are numbered by the first appearance of their keys. */
  appoint(appointments: readonly Appointment[]): void {
    for (const { key: keyText, firstPiece, endPiece } of appointments) {
      let chain = this.#chains.find((one) => one.keyText === keyText);
      if (chain === undefined) {
        const key = new Uint8Array(Buffer.from(keyText, 'hex'));
        const head = chainStart(this.swarm, key);
        chain = { key: publicKeyOf(key), keyText, ranges: [], batches: [], head };
        this.#chains.push(chain);
      }
      const isThere = chain.ranges.some((one) => one.firstPiece === firstPiece && one.endPiece === endPiece);
      if (!isThere) chain.ranges.push({ firstPiece, endPiece });
    }
  }

  /** How many batches of each chain are held. */
  get held(): number[] {
    return this.#chains.map(({ batches }) => batches.length);
  }

  get isComplete(): boolean {
    return this.knownCount === this.pieceCount;
  }

  isKnown(piece: number): boolean {
    return this.#signedBy[piece]! > 0;
  }

  /** Key of whoever's hash of the piece is believed. */
  signerOf(piece: number): string | undefined {
    return this.#chains[this.#signedBy[piece]! - 1]?.keyText;
  }

  /** Whether the holder of the key is appointed for the piece. */
  maySign(keyText: string, piece: number): boolean {
    const ranges = this.#chains.find((one) => one.keyText === keyText)?.ranges ?? [];
    return ranges.some(({ firstPiece, endPiece }) => piece >= firstPiece && piece < endPiece);
  }

  rangesOf(keyText: string): readonly { firstPiece: number; endPiece: number }[] {
    return this.#chains.find((one) => one.keyText === keyText)?.ranges ?? [];
  }

  /** Where the next batch of the key belongs. */
  nextOf(keyText: string): { sequence: number; previous: Uint8Array } | undefined {
    const chain = this.#chains.find((one) => one.keyText === keyText);
    return chain === undefined ? undefined : { sequence: chain.batches.length, previous: chain.head };
  }

  batchAt(chain: number, sequence: number): Uint8Array | undefined {
    return this.#chains[chain]?.batches[sequence];
  }

  /** Batches that somebody who holds `held` lacks, oldest first, no more than the bounds. */
  since(held: readonly number[], countMax: number, bytesMax: number): Uint8Array[] {
    const found: Uint8Array[] = [];
    let bytes = 0;
    for (const [number, { batches }] of this.#chains.entries()) {
      for (let sequence = held[number] ?? 0; sequence < batches.length; sequence++) {
        const batch = batches[sequence]!;
        bytes += batch.length;
        if (found.length >= countMax || bytes > bytesMax) return found;
        found.push(batch);
      }
    }
    return found;
  }

  /** What somebody who held `held` holds after these batches. */
  after(held: readonly number[], batches: readonly Uint8Array[]): number[] {
    const counts = this.#chains.map((_, chain) => held[chain] ?? 0);
    for (const batch of batches) {
      const chain = counts.findIndex((count, index) => this.batchAt(index, count) === batch);
      if (chain >= 0) counts[chain]!++;
    }
    return counts;
  }

  /** Takes a batch from whomever. `BadSignature` says why it can be nobody's; nothing of it is kept then. */
  add(bytes: Uint8Array): Reception {
    const batch = decodeBatch(bytes);
    if (!Buffer.from(batch.swarm).equals(this.swarm)) throw new BadSignature('a batch of another swarm');
    const keyText = Buffer.from(batch.key).toString('hex');
    const number = this.#chains.findIndex((one) => one.keyText === keyText);
    const chain = this.#chains[number];
    if (chain === undefined) return { kind: 'unknown-signer' };
    const held = chain.batches[batch.sequence];
    if (held !== undefined && Buffer.from(held).equals(batch.bytes)) return { kind: 'known' };
    if (!isSigned(batch.bytes, chain.key)) throw new BadSignature('a batch that its signer has not signed');
    if (held !== undefined) {
      this.#contradict(batch.pieces[0]!.piece, keyText, keyText);
      throw new BadSignature(`batch ${batch.sequence} is there already, and is another`);
    }
    if (batch.sequence > chain.batches.length) return { kind: 'ahead', chain: number };
    this.#check(chain, number, batch);
    return { kind: 'new', pieces: this.#believe(chain, number, batch), chain: number };
  }

  /** The manifest of all hashes, once they are complete. */
  complete(file: Omit<Manifest, 'sha1' | 'sha256'>): Manifest {
    return { ...file, sha1: this.sha1, sha256: this.sha256 };
  }

  /**
   * The hashes of control's manifest, where none was signed yet. False, and nothing is adopted, where it contradicts
   * one that was believed.
   */
  adopt(manifest: Manifest): boolean {
    for (let piece = 0; piece < this.pieceCount; piece++) {
      const { sha1, sha256 } = hashesOf(manifest, piece);
      if (this.isKnown(piece) && !this.#isBelieved(piece, sha1, sha256)) return false;
    }
    this.sha1.set(manifest.sha1);
    this.sha256.set(manifest.sha256);
    for (let piece = 0; piece < this.pieceCount; piece++) if (!this.isKnown(piece)) this.#signedBy[piece] = adopted;
    this.knownCount = this.pieceCount;
    return true;
  }

  #check(chain: Chain, number: number, { previous, pieces }: Batch): void {
    if (!Buffer.from(previous).equals(chain.head))
      throw new BadSignature('a batch that does not follow the one before');
    for (const { piece } of pieces) {
      if (piece >= this.pieceCount) throw new BadSignature(`piece ${piece} of ${this.pieceCount}`);
      if (!this.maySign(chain.keyText, piece)) throw new BadSignature(`piece ${piece} is not its signer's to sign`);
      if (this.#signedBy[piece] === number + 1) throw new BadSignature(`piece ${piece} is signed twice`);
    }
  }

  #believe(chain: Chain, number: number, batch: Batch): number[] {
    const fresh: number[] = [];
    for (const { piece, sha1, sha256 } of batch.pieces) {
      const before = this.signerOf(piece);
      if (before === undefined) {
        this.#signedBy[piece] = number + 1;
        this.sha1.set(sha1, piece * sha1Length);
        this.sha256.set(sha256, piece * sha256Length);
        this.knownCount++;
        fresh.push(piece);
      } else if (!this.#isBelieved(piece, sha1, sha256)) this.#contradict(piece, before, chain.keyText);
    }
    // A copy: what came may be a slice of a much larger buffer.
    chain.batches.push(new Uint8Array(batch.bytes));
    chain.head = chainHead(batch.bytes);
    return fresh;
  }

  #isBelieved(piece: number, sha1: Uint8Array, sha256: Uint8Array): boolean {
    const own = hashesOf(this, piece);
    return Buffer.from(own.sha256).equals(sha256) && Buffer.from(own.sha1).equals(sha1);
  }

  #contradict(piece: number, first: string, second: string): void {
    if (this.contradictions.length < contradictionsMax) this.contradictions.push({ piece, keys: [first, second] });
  }
}

function hashesOf({ sha1, sha256 }: { sha1: Uint8Array; sha256: Uint8Array }, piece: number) {
  return {
    sha1: sha1.subarray(piece * sha1Length, (piece + 1) * sha1Length),
    sha256: sha256.subarray(piece * sha256Length, (piece + 1) * sha256Length),
  };
}
