/**
 * Who may take bytes from the origin, and how fast. Under a policy that keeps the contract, control grants leases once
 * a second by the core's allocator: nobody starts without one, and no transfer is faster than its lease. Other
 * policies go to the origin as they like.
 */
import { Allocator, HolderTable } from '#core/quota/allocate.ts';
import { microsecondsPerMillisecond, microsecondsPerSecond, none } from '#core/units.ts';
import type { Contract } from '#scenarios/format/scenario.ts';
import { flowKind } from './flow-meter.ts';
import type { OriginDoor } from './origin-door.ts';
import type { OriginWatch } from './origin-watch.ts';
import { event, eventKind, type State } from './state.ts';
import type { TaskRun } from './task-run.ts';

/** Nothing is granted above this share of a limit, so that what is under way never passes it. */
const highWaterRatio = 0.9;
interface Holder {
  door: OriginDoor;
  endpoint: number;
}

export class OriginAccess {
  readonly #state: State;
  readonly #watch: OriginWatch;
  #contract: Contract;
  #doors: OriginDoor[] = [];
  readonly #table: HolderTable;
  readonly #allocator: Allocator;
  #isTicking = false;
  #hasControl = true;
  #isContractPending = false;
  readonly #keeps: boolean;
  /** Bytes that the origin had sent at each tick, for the rolling windows. */
  readonly #sentAt: { at: number; bytes: number }[] = [];

  constructor(state: State, watch: OriginWatch) {
    this.#state = state;
    this.#watch = watch;
    const { tasks, policy } = state.scenario;
    this.#keeps = tasks.some((task) => (task.policy ?? policy).contract);
    this.#contract = state.scenario.origin.contract;
    const { relayCount, endpointCount } = state.population;
    const holdersMax = this.#keeps ? endpointCount + tasks.length * relayCount : 1;
    this.#table = new HolderTable(holdersMax);
    this.#allocator = new Allocator(holdersMax);
  }

  connect(tasks: readonly TaskRun[]): void {
    this.#doors = tasks.map(({ origin }) => origin);
  }

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
    for (const door of this.#doors) door.forgetIdle();
    if (this.#hasControl) this.#grant();
    this.#isTicking = this.#doors.some((door) => door.holders.length > 0);
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
    for (const { door, endpoint } of this.#holders()) door.set(endpoint, 0, 0);
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
    const holders = this.#holders();
    table.count = holders.length;
    for (const [row, { door, endpoint }] of holders.entries()) door.describe(endpoint, row, table);
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
    const { grantBytesPerSecond, grantSlots } = table;
    for (const [row, { door, endpoint }] of holders.entries())
      door.shrink(endpoint, grantBytesPerSecond[row], grantSlots[row]);
    for (const [row, { door, endpoint }] of holders.entries())
      door.set(endpoint, grantBytesPerSecond[row], grantSlots[row]);
  }

  #holders(): Holder[] {
    return this.#doors.flatMap((door) => door.holders.map((endpoint) => ({ door, endpoint })));
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
