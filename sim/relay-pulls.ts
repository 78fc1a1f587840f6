/**
 * How relays come to hold the file (M11–M13): several connections to the origin, piece by piece from the front; with
 * `exchange`, relays of one file pull disjoint parts first and take the rest from each other over BitTorrent.
 * A relay serves from the moment at which its buffer has reached the set amount, while the pull goes on.
 */
import type { Downloads } from '#core/swarm/downloads.ts';
import { none } from '#core/units.ts';
import type { Network } from './network.ts';
import type { OriginDoor } from './origin-door.ts';
import { type State, status } from './state.ts';
import { taskFlags, transferFlag } from './transfer-table.ts';

export class RelayPulls {
  readonly #state: State;
  readonly #network: Network;
  readonly #downloads: Downloads;
  readonly #origin: OriginDoor;
  readonly #active: Uint16Array;
  /** Relays that a relay's pull wakes: set by the world. */
  onGained: (relay: number, piece: number) => void = () => {};

  constructor(state: State, downloads: Downloads, origin: OriginDoor) {
    this.#state = state;
    this.#network = state.network;
    this.#downloads = downloads;
    this.#origin = origin;
    this.#active = new Uint16Array(state.population.clientsFrom);
  }

  activeOf(relay: number): number {
    return this.#active[relay];
  }

  isPulling(relay: number): boolean {
    return this.#state.now >= this.#state.beginsAt && this.#state.status[relay] === status.downloading;
  }

  /** Nothing is left that no other relay holds or pulls. */
  hasNothingToPull(relay: number): boolean {
    return this.#nextPiece(relay) === none;
  }

  /** Uses the pull's free connections, as far as the lease goes. */
  pump(relay: number): void {
    const state = this.#state;
    if (!this.isPulling(relay) || state.status[0] === status.down || !state.canReach(0, relay)) return;
    while (this.#active[relay] < state.policy.relay.pullConnections) {
      const piece = this.#nextPiece(relay);
      if (piece === none || !this.#origin.mayAsk(relay) || this.#isOriginFull()) return;
      this.#active[relay]++;
      this.#origin.began(relay, 0);
      const bytes = this.#downloads.claim(relay, piece);
      const delay = 4 * state.latency(0, relay);
      this.#network.start(
        0,
        relay,
        piece,
        bytes,
        this.#origin.rateOf(relay),
        delay,
        transferFlag.http | transferFlag.pull | taskFlags(state.taskIndex),
      );
    }
  }

  arrived(transfer: number): void {
    const network = this.#network;
    const { accounts } = this.#state;
    const relay = network.target(transfer);
    const piece = network.piece(transfer);
    const bytes = this.#downloads.asked(relay, piece);
    accounts.received(0, relay, bytes);
    accounts.transferCount++;
    if (this.#downloads.received(relay, piece, bytes)) this.onGained(relay, piece);
    if (!network.isActive(transfer)) return;
    const next = this.isPulling(relay) && this.#origin.mayAsk(relay) ? this.#nextPiece(relay) : none;
    if (next === none) {
      this.release(transfer);
      this.pump(relay);
      return;
    }
    network.next(transfer, next, this.#downloads.claim(relay, next));
  }

  release(transfer: number): void {
    const relay = this.#network.target(transfer);
    this.#network.stop(transfer);
    this.#active[relay]--;
    this.#origin.ended(relay, 0);
  }

  #isOriginFull(): boolean {
    return this.#network.transferCount(this.#network.uplink(0)) >= this.#state.connectionsMax(0);
  }

  /** From the front; with exchange, from the relay's own part on, and nothing that another one holds or pulls. */
  #nextPiece(relay: number): number {
    const { sets, population, policy, pieceCount } = this.#state;
    if (!policy.relay.exchange) return sets.nextMissing(relay, 0);
    const from = Math.floor(((relay - 1) * pieceCount) / population.relayCount);
    let piece = sets.nextMissing(relay, from);
    for (let tries = 0; piece !== none && tries < pieceCount; tries++) {
      if (!this.#isElsewhere(relay, piece)) return piece;
      piece = sets.nextMissing(relay, (piece + 1) % pieceCount);
    }
    return none;
  }

  #isElsewhere(relay: number, piece: number): boolean {
    const { sets, status: statuses, population } = this.#state;
    for (let other = 1; other <= population.relayCount; other++) {
      if (other === relay || statuses[other] === status.down || !this.#state.canReach(other, relay)) continue;
      if (sets.holds(other, piece) || sets.isRequested(other, piece)) return true;
    }
    return false;
  }
}
