/**
 * The side of the origin's leases that asks and uses them, for the clients and relays of one task: nobody starts
 * without a lease, no transfer is faster than it, and nobody has more connections than it allows. Under a policy that
 * does not keep the contract everybody goes to the origin as he likes.
 */
import type { HolderTable } from '#core/quota/allocate.ts';
import { microsecondsPerMillisecond, microsecondsPerSecond, none } from '#core/units.ts';
import type { OriginAccess } from './origin-access.ts';
import { type State, status } from './state.ts';
import type { TaskRun } from './task-run.ts';

/** A client that asked and then took nothing for so long no longer counts. */
const idleMicroseconds = 5 * microsecondsPerSecond;

interface Holding {
  /** Bytes per second and connections of the lease in force; 0 = none. */
  rate: number;
  slots: number;
  /** Connections in use. */
  open: number;
  /** Microseconds. */
  askedAt: number;
  firstAskedAt: number;
}

export class OriginDoor {
  /** Endpoints that hold or want a lease, in the order in which they first asked. */
  holders: number[] = [];
  readonly #state: State;
  readonly #access: OriginAccess;
  readonly #run: TaskRun;
  readonly #keeps: boolean;
  readonly #rowOf = new Map<number, Holding>();

  constructor(state: State, access: OriginAccess, run: TaskRun) {
    this.#state = state;
    this.#access = access;
    this.#run = run;
    this.#keeps = state.policy.contract;
  }

  // ---- What holders ask -------------------------------------------------------------------------------------

  /** Whether `holder` may open one more connection to the origin now; if not, it has asked for a lease. */
  mayAsk(holder: number): boolean {
    if (!this.#keeps) return true;
    const lease = this.#rowOf.get(holder);
    const { now } = this.#state;
    if (lease === undefined) {
      this.#rowOf.set(holder, { rate: 0, slots: 0, open: 0, askedAt: now, firstAskedAt: now });
      this.holders.push(holder);
      this.#access.wake();
      return false;
    }
    lease.askedAt = now;
    return lease.rate > 0 && lease.open < lease.slots;
  }

  /** Whether the next piece of a range may be asked for. */
  mayGoOn(client: number, source: number): boolean {
    if (source !== 0 || !this.#keeps) return true;
    const lease = this.#rowOf.get(client);
    return lease !== undefined && lease.rate > 0 && lease.open <= lease.slots;
  }

  /** Bytes per second of one of the holder's connections at most. */
  rateOf(holder: number): number {
    if (!this.#keeps) return Infinity;
    const lease = this.#rowOf.get(holder);
    return lease === undefined ? 0 : lease.rate / Math.max(1, lease.open);
  }

  began(holder: number, source: number): void {
    if (source !== 0 || !this.#keeps) return;
    const lease = this.#rowOf.get(holder);
    if (lease === undefined) return;
    lease.open++;
    this.#applyCaps(holder);
  }

  ended(holder: number, source: number): void {
    if (source !== 0 || !this.#keeps) return;
    const lease = this.#rowOf.get(holder);
    if (lease === undefined) return;
    lease.open--;
    lease.askedAt = this.#state.now;
    this.#applyCaps(holder);
  }

  // ---- What control answers ---------------------------------------------------------------------------------

  describe(holder: number, row: number, table: HolderTable): void {
    const state = this.#state;
    const { http, pulls } = this.#run;
    const isRelay = state.isRelay(holder);
    const capacity = state.network.capacity(state.network.downlink(holder));
    const wants = isRelay
      ? pulls.isPulling(holder)
      : state.status[holder] === status.downloading && http.isOpen[holder] !== 0;
    const limit = isRelay ? capacity : Math.min(capacity, http.rateMax[holder]);
    table.demandBytesPerSecond[row] = wants ? Math.max(1, Math.floor(limit)) : 0;
    table.floorBytesPerSecond[row] = 0;
    table.ceilingBytesPerSecond[row] = Math.floor(capacity);
    table.weight[row] = state.task.weight;
    // Relays come first: each of their bytes is multiplied by the swarm.
    table.band[row] = isRelay ? 0 : 1 + state.task.band;
    table.slotsWanted[row] = wants ? this.#slotsWanted(holder, isRelay) : 0;
    const askedAt = this.#rowOf.get(holder)?.firstAskedAt ?? 0;
    table.unservedSinceMilliseconds[row] = Math.floor(askedAt / microsecondsPerMillisecond);
  }

  #slotsWanted(holder: number, isRelay: boolean): number {
    const { relay, http } = this.#state.policy;
    const { originConnections } = this.#state.scenario.distribution;
    const open = this.#rowOf.get(holder)?.open ?? 0;
    return Math.max(open, isRelay ? relay.pullConnections : Math.min(http.connections, originConnections));
  }

  /** What the lease in force must shrink to, before anybody else's grows. */
  shrink(holder: number, rate: number, slots: number): void {
    const lease = this.#rowOf.get(holder);
    if (lease !== undefined) this.set(holder, Math.min(lease.rate, rate), Math.min(lease.slots, slots));
  }

  /** Whoever was granted more starts at once; whoever has too many connections ends some. */
  set(holder: number, rate: number, slots: number): void {
    const lease = this.#rowOf.get(holder);
    if (lease === undefined || (lease.rate === rate && lease.slots === slots)) return;
    lease.rate = rate;
    lease.slots = slots;
    this.#revoke(holder, lease);
    this.#applyCaps(holder);
    if (rate === 0) return;
    if (this.#state.isRelay(holder)) this.#run.pulls.pump(holder);
    else this.#run.http.retry(holder);
  }

  forgetIdle(): void {
    const { now } = this.#state;
    this.holders = this.holders.filter((holder) => {
      const lease = this.#rowOf.get(holder);
      const isIdle = lease === undefined || (lease.open === 0 && now - lease.askedAt > idleMicroseconds);
      if (isIdle) this.#rowOf.delete(holder);
      return !isIdle;
    });
  }

  #revoke(holder: number, lease: Holding): void {
    this.#visit(holder, (transfer) => {
      if (lease.open > lease.slots) this.#run.breakOff(transfer);
    });
  }

  #applyCaps(holder: number): void {
    const cap = this.rateOf(holder);
    this.#visit(holder, (transfer) => this.#state.network.setCap(transfer, cap));
  }

  /** Transfers from the origin to `holder` for this task. */
  #visit(holder: number, visit: (transfer: number) => void): void {
    const { network } = this.#state;
    for (let transfer = network.firstTransfer(network.downlink(holder)); transfer !== none; ) {
      const next = network.nextIn(transfer);
      if (network.source(transfer) === 0 && this.#state.owns(transfer)) visit(transfer);
      transfer = next;
    }
  }
}
