/** The protocol over a perfect wire: what is said, and what comes of it. */
import { suite } from 'uvu';
import { equal, is } from 'uvu/assert';
import type { OriginContract } from '#core/quota/contract.ts';
import { type HolderClock, Leaseholders } from '#core/quota/leaseholders.ts';
import { auditLedger, MemoryLedger } from '#core/quota/ledger.ts';
import { OriginOwner } from '#core/quota/owner.ts';
import { quotaTermsDefault } from '#core/quota/terms.ts';
import { shareNode } from '#core/quota/tree.ts';

const test = suite('core/quota/protocol');

const contract: OriginContract = { connections: 4, bytesPerSecond: 1_000_000, burstBytes: 1_000_000, windows: [] };

class PerfectWire {
  readonly ledger = new MemoryLedger();
  readonly owner: OriginOwner;
  readonly holders = new Leaseholders(8);
  readonly clock: HolderClock = { monotonicMilliseconds: 0, wallMilliseconds: 0 };
  grantCount = 0;

  constructor(changes: Partial<OriginContract> = {}, nodes = [shareNode(0), shareNode(1)]) {
    const options = {
      origin: 0,
      contract: { ...contract, ...changes },
      terms: quotaTermsDefault,
      nodes,
      holdersMax: 8,
    };
    this.owner = new OriginOwner(options, this.ledger.takeOver(), 0);
    for (let row = 0; row < 8; row++) this.holders.open(row, 0, row, 1, 1);
  }

  at(milliseconds: number): this {
    this.clock.monotonicMilliseconds = milliseconds;
    this.clock.wallMilliseconds = milliseconds;
    return this;
  }

  ask(row: number, demand: number, slots = 1): void {
    this.owner.receive(this.holders.request(row, this.clock, demand, slots), this.clock.monotonicMilliseconds);
  }

  round(): void {
    const now = this.clock.monotonicMilliseconds;
    const round = this.owner.round(now, now);
    is(this.ledger.write(round.epoch, round.entries), true);
    for (const grant of round.grants) {
      this.grantCount++;
      this.holders.receive(grant.holder, this.clock, grant);
      const answer = this.holders.acknowledgement(grant.holder);
      if (answer !== undefined) this.owner.receive(answer, now);
    }
  }

  rates(): number[] {
    return [...this.holders.bytesPerSecond];
  }
}

test('a lease is asked for, granted, used, renewed and given back', () => {
  const wire = new PerfectWire();
  const { holders, clock } = wire;
  is(holders.connect(0, clock), false, 'no lease, no connection');
  wire.ask(0, 300_000);
  wire.round();
  is(holders.bytesPerSecond[0], 300_000);
  is(holders.connect(0, clock), true);
  is(holders.connect(0, clock), false, 'one slot');
  is(holders.ask(0, clock, 1), false, 'tokens are earned');
  wire.at(500);
  is(holders.availableBytes(0, clock), 150_000);
  is(holders.ask(0, clock, 150_000), true);
  wire.at(3333);
  holders.arrive(0, clock, 150_000);
  wire.ask(0, 300_000);
  wire.round();
  is(wire.owner.accounts.totals.spentBytes, 150_000);
  wire.at(10_500);
  is(holders.isLive(0, clock), true, 'renewed');
  holders.disconnect(0);
  wire.owner.receive(holders.release(0), 10_500);
  wire.round();
  is(wire.owner.accounts.reservedBytes, 0);
  equal(auditLedger(wire.ledger.takeOver()), []);
});

test('a second holder gets its half when the first has acknowledged', () => {
  const wire = new PerfectWire();
  wire.ask(0, 2_000_000);
  wire.round();
  equal(wire.rates().slice(0, 2), [900_000, 0], 'high water');
  wire.at(1000).ask(1, 2_000_000);
  wire.round();
  equal(wire.rates().slice(0, 2), [450_000, 0], 'the first is told of its half');
  wire.at(2000).round();
  equal(wire.rates().slice(0, 2), [450_000, 450_000]);
});

test('a lease ends on the holder, its tokens are void, and the owner takes it back a little later', () => {
  const wire = new PerfectWire();
  wire.ask(0, 300_000);
  wire.round();
  wire.at(9_999);
  is(wire.holders.availableBytes(0, wire.clock), 300_000);
  wire.at(10_000);
  is(wire.holders.expire(0, wire.clock), true);
  is(wire.holders.availableBytes(0, wire.clock), 0);
  is(wire.owner.accounts.promises.committedSlots[0], 1);
  wire.at(10_200).round();
  is(wire.owner.accounts.promises.committedSlots[0], 0);
  is(wire.owner.accounts.totals.spentBytes, wire.owner.accounts.totals.grantedBytes, 'unreported is spent');
});

test('a lease of less is acknowledged when nothing of the earlier one is in use any more', () => {
  const wire = new PerfectWire();
  const { holders, clock } = wire;
  wire.ask(0, 2_000_000, 3);
  wire.round();
  wire.at(1000);
  while (holders.connect(0, clock));
  is(holders.ask(0, clock, 800_000), true);
  const revocation = { origin: 0, holder: 0, epoch: 1, sequence: 9, slots: 1, bytesPerSecond: 1, burstBytes: 500_000 };
  const grant = {
    kind: 'grant' as const,
    account: 1,
    number: 1,
    ...revocation,
    prepaidBytes: 0,
    ttlMilliseconds: 10_000,
  };
  is(holders.receive(0, clock, grant), true);
  equal([holders.excessCount(0), holders.excessBytes(0)], [2, 300_000]);
  is(holders.acknowledgement(0), undefined, 'connections are open');
  holders.disconnect(0);
  holders.disconnect(0);
  is(holders.acknowledgement(0), undefined, 'too much is under way');
  holders.arrive(0, clock, 300_000);
  is(holders.acknowledgement(0), undefined, 'more was asked for than is prepaid now, and some of it may still come');
  holders.arrive(0, clock, 500_000);
  is(holders.acknowledgement(0)?.sequence, 9);
  is(holders.acknowledgement(0), undefined, 'once');
  is(holders.connect(0, clock), false);
  is(holders.receive(0, clock, { ...grant, sequence: 10, slots: 0 }), true);
  is(holders.acknowledgement(0), undefined, 'a connection is open');
  holders.disconnect(0);
  is(holders.acknowledgement(0)?.sequence, 10);
});

test('failover with the ledger: what was promised counts on; without: nothing is granted for ttl and slack', () => {
  const wire = new PerfectWire();
  wire.ask(0, 2_000_000, 3);
  wire.round();
  const options = { ...wire.owner.options };
  const next = new OriginOwner(options, wire.ledger.takeOver(), 1000);
  is(next.accounts.promises.committedBytesPerSecond[0], 900_000);
  is(wire.ledger.write(wire.owner.epoch, []), false, 'the old owner is fenced off');
  const fresh = new OriginOwner(options, new MemoryLedger(next.epoch).takeOver(), 1000);
  fresh.receive(wire.holders.request(1, wire.clock, 1000, 1), 1000);
  is(fresh.round(11_199, 0).grants.length, 0);
  fresh.receive(wire.holders.request(1, wire.at(11_200).clock, 1000, 1), 11_200);
  is(fresh.round(11_200, 0).grants.length, 1);
});

test.run();
