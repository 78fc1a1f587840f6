/**
 * Who has which piece, and who has asked for which: three bits per piece and endpoint, the three sets of one endpoint
 * side by side so that one line of the processor's cache answers "does it want anything from him?".
 * The only file with shifts.
 */
import { assert } from './assert.ts';
import { none } from './units.ts';

const bitsPerWord = 32;

export class PieceSets {
  readonly pieceCount: number;
  readonly endpointCount: number;
  /** Words of one set. */
  readonly words: number;
  /** Words of one row: held, requested, requested twice, the number held, and a counter of draws. */
  readonly stride: number;
  readonly bits: Uint32Array;
  readonly #lastWord: number;

  constructor(endpointCount: number, pieceCount: number) {
    assert(pieceCount >= 1, 'a file has at least one piece');
    this.endpointCount = endpointCount;
    this.pieceCount = pieceCount;
    this.words = Math.ceil(pieceCount / bitsPerWord);
    this.stride = 3 * this.words + 2;
    this.bits = new Uint32Array(endpointCount * this.stride);
    const inLastWord = pieceCount - (this.words - 1) * bitsPerWord;
    this.#lastWord = inLastWord === bitsPerWord ? 0xffffffff : (1 << inLastWord) - 1;
  }

  holds(endpoint: number, piece: number): boolean {
    return (this.bits[endpoint * this.stride + (piece >>> 5)] & (1 << (piece & 31))) !== 0;
  }

  heldCount(endpoint: number): number {
    return this.bits[endpoint * this.stride + 3 * this.words];
  }

  isComplete(endpoint: number): boolean {
    return this.heldCount(endpoint) === this.pieceCount;
  }

  /** Number of this draw of the endpoint, from 0: kept here because whoever draws reads the row anyway. */
  nextDraw(endpoint: number): number {
    return this.bits[endpoint * this.stride + 3 * this.words + 1]++;
  }

  /** Returns false when it was held already. */
  hold(endpoint: number, piece: number): boolean {
    const at = endpoint * this.stride + (piece >>> 5);
    const bit = 1 << (piece & 31);
    if ((this.bits[at] & bit) !== 0) return false;
    this.bits[at] |= bit;
    this.bits[endpoint * this.stride + 3 * this.words]++;
    return true;
  }

  holdAll(endpoint: number): void {
    const at = endpoint * this.stride;
    this.bits.fill(0xffffffff, at, at + this.words);
    this.bits[at + this.words - 1] = this.#lastWord;
    this.bits[at + 3 * this.words] = this.pieceCount;
  }

  /** The endpoint holds nothing any more: its row goes to somebody else. */
  dropAll(endpoint: number): void {
    const at = endpoint * this.stride;
    this.bits.fill(0, at, at + this.words);
    this.bits[at + 3 * this.words] = 0;
  }

  /** Whether `source` holds a piece that `endpoint` lacks, asked for or not: BitTorrent's "interested". */
  lacksFrom(endpoint: number, source: number): boolean {
    const { bits, words } = this;
    const own = endpoint * this.stride;
    const other = source * this.stride;
    for (let word = 0; word < words; word++) {
      if ((bits[other + word] & ~bits[own + word]) !== 0) return true;
    }
    return false;
  }

  isRequested(endpoint: number, piece: number): boolean {
    return (this.bits[endpoint * this.stride + this.words + (piece >>> 5)] & (1 << (piece & 31))) !== 0;
  }

  isRequestedTwice(endpoint: number, piece: number): boolean {
    return (this.bits[endpoint * this.stride + 2 * this.words + (piece >>> 5)] & (1 << (piece & 31))) !== 0;
  }

  /** Marks one more source as asked: the second one turns on the second bit. */
  request(endpoint: number, piece: number): void {
    const at = endpoint * this.stride + this.words + (piece >>> 5);
    const bit = 1 << (piece & 31);
    if ((this.bits[at] & bit) !== 0) this.bits[at + this.words] |= bit;
    else this.bits[at] |= bit;
  }

  /** Takes one source back. */
  unrequest(endpoint: number, piece: number): void {
    const at = endpoint * this.stride + this.words + (piece >>> 5);
    const bit = 1 << (piece & 31);
    if ((this.bits[at + this.words] & bit) !== 0) this.bits[at + this.words] &= ~bit;
    else this.bits[at] &= ~bit;
  }

  clearRequests(endpoint: number): void {
    const at = endpoint * this.stride + this.words;
    this.bits.fill(0, at, at + 2 * this.words);
  }

  /** Whether `source` holds a piece that `endpoint` neither holds nor has asked anybody for. */
  wants(endpoint: number, source: number): boolean {
    const { bits, words } = this;
    const own = endpoint * this.stride;
    const other = source * this.stride;
    for (let word = 0; word < words; word++) {
      if ((bits[other + word] & ~(bits[own + word] | bits[own + words + word])) !== 0) return true;
    }
    return false;
  }

  /** The same for the endgame: not held, asked at most once. */
  wantsAgain(endpoint: number, source: number): boolean {
    const { bits, words } = this;
    const own = endpoint * this.stride;
    const other = source * this.stride;
    for (let word = 0; word < words; word++) {
      if ((bits[other + word] & ~(bits[own + word] | bits[own + 2 * words + word])) !== 0) return true;
    }
    return false;
  }

  /** Candidate bits of one word: held by `source`, neither held nor requested by `endpoint`. */
  candidates(endpoint: number, source: number, word: number): number {
    const own = endpoint * this.stride + word;
    return (this.bits[source * this.stride + word] & ~(this.bits[own] | this.bits[own + this.words])) >>> 0;
  }

  candidatesAgain(endpoint: number, source: number, word: number): number {
    const own = endpoint * this.stride + word;
    return (this.bits[source * this.stride + word] & ~(this.bits[own] | this.bits[own + 2 * this.words])) >>> 0;
  }

  /** First piece at or after `from`, wrapping, that `source` holds and `endpoint` neither holds nor has asked for. */
  nextWanted(endpoint: number, source: number, from: number): number {
    const { words } = this;
    let word = from >>> 5;
    let mask = (0xffffffff << (from & 31)) >>> 0;
    for (let step = 0; step <= words; step++) {
      const wanted = this.candidates(endpoint, source, word) & mask;
      if (wanted !== 0) return word * bitsPerWord + lowestBit(wanted);
      mask = 0xffffffff;
      word = word + 1 === words ? 0 : word + 1;
    }
    return none;
  }

  /** First piece at or after `from`, wrapping, that `endpoint` neither holds nor has asked for, or `none`. */
  nextMissing(endpoint: number, from: number): number {
    const { bits, words } = this;
    const own = endpoint * this.stride;
    let word = from >>> 5;
    let mask = (0xffffffff << (from & 31)) >>> 0;
    for (let step = 0; step <= words; step++) {
      let free = ~(bits[own + word] | bits[own + words + word]) & mask;
      if (word === words - 1) free &= this.#lastWord;
      if (free !== 0) return word * bitsPerWord + lowestBit(free);
      mask = 0xffffffff;
      word = word + 1 === words ? 0 : word + 1;
    }
    return none;
  }
}

/** Index of the lowest bit that is set. */
export function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
