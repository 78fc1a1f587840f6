/**
 * Pieces that are asked of a peer behind the one that it is sending, so that its line never waits for a request. What
 * is asked of one is kept from all others: with few pieces a swarm is slower for it. Only where a scenario says so.
 */
import type { PieceSets } from '#core/bitset.ts';
import type { Downloads } from '#core/swarm/downloads.ts';
import { millisecondsPerSecond, none } from '#core/units.ts';

/** What nodes ask for ahead at least: 16 blocks of 16 KiB. */
const aheadBytesMin = 256 * 1024;

export class AskedAhead {
  readonly #downloads: Downloads;
  readonly #milliseconds: number;
  /** By transfer. */
  readonly #pieces = new Map<number, number>();

  constructor(downloads: Downloads, milliseconds: number) {
    this.#downloads = downloads;
    this.#milliseconds = milliseconds;
  }

  /** A piece is under way: asks for the next one of the same source, where so much is asked for ahead. */
  ask(transfer: number, client: number, source: number, bytesPerSecond: number): void {
    const { sets, picker } = this.#downloads;
    const ahead = Math.max(aheadBytesMin, (bytesPerSecond * this.#milliseconds) / millisecondsPerSecond);
    // Less than a piece reaches into the next one for that share of the time.
    if (this.#downloads.draw(client) / 2 ** 32 >= ahead / this.#downloads.pieceLengthBytes) return;
    const piece = picker.pick(client, source, none, this.#downloads.draw(client));
    if (piece === none) return;
    sets.request(client, piece);
    this.#pieces.set(transfer, piece);
  }

  /** The piece that follows on the transfer, still marked as asked for; `none`: nothing, or others have brought it. */
  follow(transfer: number, client: number): number {
    const piece = this.#pieces.get(transfer);
    if (piece === undefined) return none;
    this.#pieces.delete(transfer);
    if (!this.#downloads.sets.holds(client, piece)) return piece;
    this.#downloads.sets.unrequest(client, piece);
    return none;
  }

  /** The transfer has ended: others may bring what was asked for behind it. */
  end(transfer: number, client: number): void {
    const piece = this.#pieces.get(transfer);
    if (piece === undefined) return;
    this.#pieces.delete(transfer);
    this.#downloads.sets.unrequest(client, piece);
  }
}

/** A range over HTTP claims all of its pieces when it is asked for: peers are asked for others. */
export class ClaimedRanges {
  readonly #sets: PieceSets;
  /** By transfer: the pieces that are claimed behind the one under way. */
  readonly #ranges = new Map<number, { next: number; end: number }>();

  constructor(sets: PieceSets) {
    this.#sets = sets;
  }

  /** `piece` is under way: what follows it, up to so many pieces in all, as far as it is wanted and there. */
  claim(transfer: number, client: number, source: number, piece: number, pieces: number): void {
    const sets = this.#sets;
    const most = Math.min(piece + pieces, sets.pieceCount);
    let end = piece + 1;
    for (; end < most && sets.nextWanted(client, source, end) === end; end++) sets.request(client, end);
    this.#ranges.set(transfer, { next: piece + 1, end });
  }

  /** The next piece of the range that nobody has brought meanwhile; `none`: there is none. */
  next(transfer: number, client: number): number {
    const range = this.#ranges.get(transfer);
    if (range === undefined) return none;
    for (; range.next < range.end && this.#sets.holds(client, range.next); range.next++) {
      this.#sets.unrequest(client, range.next);
    }
    return range.next < range.end ? range.next : none;
  }

  /** The piece is under way now. */
  begin(transfer: number, piece: number): void {
    const range = this.#ranges.get(transfer);
    if (range !== undefined) range.next = piece + 1;
  }

  end(transfer: number, client: number): void {
    const range = this.#ranges.get(transfer);
    if (range === undefined) return;
    this.#ranges.delete(transfer);
    for (let piece = range.next; piece < range.end; piece++) this.#sets.unrequest(client, piece);
  }
}
