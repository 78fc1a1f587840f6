/**
 * What holders could do at this instant by any message that was ever written, lost or not: the model that the owner's
 * `committed` is held against. It knows the true state of both sides and nothing of how the owner counts.
 */
import type { HolderClock } from '#core/quota/leaseholders.ts';
import type { HolderMessage, LeaseGrant } from '#core/quota/messages.ts';
import { ContractViolation } from './origin-truth.ts';
import type { World } from './world.ts';

interface Request {
  account: number;
  number: number;
  sent: HolderClock;
  demandBytesPerSecond: number;
  slotsWanted: number;
}

interface Use {
  slots: number;
  bytesPerSecond: number;
  burstBytes: number;
}

export class PotentialUse {
  readonly #world: World;
  readonly #requests: Request[][];
  #grants: LeaseGrant[][];
  checkCount = 0;

  constructor(world: World) {
    this.#world = world;
    this.#requests = world.holders.map(() => []);
    this.#grants = world.holders.map(() => []);
  }

  said(message: HolderMessage, clock: HolderClock): void {
    if (message.kind !== 'request') return;
    const { account, number, demandBytesPerSecond, slotsWanted } = message;
    const list = this.#requests[message.holder]!;
    list.push({ account, number, sent: { ...clock }, demandBytesPerSecond, slotsWanted });
    if (list.length > 32) list.shift();
  }

  written(grant: LeaseGrant): void {
    const { slots, bytesPerSecond, burstBytes, prepaidBytes } = grant;
    for (const amount of [slots, bytesPerSecond, burstBytes, prepaidBytes]) {
      if (!Number.isSafeInteger(amount) || amount < 0) throw new ContractViolation('I7', `a grant of ${amount}`);
    }
    const request = this.#requestOf(grant);
    if (request !== undefined) this.#checkDemand(grant, request);
    this.#grants[grant.holder]!.push(grant);
  }

  #requestOf(grant: LeaseGrant): Request | undefined {
    return this.#requests[grant.holder]!.find(
      ({ account, number }) => account === grant.account && number === grant.number,
    );
  }

  /** I8. */
  #checkDemand(grant: LeaseGrant, request: Request): void {
    if (grant.bytesPerSecond > request.demandBytesPerSecond || grant.slots > request.slotsWanted) {
      const asked = `${request.demandBytesPerSecond} B/s, ${request.slotsWanted} slots`;
      throw new ContractViolation('I8', `${grant.bytesPerSecond} B/s, ${grant.slots} slots granted, asked ${asked}`);
    }
  }

  /** The most that one holder may do now, or later with what is on its way to it. */
  of(row: number): Use {
    const { table, holders, now } = this.#world;
    const holder = holders[row]!;
    const clock = holder.clock(now);
    const isLive = table.isLive(row, clock) && holder.isUp;
    const use = {
      slots: holder.isRunning ? Math.max(table.openCount[row]!, isLive ? table.slots[row]! : 0) : 0,
      bytesPerSecond: isLive ? table.bytesPerSecond[row]! : 0,
      burstBytes: isLive ? table.burstBytes(row) + table.excessBytes(row) : 0,
    };
    this.#grants[row] = this.#grants[row]!.filter((grant) => this.#isUsable(row, grant, clock));
    for (const grant of this.#grants[row]!) {
      use.slots = Math.max(use.slots, grant.slots);
      use.bytesPerSecond = Math.max(use.bytesPerSecond, grant.bytesPerSecond);
      use.burstBytes = Math.max(use.burstBytes, grant.burstBytes);
    }
    return use;
  }

  #isUsable(row: number, grant: LeaseGrant, clock: HolderClock): boolean {
    const { table, options, holders } = this.#world;
    if (grant.account !== table.account[row] || !holders[row]!.isUp) return false;
    const request = this.#requestOf(grant);
    if (request === undefined) return false;
    const { ttlMilliseconds } = options.terms;
    if (clock.monotonicMilliseconds >= request.sent.monotonicMilliseconds + ttlMilliseconds) return false;
    if (clock.wallMilliseconds >= request.sent.wallMilliseconds + ttlMilliseconds) return false;
    const { epoch, sequence } = table.inForce(row);
    return grant.epoch > epoch || (grant.epoch === epoch && grant.sequence > sequence);
  }

  /** The owner's `committed` covers every holder's potential use, and all together stay within the contract. */
  check(): void {
    const world = this.#world;
    this.checkCount++;
    const sum: Use = { slots: 0, bytesPerSecond: 0, burstBytes: 0 };
    const owner = world.owning()?.owner;
    for (let row = 0; row < world.holders.length; row++) {
      const use = this.of(row);
      sum.slots += use.slots;
      sum.bytesPerSecond += use.bytesPerSecond;
      sum.burstBytes += use.burstBytes;
      if (owner === undefined || owner.quietUntilMilliseconds !== -Infinity) continue;
      const at = owner.accounts.rowOf(row);
      const { committedSlots, committedBytesPerSecond, committedBurstBytes } = owner.accounts.promises;
      const of = (committed: Float64Array) => (at === -1 ? 0 : committed[at]!);
      const counted: Use = {
        slots: of(committedSlots),
        bytesPerSecond: of(committedBytesPerSecond),
        burstBytes: of(committedBurstBytes),
      };
      const isCovered =
        use.slots <= counted.slots &&
        use.bytesPerSecond <= counted.bytesPerSecond &&
        use.burstBytes <= counted.burstBytes;
      if (isCovered) continue;
      const both = `${JSON.stringify(use)}, the owner counts ${JSON.stringify(counted)}`;
      throw new ContractViolation('I6', `holder ${row} may use ${both}`);
    }
    world.truth.checkPotential(world.now, sum);
  }
}
