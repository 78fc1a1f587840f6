/**
 * Pieces on their way: blocks of one piece from any number of sources, put together in memory until it is whole.
 * What a source brought before it broke off is kept for the next one. Bounded: the piece that was touched longest
 * ago is dropped when the bound is reached, and nobody is bringing it.
 */

import { BufferPool } from './buffer-pool.ts';

/** What a request is split into (BEP 3), and what is kept of one that broke off. */
export const blockBytes = 16 * 1024;

export interface BegunPiece {
  readonly piece: number;
  readonly bytes: Buffer;
  /** 1 = the block is there. */
  readonly blocks: Uint8Array;
  missingBlocks: number;
  /** Who brought some of it. */
  readonly contributors: Set<object>;
  /** Sources that are bringing it now. */
  users: number;
}

/** Kept between pieces that are whole and those that begin. */
const spareBytesMax = 16 * 1024 * 1024;

export class Assembly {
  readonly #pool: BufferPool;
  readonly #begun = new Map<number, BegunPiece>();
  readonly #piecesMax: number;
  readonly #pieceBytes: (piece: number) => number;

  constructor(bytesMax: number, pieceLengthBytes: number, pieceBytes: (piece: number) => number) {
    this.#piecesMax = Math.max(4, Math.floor(bytesMax / pieceLengthBytes));
    this.#pieceBytes = pieceBytes;
    this.#pool = new BufferPool(pieceLengthBytes, Math.max(2, Math.floor(spareBytesMax / pieceLengthBytes)));
  }

  /** The piece for one more source; `release` ends that. */
  use(piece: number): BegunPiece {
    let begun = this.#begun.get(piece);
    if (begun === undefined) {
      this.#makeRoom();
      const bytes = this.#pieceBytes(piece);
      const blockCount = Math.ceil(bytes / blockBytes);
      begun = {
        piece,
        bytes: this.#pool.take().subarray(0, bytes),
        blocks: new Uint8Array(blockCount),
        missingBlocks: blockCount,
        contributors: new Set(),
        users: 0,
      };
    }
    begun.users++;
    // The newest last: a map keeps the order of insertion.
    this.#begun.delete(piece);
    this.#begun.set(piece, begun);
    return begun;
  }

  release(begun: BegunPiece): void {
    begun.users--;
    if (begun.users === 0 && begun.missingBlocks === begun.blocks.length) this.drop(begun);
  }

  /** Puts a block in its place. False when it was there already. */
  put(begun: BegunPiece, block: number, bytes: Uint8Array, contributor: object): boolean {
    if (begun.blocks[block] === 1) return false;
    begun.bytes.set(bytes, block * blockBytes);
    begun.blocks[block] = 1;
    begun.missingBlocks--;
    begun.contributors.add(contributor);
    return true;
  }

  /** Nothing of it is needed any more. */
  drop(begun: BegunPiece): void {
    if (this.#begun.get(begun.piece) === begun) this.#begun.delete(begun.piece);
  }

  /** It is whole, and kept or wrong: its memory is for another piece, though sources may still mean to bring it. */
  reuse(begun: BegunPiece): void {
    this.drop(begun);
    if (begun.missingBlocks === 0) this.#pool.give(Buffer.from(begun.bytes.buffer));
  }

  /** Whether one more piece stays within the bound. */
  get hasRoom(): boolean {
    if (this.#begun.size < this.#piecesMax) return true;
    for (const { users } of this.#begun.values()) if (users === 0) return true;
    return false;
  }

  /** Bytes of pieces that are not whole. */
  get heldBytes(): number {
    let bytes = 0;
    for (const { blocks, missingBlocks } of this.#begun.values()) bytes += (blocks.length - missingBlocks) * blockBytes;
    return bytes;
  }

  #makeRoom(): void {
    if (this.#begun.size < this.#piecesMax) return;
    for (const begun of this.#begun.values()) {
      if (begun.users > 0) continue;
      this.#begun.delete(begun.piece);
      return;
    }
  }
}

/** Length of a block of a piece. */
export function blockLengthOf({ bytes }: BegunPiece, block: number): number {
  return Math.min(blockBytes, bytes.length - block * blockBytes);
}
