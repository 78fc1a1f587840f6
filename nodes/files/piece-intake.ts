/**
 * Where all sources of one download meet: whatever brings bytes of a piece, by BitTorrent or HTTP, claims it, puts
 * blocks into it, and lets go of it. A piece that is whole is verified, kept, counted and announced exactly once.
 */
import type { ClientCore } from '#core/client.ts';
import type { SourceKind } from '#core/record.ts';
import { Assembly, type BegunPiece, blockLengthOf } from './assembly.ts';
import type { PieceStore } from './piece-store.ts';

/** Somebody who brings pieces. */
export interface Bringer {
  readonly kind: SourceKind;
  /** Somebody else has brought the piece, or it turned out wrong: nothing more of it is wanted. */
  pieceEnded(piece: number): void;
  /** Somebody else has brought this block of a piece that both were asked for. */
  blockEnded(piece: number, block: number): void;
  /** It brought some of a piece whose hash is wrong; `alone`: nobody else did. */
  sentWrong(alone: boolean): void;
}

/** Payload by who sent it, and what became of it. */
export interface IntakeCounts {
  received: Record<SourceKind, number>;
  duplicateBytes: number;
  discardedBytes: number;
}

/** Of pieces that are not whole, in memory. */
const begunBytesMax = 256 * 1024 * 1024;
/** Of pieces that are whole and wait for the disk: then whoever brings more waits. */
const writingBytesMax = 16 * 1024 * 1024;

export class PieceIntake {
  readonly core: ClientCore;
  readonly store: PieceStore;
  readonly counts: IntakeCounts = {
    received: { origin: 0, relay: 0, peer: 0 },
    duplicateBytes: 0,
    discardedBytes: 0,
  };
  /** When the first bytes of a piece came, on the clock of `performance.now()`. */
  firstBytesAt: number | undefined;
  readonly #assembly: Assembly;
  readonly #bringers = new Map<number, Set<Bringer>>();
  #writingBytes = 0;
  #waiting: (() => void)[] = [];
  /** The piece is kept: tell everybody. */
  onPiece: (piece: number) => void = () => {};
  /** All pieces are there. */
  onComplete: () => void = () => {};
  /** The disk failed: nothing more can be kept. */
  onFailure: (error: Error) => void = () => {};

  constructor(core: ClientCore, store: PieceStore) {
    this.core = core;
    this.store = store;
    const { pieceLengthBytes } = store.file;
    this.#assembly = new Assembly(begunBytesMax, pieceLengthBytes, (piece) => store.pieceBytes(piece));
  }

  /** Whether memory is left for one more piece. */
  get hasRoom(): boolean {
    return this.#assembly.hasRoom;
  }

  /** Ends when the disk has caught up with what comes. */
  async caughtUp(): Promise<void> {
    while (this.#writingBytes >= writingBytesMax) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** `bringer` will bring the piece; the core has marked it as asked for. */
  claim(piece: number, bringer: Bringer): BegunPiece {
    const bringers = this.#bringers.get(piece) ?? new Set();
    bringers.add(bringer);
    this.#bringers.set(piece, bringers);
    return this.#assembly.use(piece);
  }

  /** It stops before the piece is whole. What it brought is kept for whoever is next. */
  release(begun: BegunPiece, bringer: Bringer, broughtBytes: number): void {
    const bringers = this.#bringers.get(begun.piece);
    if (bringers?.delete(bringer) !== true) return;
    if (bringers.size === 0) this.#bringers.delete(begun.piece);
    this.#assembly.release(begun);
    // Where somebody else still brings it, the blocks are his to complete: none was in vain.
    this.core.brokenOff(begun.piece, bringers.size > 0 ? 0 : broughtBytes);
  }

  /** A block that a bringer had claimed. Answers whether it was of use. */
  put(begun: BegunPiece, block: number, bytes: Uint8Array, bringer: Bringer): boolean {
    this.firstBytesAt ??= performance.now();
    this.counts.received[bringer.kind] += bytes.length;
    const isWanted = this.#bringers.get(begun.piece)?.has(bringer) === true && begun.missingBlocks > 0;
    if (!isWanted || bytes.length !== blockLengthOf(begun, block)) {
      this.counts.duplicateBytes += bytes.length;
      return false;
    }
    if (!this.#assembly.put(begun, block, bytes, bringer)) {
      this.counts.duplicateBytes += bytes.length;
      return false;
    }
    for (const other of this.#bringers.get(begun.piece) ?? []) {
      if (other !== bringer) other.blockEnded(begun.piece, block);
    }
    if (begun.missingBlocks === 0) this.#whole(begun).catch((error: unknown) => this.onFailure(error as Error));
    return true;
  }

  /** Bytes that a bringer received and could not use. */
  countDiscarded(kind: SourceKind, bytes: number): void {
    this.counts.received[kind] += bytes;
    this.counts.discardedBytes += bytes;
  }

  /** Bytes that came although they had been taken back. */
  countDuplicate(kind: SourceKind, bytes: number): void {
    this.counts.received[kind] += bytes;
    this.counts.duplicateBytes += bytes;
  }

  async #whole(begun: BegunPiece): Promise<void> {
    const { core, store } = this;
    const { piece } = begun;
    const bringers = [...(this.#bringers.get(piece) ?? [])];
    this.#bringers.delete(piece);
    const isRight = await this.#keep(begun);
    this.#assembly.reuse(begun);
    if (!isRight) {
      this.counts.discardedBytes += begun.bytes.length;
      for (const _ of bringers) core.brokenOff(piece, 0);
      for (const bringer of begun.contributors) (bringer as Bringer).sentWrong(begun.contributors.size === 1);
    } else {
      core.arrived(piece, begun.bytes.length);
      for (const _ of bringers.slice(1)) core.brokenOff(piece, 0);
    }
    for (const bringer of bringers) bringer.pieceEnded(piece);
    if (!isRight) return;
    this.onPiece(piece);
    if (store.isComplete) this.onComplete();
  }
  /** Verifies and writes; false where its hash is wrong. */
  async #keep({ piece, bytes }: BegunPiece): Promise<boolean> {
    this.#writingBytes += bytes.length;
    try {
      const isRight = await this.store.isRight(piece, bytes);
      if (isRight) await this.store.write(piece, bytes);
      return isRight;
    } finally {
      this.#writingBytes -= bytes.length;
      for (const goOn of this.#waiting.splice(0)) goOn();
    }
  }
}
