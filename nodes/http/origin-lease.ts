/**
 * What this node may do at an origin, and until when (M27–M31): the core's holder on this machine's clocks. Nothing
 * at all without a lease. A connection counts from before it is opened until it is closed; bytes are taken before they
 * are asked for, so that what is still in some buffer cannot overshoot.
 */
import { Leaseholders } from '#core/quota/leaseholders.ts';
import type { HolderMessage, LeaseGrant } from '#core/quota/messages.ts';
import type { SafeShare } from '#core/quota/safe-share.ts';
import { monotonicMilliseconds, pause } from './pace.ts';

const row = 0;
/** One range at most, so that several connections share a rate evenly; and at least, where the burst allows it. */
const takeBytesMax = 4 * 1024 * 1024;
const takeBytesMin = 64 * 1024;
/** A first request that was lost is sent again after this. */
const askAgainMilliseconds = 1000;
/** A lease is renewed at this part of its time. */
const renewRatio = 1 / 3;

/** Under which numbers control keeps the holder; an operator's own terms need none. */
export interface HolderNumbers {
  origin: number;
  holder: number;
  node: number;
}

export class OriginLease {
  /** What may be taken once the lease has lapsed and control cannot be reached (M31); null: nothing. */
  safe: SafeShare | null = null;
  /** Closes every connection that is open under the safe share. */
  readonly #safeConnections = new Set<() => void>();
  readonly #holders = new Leaseholders(1);
  #send: ((message: HolderMessage) => void) | null = null;
  #timer: NodeJS.Timeout | undefined;
  #nextRequestAt = 0;
  #ttlMilliseconds = 0;
  #wanted = { slots: 0, bytesPerSecond: 0 };
  #isUsed = false;
  /** Closes every connection: the lease has ended, or holds fewer. */
  readonly #connections = new Set<() => void>();
  totalBytes = 0;

  /** Asks control for leases from now on, whenever something is wanted; `account` is above every one before. */
  connect(numbers: HolderNumbers, send: (message: HolderMessage) => void, account = Date.now()): void {
    this.#holders.open(row, numbers.origin, numbers.holder, numbers.node, account);
    this.#send = send;
    this.#timer = setInterval(() => this.#tick(), 200);
  }

  /** Terms that an operator gives this node for good, where no control server hands out leases. */
  stand(slots: number, bytesPerSecond: number): void {
    const numbers = { origin: 0, holder: 0 };
    this.#holders.open(row, 0, 0, 0, 1);
    const { number, account } = this.#holders.request(row, clock(), 0, slots);
    // The bucket counts whole bytes; a rate without a limit is one that no machine reaches.
    const rate = Math.floor(Math.min(bytesPerSecond, 100_000_000_000));
    this.#holders.receive(row, clock(), {
      kind: 'grant',
      ...numbers,
      account,
      number,
      epoch: 1,
      sequence: 1,
      slots,
      bytesPerSecond: rate,
      burstBytes: Math.max(4 * takeBytesMin, Math.floor(rate / 4)),
      prepaidBytes: Number.MAX_SAFE_INTEGER,
      ttlMilliseconds: 100 * 365 * 86_400_000,
    });
  }

  /** A grant that control sent. */
  receive(grant: LeaseGrant): void {
    this.#ttlMilliseconds = grant.ttlMilliseconds;
    // Control is there again: what goes on goes on under the lease.
    for (const close of [...this.#safeConnections]) close();
    this.#holders.receive(row, clock(), grant);
    const excess = this.#holders.excessCount(row);
    if (excess > 0) this.#closeConnections(excess);
    this.#acknowledge();
  }

  /** What is wanted of the origin now: nothing gives the lease back. */
  want(slots: number, bytesPerSecond: number): void {
    const isMore = slots > this.#wanted.slots || bytesPerSecond > 2 * this.#wanted.bytesPerSecond;
    this.#wanted = { slots, bytesPerSecond: Math.min(Math.round(bytesPerSecond), 4_000_000_000_000) };
    if (isMore) this.#nextRequestAt = 0;
    this.#tick();
  }

  get isHeld(): boolean {
    return this.#holders.isLive(row, clock());
  }

  /** Connections that may be opened now. */
  get freeSlots(): number {
    return this.isHeld ? this.#holders.slots[row]! - this.#holders.openCount[row]! : 0;
  }

  get slots(): number {
    return this.isHeld ? this.#holders.slots[row]! : 0;
  }

  get bytesPerSecond(): number {
    return this.isHeld ? this.#holders.bytesPerSecond[row]! : 0;
  }

  /**
   * Opens a connection; the answer is to be called when it is closed. Null: not now. `close` is called when the lease
   * wants the connection back.
   */
  openSlot(close: () => void): (() => void) | null {
    if (!this.#holders.connect(row, clock())) return this.#openSafely(close);
    this.#isUsed = true;
    this.#connections.add(close);
    return () => {
      if (!this.#connections.delete(close)) return;
      this.#holders.disconnect(row);
      this.#acknowledge();
    };
  }

  /** Whether the lease has lapsed, and a part is set aside for that. */
  get #isOnSafeShare(): boolean {
    return this.safe !== null && !this.isHeld && this.#holders.isLapsed[row] === 1;
  }

  #openSafely(close: () => void): (() => void) | null {
    const { safe } = this;
    if (safe === null || !this.#isOnSafeShare || !safe.connect()) return null;
    this.#safeConnections.add(close);
    return () => {
      if (this.#safeConnections.delete(close)) safe.disconnect();
    };
  }

  async #takeSafely(wantedBytes: number, signal: AbortSignal): Promise<CoveredBytes | null> {
    const safe = this.safe!;
    while (!signal.aborted && this.#isOnSafeShare && this.safe === safe) {
      const now = monotonicMilliseconds();
      const most = Math.min(wantedBytes, takeBytesMax, safe.part.burstBytes);
      const bytes = Math.min(most, safe.availableBytes(now));
      if (bytes > 0 && bytes >= Math.min(most, takeBytesMin) && safe.ask(now, bytes)) {
        this.totalBytes += bytes;
        return new CoveredBytes(bytes, (arrived) => safe.arrive(monotonicMilliseconds(), arrived));
      }
      await pause(100);
    }
    return null;
  }

  /** Waits for bytes that may be asked for, at most `wantedBytes`; null when the lease ends. */
  async take(wantedBytes: number, signal: AbortSignal): Promise<CoveredBytes | null> {
    for (;;) {
      if (this.#isOnSafeShare) return await this.#takeSafely(wantedBytes, signal);
      if (signal.aborted || !this.isHeld) return null;
      const now = clock();
      const most = Math.min(wantedBytes, takeBytesMax, this.#holders.burstBytes(row));
      const least = Math.min(most, takeBytesMin);
      const bytes = Math.min(most, this.#holders.availableBytes(row, now));
      if (bytes >= least && bytes > 0 && this.#holders.ask(row, now, bytes)) {
        this.totalBytes += bytes;
        return this.#covered(bytes);
      }
      const wait = this.#holders.waitMilliseconds(row, now, Math.max(1, least));
      await pause(Math.min(200, Math.max(2, wait)));
    }
  }

  #covered(bytes: number): CoveredBytes {
    const holders = this.#holders;
    const account = holders.account[row];
    return new CoveredBytes(bytes, (arrived) => {
      // The bytes of an account that has ended were counted with it.
      if (holders.account[row] === account) holders.arrive(row, clock(), arrived);
    });
  }

  /** Gives everything back. Every connection must have been closed. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#closeConnections(Infinity);
    for (const close of [...this.#safeConnections]) close();
    for (let tries = 0; tries < 50 && this.#connections.size > 0; tries++) await pause(20);
    if (this.#send === null || this.#connections.size > 0) return;
    this.#release();
  }

  #tick(): void {
    if (this.#send === null) return;
    if (this.#holders.expire(row, clock())) this.#closeConnections(Infinity);
    const lapsed = this.#holders.releaseLapsed(row);
    if (lapsed !== undefined) this.#send(lapsed);
    const now = monotonicMilliseconds();
    // What is under way may come to its end under a lease that goes on.
    const slots = Math.max(this.#wanted.slots, this.#connections.size);
    if (slots === 0) {
      if (this.isHeld) this.#release();
      return;
    }
    if (now < this.#nextRequestAt) return;
    this.#isUsed = true;
    const wait = this.isHeld ? this.#ttlMilliseconds * renewRatio : askAgainMilliseconds;
    this.#nextRequestAt = now + wait;
    this.#send(this.#holders.request(row, clock(), this.#wanted.bytesPerSecond, slots));
  }

  #release(): void {
    if (this.#isUsed && this.#send !== null) this.#send(this.#holders.release(row));
    this.#isUsed = false;
    this.#nextRequestAt = 0;
  }

  #acknowledge(): void {
    const message = this.#holders.acknowledgement(row);
    if (message !== undefined) this.#send?.(message);
  }

  #closeConnections(count: number): void {
    let left = count;
    for (const close of [...this.#connections]) if (left-- > 0) close();
  }
}

/** Bytes that were taken for one range: they are under way until they have come, or are given up. */
export class CoveredBytes {
  readonly bytes: number;
  readonly #arrive: (bytes: number) => void;
  #left: number;

  /** `arrive`: told of bytes as they come, or are given up. */
  constructor(bytes: number, arrive: (bytes: number) => void) {
    this.bytes = bytes;
    this.#arrive = arrive;
    this.#left = bytes;
  }

  arrived(bytes: number): void {
    const counted = Math.min(bytes, this.#left);
    this.#left -= counted;
    if (counted > 0) this.#arrive(counted);
  }

  /** The range is over: what has not come will not, as its connection is closed or its answer has ended. */
  giveUp(): void {
    this.arrived(this.#left);
  }
}

function clock() {
  return { monotonicMilliseconds: monotonicMilliseconds(), wallMilliseconds: Date.now() };
}
