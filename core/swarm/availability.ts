/**
 * How many of those that a client can ask hold a piece: what "rarest" means.
 * Two answers behind one interface. Exact: a counter per client and piece, fed by the HAVEs of its neighbours, as
 * every BitTorrent client keeps it (production, and the simulator's default). Swarm-wide: one counter per piece over
 * everybody (the simulator at scale): a HAVE then costs one increment instead of one per neighbour.
 */
import type { PieceSets } from '../bitset.ts';

export interface Availability {
  readonly kind: 'exact' | 'swarm';
  /** Counters; those of `client` begin at `offset(client)`, one per piece. */
  readonly counts: Uint16Array | Uint32Array;
  offset(client: number): number;
  /** `neighbour` announced `piece` to `client`. */
  heard(client: number, piece: number): void;
  /** `endpoint` came to hold `piece` (called once per piece gained, before its HAVEs). */
  gained(piece: number): void;
  /** `client` and `neighbour` connected, or parted: all that `neighbour` holds counts, or counts no more. */
  connected(client: number, neighbour: number, sets: PieceSets): void;
  parted(client: number, neighbour: number, sets: PieceSets): void;
  /** `endpoint` and all it holds joined, or left, the swarm. */
  joined(endpoint: number, sets: PieceSets): void;
  left(endpoint: number, sets: PieceSets): void;
}

/** One counter per client and piece: 2 bytes each, as nobody has more than 65,535 neighbours. */
export class ExactAvailability implements Availability {
  readonly kind = 'exact';
  readonly counts: Uint16Array;
  readonly #pieceCount: number;

  constructor(clientCount: number, pieceCount: number) {
    this.#pieceCount = pieceCount;
    this.counts = new Uint16Array(clientCount * pieceCount);
  }

  offset(client: number): number {
    return client * this.#pieceCount;
  }

  heard(client: number, piece: number): void {
    this.counts[client * this.#pieceCount + piece]++;
  }

  gained(_piece: number): void {}

  connected(client: number, neighbour: number, sets: PieceSets): void {
    this.#addRow(client, neighbour, sets, 1);
  }

  parted(client: number, neighbour: number, sets: PieceSets): void {
    this.#addRow(client, neighbour, sets, -1);
  }

  joined(_endpoint: number, _sets: PieceSets): void {}

  left(_endpoint: number, _sets: PieceSets): void {}

  #addRow(client: number, neighbour: number, sets: PieceSets, step: number): void {
    if (sets.heldCount(neighbour) === 0) return;
    const offset = client * this.#pieceCount;
    for (let piece = 0; piece < this.#pieceCount; piece++) {
      if (sets.holds(neighbour, piece)) this.counts[offset + piece] += step;
    }
  }
}

/** One counter per piece for everybody. */
export class SwarmAvailability implements Availability {
  readonly kind = 'swarm';
  readonly counts: Uint32Array;

  constructor(pieceCount: number) {
    this.counts = new Uint32Array(pieceCount);
  }

  offset(_client: number): number {
    return 0;
  }

  heard(_client: number, _piece: number): void {}

  gained(piece: number): void {
    this.counts[piece]++;
  }

  connected(_client: number, _neighbour: number, _sets: PieceSets): void {}

  parted(_client: number, _neighbour: number, _sets: PieceSets): void {}

  joined(endpoint: number, sets: PieceSets): void {
    this.#addAll(endpoint, sets, 1);
  }

  left(endpoint: number, sets: PieceSets): void {
    this.#addAll(endpoint, sets, -1);
  }

  #addAll(endpoint: number, sets: PieceSets, step: number): void {
    if (sets.heldCount(endpoint) === 0) return;
    for (let piece = 0; piece < this.counts.length; piece++) {
      if (sets.holds(endpoint, piece)) this.counts[piece] += step;
    }
  }
}
