/** A relay or client in a world of faults: asks, uses all that it may, crashes, sleeps, and has wrong clocks. */
import type { HolderClock, Leaseholders } from '#core/quota/leaseholders.ts';
import type { HolderMessage, LeaseGrant } from '#core/quota/messages.ts';
import type { SafeShare } from '#core/quota/safe-share.ts';
import { Machine } from './machine.ts';
import type { OriginTruth } from './origin-truth.ts';
import type { Draws } from './wire.ts';

export interface Wants {
  bytesPerSecond: number;
  slots: number;
}

export interface ProcessWorld {
  holders: Leaseholders;
  truth: OriginTruth;
  draws: Draws;
  refreshMilliseconds: number;
  /** How often the origin takes its time with a range. */
  originStallThousandths: number;
  /** A relay's part of the safe share, made anew at each start; `undefined` = it has none. */
  safeShareOf: (row: number, now: number, hasUsedNone: boolean) => SafeShare | undefined;
}

interface Connection {
  /** Of the range under way: what the origin will send when. */
  parts: { at: number; bytes: number }[];
}

export class HolderProcess {
  readonly row: number;
  readonly machine: Machine;
  wants: Wants;
  isUp = true;
  isCutOff = false;
  /** What it takes of what it may, in thousandths (an idle holder: 0). */
  useThousandths = 1000;
  readonly #holders: Leaseholders;
  readonly #truth: OriginTruth;
  readonly #draws: Draws;
  readonly #refreshMilliseconds: number;
  readonly #originStallThousandths: number;
  readonly #safeShareOf: ProcessWorld['safeShareOf'];
  #safe: SafeShare | undefined;
  #connections: Connection[] = [];
  /** Until when the origin counts connections of before a power loss. */
  #lingering: number[] = [];
  #safeConnections: Connection[] = [];
  #nextRequestAt = 0;
  #account = 1;
  #setBackAt = -Infinity;
  #resumedAt = -Infinity;

  constructor(row: number, node: number, driftMillionths: number, wants: Wants, world: ProcessWorld) {
    this.row = row;
    this.machine = new Machine(driftMillionths);
    this.wants = wants;
    this.#holders = world.holders;
    this.#truth = world.truth;
    this.#draws = world.draws;
    this.#refreshMilliseconds = world.refreshMilliseconds;
    this.#originStallThousandths = world.originStallThousandths;
    this.#safeShareOf = world.safeShareOf;
    this.#safe = world.safeShareOf(row, 0, true);
    this.#holders.open(row, 0, row, node, this.#account);
  }

  get isRunning(): boolean {
    return this.isUp && !this.machine.isSuspended;
  }

  clock(now: number): HolderClock {
    return this.machine.clock(now);
  }

  /**
   * The process is gone, and with it its connections; or the machine is, and the origin knows nothing of it until it
   * times out (here: when the lease would have ended).
   */
  crash(now: number, isPowerLoss: boolean): void {
    const left = this.#holders.endMilliseconds(this.row) - this.clock(now).monotonicMilliseconds;
    if (isPowerLoss && this.isRunning && left > 2) {
      const until = now + Math.floor(left * 0.999) - 1;
      for (const _ of this.#connections) this.#lingering.push(until);
      for (const _ of this.#connections) this.#holders.disconnect(this.row);
      this.#connections = [];
    }
    this.isUp = false;
    this.#dropConnections();
    if (!this.machine.isSuspended) for (const _ of this.#safeConnections) this.#truth.closed();
    this.#safeConnections = [];
  }

  /** The origin gives up connections of machines that lost power. */
  timeOut(now: number): void {
    const before = this.#lingering.length;
    this.#lingering = this.#lingering.filter((until) => until > now);
    for (let count = this.#lingering.length; count < before; count++) this.#truth.closed();
  }

  restart(now: number): void {
    if (this.isUp) return;
    this.isUp = true;
    this.machine.reboot(now);
    this.#nextRequestAt = 0;
    this.#safe = this.#safeShareOf(this.row, 0, false);
    this.#account = this.#holders.account[this.row]! + this.#draws.between(1, 3);
    this.#holders.open(this.row, 0, this.row, this.#holders.node[this.row]!, this.#account);
  }

  /**
   * The machine sleeps. Two stated limits of the contract are left out: a sleeper's connections count as closed at
   * once (the origin closes them after its own time-out), and nobody sleeps under a lease during which its wall clock
   * was set back.
   */
  suspend(now: number, ttlMilliseconds: number): void {
    if (!this.isUp || this.machine.isSuspended || now < this.#setBackAt + 2 * ttlMilliseconds) return;
    this.machine.suspend(now);
    for (const _ of [...this.#connections, ...this.#safeConnections]) this.#truth.closed();
  }

  stepWall(now: number, milliseconds: number, ttlMilliseconds: number): void {
    const hasSlept = this.machine.isSuspended || now < this.#resumedAt + 2 * ttlMilliseconds;
    if (milliseconds < 0 && hasSlept) return;
    if (milliseconds < 0) this.#setBackAt = now;
    this.machine.wallStepMilliseconds += milliseconds;
  }

  resume(now: number): void {
    if (!this.machine.isSuspended) return;
    this.machine.resume(now);
    this.#resumedAt = now;
    this.#abandon(this.#connections, this.clock(now), false);
    for (const _ of this.#connections) this.#holders.disconnect(this.row);
    this.#connections = [];
    this.#closeSafe(this.clock(now), false);
  }

  nextAt(now: number): number {
    let next = Math.min(Infinity, ...this.#lingering);
    if (!this.isRunning) return next;
    for (const { parts } of [...this.#connections, ...this.#safeConnections])
      if (parts.length > 0) next = Math.min(next, parts[0]!.at);
    const { monotonicMilliseconds: local } = this.clock(now);
    next = Math.min(next, now + Math.max(1, this.#nextRequestAt - local - 1));
    const end = this.#holders.endMilliseconds(this.row);
    return end === -Infinity ? next : Math.min(next, now + Math.max(1, end - local - 2));
  }

  receive(now: number, grant: LeaseGrant, say: (message: HolderMessage) => void): void {
    if (!this.isRunning) return;
    const clock = this.clock(now);
    this.#expire(clock, say);
    this.#holders.receive(this.row, clock, grant);
    this.#close(this.#connections.splice(0, this.#holders.excessCount(this.row)), clock);
    while (this.#holders.excessBytes(this.row) > 0) {
      const busy = this.#connections.findIndex(({ parts }) => parts.length > 0);
      this.#close(this.#connections.splice(busy, 1), clock);
    }
    this.#acknowledge(say);
  }

  act(now: number, say: (message: HolderMessage) => void): void {
    if (!this.isRunning) return;
    const clock = this.clock(now);
    this.#expire(clock, say);
    this.#arrive(now, clock);
    this.#acknowledge(say);
    if (clock.monotonicMilliseconds >= this.#nextRequestAt) this.request(clock, say);
    this.#use(now, clock);
    if (this.#safe !== undefined) this.#useSafe(this.#safe, now, clock);
  }

  request(clock: HolderClock, say: (message: HolderMessage) => void): void {
    this.#nextRequestAt = clock.monotonicMilliseconds + this.#refreshMilliseconds;
    const { bytesPerSecond, slots } = this.wants;
    say(this.#holders.request(this.row, clock, bytesPerSecond, slots));
  }

  /** Gives the lease back by itself. */
  release(now: number, say: (message: HolderMessage) => void): void {
    if (!this.isRunning) return;
    const clock = this.clock(now);
    this.#expire(clock, say);
    this.#close(this.#connections.splice(0), clock);
    say(this.#holders.release(this.row));
  }

  #acknowledge(say: (message: HolderMessage) => void): void {
    const message = this.#holders.acknowledgement(this.row);
    if (message !== undefined) say(message);
  }

  #expire(clock: HolderClock, say: (message: HolderMessage) => void): void {
    if (!this.#holders.expire(this.row, clock)) return;
    this.#dropConnections();
    const last = this.#holders.releaseLapsed(this.row);
    if (last !== undefined) say(last);
  }

  #arrive(now: number, clock: HolderClock): void {
    for (const { parts } of this.#connections) {
      while (parts.length > 0 && parts[0]!.at <= now) {
        const { bytes } = parts.shift()!;
        this.#truth.sent(now, bytes);
        this.#holders.arrive(this.row, clock, bytes);
      }
    }
  }

  #use(now: number, clock: HolderClock): void {
    const { holders, row } = { holders: this.#holders, row: this.row };
    if (this.wants.slots === 0 || this.useThousandths === 0) {
      this.#close(
        this.#connections.filter(({ parts }) => parts.length === 0),
        clock,
      );
      this.#connections = this.#connections.filter(({ parts }) => parts.length > 0);
      return;
    }
    while (this.#connections.length < this.wants.slots && holders.connect(row, clock)) {
      this.#truth.opened(now);
      this.#connections.push({ parts: [] });
    }
    for (const connection of this.#connections) {
      if (connection.parts.length > 0) continue;
      const available = holders.availableBytes(row, clock);
      const bytes = Math.floor((available * this.useThousandths) / 1000);
      // Ranges of a byte would be slower than the lease allows.
      if (bytes < 1 || available * 8 < holders.burstBytes(row) || !holders.ask(row, clock, bytes)) continue;
      connection.parts = this.#partsOf(now, bytes);
    }
  }

  /** Without a lease, because control cannot be reached: the part that is reserved for it, over one connection each. */
  #useSafe(safe: SafeShare, now: number, clock: HolderClock): void {
    const local = clock.monotonicMilliseconds;
    for (const { parts } of this.#safeConnections) {
      while (parts.length > 0 && parts[0]!.at <= now) {
        const { bytes } = parts.shift()!;
        this.#truth.sent(now, bytes);
        safe.arrive(local, bytes);
      }
    }
    if (this.#holders.isLapsed[this.row] === 0 || this.#holders.isLive(this.row, clock)) {
      this.#closeSafe(clock, true);
      return;
    }
    while (safe.connect()) {
      this.#truth.opened(now);
      this.#safeConnections.push({ parts: [] });
    }
    for (const connection of this.#safeConnections) {
      const bytes = safe.availableBytes(local);
      if (connection.parts.length > 0 || bytes < 1 || !safe.ask(local, bytes)) continue;
      connection.parts = this.#partsOf(now, bytes);
    }
  }

  #closeSafe(clock: HolderClock, isOpen: boolean): void {
    for (const { parts } of this.#safeConnections) {
      for (const { bytes } of parts) this.#safe?.arrive(clock.monotonicMilliseconds, bytes);
      this.#safe?.disconnect();
      if (isOpen) this.#truth.closed();
    }
    this.#safeConnections = [];
  }

  /** The origin sends a range at once, in pieces, or after a while. */
  #partsOf(now: number, bytes: number): { at: number; bytes: number }[] {
    const first = now + this.#draws.between(1, this.#draws.isHit(this.#originStallThousandths) ? 3000 : 60);
    if (bytes < 3 || this.#draws.isHit(500)) return [{ at: first, bytes }];
    const early = this.#draws.between(1, bytes - 1);
    return [
      { at: first, bytes: early },
      { at: first + this.#draws.between(0, 400), bytes: bytes - early },
    ];
  }

  /** Some of the open connections are closed while the lease holds. */
  #close(connections: Connection[], clock: HolderClock): void {
    this.#abandon(connections, clock, true);
    for (const _ of connections) this.#holders.disconnect(this.row);
  }

  #abandon(connections: Connection[], clock: HolderClock, isOpen: boolean): void {
    for (const { parts } of connections) {
      for (const { bytes } of parts) this.#holders.arrive(this.row, clock, bytes);
      if (isOpen) this.#truth.closed();
    }
  }

  /** All at once: the account is over, or the process is. */
  #dropConnections(): void {
    for (const _ of this.#connections) {
      if (!this.machine.isSuspended) this.#truth.closed();
      this.#holders.disconnect(this.row);
    }
    this.#connections = [];
  }
}
