/**
 * Whose requests are answered: every ten seconds each slot is decided anew by the core's choker, the optimistic one
 * every thirty; a slot that falls free in between goes to somebody at once.
 */
import type { ClientCore } from '#core/client.ts';
import type { Peer } from './peer.ts';

export class ChokeRounds {
  readonly #core: ClientCore;
  readonly #slots: number;
  readonly #optimisticSlots: number;
  readonly #roundSeconds: number;
  readonly #optimisticRounds: number;
  #seconds = 0;
  #round = 0;
  /** Rows that hold an optimistic slot. */
  readonly #optimistic = new Set<number>();

  constructor(core: ClientCore, slots: number, optimisticSlots: number) {
    const { chokeInterval, optimisticInterval } = core.options.policy.swarm;
    this.#core = core;
    this.#slots = slots;
    this.#optimisticSlots = optimisticSlots;
    this.#roundSeconds = Math.max(1, Math.round(chokeInterval / 1000));
    this.#optimisticRounds = Math.max(1, Math.round(optimisticInterval / chokeInterval));
  }

  /** Once a second. */
  tick(peers: ReadonlyMap<number, Peer>): void {
    if (++this.#seconds % this.#roundSeconds !== 0) return;
    for (const peer of peers.values()) {
      peer.roundBytesPerSecond = peer.roundReceivedBytes / this.#roundSeconds;
      peer.roundReceivedBytes = 0;
    }
    if (++this.#round % this.#optimisticRounds === 0) this.#optimistic.clear();
    this.#decide(peers, new Set([...this.#optimistic].filter((row) => peers.get(row)?.wire.peerInterested)));
  }

  /** Gives free slots away; takes none back. */
  fill(peers: ReadonlyMap<number, Peer>): void {
    const served = [...peers.values()].filter((peer) => !peer.wire.amChoking);
    const isFree = served.length < this.#slots + this.#optimisticSlots;
    const waits = [...peers.values()].some((peer) => peer.wire.amChoking && peer.wire.peerInterested);
    if (isFree && waits) this.#decide(peers, new Set(served.map((peer) => peer.row)));
  }

  /** `kept` have a slot already; the others are chosen one by one. */
  #decide(peers: ReadonlyMap<number, Peer>, kept: Set<number>): void {
    const chosen = new Set(kept);
    const slots = this.#slots + this.#optimisticSlots;
    for (let slot = chosen.size; slot < slots; slot++) {
      const candidates = [...peers.values()].filter((peer) => peer.wire.peerInterested && !chosen.has(peer.row));
      if (candidates.length === 0) break;
      const optimisticHeld = [...this.#optimistic].filter((row) => chosen.has(row)).length;
      const isOptimistic = slot >= this.#slots && optimisticHeld < this.#optimisticSlots;
      const rows = candidates.map((peer) => peer.row);
      const rates = candidates.map((peer) => Math.round(peer.roundBytesPerSecond));
      const decision = this.#core.unchoke(isOptimistic, rows, rates);
      if (decision?.kind !== 'unchoke') break;
      chosen.add(decision.endpoint);
      if (isOptimistic) this.#optimistic.add(decision.endpoint);
    }
    for (const peer of peers.values()) {
      if (chosen.has(peer.row)) peer.wire.unchoke();
      else peer.wire.choke();
    }
  }
}
