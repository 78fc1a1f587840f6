/**
 * Where bytes came from and what became of them: double entry, counted by whoever receives. The two sides are added
 * at different moments (when a request ends; when a piece is held), and a checker compares them.
 */
import type { Scenario } from '#scenarios/format/scenario.ts';
import { flowKind } from './flow-meter.ts';
import type { Population } from './population.ts';

export interface ClassAccount {
  origin: number;
  relay: number;
  peer: number;
  delivered: number;
  duplicate: number;
  discarded: number;
  partial: number;
}

export class Accounts {
  readonly classes: ClassAccount[];
  originToRelay = 0;
  relayToRelay = 0;
  peerToRelay = 0;
  /** Piece transfers that ended whole. */
  transferCount = 0;
  /** Requests that ended before; each is rounded down to whole bytes. */
  brokenOffCount = 0;
  /** Bytes between regions, `[from * regions + to]`, of everything sent. */
  readonly betweenRegions: Float64Array;
  readonly #population: Population;
  readonly #regionCount: number;

  constructor(scenario: Scenario, population: Population) {
    this.classes = scenario.clients.map(() => ({
      origin: 0,
      relay: 0,
      peer: 0,
      delivered: 0,
      duplicate: 0,
      discarded: 0,
      partial: 0,
    }));
    this.#population = population;
    this.#regionCount = scenario.regions.length;
    this.betweenRegions = new Float64Array(this.#regionCount ** 2);
  }

  /** `bytes` of payload that `source` sent reached `target`. */
  received(source: number, target: number, bytes: number): void {
    const { clientsFrom, classOf, region } = this.#population;
    if (this.#regionCount > 1) this.betweenRegions[region[source] * this.#regionCount + region[target]] += bytes;
    const kind = source === 0 ? flowKind.origin : source < clientsFrom ? flowKind.relay : flowKind.peer;
    if (target < clientsFrom) {
      if (kind === flowKind.origin) this.originToRelay += bytes;
      else if (kind === flowKind.relay) this.relayToRelay += bytes;
      else this.peerToRelay += bytes;
      return;
    }
    const account = this.classes[classOf[target]];
    if (kind === flowKind.origin) account.origin += bytes;
    else if (kind === flowKind.relay) account.relay += bytes;
    else account.peer += bytes;
  }

  delivered(target: number, bytes: number): void {
    if (target >= this.#population.clientsFrom) this.classes[this.#population.classOf[target]].delivered += bytes;
  }

  duplicate(target: number, bytes: number): void {
    if (target >= this.#population.clientsFrom) this.classes[this.#population.classOf[target]].duplicate += bytes;
  }

  discarded(target: number, bytes: number): void {
    if (target >= this.#population.clientsFrom) this.classes[this.#population.classOf[target]].discarded += bytes;
  }

  partial(target: number, bytes: number): void {
    if (target >= this.#population.clientsFrom) this.classes[this.#population.classOf[target]].partial += bytes;
  }
}
