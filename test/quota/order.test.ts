// test-time-limit: 120s
/** I14 and I15: neither the order of equal-time messages nor copies of them change a grant; metamorphic relations. */
import fc from 'fast-check';
import { suite } from 'uvu';
import { equal } from 'uvu/assert';
import { Allocator, HolderTable } from '#core/quota/allocate.ts';
import { Leaseholders } from '#core/quota/leaseholders.ts';
import { MemoryLedger } from '#core/quota/ledger.ts';
import type { HolderMessage, LeaseGrant } from '#core/quota/messages.ts';
import { OriginOwner } from '#core/quota/owner.ts';
import { quotaTermsDefault } from '#core/quota/terms.ts';
import { shareNode } from '#core/quota/tree.ts';
import { holds } from './courses.ts';
import { Draws } from './wire.ts';

const test = suite('quota/order');
const holderCount = 6;
const nodes = [shareNode(0), shareNode(1, { weight: 3 }), shareNode(1, { holderFloorBytesPerSecond: 500 })];

interface Said {
  at: number;
  message: HolderMessage;
}

/** A calm course: what was said when, and what was granted. */
function recorded(seed: number, connections: number): { said: Said[]; grants: LeaseGrant[] } {
  const draws = new Draws(seed);
  const owner = ownerOf(connections);
  const table = new Leaseholders(holderCount);
  for (let row = 0; row < holderCount; row++) table.open(row, 0, row, row % nodes.length, 1);
  const said: Said[] = [];
  const grants: LeaseGrant[] = [];
  for (let at = 0; at < 40_000; at += 1000) {
    const clock = { monotonicMilliseconds: at, wallMilliseconds: at };
    const messages: HolderMessage[] = [];
    for (let row = 0; row < holderCount; row++) {
      if (table.expire(row, clock)) messages.push(table.releaseLapsed(row)!);
      if (draws.isHit(500)) messages.push(table.request(row, clock, draws.between(0, 20_000), draws.between(0, 3)));
      else if (draws.isHit(100)) messages.push(table.release(row));
    }
    for (const message of messages) said.push({ at, message });
    for (const message of messages) owner.receive(message, at);
    const round = owner.round(at, at);
    grants.push(...round.grants);
    for (const grant of round.grants) {
      table.receive(grant.holder, clock, grant);
      const answer = table.acknowledgement(grant.holder);
      if (answer === undefined) continue;
      said.push({ at: at + 1, message: answer });
      owner.receive(answer, at + 1);
    }
  }
  return { said, grants };
}

function ownerOf(connections: number): OriginOwner {
  const windows = [{ windowMilliseconds: 20_000, bytes: 500_000 }];
  const contract = { connections, bytesPerSecond: 30_000, burstBytes: 30_000, windows };
  const options = { origin: 0, contract, terms: quotaTermsDefault, nodes, holdersMax: holderCount };
  return new OriginOwner(options, new MemoryLedger().takeOver(), 0);
}

/** What an owner grants that hears exactly this. */
function replayed(said: Said[], connections: number): LeaseGrant[] {
  const owner = ownerOf(connections);
  const grants: LeaseGrant[] = [];
  let next = 0;
  for (let at = 0; at < 40_000; at += 1000) {
    for (; next < said.length && said[next]!.at <= at; next++) owner.receive(said[next]!.message, said[next]!.at);
    grants.push(...owner.round(at, at).grants);
  }
  return grants;
}

const seeds = fc.nat({ max: 1_000_000 });
const connectionCounts = fc.integer({ min: 1, max: 12 });

test('I14: the order of equal-time messages changes nothing', () => {
  const property = fc.property(seeds, connectionCounts, seeds, (seed, connections, shuffleSeed) => {
    const { said, grants } = recorded(seed, connections);
    equal(replayed(said, connections), grants, 'the same log');
    const byHolder = holdersShuffled(said, new Draws(shuffleSeed));
    equal(replayed(byHolder, connections), grants, 'shuffled');
  });
  holds('I14', property, 60);
});

/** Holders change places among the messages of one moment; what one holder says stays in its order. */
function holdersShuffled(said: Said[], draws: Draws): Said[] {
  const moments = new Map<number, Map<number, Said[]>>();
  for (const entry of said) {
    const moment = moments.get(entry.at) ?? new Map<number, Said[]>();
    moments.set(entry.at, moment);
    moment.set(entry.message.holder, [...(moment.get(entry.message.holder) ?? []), entry]);
  }
  return [...moments.values()].flatMap((moment) =>
    [...moment.values()]
      .map((entries) => ({ entries, key: draws.between(0, 1_000_000) }))
      .sort((left, right) => left.key - right.key)
      .flatMap(({ entries }) => entries),
  );
}

test('I15: repeated and late copies of messages change nothing', () => {
  const property = fc.property(seeds, connectionCounts, seeds, (seed, connections, copySeed) => {
    const { said, grants } = recorded(seed, connections);
    const draws = new Draws(copySeed);
    const copied: Said[] = [];
    for (const [index, entry] of said.entries()) {
      copied.push(entry);
      while (draws.isHit(400)) {
        const { message } = said[Math.max(0, index - draws.between(0, 12))]!;
        copied.push({ at: entry.at, message });
      }
    }
    equal(replayed(copied, connections), grants);
  });
  holds('I15', property, 60);
});

// ---- Metamorphic relations of the allocator, with nodes -------------------------------------------------------

interface Row {
  demand: number;
  node: number;
  slots: number;
}

const rows = fc.array(
  fc.record({
    demand: fc.integer({ min: 0, max: 3000 }),
    node: fc.integer({ min: -1, max: 2 }),
    slots: fc.integer({ min: 0, max: 3 }),
  }),
  { minLength: 1, maxLength: 10 },
);

function ratesOf(list: Row[], bytesPerSecond: number, scale = 1): number[] {
  const table = new HolderTable(list.length);
  for (const { demand, node, slots } of list) {
    const row = table.add(demand * scale);
    table.node[row] = node;
    table.band[row] = node < 0 ? 1 : nodes[node]!.band;
    table.slotsWanted[row] = slots;
    table.floorBytesPerSecond[row] = node < 0 ? 0 : nodes[node]!.holderFloorBytesPerSecond * scale;
  }
  new Allocator(list.length).allocate(table, bytesPerSecond * scale, 1000, nodes);
  return [...table.grantBytesPerSecond];
}

test('metamorphic: permuted holders get the same to the unit, scaled ones scaled, an idle one changes nothing', () => {
  const property = fc.property(rows, fc.integer({ min: 0, max: 9000 }), seeds, (list, rate, seed) => {
    const before = ratesOf(list, rate);
    const draws = new Draws(seed);
    const order = list
      .map((_, index) => ({ index, key: draws.between(0, 1_000_000) }))
      .sort((left, right) => left.key - right.key)
      .map(({ index }) => index);
    const permuted = ratesOf(
      order.map((index) => list[index]!),
      rate,
    );
    // What rounding leaves over goes out one unit each, to a node and in it: two at most.
    for (const [at, index] of order.entries()) {
      if (Math.abs(permuted[at]! - before[index]!) > 2) throw new Error(`I9: row ${index} depends on its place`);
    }
    const scaled = ratesOf(list, rate, 1000);
    for (const [index, one] of before.entries()) {
      if (Math.abs(scaled[index]! - one * 1000) > 2001) throw new Error(`I9: row ${index} does not scale`);
    }
    equal(ratesOf([...list, { demand: 0, node: 1, slots: 1 }], rate).slice(0, -1), before);
  });
  holds('I9m', property, 300);
});

test.run();
