/**
 * Who may take bytes from the origin, and how fast. Under a policy that keeps the contract, control grants leases once
 * a second by the core's allocator: nobody starts without one, and no transfer is faster than its lease. Other
 * policies go to the origin as they like.
 */
import { Allocator, HolderTable } from '#core/quota/allocate.ts';
import { microsecondsPerMillisecond, microsecondsPerSecond, none } from '#core/units.ts';
import type { Contract } from '#scenarios/format/scenario.ts';
import { flowKind } from './flow-meter.ts';
import type { HttpDownloads } from './http-downloads.ts';
import type { OriginWatch } from './origin-watch.ts';
import type { RelayPulls } from './relay-pulls.ts';
import { event, eventKind, type State, status } from './state.ts';

/** Relays come first: each of their bytes is multiplied by the swarm. */
const relayBand = 0;
const clientBand = 1;
/** Nothing is granted above this share of a limit, so that what is under way never passes it. */
const highWaterRatio = 0.9;
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

export class OriginAccess {
  /** Set by the world: ends a transfer whose connection was taken back. */
  onRevoke: (transfer: number) => void = () => {};
  readonly #state: State;
  readonly #watch: OriginWatch;
  readonly #keeps: boolean;
  #contract: Contract;
  #pulls!: RelayPulls;
  #http!: HttpDownloads;
  /** Endpoints that hold or want a lease, in the order in which they first asked. */
  #holders: number[] = [];
  readonly #rowOf = new Map<number, Holding>();
  readonly #table: HolderTable;
  readonly #allocator: Allocator;
  #isTicking = false;
  #hasControl = true;
  #isContractPending = false;
  /** Bytes that the origin had sent at each tick, for the rolling windows. */
  readonly #sentAt: { at: number; bytes: number }[] = [];

  constructor(state: State, watch: OriginWatch) {
    this.#state = state;
    this.#watch = watch;
    this.#keeps = state.policy.contract;
    this.#contract = state.scenario.origin.contract;
    const holdersMax = this.#keeps ? state.population.endpointCount : 1;
    this.#table = new HolderTable(holdersMax);
    this.#allocator = new Allocator(holdersMax);
  }

  connect(pulls: RelayPulls, http: HttpDownloads): void {
    this.#pulls = pulls;
    this.#http = http;
  }

  // ---- What holders ask -------------------------------------------------------------------------------------

  /** Whether `client` may open one more connection to the origin now; if not, it has asked for a lease. */
  mayAsk(client: number): boolean {
    return !this.#keeps || this.#hasRoom(client);
  }

  mayPull(relay: number): boolean {
    return !this.#keeps || this.#hasRoom(relay);
  }

  /** Whether the next piece of a range may be asked for. */
  mayGoOn(client: number, source: number): boolean {
    if (source !== 0 || !this.#keeps) return true;
    const lease = this.#rowOf.get(client);
    return lease !== undefined && lease.rate > 0 && lease.open <= lease.slots;
  }

  /** Bytes per second of one of the client's connections at most. */
  rateOf(holder: number): number {
    if (!this.#keeps) return Infinity;
    const lease = this.#rowOf.get(holder);
    return lease === undefined ? 0 : lease.rate / Math.max(1, lease.open);
  }

  pullRateOf(relay: number): number {
    return this.rateOf(relay);
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

  #hasRoom(holder: number): boolean {
    const lease = this.#rowOf.get(holder);
    if (lease === undefined) {
      this.#rowOf.set(holder, { rate: 0, slots: 0, open: 0, askedAt: this.#state.now, firstAskedAt: this.#state.now });
      this.#holders.push(holder);
      this.wake();
      return false;
    }
    lease.askedAt = this.#state.now;
    return lease.rate > 0 && lease.open < lease.slots;
  }

  // ---- Control ----------------------------------------------------------------------------------------------

  /** Someone wants a lease: the grants are due at the next second, or at once if there are none yet. */
  wake(): void {
    if (this.#isTicking) return;
    this.#isTicking = true;
    this.#state.queue.push(this.#state.now, event(eventKind.control, 0));
  }

  /** Once a second: grants anew. */
  tick(): void {
    if (!this.#keeps) return;
    const state = this.#state;
    this.#recordSent();
    this.#forgetIdle();
    if (this.#hasControl) this.#grant();
    this.#isTicking = this.#holders.length > 0;
    if (this.#isTicking) state.queue.push(state.now + microsecondsPerSecond, event(eventKind.control, 0));
  }

  /** A change that nobody can tell the holders of counts when control is back, or their leases have run out. */
  setContract(contract: Contract): void {
    this.#contract = contract;
    if (this.#hasControl || !this.#keeps) this.#enforceContract();
    else this.#isContractPending = true;
  }

  #enforceContract(): void {
    this.#isContractPending = false;
    this.#watch.setContract(this.#contract, this.#state.now);
    if (this.#keeps && this.#hasControl) this.#grant();
  }

  /** Nobody renews: leases end after their time, and with them every byte from the origin. */
  loseControl(): void {
    this.#hasControl = false;
    const { leaseMilliseconds } = this.#state.scenario.control;
    this.#state.queue.push(
      this.#state.now + leaseMilliseconds * microsecondsPerMillisecond,
      event(eventKind.control, 2),
    );
  }

  /** The leases of a control server that is gone have run out. */
  expire(): void {
    if (this.#hasControl || !this.#keeps) return;
    for (const holder of this.#holders) this.#set(holder, 0, 0);
    if (this.#isContractPending) this.#enforceContract();
  }

  regainControl(): void {
    this.#hasControl = true;
    if (this.#isContractPending) this.#enforceContract();
    this.wake();
  }

  #grant(): void {
    const { bytesPerSecondMax, connectionsMax } = this.#contract;
    const table = this.#table;
    table.count = this.#holders.length;
    for (let row = 0; row < this.#holders.length; row++) this.#describe(this.#holders[row], row);
    const rate = Math.floor(
      Math.min(
        bytesPerSecondMax * highWaterRatio,
        this.#windowRate(),
        this.#state.scenario.origin.uplinkBytesPerSecond,
      ),
    );
    const slots = Math.floor(Math.min(connectionsMax, this.#state.connectionsMax(0), 1e9));
    this.#allocator.allocate(table, rate, slots);
    // What shrinks shrinks first: at no moment do two holders have the same byte or connection.
    const holders = this.#holders.slice();
    const { grantBytesPerSecond, grantSlots } = table;
    for (let row = 0; row < holders.length; row++) {
      const lease = this.#rowOf.get(holders[row]);
      if (lease === undefined) continue;
      const shrunk = Math.min(lease.rate, grantBytesPerSecond[row]);
      this.#set(holders[row], shrunk, Math.min(lease.slots, grantSlots[row]));
    }
    for (let row = 0; row < holders.length; row++) this.#set(holders[row], grantBytesPerSecond[row], grantSlots[row]);
  }

  #describe(holder: number, row: number): void {
    const state = this.#state;
    const isRelay = state.isRelay(holder);
    const capacity = state.network.capacity(state.network.downlink(holder));
    const wants = isRelay
      ? this.#pulls.isPulling(holder)
      : state.status[holder] === status.downloading && this.#http.isOpen[holder] !== 0;
    const limit = isRelay ? capacity : Math.min(capacity, this.#http.rateMax[holder]);
    const table = this.#table;
    table.demandBytesPerSecond[row] = wants ? Math.max(1, Math.floor(limit)) : 0;
    table.floorBytesPerSecond[row] = 0;
    table.ceilingBytesPerSecond[row] = Math.floor(capacity);
    table.weight[row] = 1;
    table.band[row] = isRelay ? relayBand : clientBand;
    table.slotsWanted[row] = wants ? this.#slotsWanted(holder, isRelay) : 0;
    table.unservedSinceMilliseconds[row] = Math.floor(
      (this.#rowOf.get(holder)?.firstAskedAt ?? 0) / microsecondsPerMillisecond,
    );
  }

  #slotsWanted(holder: number, isRelay: boolean): number {
    const { relay, http } = this.#state.policy;
    const { originConnections } = this.#state.scenario.distribution;
    const open = this.#rowOf.get(holder)?.open ?? 0;
    return Math.max(open, isRelay ? relay.pullConnections : Math.min(http.connections, originConnections));
  }

  /** Whoever was granted more starts at once; whoever has too many connections ends some. */
  #set(holder: number, rate: number, slots: number): void {
    const lease = this.#rowOf.get(holder);
    if (lease === undefined || (lease.rate === rate && lease.slots === slots)) return;
    lease.rate = rate;
    lease.slots = slots;
    this.#revoke(holder, lease);
    this.#applyCaps(holder);
    if (rate === 0) return;
    if (this.#state.isRelay(holder)) this.#pulls.pump(holder);
    else this.#http.retry(holder);
  }

  #revoke(holder: number, lease: Holding): void {
    const { network } = this.#state;
    let transfer = network.firstTransfer(network.downlink(holder));
    while (transfer !== none && lease.open > lease.slots) {
      const next = network.nextIn(transfer);
      if (network.source(transfer) === 0) this.onRevoke(transfer);
      transfer = next;
    }
  }

  #applyCaps(holder: number): void {
    const { network } = this.#state;
    const cap = this.rateOf(holder);
    for (
      let transfer = network.firstTransfer(network.downlink(holder));
      transfer !== none;
      transfer = network.nextIn(transfer)
    ) {
      if (network.source(transfer) === 0) network.setCap(transfer, cap);
    }
  }

  #forgetIdle(): void {
    const state = this.#state;
    this.#holders = this.#holders.filter((holder) => {
      const lease = this.#rowOf.get(holder);
      const isIdle = lease === undefined || (lease.open === 0 && state.now - lease.askedAt > idleMicroseconds);
      if (isIdle) this.#rowOf.delete(holder);
      return !isIdle;
    });
  }

  /** Bytes per second that every rolling window still allows for the second to come. */
  #windowRate(): number {
    let rate = Infinity;
    for (const window of this.#contract.traffic) {
      rate = Math.min(
        rate,
        Math.max(0, window.bytesMax * highWaterRatio - this.#usedWithin(window.windowMilliseconds)),
      );
    }
    return rate;
  }

  /** Bytes that the origin sent in the window that ends now. */
  #usedWithin(windowMilliseconds: number): number {
    const samples = this.#sentAt;
    if (samples.length === 0) return 0;
    const from = this.#state.now - windowMilliseconds * microsecondsPerMillisecond;
    let low = 0;
    let high = samples.length - 1;
    // The last sample that is not inside the window.
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (samples[middle].at <= from) low = middle;
      else high = middle - 1;
    }
    const before = samples[low].at <= from ? samples[low].bytes : 0;
    return samples[samples.length - 1].bytes - before;
  }

  #recordSent(): void {
    if (this.#contract.traffic.length === 0) return;
    const { network, flow } = this.#state;
    for (
      let transfer = network.firstTransfer(network.uplink(0));
      transfer !== none;
      transfer = network.nextOut(transfer)
    )
      network.settle(transfer);
    this.#sentAt.push({ at: this.#state.now, bytes: flow.total(flowKind.origin) });
  }
}
