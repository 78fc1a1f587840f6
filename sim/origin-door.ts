/**
 * The way to the origin for the clients and relays of one task: nobody starts without a lease, no transfer is faster
 * than it, and nobody has more connections than it allows. Under a policy that does not keep the contract everybody
 * goes to the origin as he likes.
 *
 * Connections are shaped to the lease's rate, so tokens are spent as they are earned and no burst is used.
 */
import { none } from '#core/units.ts';
import type { OriginHolders } from './origin-holders.ts';
import { type State, status } from './state.ts';
import type { TaskRun } from './task-run.ts';

export class OriginDoor {
  readonly state: State;
  readonly run: TaskRun;
  readonly #holders: OriginHolders;
  readonly #keeps: boolean;
  /** Row of each endpoint that holds or wants a lease. */
  readonly #rowOf = new Map<number, number>();

  constructor(state: State, holders: OriginHolders, run: TaskRun) {
    this.state = state;
    this.run = run;
    this.#holders = holders;
    this.#keeps = state.policy.contract;
  }

  /** Whether `endpoint` may open one more connection to the origin now; if not, it has asked for a lease. */
  mayAsk(endpoint: number): boolean {
    if (!this.#keeps) return true;
    let row = this.#rowOf.get(endpoint);
    if (row === undefined) {
      row = this.#holders.open(this, endpoint);
      if (row === none) return false;
      this.#rowOf.set(endpoint, row);
    }
    return this.#holders.hasRoom(row);
  }

  /** Whether the next piece of a range may be asked for. */
  mayGoOn(endpoint: number, source: number): boolean {
    if (source !== 0 || !this.#keeps) return true;
    const row = this.#rowOf.get(endpoint);
    return row !== undefined && this.#holders.mayGoOn(row);
  }

  /** Bytes per second of one of the endpoint's connections at most. */
  rateOf(endpoint: number): number {
    if (!this.#keeps) return Infinity;
    const row = this.#rowOf.get(endpoint);
    return row === undefined ? 0 : this.#holders.rateOf(row);
  }

  began(endpoint: number, source: number): void {
    if (source !== 0 || !this.#keeps) return;
    const row = this.#rowOf.get(endpoint);
    if (row !== undefined) this.#holders.began(row);
  }

  ended(endpoint: number, source: number): void {
    if (source !== 0 || !this.#keeps) return;
    const row = this.#rowOf.get(endpoint);
    if (row !== undefined) this.#holders.ended(row);
  }

  /** The endpoint has gone without a word: nothing is given back. */
  crashed(endpoint: number): void {
    const row = this.#rowOf.get(endpoint);
    if (row !== undefined) this.#holders.drop(row);
  }

  forget(endpoint: number): void {
    this.#rowOf.delete(endpoint);
  }

  // ---- What the holders' table asks ---------------------------------------------------------------------------

  wants(endpoint: number): boolean {
    const { http, pulls } = this.run;
    if (this.state.isRelay(endpoint)) return pulls.isPulling(endpoint) && !pulls.hasNothingToPull(endpoint);
    return this.state.status[endpoint] === status.downloading && http.isOpen[endpoint] !== 0;
  }

  /** Bytes per second, whole. */
  demandOf(endpoint: number): number {
    const { network } = this.state;
    const capacity = network.capacity(network.downlink(endpoint));
    const limit = this.state.isRelay(endpoint) ? capacity : Math.min(capacity, this.run.http.rateMax[endpoint]);
    return Math.max(1, Math.floor(limit));
  }

  slotsOf(endpoint: number): number {
    const { relay, http } = this.state.policy;
    const { originConnections } = this.state.scenario.distribution;
    return this.state.isRelay(endpoint) ? relay.pullConnections : Math.min(http.connections, originConnections);
  }

  pump(endpoint: number): void {
    if (this.state.isRelay(endpoint)) this.run.pulls.pump(endpoint);
    else this.run.http.pumpNow(endpoint);
  }

  /** Ends transfers of the endpoint until `excess` connections are closed. */
  closeSome(endpoint: number, excess: number): void {
    let left = excess;
    this.visit(endpoint, (transfer) => {
      if (left-- > 0) this.run.breakOff(transfer);
    });
  }

  /** Transfers from the origin to `endpoint` for this task. */
  visit(endpoint: number, visit: (transfer: number) => void): void {
    const { network } = this.state;
    for (let transfer = network.firstTransfer(network.downlink(endpoint)); transfer !== none; ) {
      const next = network.nextIn(transfer);
      if (network.source(transfer) === 0 && this.state.owns(transfer)) visit(transfer);
      transfer = next;
    }
  }
}
