/**
 * The holders' side of the origin's leases, of all tasks in one table of the core: asks, renews, obeys, reports and
 * gives back by messages to control, and tells the transfers what they may do.
 */

import { clientReal } from '#core/prng.ts';
import { type HolderClock, Leaseholders } from '#core/quota/leaseholders.ts';
import type { HolderMessage, LeaseGrant } from '#core/quota/messages.ts';
import { safeShareOf } from '#core/quota/safe-share.ts';
import type { QuotaTerms } from '#core/quota/terms.ts';
import { microsecondsPerMillisecond, microsecondsPerSecond, none } from '#core/units.ts';
import type { Mail } from './mail.ts';
import type { OriginControl } from './origin-control.ts';
import type { OriginDoor } from './origin-door.ts';
import { draw } from './population.ts';
import { event, eventKind, type State } from './state.ts';

/** More holders at a time are not heard: they come again later. */
const rowsMax = 8192;

interface Holder {
  door: OriginDoor;
  endpoint: number;
  /** Number of the holder at the owner, and its row in the count of bytes taken. */
  id: number;
  /** Bytes of `originTaken` that have been booked. */
  bookedBytes: number;
  /** Connections opened under the safe share, without a lease. */
  safeOpen: number;
  isSuspended: boolean;
  /** A lease of fewer connections, kept back until those that are too many have come to the end of their pieces. */
  next: LeaseGrant | null;
  /** Whether its last request was for anything; and when it last wanted to connect, microseconds. */
  hasDemand: boolean;
  wantedAt: number;
  /** Microseconds at which the queued wake-up is due; Infinity = none. */
  wakeAt: number;
  askedAt: number;
}

export class OriginHolders {
  readonly table: Leaseholders;
  readonly #state: State;
  readonly #mail: Mail;
  readonly #terms: QuotaTerms;
  #control!: OriginControl;
  readonly #rows: (Holder | null)[] = [];
  readonly #free: number[] = [];
  readonly #rowOfId = new Map<number, number>();
  #accountCount = 0;
  /** Milliseconds that a wall clock is off, and that a monotonic clock stood still, by endpoint. */
  readonly #wallOff = new Map<number, number>();
  readonly #stoodStill = new Map<number, number>();

  constructor(state: State, mail: Mail, terms: QuotaTerms) {
    this.#state = state;
    this.#mail = mail;
    this.#terms = terms;
    this.table = new Leaseholders(Math.max(1, Math.min(rowsMax, state.network.originTaken?.length ?? 1)));
  }

  connect(control: OriginControl): void {
    this.#control = control;
  }

  /** Holders that have a row, in its order: who holds what. */
  *holders(): Generator<{ row: number; door: OriginDoor; endpoint: number }> {
    for (const [row, holder] of this.#rows.entries()) {
      if (holder !== null) yield { row, door: holder.door, endpoint: holder.endpoint };
    }
  }

  // ---- What a task asks -----------------------------------------------------------------------------------------

  /** A row for an endpoint that wants a lease, and its first request; `none` if there are too many. */
  open(door: OriginDoor, endpoint: number): number {
    if (this.#free.length === 0 && this.#rows.length >= this.table.rowCount) return none;
    const row = this.#free.pop() ?? this.#rows.length;
    const { network } = this.#state;
    const { taskIndex } = door.state;
    const id = network.isClient(endpoint)
      ? endpoint
      : network.endpointCount + taskIndex * network.clientsFrom + endpoint;
    this.#rows[row] = {
      door,
      endpoint,
      id,
      bookedBytes: Math.floor(network.originTaken?.[id] ?? 0),
      safeOpen: 0,
      isSuspended: false,
      next: null,
      hasDemand: true,
      wantedAt: this.#state.now,
      wakeAt: Infinity,
      askedAt: -Infinity,
    };
    this.#rowOfId.set(id, row);
    const node = 2 * taskIndex + (network.isClient(endpoint) ? 1 : 0);
    this.table.open(row, 0, id, node, ++this.#accountCount);
    this.#wakeAt(row, this.#state.now);
    return row;
  }

  hasRoom(row: number): boolean {
    const { table } = this;
    const holder = this.#holder(row);
    if (holder.isSuspended) return false;
    holder.wantedAt = this.#state.now;
    if (!holder.hasDemand) this.#wakeAt(row, this.#state.now);
    if (table.isLive(row, this.#clock(holder)))
      return table.openCount[row] < this.#slots(holder, row) && !this.#isSpent(row);
    return holder.safeOpen < this.#safe(row).slots;
  }

  mayGoOn(row: number): boolean {
    const { table } = this;
    return this.rateOf(row) > 0 && table.openCount[row] <= this.#slots(this.#holder(row), row);
  }

  /** Connections that it may have from now on: a grant of fewer waits for those that are too many to end. */
  #slots({ next }: Holder, row: number): number {
    return next === null ? this.table.slots[row] : Math.min(next.slots, this.table.slots[row]);
  }

  /** Bytes per second of one connection at most. */
  rateOf(row: number): number {
    const { table } = this;
    const holder = this.#holder(row);
    if (holder.isSuspended) return 0;
    if (holder.safeOpen > 0) return this.#safe(row).bytesPerSecond / holder.safeOpen;
    if (!table.isLive(row, this.#clock(holder)) || this.#isSpent(row)) return 0;
    return table.bytesPerSecond[row] / Math.max(1, table.openCount[row]);
  }

  began(row: number): void {
    const holder = this.#holder(row);
    if (!this.table.connect(row, this.#clock(holder))) holder.safeOpen++;
    this.#applyCaps(holder, row);
    this.#wakeWhenPrepaidIsSpent(holder, row);
  }

  ended(row: number): void {
    const holder = this.#holder(row);
    this.#book(holder, row);
    if (holder.safeOpen > 0) holder.safeOpen--;
    else this.table.disconnect(row);
    if (holder.next !== null && this.table.openCount[row] <= holder.next.slots) this.receive(holder.next);
    this.#applyCaps(holder, row);
    // What it has closed for it may be what the owner waits for.
    this.#acknowledge(holder, row);
    if (!this.#isOpen(holder, row) && !this.#wants(holder)) this.#wakeAt(row, this.#state.now);
  }

  /** The endpoint has crashed: its process knows nothing any more, and says nothing. Its connections are closed. */
  drop(row: number): void {
    const holder = this.#holder(row);
    holder.door.forget(holder.endpoint);
    this.#rowOfId.delete(holder.id);
    this.#rows[row] = null;
    this.#free.push(row);
  }

  /** The machine stands still; its monotonic clock too. */
  suspend(door: OriginDoor, endpoint: number): void {
    for (const each of this.#rows) {
      if (each !== null && each.door === door && each.endpoint === endpoint) each.isSuspended = true;
    }
  }

  resume(door: OriginDoor, endpoint: number, forMilliseconds: number): void {
    this.#stoodStill.set(endpoint, (this.#stoodStill.get(endpoint) ?? 0) + forMilliseconds);
    for (const [row, each] of this.#rows.entries()) {
      if (each === null || each.door !== door || each.endpoint !== endpoint) continue;
      each.isSuspended = false;
      // A wake-up that was due meanwhile has been slept through.
      each.wakeAt = Infinity;
      this.#wakeAt(row, this.#state.now);
    }
  }

  stepClock(endpoint: number, byMilliseconds: number): void {
    this.#wallOff.set(endpoint, (this.#wallOff.get(endpoint) ?? 0) + byMilliseconds);
    for (const [row, each] of this.#rows.entries()) if (each?.endpoint === endpoint) this.#wakeAt(row, this.#state.now);
  }

  // ---- Messages and time ----------------------------------------------------------------------------------------

  /** A grant has come. */
  receive(grant: LeaseGrant): void {
    const row = this.#rowOfId.get(grant.holder);
    if (row === undefined) return;
    const holder = this.#holder(row);
    if (holder.isSuspended) return;
    const { table } = this;
    this.#expire(holder, row);
    this.#book(holder, row);
    // A repeated or overtaken grant changes nothing.
    if (!table.isNews(row, grant)) return;
    // Until it is acknowledged, the lease before is good: a piece that is on its way may still arrive under it.
    const isTooMany = table.isLive(row, this.#clock(holder)) && table.openCount[row] > grant.slots;
    if (isTooMany && holder.safeOpen === 0) {
      holder.next = grant;
      return;
    }
    holder.next = null;
    if (!table.receive(row, this.#clock(holder), grant)) return;
    const excess = holder.safeOpen > 0 ? holder.safeOpen : table.excessCount(row);
    if (excess > 0) holder.door.closeSome(holder.endpoint, excess);
    this.#applyCaps(holder, row);
    this.#acknowledge(holder, row);
    this.#wakeWhenPrepaidIsSpent(holder, row);
    if (table.bytesPerSecond[row] > 0) holder.door.pump(holder.endpoint);
  }

  /** A wake-up is due: the lease has ended, is to be renewed, or is not wanted any more. */
  wake(row: number): void {
    const holder = this.#rows[row] ?? null;
    const { now } = this.#state;
    if (holder === null || holder.isSuspended || now < holder.wakeAt) return;
    holder.wakeAt = Infinity;
    this.#book(holder, row);
    this.#expire(holder, row);
    if (this.#isSpent(row)) this.#applyCaps(holder, row);
    if (!this.#isOpen(holder, row) && !this.#wants(holder)) {
      this.#post(holder, this.table.release(row));
      this.drop(row);
      return;
    }
    const soonest = holder.askedAt + this.#terms.roundMilliseconds * microsecondsPerMillisecond;
    if (now >= soonest) this.#request(holder, row);
    else {
      this.#wakeAt(row, soonest);
      this.#wakeAtEnd(holder, row);
    }
  }

  #isOpen(holder: Holder, row: number): boolean {
    return this.table.openCount[row] + holder.safeOpen > 0;
  }

  /** A client that has not tried to connect for some time is served elsewhere; a relay has nowhere else to go. */
  #wants({ door, endpoint, wantedAt }: Holder): boolean {
    if (this.#state.isRelay(endpoint)) return door.wants(endpoint);
    const idle = this.#terms.idleMilliseconds * microsecondsPerMillisecond;
    return this.#state.now - wantedAt <= idle && door.wants(endpoint);
  }

  #request(holder: Holder, row: number): void {
    const { door, endpoint } = holder;
    const { ttlMilliseconds } = this.#terms;
    const { table } = this;
    const slots = Math.max(table.openCount[row], door.slotsOf(endpoint));
    const clock = this.#clock(holder);
    holder.hasDemand = this.#isOpen(holder, row) || this.#wants(holder);
    holder.askedAt = this.#state.now;
    const demand = holder.hasDemand ? door.demandOf(endpoint) : 0;
    this.#post(holder, table.request(row, clock, demand, holder.hasDemand ? slots : 0));
    const refresh = (ttlMilliseconds / 3) * microsecondsPerMillisecond;
    this.#wakeAt(row, this.#state.now + Math.floor(refresh));
    this.#wakeAtEnd(holder, row);
  }

  #wakeAtEnd(holder: Holder, row: number): void {
    const end = this.table.endMilliseconds(row);
    if (end === -Infinity) return;
    const left = Math.max(0, end - this.#clock(holder).monotonicMilliseconds);
    // By a fast clock it ends sooner.
    const soonest = left * (1 - this.#terms.driftMillionths / 1e6) * microsecondsPerMillisecond;
    this.#wakeAt(row, this.#state.now + Math.max(1, Math.floor(soonest)));
  }

  #wakeWhenPrepaidIsSpent(holder: Holder, row: number): void {
    const { table } = this;
    const rate = table.bytesPerSecond[row];
    if (rate === 0 || table.openCount[row] === 0) return;
    this.#book(holder, row);
    const left = this.#isSpent(row) ? 0 : table.prepaidLeftBytes(row) / rate;
    // What is spent already has to be reported before more is granted; not at every turn, though.
    const soonest = holder.askedAt + this.#terms.roundMilliseconds * microsecondsPerMillisecond;
    this.#wakeAt(row, left === 0 ? soonest : this.#state.now + Math.floor(left * microsecondsPerSecond));
  }

  /** Nothing worth a transfer is left of what is prepaid. */
  #isSpent(row: number): boolean {
    return this.table.prepaidLeftBytes(row) <= Math.max(1, this.table.bytesPerSecond[row] / 500);
  }

  /** Closes everything, at once, if the lease has ended; the account's last word then goes to control. */
  #expire(holder: Holder, row: number): void {
    if (!this.table.expire(row, this.#clock(holder))) return;
    holder.next = null;
    holder.door.closeSome(holder.endpoint, Infinity);
    const last = this.table.releaseLapsed(row);
    if (last !== undefined) this.#post(holder, last);
    if (this.#safe(row).slots > 0) holder.door.pump(holder.endpoint);
  }

  #acknowledge(holder: Holder, row: number): void {
    const message = this.table.acknowledgement(row);
    if (message !== undefined) this.#post(holder, message);
  }

  #post(holder: Holder, message: HolderMessage): void {
    const { scenario, population } = this.#state;
    this.#mail.post(population.region[holder.endpoint], scenario.control.region, () => this.#control.receive(message));
  }

  // ---- What a holder knows ----------------------------------------------------------------------------------------

  /** What came since the last time is spent. */
  #book(holder: Holder, row: number): void {
    const { network } = this.#state;
    if (network.originTaken === null) return;
    holder.door.visit(holder.endpoint, (transfer) => network.settle(transfer));
    const taken = Math.floor(network.originTaken[holder.id]);
    const bytes = taken - holder.bookedBytes;
    if (bytes <= 0) return;
    holder.bookedBytes = taken;
    // Under the safe share there is no account.
    if (this.table.endMilliseconds(row) !== -Infinity && holder.safeOpen === 0) this.table.flow(row, bytes);
  }

  #applyCaps(holder: Holder, row: number): void {
    const cap = this.rateOf(row);
    holder.door.visit(holder.endpoint, (transfer) => this.#state.network.setCap(transfer, cap));
  }

  /** What a relay may take without a lease while control cannot be reached: its part of the reservation. */
  #safe(row: number): { slots: number; bytesPerSecond: number } {
    const { endpoint, door } = this.#holder(row);
    const nothing = { slots: 0, bytesPerSecond: 0 };
    if (this.table.isLapsed[row] === 0 || !this.#state.isRelay(endpoint)) return nothing;
    const contract = this.#control.quotaContract();
    // What is reserved of a rolling window is not followed here: under one, nothing is taken without a lease.
    if (contract.windows.length > 0) return nothing;
    const { scenario, population } = this.#state;
    const position = door.state.taskIndex * population.relayCount + endpoint - 1;
    const part = safeShareOf(contract, this.#terms, position, population.relayCount * scenario.tasks.length);
    return { slots: part.connections, bytesPerSecond: part.bytesPerSecond };
  }

  #clock(holder: Holder): HolderClock {
    const { endpoint } = holder;
    const { scenario, population, now } = this.#state;
    const drift = this.#state.isClient(endpoint) ? scenario.clients[population.classOf[endpoint]].clockDrift : 0;
    const share = drift === 0 ? 0 : drift * (2 * clientReal(scenario.seed, endpoint, draw.drift) - 1);
    const passed = (now / microsecondsPerMillisecond) * (1 + share);
    return {
      monotonicMilliseconds: Math.floor(passed - (this.#stoodStill.get(endpoint) ?? 0)),
      wallMilliseconds: Math.floor(passed + (this.#wallOff.get(endpoint) ?? 0)),
    };
  }

  #wakeAt(row: number, at: number): void {
    const holder = this.#holder(row);
    const due = Math.max(at, this.#state.now);
    if (due >= holder.wakeAt) return;
    holder.wakeAt = due;
    this.#state.queue.push(due, event(eventKind.lease, row));
  }

  #holder(row: number): Holder {
    return this.#rows[row] as Holder;
  }
}
