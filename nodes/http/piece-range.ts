/** A run of pieces that one HTTP source brings: its bytes as they come, cut into the blocks of pieces. */
import type { SourceKind } from '#core/record.ts';
import { type BegunPiece, blockBytes, blockLengthOf } from '../files/assembly.ts';
import type { Bringer, PieceIntake } from '../files/piece-intake.ts';

interface Claim {
  begun: BegunPiece;
  broughtBytes: number;
}

/**
 * The pieces are claimed when the range begins. One that somebody else completes is passed over; when none is left
 * the range is of no use, and `signal` says so.
 */
export class PieceRange implements Bringer {
  readonly kind: SourceKind;
  readonly startByte: number;
  readonly endByte: number;
  readonly #intake: PieceIntake;
  readonly #claims = new Map<number, Claim>();
  readonly #abort = new AbortController();
  /** The part of a block that has come. */
  readonly #block = Buffer.allocUnsafe(blockBytes);
  #blockLength = 0;
  /** Behind the last byte that has come. */
  #position = 0;
  #isStopping = false;
  hasSentWrong = false;

  constructor(intake: PieceIntake, kind: SourceKind, firstPiece: number, pieceCount: number) {
    this.kind = kind;
    this.#intake = intake;
    const { pieceLengthBytes, sizeBytes } = intake.store.file;
    this.startByte = firstPiece * pieceLengthBytes;
    this.endByte = Math.min(sizeBytes, (firstPiece + pieceCount) * pieceLengthBytes);
    for (let piece = firstPiece; piece < firstPiece + pieceCount; piece++) {
      this.#claims.set(piece, { begun: intake.claim(piece, this), broughtBytes: 0 });
    }
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Where to begin, or to go on after `from`: the first byte that is not there yet. */
  nextByte(from: number): number {
    const { pieceLengthBytes } = this.#intake.store.file;
    // In the middle of a block whose beginning has come: go on with it.
    if (this.#blockLength > 0 && from === this.#position) return from;
    this.#blockLength = 0;
    let at = from;
    while (at < this.endByte) {
      const claim = this.#claims.get(Math.floor(at / pieceLengthBytes));
      const inPiece = at % pieceLengthBytes;
      const block = Math.floor(inPiece / blockBytes);
      if (claim === undefined) at += pieceLengthBytes - inPiece;
      else if (claim.begun.blocks[block] === 0) return at - inPiece + block * blockBytes;
      else at += blockLengthOf(claim.begun, block) - (inPiece % blockBytes);
    }
    return this.endByte;
  }

  /** Bytes at `at`, in order; ends when more may come. */
  async take(bytes: Uint8Array, at: number): Promise<void> {
    this.#cut(bytes, at);
    await this.#intake.caughtUp();
  }

  /** It is over, whole or not: what is not whole goes back to be asked for. */
  end(): void {
    if (this.#blockLength > 0) this.#intake.countDiscarded(this.kind, this.#blockLength);
    this.#blockLength = 0;
    for (const [piece, claim] of [...this.#claims]) {
      this.#claims.delete(piece);
      this.#intake.release(claim.begun, this, claim.broughtBytes);
    }
  }

  /** Ends with the piece that is under way. */
  stopSoon(): void {
    this.#isStopping = true;
    if ([...this.#claims.values()].every(({ broughtBytes }) => broughtBytes === 0)) this.abort();
  }

  abort(): void {
    this.#abort.abort();
  }

  pieceEnded(piece: number): void {
    this.#claims.delete(piece);
    if (this.#claims.size === 0) this.#abort.abort();
  }

  blockEnded(): void {}

  sentWrong(): void {
    this.hasSentWrong = true;
    this.#abort.abort();
  }

  #cut(bytes: Uint8Array, at: number): void {
    const { pieceLengthBytes } = this.#intake.store.file;
    let done = 0;
    this.#position = at + bytes.length;
    while (done < bytes.length) {
      const position = at + done;
      const piece = Math.floor(position / pieceLengthBytes);
      const inPiece = position % pieceLengthBytes;
      const block = Math.floor(inPiece / blockBytes);
      const length = Math.min(blockBytes, this.#intake.store.pieceBytes(piece) - block * blockBytes);
      const part = bytes.subarray(done, done + length - this.#blockLength);
      if (part.length === length) {
        this.#put(piece, block, part);
        done += length;
        continue;
      }
      this.#block.set(part, this.#blockLength);
      this.#blockLength += part.length;
      done += part.length;
      if (this.#blockLength < length) return;
      this.#blockLength = 0;
      this.#put(piece, block, this.#block.subarray(0, length));
    }
  }

  #put(piece: number, block: number, bytes: Uint8Array): void {
    const claim = this.#claims.get(piece);
    if (claim === undefined) this.#intake.countDuplicate(this.kind, bytes.length);
    else if (this.#intake.put(claim.begun, block, bytes, this)) {
      claim.broughtBytes += bytes.length;
      if (this.#isStopping && claim.begun.missingBlocks === 0) this.abort();
    }
  }
}
