/**
 * Which pieces does HTTP ask for? (M23)
 *
 *     1. what no neighbour holds: BitTorrent cannot bring it at all
 *     2. what is missing and nobody was asked for, from a random place on: clients then bring different pieces in
 *     3. what one neighbour is slow to bring (a race, within the policy's budget of hedged bytes)
 *
 * A range is a run of such pieces, up to the policy's length: one request for many pieces costs one round trip.
 * The places come from the client's own draws. Rejected: the rarest first (its neighbours in the file are not rare,
 * and ranges would be one piece long).
 */
import type { PieceSets } from '../bitset.ts';
import { scaled } from '../prng.ts';
import { none } from '../units.ts';

/** Answers of `chooseRange`: position in `rangeReasons`. */
export const rangeUnavailable = 0;
export const rangeMissing = 1;

/** The run that was chosen; one object, overwritten by each choice. */
export interface ChosenRange {
  firstPiece: number;
  pieceCount: number;
  reason: number;
}

/** `counts`: how many neighbours hold each piece. `bits`: 32 random bits. `firstPiece` is `none` if nothing is free. */
export function chooseRange(
  sets: PieceSets,
  counts: ArrayLike<number>,
  client: number,
  piecesMax: number,
  bits: number,
  chosen: ChosenRange,
): void {
  const start = scaled(bits, sets.pieceCount);
  chosen.firstPiece = nextUnavailable(sets, counts, client, start);
  chosen.reason = rangeUnavailable;
  if (chosen.firstPiece === none) {
    chosen.firstPiece = sets.nextMissing(client, start);
    chosen.reason = rangeMissing;
  }
  chosen.pieceCount = 0;
  if (chosen.firstPiece === none) return;
  const isAlike = (piece: number) => chosen.reason === rangeMissing || counts[piece] === 0;
  let piece = chosen.firstPiece;
  while (piece < sets.pieceCount && piece - chosen.firstPiece < piecesMax && isFree(sets, client, piece)) {
    if (!isAlike(piece)) break;
    piece++;
  }
  chosen.pieceCount = piece - chosen.firstPiece;
}

/** A piece that exactly one source was asked for and that is not there yet, from a random place on; or `none`. */
export function chooseRaced(sets: PieceSets, client: number, bits: number): number {
  const start = scaled(bits, sets.pieceCount);
  for (let step = 0; step < sets.pieceCount; step++) {
    const piece = start + step < sets.pieceCount ? start + step : start + step - sets.pieceCount;
    if (sets.holds(client, piece) || !sets.isRequested(client, piece)) continue;
    if (!sets.isRequestedTwice(client, piece)) return piece;
  }
  return none;
}

function nextUnavailable(sets: PieceSets, counts: ArrayLike<number>, client: number, start: number): number {
  for (let step = 0; step < sets.pieceCount; step++) {
    const piece = start + step < sets.pieceCount ? start + step : start + step - sets.pieceCount;
    if (counts[piece] === 0 && isFree(sets, client, piece)) return piece;
  }
  return none;
}

function isFree(sets: PieceSets, client: number, piece: number): boolean {
  return !sets.holds(client, piece) && !sets.isRequested(client, piece);
}
