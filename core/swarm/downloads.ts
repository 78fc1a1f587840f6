/**
 * What a client asks its sources for, and what becomes of the answers: the piece picker's proposals turned into
 * requests, the bytes of a broken-off piece kept for the next source, and the bound on what is fetched twice.
 * Rows are clients: all of them in the simulator, one in a production client.
 */
import type { PieceSets } from '../bitset.ts';
import type { Host } from '../host.ts';
import { clientBits } from '../prng.ts';
import { none } from '../units.ts';
import type { PiecePicker } from './piece-picker.ts';

export class Downloads {
  readonly sets: PieceSets;
  readonly picker: PiecePicker;
  readonly fileBytes: number;
  readonly pieceLengthBytes: number;
  /** Piece that was broken off, and its bytes that are there; one per client. */
  readonly partialPiece: Int32Array;
  readonly partialBytes: Float64Array;
  readonly duplicateBytes: Float32Array;
  /** Whether the last `brokenOff` lost a race, rather than its source. */
  isDuplicate = false;
  /** Clients with a begun piece: mostly none, and then nobody's has to be looked up. */
  #partialCount = 0;
  readonly #host: Host;
  readonly #seed: number;
  /** Number of the first row's stream of chance: a row draws what the client of that number draws. */
  readonly #firstStream: number;

  constructor(
    sets: PieceSets,
    picker: PiecePicker,
    host: Host,
    seed: number,
    file: { sizeBytes: number; pieceLengthBytes: number },
    firstStream = 0,
  ) {
    this.sets = sets;
    this.picker = picker;
    this.fileBytes = file.sizeBytes;
    this.pieceLengthBytes = file.pieceLengthBytes;
    this.partialPiece = new Int32Array(sets.endpointCount).fill(none);
    this.partialBytes = new Float64Array(sets.endpointCount);
    this.duplicateBytes = new Float32Array(sets.endpointCount);
    this.#host = host;
    this.#seed = seed;
    this.#firstStream = firstStream;
  }

  /** The columns were filled from outside. */
  recount(): void {
    this.#partialCount = this.partialPiece.reduce((count, piece) => count + (piece === none ? 0 : 1), 0);
  }

  tableBytes(): number {
    return this.sets.bits.byteLength + this.sets.endpointCount * 16;
  }

  /** The next 32 random bits of `client`. */
  draw(client: number): number {
    return clientBits(this.#seed, this.#firstStream + client, this.sets.nextDraw(client));
  }

  pieceBytes(piece: number): number {
    const last = this.sets.pieceCount - 1;
    return piece < last ? this.pieceLengthBytes : this.fileBytes - last * this.pieceLengthBytes;
  }

  /** Bytes that are held: whole pieces, verified. */
  heldBytes(client: number): number {
    const { sets } = this;
    const last = sets.pieceCount - 1;
    const short = sets.holds(client, last) ? this.pieceLengthBytes - this.pieceBytes(last) : 0;
    return sets.heldCount(client) * this.pieceLengthBytes - short;
  }

  /** `source` is ready to serve `client`: asks it for the best piece. False when it has nothing to ask for. */
  askNext(client: number, source: number): boolean {
    const partial = this.#partialCount === 0 ? none : this.partialPiece[client];
    const bits = this.draw(client);
    let piece = this.picker.pick(client, source, partial, bits);
    if (piece !== none) {
      this.#request(client, source, piece, piece === partial ? 'partial' : 'rarest');
      return true;
    }
    if (!this.picker.isEndgame(client, this.duplicateBytes[client], this.fileBytes)) return false;
    piece = this.picker.pickAgain(client, source, bits);
    if (piece === none) return false;
    this.#request(client, source, piece, 'endgame');
    return true;
  }

  /** Marks one more request for `piece`; returns the bytes that it has to bring. */
  claim(client: number, piece: number): number {
    this.sets.request(client, piece);
    return this.asked(client, piece);
  }

  /** Bytes that a request for `piece` brings: all of it but what was kept of a broken-off one. */
  asked(client: number, piece: number): number {
    const whole = this.pieceBytes(piece);
    if (this.#partialCount === 0) return whole;
    return this.partialPiece[client] === piece ? whole - this.partialBytes[client] : whole;
  }

  /** A whole piece has arrived and its hash was right. Returns false when it was there already. */
  received(client: number, piece: number, bytes: number): boolean {
    const { sets } = this;
    const wasDoubled = sets.isRequestedTwice(client, piece);
    sets.unrequest(client, piece);
    if (!sets.hold(client, piece)) {
      this.duplicateBytes[client] += bytes;
      return false;
    }
    // The loser's bytes are counted against what it was asked for: the begun piece is dropped after that.
    if (wasDoubled) this.#host.cancelPiece(client, piece);
    if (this.#partialCount > 0 && this.partialPiece[client] === piece) this.dropPartial(client);
    return true;
  }

  /**
   * A request ended with `bytes` of its piece: whole blocks are kept if no other begun piece is. Returns what is of
   * no use; it is duplicate where somebody else is bringing, or has brought, the same piece (`isDuplicate`).
   */
  brokenOff(client: number, piece: number, bytes: number): number {
    const { sets } = this;
    this.isDuplicate = sets.isRequestedTwice(client, piece) || sets.holds(client, piece);
    sets.unrequest(client, piece);
    if (this.isDuplicate) {
      this.duplicateBytes[client] += bytes;
      return bytes;
    }
    const begun = this.partialPiece[client];
    if (begun !== none && begun !== piece) return bytes;
    const there = this.partialBytes[client] + bytes;
    const kept = Math.floor(there / blockLengthBytes) * blockLengthBytes;
    if (begun !== none) this.#partialCount--;
    if (kept > 0) this.#partialCount++;
    this.partialPiece[client] = kept === 0 ? none : piece;
    this.partialBytes[client] = kept;
    return there - kept;
  }

  /** The begun piece is whole, or thrown away; returns the bytes that were kept of it. */
  dropPartial(client: number): number {
    const bytes = this.partialBytes[client];
    if (this.partialPiece[client] !== none) this.#partialCount--;
    this.partialPiece[client] = none;
    this.partialBytes[client] = 0;
    return bytes;
  }

  #request(client: number, source: number, piece: number, reason: 'rarest' | 'partial' | 'endgame'): void {
    this.#host.requestPiece(client, source, piece, this.claim(client, piece), reason);
  }
}

/** BEP 3: what a client keeps of a piece that was broken off is whole blocks. */
export const blockLengthBytes = 16 * 1024;
