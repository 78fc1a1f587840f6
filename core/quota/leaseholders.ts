/**
 * May this holder open a connection to the origin, and ask for so many bytes, now? (M30, M31; I1, I2, I5)
 *
 * The holder's side of a lease, one row per holder: a relay or a client has one, a simulator has all of them. Time is
 * an argument: the lease ends at the earlier of two clocks, because a monotonic clock stands still in a suspended
 * machine and a wall clock may be set back.
 *
 *     send(holders.request(row, clock, demand, slots))       every `refreshMilliseconds`, and when its wants change
 *     holders.receive(row, clock, grant)                     then close and give up what is too much, then
 *     send(holders.acknowledgement(row))                     as soon as it answers one
 *     holders.connect / holders.ask … holders.arrive / holders.disconnect
 *     if (holders.expire(row, clock)) abort all ranges, close all connections, send(holders.releaseLapsed(row))
 *
 * A range is asked for only when tokens cover all of it, and stays in the bucket until it has arrived or is given up.
 */
import { assert } from '../assert.ts';
import { supersedes } from './lease.ts';
import type { LeaseAcknowledgement, LeaseGrant, LeaseRelease, LeaseRequest } from './messages.ts';
import { TokenBuckets } from './token-bucket.ts';

/** A request is remembered until this many later ones: it is then older than a ttl, and a grant for it is void. */
const requestsKept = 4;

/** Both in whole milliseconds; the monotonic one never runs back. */
export interface HolderClock {
  monotonicMilliseconds: number;
  wallMilliseconds: number;
}

export class Leaseholders {
  readonly rowCount: number;
  readonly origin: Float64Array;
  readonly holder: Float64Array;
  readonly node: Int32Array;
  readonly account: Float64Array;
  /** Of the lease in force; 0 = none. */
  readonly slots: Float64Array;
  readonly bytesPerSecond: Float64Array;
  /** Connections to the origin that are open. */
  readonly openCount: Float64Array;
  /** Whether the last lease ended because control could not be reached (the safe share is for then). */
  readonly isLapsed: Uint8Array;
  /** Whether others use the lease in the row's name (`passOn`). */
  private readonly isPassedOn: Uint8Array;
  private readonly buckets: TokenBuckets;
  private readonly isLeased: Uint8Array;
  private readonly epoch: Float64Array;
  private readonly sequence: Float64Array;
  /** The last lease that it keeps to, with nothing left of an earlier one. */
  private readonly keptEpoch: Float64Array;
  private readonly keptSequence: Float64Array;
  private readonly toldSequence: Float64Array;
  private readonly prepaidBytes: Float64Array;
  /** Asked for since the account began. */
  private readonly askedBytes: Float64Array;
  private readonly endMonotonicMilliseconds: Float64Array;
  private readonly endWallMilliseconds: Float64Array;
  private readonly requestNumber: Float64Array;
  private readonly sentMonotonicMilliseconds: Float64Array;
  private readonly sentWallMilliseconds: Float64Array;
  /** What a lapsed account had spent, until its release is sent. */
  private readonly lapsedSpentBytes: Float64Array;

  constructor(rowCount: number) {
    assert(rowCount >= 1, 'a table has a row');
    const column = () => new Float64Array(rowCount);
    this.rowCount = rowCount;
    this.buckets = new TokenBuckets(rowCount);
    this.origin = column();
    this.holder = column();
    this.node = new Int32Array(rowCount);
    this.account = column();
    this.slots = column();
    this.bytesPerSecond = column();
    this.openCount = column();
    this.isLapsed = new Uint8Array(rowCount);
    this.isPassedOn = new Uint8Array(rowCount);
    this.isLeased = new Uint8Array(rowCount);
    this.epoch = column();
    this.sequence = column();
    this.keptEpoch = column();
    this.keptSequence = column();
    this.toldSequence = column();
    this.prepaidBytes = column();
    this.askedBytes = column();
    this.endMonotonicMilliseconds = column();
    this.endWallMilliseconds = column();
    this.requestNumber = column();
    this.sentMonotonicMilliseconds = new Float64Array(rowCount * requestsKept);
    this.sentWallMilliseconds = new Float64Array(rowCount * requestsKept);
    this.lapsedSpentBytes = column().fill(-1);
  }

  /** A holder without a lease. `account` is larger than any that this holder has had, over restarts too. */
  open(row: number, origin: number, holder: number, node: number, account: number): void {
    assert(row >= 0 && row < this.rowCount, 'row out of range');
    this.origin[row] = origin;
    this.holder[row] = holder;
    this.node[row] = node;
    this.openCount[row] = 0;
    this.isLapsed[row] = 0;
    this.lapsedSpentBytes[row] = -1;
    this.#begin(row, account, 0);
  }

  /** Asks for a lease or its renewal; the lease's time runs from now. */
  request(row: number, clock: HolderClock, demandBytesPerSecond: number, slotsWanted: number): LeaseRequest {
    this.expire(row, clock);
    this.requestNumber[row]++;
    const place = row * requestsKept + (this.requestNumber[row] % requestsKept);
    this.sentMonotonicMilliseconds[place] = clock.monotonicMilliseconds;
    this.sentWallMilliseconds[place] = clock.wallMilliseconds;
    this.#settle(row);
    return {
      kind: 'request',
      origin: this.origin[row],
      holder: this.holder[row],
      account: this.account[row],
      spentBytes: this.spentBytes(row),
      number: this.requestNumber[row],
      node: this.node[row],
      demandBytesPerSecond,
      slotsWanted,
      epoch: this.keptEpoch[row],
      sequence: this.keptSequence[row],
    };
  }

  /**
   * Keeps to the grant from now on; answers whether it was news. Then `excessCount` connections have to be closed and
   * ranges given up until `excessBytes` is 0, at once: the earlier lease, which covers them, may be about to end.
   */
  receive(row: number, clock: HolderClock, grant: LeaseGrant): boolean {
    this.expire(row, clock);
    if (!this.isNews(row, grant)) return false;
    const place = row * requestsKept + (grant.number % requestsKept);
    const endMonotonic = this.sentMonotonicMilliseconds[place] + grant.ttlMilliseconds;
    const endWall = this.sentWallMilliseconds[place] + grant.ttlMilliseconds;
    if (clock.monotonicMilliseconds >= endMonotonic || clock.wallMilliseconds >= endWall) return false;
    const now = clock.monotonicMilliseconds;
    // Tokens are earned, never given: those who held this rate before have spent theirs.
    if (this.isLeased[row] === 0) this.buckets.open(row, now, grant.bytesPerSecond, grant.burstBytes, 0);
    else this.buckets.change(row, now, grant.bytesPerSecond, grant.burstBytes);
    this.isLeased[row] = 1;
    this.isLapsed[row] = 0;
    this.epoch[row] = grant.epoch;
    this.sequence[row] = grant.sequence;
    this.slots[row] = grant.slots;
    this.bytesPerSecond[row] = grant.bytesPerSecond;
    this.prepaidBytes[row] = grant.prepaidBytes;
    this.endMonotonicMilliseconds[row] = endMonotonic;
    this.endWallMilliseconds[row] = endWall;
    return true;
  }

  /** Whether the grant answers a request of this account that is not too old, and supersedes the lease in force. */
  isNews(row: number, grant: LeaseGrant): boolean {
    if (grant.origin !== this.origin[row] || grant.holder !== this.holder[row]) return false;
    if (grant.account !== this.account[row]) return false;
    const age = this.requestNumber[row] - grant.number;
    if (grant.number < 1 || age < 0 || age >= requestsKept) return false;
    return supersedes(grant, { epoch: this.epoch[row], sequence: this.sequence[row] });
  }

  /** Once nothing of an earlier lease is in use any more: says so, once for each lease; else `undefined`. */
  acknowledgement(row: number): LeaseAcknowledgement | undefined {
    this.#settle(row);
    if (this.keptSequence[row] === this.toldSequence[row]) return undefined;
    this.toldSequence[row] = this.keptSequence[row];
    return this.report(row);
  }

  /** An acknowledgement that only reports. */
  report(row: number): LeaseAcknowledgement {
    return {
      kind: 'acknowledge',
      origin: this.origin[row],
      holder: this.holder[row],
      account: this.account[row],
      spentBytes: this.spentBytes(row),
      epoch: this.keptEpoch[row],
      sequence: this.keptSequence[row],
    };
  }

  /**
   * For a sub-lease: those to whom it was passed on have spent so much since the account began, and, if `isKept`, use
   * nothing beyond the lease in force.
   */
  passOn(row: number, spentBytes: number, isKept: boolean): void {
    this.isPassedOn[row] = 1;
    this.askedBytes[row] = spentBytes;
    if (isKept) this.#keep(row);
  }

  #settle(row: number): void {
    if (this.isPassedOn[row] === 1 || this.isLeased[row] === 0 || this.openCount[row] > this.slots[row]) return;
    if (this.excessBytes(row) > 0) return;
    if (this.buckets.underwayBytes[row] > 0 && this.askedBytes[row] > this.prepaidBytes[row]) return;
    this.#keep(row);
  }

  #keep(row: number): void {
    this.keptEpoch[row] = this.epoch[row];
    this.keptSequence[row] = this.sequence[row];
  }

  /** Gives the lease back; every connection is closed and every range is given up already. */
  release(row: number): LeaseRelease {
    assert(this.openCount[row] === 0, 'connections are closed before a release');
    const message = this.#release(row, this.account[row], this.askedBytes[row]);
    this.#begin(row, this.account[row] + 1, 0);
    return message;
  }

  /** After `expire`, once everything is closed: the lapsed account's last word, or `undefined`. */
  releaseLapsed(row: number): LeaseRelease | undefined {
    if (this.lapsedSpentBytes[row] < 0 || this.openCount[row] > 0) return undefined;
    const message = this.#release(row, this.account[row] - 1, this.lapsedSpentBytes[row]);
    this.lapsedSpentBytes[row] = -1;
    return message;
  }

  #release(row: number, account: number, spentBytes: number): LeaseRelease {
    return { kind: 'release', origin: this.origin[row], holder: this.holder[row], account, spentBytes };
  }

  /**
   * Whether the lease has ended just now (true once): its tokens are void, every connection has to be closed and every
   * range given up at once.
   */
  expire(row: number, clock: HolderClock): boolean {
    if (this.isLive(row, clock) || this.isLeased[row] === 0) return false;
    this.lapsedSpentBytes[row] = this.askedBytes[row];
    this.isLapsed[row] = 1;
    this.#begin(row, this.account[row] + 1, clock.monotonicMilliseconds);
    return true;
  }

  isLive(row: number, clock: HolderClock): boolean {
    return (
      this.isLeased[row] === 1 &&
      clock.monotonicMilliseconds < this.endMonotonicMilliseconds[row] &&
      clock.wallMilliseconds < this.endWallMilliseconds[row]
    );
  }

  /** The lease that the holder goes by; 0, 0 = none. */
  inForce(row: number): { epoch: number; sequence: number } {
    return { epoch: this.epoch[row], sequence: this.sequence[row] };
  }

  /** Bytes that the row may have taken since its account began. */
  prepaidOf(row: number): number {
    return this.prepaidBytes[row];
  }

  /** On the monotonic clock, if the wall clock goes with it; −Infinity = no lease. */
  endMilliseconds(row: number): number {
    return this.isLeased[row] === 1 ? this.endMonotonicMilliseconds[row] : -Infinity;
  }

  // ---- Use ---------------------------------------------------------------------------------------------------

  /** Opens one more connection if the lease has room for it. */
  connect(row: number, clock: HolderClock): boolean {
    if (!this.isLive(row, clock) || this.openCount[row] >= this.slots[row]) return false;
    this.openCount[row]++;
    return true;
  }

  disconnect(row: number): void {
    assert(this.openCount[row] > 0, 'only what is open closes');
    this.openCount[row]--;
  }

  /** Connections that have to be closed. */
  excessCount(row: number): number {
    return Math.max(0, this.openCount[row] - this.slots[row]);
  }

  /** Bytes under way that have to be given up. */
  excessBytes(row: number): number {
    return Math.max(0, this.buckets.underwayBytes[row] - this.buckets.burstBytes[row]);
  }

  /** Bytes that may be asked for now. */
  availableBytes(row: number, clock: HolderClock): number {
    if (!this.isLive(row, clock)) return 0;
    const prepaid = Math.max(0, this.prepaidBytes[row] - this.askedBytes[row]);
    return Math.min(prepaid, this.buckets.available(row, clock.monotonicMilliseconds));
  }

  /** Asks for a range of `bytes`: all of it is covered, or it is not asked for. */
  ask(row: number, clock: HolderClock, bytes: number): boolean {
    if (this.availableBytes(row, clock) < bytes) return false;
    this.askedBytes[row] += bytes;
    return this.buckets.send(row, clock.monotonicMilliseconds, bytes);
  }

  /** Bytes of a range of the present account have come, or were given up. */
  arrive(row: number, clock: HolderClock, bytes: number): void {
    this.buckets.arrive(row, clock.monotonicMilliseconds, bytes);
  }

  /**
   * Bytes that have come over connections shaped to the lease's rate, instead of `ask` and `arrive`: their tokens were
   * spent as they were earned.
   */
  flow(row: number, bytes: number): void {
    assert(this.isLeased[row] === 1, 'no lease, no origin byte');
    this.askedBytes[row] += bytes;
  }

  /** Bytes of what is prepaid that were not asked for yet. */
  prepaidLeftBytes(row: number): number {
    return Math.max(0, this.prepaidBytes[row] - this.askedBytes[row]);
  }

  /** Milliseconds until `bytes` may be asked for; Infinity = not under this lease, or not before something arrives. */
  waitMilliseconds(row: number, clock: HolderClock, bytes: number): number {
    if (!this.isLive(row, clock) || this.prepaidBytes[row] - this.askedBytes[row] < bytes) return Infinity;
    return this.buckets.waitMilliseconds(row, clock.monotonicMilliseconds, bytes);
  }

  /** The largest range that may ever be asked for under the lease. */
  burstBytes(row: number): number {
    return this.buckets.burstBytes[row];
  }

  /** What has come or was given up since the account began: what is under way may still come, and stays reserved. */
  spentBytes(row: number): number {
    return this.askedBytes[row] - this.buckets.underwayBytes[row];
  }

  #begin(row: number, account: number, nowMilliseconds: number): void {
    this.account[row] = account;
    this.isLeased[row] = 0;
    this.slots[row] = 0;
    this.bytesPerSecond[row] = 0;
    this.epoch[row] = 0;
    this.sequence[row] = 0;
    this.keptEpoch[row] = 0;
    this.keptSequence[row] = 0;
    this.toldSequence[row] = 0;
    this.prepaidBytes[row] = 0;
    this.askedBytes[row] = 0;
    this.requestNumber[row] = 0;
    this.buckets.close(row, nowMilliseconds);
  }
}
