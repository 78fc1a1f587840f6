// test-time-limit: 120s
/** I1, I2 and I3 hold over several control servers that pass on sub-leases; and what they pass on is used. */
import fc from 'fast-check';
import { suite } from 'uvu';
import { is, ok } from 'uvu/assert';
import { Leaseholders } from '#core/quota/leaseholders.ts';
import { MemoryLedger } from '#core/quota/ledger.ts';
import type { HolderMessage, LeaseGrant } from '#core/quota/messages.ts';
import { OriginOwner } from '#core/quota/owner.ts';
import { SubOwner } from '#core/quota/sub-owner.ts';
import { quotaTermsDefault } from '#core/quota/terms.ts';
import { shareNode } from '#core/quota/tree.ts';
import { holds } from './courses.ts';
import { HolderProcess } from './holder-process.ts';
import { Machine } from './machine.ts';
import { ContractViolation, type Limits, OriginTruth } from './origin-truth.ts';
import { Draws, Wire, type WireFaults } from './wire.ts';

const test = suite('quota/sub-lease');
const terms = { ...quotaTermsDefault, ttlMilliseconds: 3000, turnMilliseconds: 2000, windowBucketCount: 20 };
const contract: Limits = {
  connections: 10,
  bytesPerSecond: 100_000,
  burstBytes: 100_000,
  windows: [{ windowMilliseconds: 10_000, bytes: 600_000 }],
};
/** Nothing above high water is granted: a watch without that margin sees what a sub-lease does wrong at once. */
const watched: Limits = { ...contract, connections: 9, bytesPerSecond: 90_100, burstBytes: 90_100 };
const serverCount = 2;
const holdersEach = 3;

interface Server {
  machine: Machine;
  sub: SubOwner | undefined;
  account: number;
  nextRequestAt: number;
}

class Federation {
  now = 0;
  readonly draws: Draws;
  readonly truth: OriginTruth;
  readonly table = new Leaseholders(serverCount * holdersEach);
  readonly holders: HolderProcess[];
  readonly servers: Server[];
  readonly owner: OriginOwner;
  readonly up: Wire<HolderMessage>;
  readonly down: Wire<LeaseGrant>;
  readonly toServers: Wire<{ server: number; message: HolderMessage }>;
  readonly toHolders: Wire<{ server: number; grant: LeaseGrant }>;

  constructor(seed: number, faults: WireFaults, limits: Limits) {
    this.draws = new Draws(seed);
    this.truth = new OriginTruth({ ...watched, windows: limits.windows }, 0);
    const options = this.#options(limits);
    this.owner = new OriginOwner(options, new MemoryLedger().takeOver(), 0);
    [this.up, this.down] = [new Wire(faults, this.draws), new Wire(faults, this.draws)];
    [this.toServers, this.toHolders] = [new Wire(faults, this.draws), new Wire(faults, this.draws)];
    const parts = {
      holders: this.table,
      truth: this.truth,
      draws: this.draws,
      refreshMilliseconds: 600,
      originStallThousandths: 100,
      safeShareOf: () => undefined,
    };
    const drift = () => this.draws.of([-500, 0, 500]);
    this.servers = Array.from({ length: serverCount }, (_, index) => {
      const machine = new Machine(drift());
      const sub = new SubOwner(options, index, 0, 1, machine.clock(0));
      return { machine, sub, account: 1, nextRequestAt: 0 };
    });
    this.holders = Array.from({ length: serverCount * holdersEach }, (_, row) => {
      return new HolderProcess(row, 0, drift(), { bytesPerSecond: this.draws.between(1, 60_000), slots: 2 }, parts);
    });
  }

  #options(limits: Limits) {
    return { origin: 0, contract: limits, terms, nodes: [shareNode(1)], holdersMax: serverCount * holdersEach };
  }

  crash(index: number): void {
    this.servers[index]!.sub = undefined;
  }

  restart(index: number): void {
    const server = this.servers[index]!;
    if (server.sub !== undefined) return;
    server.account += 1000;
    server.sub = new SubOwner(this.#options(contract), index, 0, server.account, server.machine.clock(this.now));
  }

  pass(milliseconds: number): void {
    for (const end = this.now + milliseconds; this.now < end; ) {
      this.now += 5;
      this.#step();
    }
  }

  #step(): void {
    const { now } = this;
    for (const holder of this.holders) holder.act(now, (message) => this.#say(holder, message));
    for (const { server, message } of this.toServers.take(now)) {
      const { sub, machine } = this.servers[server]!;
      sub?.receive(message, machine.clock(now));
    }
    for (const message of this.up.take(now)) this.owner.receive(message, now);
    for (const [index, server] of this.servers.entries()) this.#serve(index, server);
    if (now >= this.owner.nextRoundMilliseconds()) {
      for (const grant of this.owner.round(now, now).grants) this.down.send(now, grant);
    }
    for (const grant of this.down.take(now)) {
      const { sub, machine } = this.servers[grant.holder]!;
      sub?.receiveGrant(grant, machine.clock(now));
    }
    for (const { grant } of this.toHolders.take(now)) {
      const holder = this.holders[grant.holder]!;
      holder.receive(now, grant, (message) => this.#say(holder, message));
    }
    this.#check();
  }

  #say(holder: HolderProcess, message: HolderMessage): void {
    this.toServers.send(this.now, { server: Math.floor(holder.row / holdersEach), message });
  }

  #serve(index: number, server: Server): void {
    const { sub, machine } = server;
    if (sub === undefined) return;
    const clock = machine.clock(this.now);
    if (clock.monotonicMilliseconds >= sub.nextRoundMilliseconds()) {
      for (const grant of sub.round(clock)) this.toHolders.send(this.now, { server: index, grant });
    }
    const answers: (HolderMessage | undefined)[] = [sub.acknowledgement(clock), sub.releaseLapsed()];
    if (clock.monotonicMilliseconds >= server.nextRequestAt) {
      server.nextRequestAt = clock.monotonicMilliseconds + 1000;
      answers.push(sub.request(clock));
    }
    for (const message of answers) if (message !== undefined) this.up.send(this.now, message);
  }

  #check(): void {
    let slots = 0;
    let bytesPerSecond = 0;
    let burstBytes = 0;
    for (const holder of this.holders) {
      if (!this.table.isLive(holder.row, holder.clock(this.now))) continue;
      slots += this.table.slots[holder.row]!;
      bytesPerSecond += this.table.bytesPerSecond[holder.row]!;
      burstBytes += this.table.burstBytes(holder.row) + this.table.excessBytes(holder.row);
    }
    this.truth.checkPotential(this.now, { slots, bytesPerSecond, burstBytes });
    const problem = this.owner.accounts.reservedBytes < 0;
    if (problem) throw new ContractViolation('I16', 'less than nothing is reserved');
  }
}

const happenings = fc.array(
  fc.oneof(
    fc.record({ do: fc.constantFrom('crash' as const, 'restart' as const), index: fc.nat({ max: serverCount - 1 }) }),
    fc.record({ do: fc.constant('want' as const), index: fc.nat({ max: serverCount * holdersEach - 1 }) }),
    fc.record({ do: fc.constant('pass' as const), index: fc.integer({ min: 1, max: 4000 }) }),
    fc.record({ do: fc.constant('pass' as const), index: fc.integer({ min: 1, max: 4000 }) }),
  ),
  { minLength: 4, maxLength: 20, size: 'max' },
);

test('the contract holds over sub-leases, whatever is lost, late, doubled, or crashes', () => {
  const faults = fc.record({
    delayMinMilliseconds: fc.constant(1),
    delayMaxMilliseconds: fc.constantFrom(5, 300, 3000),
    lossThousandths: fc.constantFrom(0, 100, 400),
    doubleThousandths: fc.constantFrom(0, 300),
  });
  const property = fc.property(fc.nat({ max: 1_000_000 }), faults, happenings, (seed, wire, list) => {
    const world = new Federation(seed, wire, contract);
    for (const happening of list) {
      if (happening.do === 'pass') world.pass(happening.index);
      else if (happening.do === 'crash') world.crash(happening.index);
      else if (happening.do === 'restart') world.restart(happening.index);
      else {
        const bytesPerSecond = world.draws.between(0, 90_000);
        world.holders[happening.index]!.wants = { bytesPerSecond, slots: world.draws.between(0, 4) };
      }
    }
  });
  holds('I1s', property, 40);
});

test('in calm two servers share what the contract gives', () => {
  const wire = { delayMinMilliseconds: 5, delayMaxMilliseconds: 5, lossThousandths: 0, doubleThousandths: 0 };
  const world = new Federation(3, wire, { ...contract, windows: [] });
  for (const holder of world.holders) holder.wants = { bytesPerSecond: 60_000, slots: 1 };
  world.pass(10_000);
  let least = Infinity;
  for (let look = 0; look < 20; look++) {
    world.pass(250);
    least = Math.min(
      least,
      world.table.bytesPerSecond.reduce((sum, rate) => sum + rate, 0),
    );
  }
  console.log(`granted by two servers: at least ${least} of 90000 B/s`);
  ok(least > 80_000);
  is(
    world.table.slots.reduce((sum, slots) => sum + slots, 0),
    6,
  );
});

test.run();
