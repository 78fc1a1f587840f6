/**
 * Which piece a client asks a source for (M17). The rule: pieces with priority before others, a piece begun before a
 * new one, then the rarest that the source holds and nobody was asked for, ties by chance; when all that is missing
 * is asked for and little is missing, a second source for one of those (endgame, bounded).
 * It proposes and changes nothing: the host marks the request once it went out.
 * Rejected: a heap of pieces by rarity, which every HAVE would have to touch; a scan of bits is cheaper up to some
 * thousand pieces. A window bounds the scan where a million clients ask: it looks at the first `window` candidates
 * from a random start, which keeps the choice random among the rare ones but may miss the rarest.
 */
import { lowestBit, type PieceSets } from '../bitset.ts';
import type { EndgamePolicy } from '../policy.ts';
import { scaled } from '../prng.ts';
import { none } from '../units.ts';
import type { Availability } from './availability.ts';

export class PiecePicker {
  readonly #sets: PieceSets;
  readonly #availability: Availability;
  readonly #order: 'rarest' | 'random' | 'sequential';
  readonly #endgame: EndgamePolicy;
  readonly #window: number;
  /** Priority pieces as bits, or null where there are none. */
  readonly #priority: Uint32Array | null;

  constructor(
    sets: PieceSets,
    availability: Availability,
    options: {
      order: 'rarest' | 'random' | 'sequential';
      endgame: EndgamePolicy;
      /** Candidates looked at, at most; `Infinity` = all. */
      window: number;
      /** Ranges of pieces, both ends included. */
      priorityPieces: [number, number][];
    },
  ) {
    this.#sets = sets;
    this.#availability = availability;
    this.#order = options.order;
    this.#endgame = options.endgame;
    this.#window = options.window;
    this.#priority = priorityBits(sets, options.priorityPieces);
  }

  /** `partial`: a piece that `client` has begun and nobody is sending, or `none`. `bits`: 32 random bits. */
  pick(client: number, source: number, partial: number, bits: number): number {
    if (this.#priority !== null) {
      const first = this.#best(client, source, bits, this.#priority);
      if (first !== none) return first;
    }
    if (partial !== none && this.#sets.holds(source, partial) && !this.#sets.isRequested(client, partial)) {
      return partial;
    }
    return this.#best(client, source, bits, null);
  }

  /** Whether `client` may ask second sources now: few pieces are missing, and its budget is not spent. */
  isEndgame(client: number, duplicateBytes: number, fileBytes: number): boolean {
    if (this.#endgame.sources < 2 || duplicateBytes >= this.#endgame.budget * fileBytes) return false;
    return this.#sets.pieceCount - this.#sets.heldCount(client) <= this.#endgame.pieces;
  }

  /** A piece that was asked for once, is missing still, and that `source` holds; or `none`. */
  pickAgain(client: number, source: number, bits: number): number {
    const sets = this.#sets;
    const start = scaled(bits, sets.words);
    for (let step = 0; step < sets.words; step++) {
      const word = (start + step) % sets.words;
      const candidates = sets.candidatesAgain(client, source, word);
      if (candidates !== 0) return word * 32 + lowestBit(candidates);
    }
    return none;
  }

  #best(client: number, source: number, bits: number, only: Uint32Array | null): number {
    const sets = this.#sets;
    const { words } = sets;
    const { counts } = this.#availability;
    const offset = this.#availability.offset(client);
    const order = this.#order;
    // A random word to begin at, and a random bit in it, make ties random.
    const startWord = order === 'sequential' ? 0 : scaled(bits, words);
    const startBit = order === 'sequential' ? 0 : bits & 31;
    let best = none;
    let bestCount = Infinity;
    let left = this.#window;
    // The first word is visited twice: its bits from `startBit` on, and at the end those before it.
    for (let step = 0; step <= words && left > 0; step++) {
      const word = startWord + step >= words ? startWord + step - words : startWord + step;
      let candidates = sets.candidates(client, source, word);
      if (only !== null) candidates &= only[word];
      if (step === 0) candidates &= 0xffffffff << startBit;
      else if (step === words) candidates &= ~(0xffffffff << startBit);
      while (candidates !== 0) {
        const piece = word * 32 + lowestBit(candidates);
        candidates &= candidates - 1;
        if (order !== 'rarest') return piece;
        const count = counts[offset + piece];
        if (count < bestCount) {
          bestCount = count;
          best = piece;
        }
        if (--left <= 0) break;
      }
    }
    return best;
  }
}

function priorityBits(sets: PieceSets, ranges: [number, number][]): Uint32Array | null {
  if (ranges.length === 0) return null;
  const bits = new Uint32Array(sets.words);
  for (const [first, last] of ranges) {
    for (let piece = first; piece <= Math.min(last, sets.pieceCount - 1); piece++)
      bits[piece >>> 5] |= 1 << (piece & 31);
  }
  return bits;
}
