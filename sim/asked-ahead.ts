/**
 * Pieces that are asked of a peer behind the one that it is sending, so that its line never waits for a request. What
 * is asked of one is kept from all others: with few pieces a swarm is slower for it. Only where a scenario says so.
 */
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
