/** One client's policies together: what goes in, what comes out, and that a snapshot is the whole state. */
import fc from 'fast-check';
import { suite } from 'uvu';
import { equal, is, ok } from 'uvu/assert';
import { ClientCore, type ClientOptions } from '#core/client.ts';
import type { ClientInput } from '#core/client-record.ts';
import { restore, snapshotOf } from '#core/client-snapshot.ts';
import { chooseRaced, chooseRange } from '#core/fallback/range-choice.ts';
import { hybrid } from '#core/policies.ts';
import { none } from '#core/units.ts';

const test = suite('core/client');
const options: ClientOptions = {
  seed: 5,
  file: { sizeBytes: 40 * 1000 - 1, pieceLengthBytes: 1000 },
  policy: hybrid,
  neighboursMax: 4,
  sourcesMax: 3,
  priorityPieces: [],
};

test('a neighbour is asked for what it holds, the rarest first, and not twice', () => {
  const core = new ClientCore(options);
  core.start([0]);
  core.join(1);
  core.join(2);
  core.heard(1, [0, 1, 2]);
  core.heard(2, [0, 1]);
  const first = core.ask(1);
  is(first?.kind === 'request' && first.piece, 2);
  const second = core.ask(1);
  is(second?.kind === 'request' && second.piece, 1);
  is(core.ask(2), null);
  equal(core.arrived(2, 1000), { isNew: true, isRaceOver: false });
  core.brokenOff(1, 0);
  const again = core.ask(2);
  is(again?.kind === 'request' && again.piece, 1);
});

test('a neighbour that parted counts no more, and its row is clean for the next one', () => {
  const core = new ClientCore(options);
  core.start([]);
  core.join(1);
  core.heardAll(1);
  core.heard(1, [3]);
  equal([...core.availability.counts], new Array(40).fill(1));
  core.part(1);
  equal([...core.availability.counts], new Array(40).fill(0));
  core.join(1);
  is(core.ask(1), null);
  is(core.sets.lacksFrom(0, 1), false);
  core.heard(1, [39]);
  is(core.sets.lacksFrom(0, 1), true);
  core.start([39]);
  is(core.sets.lacksFrom(0, 1), false);
});

test('HTTP takes what nobody holds first, then what is missing, and never what is asked for', () => {
  const core = new ClientCore(options);
  core.start([]);
  core.join(1);
  const held = Array.from({ length: 40 }, (_, piece) => piece).filter((piece) => piece < 10 || piece > 12);
  core.heard(1, held);
  const first = core.takeRange(8);
  equal(first, { kind: 'range', reason: 'unavailable', firstPiece: 10, pieceCount: 3, requestBytes: 3000 });
  let taken = 3;
  for (let range = core.takeRange(8); range?.kind === 'range'; range = core.takeRange(8)) {
    is(range.reason, 'missing');
    ok(range.pieceCount >= 1 && range.pieceCount <= 8);
    taken += range.pieceCount;
  }
  is(taken, 40);
  is(core.ask(1)?.kind ?? null, null);
});

test('a relay takes runs in order, from where it is told', () => {
  const core = new ClientCore(options);
  core.start([20, 23]);
  const range = core.takeFrom(20, 8);
  equal(range, { kind: 'range', reason: 'missing', firstPiece: 21, pieceCount: 2, requestBytes: 2000 });
  const last = core.takeFrom(39, 8);
  equal(last, { kind: 'range', reason: 'missing', firstPiece: 39, pieceCount: 1, requestBytes: 999 });
});

test('a range is a run of free pieces of one kind (property)', () => {
  const pieces = fc.uniqueArray(fc.nat(39), { maxLength: 39 });
  fc.assert(
    fc.property(
      pieces,
      pieces,
      pieces,
      fc.integer({ min: 1, max: 9 }),
      fc.nat(2 ** 32 - 1),
      (own, asked, there, max, bits) => {
        const core = new ClientCore(options);
        core.start(own);
        core.join(1);
        core.heard(1, there);
        for (const piece of asked) if (!own.includes(piece)) core.sets.request(0, piece);
        const free = (piece: number) => !own.includes(piece) && !asked.includes(piece);
        const range = { firstPiece: 0, pieceCount: 0, reason: 0 };
        chooseRange(core.sets, core.availability.counts, 0, max, bits, range);
        const all = Array.from({ length: 40 }, (_, piece) => piece).filter(free);
        if (range.firstPiece === none) return is(all.length, 0);
        const run = Array.from({ length: range.pieceCount }, (_, index) => range.firstPiece + index);
        ok(run.length >= 1 && run.length <= max);
        ok(run.every(free));
        const unavailable = all.filter((piece) => !there.includes(piece));
        is(range.reason, unavailable.length > 0 ? 0 : 1);
        if (range.reason === 0) ok(run.every((piece) => !there.includes(piece)));
        const raced = chooseRaced(core.sets, 0, bits);
        if (raced !== none) ok(asked.includes(raced) && !own.includes(raced));
      },
    ),
    { numRuns: 300 },
  );
});

/** Any sequence of inputs that a node could give. */
const inputs: fc.Arbitrary<[ClientInput, ...unknown[]]>[] = [
  fc.tuple(fc.constant('heard' as const), fc.integer({ min: 1, max: 4 }), fc.uniqueArray(fc.nat(39), { maxLength: 9 })),
  fc.tuple(fc.constant('part' as const), fc.integer({ min: 1, max: 4 })),
  fc.tuple(fc.constant('heardAll' as const), fc.integer({ min: 1, max: 4 })),
  fc.tuple(fc.constant('ask' as const), fc.integer({ min: 1, max: 4 })),
  fc.tuple(fc.constant('brokenOff' as const), fc.nat(39), fc.nat(999)),
  fc.tuple(fc.constant('arrived' as const), fc.nat(38), fc.constant(1000)),
  fc.tuple(fc.constant('takeRange' as const), fc.integer({ min: 1, max: 8 })),
  fc.tuple(fc.constant('handshake' as const), fc.boolean()),
  fc.tuple(fc.constant('choose' as const), fc.nat(100_000), fc.boolean(), fc.nat(10_000)),
  fc.tuple(fc.constant('failed' as const), fc.nat(2), fc.nat(100_000), fc.nat(1000)),
  fc.tuple(fc.constant('unchoke' as const), fc.boolean(), fc.constant([1, 2, 3]), fc.constant([5, 0, 9])),
];

function give(core: ClientCore, [name, ...given]: [ClientInput, ...unknown[]]): string {
  return JSON.stringify((core[name] as (...values: unknown[]) => unknown).apply(core, given)) ?? 'nothing';
}

test('a core that was restored from a snapshot decides like the one that it was taken of', () => {
  const list = fc.array(fc.oneof(...inputs), { maxLength: 40 });
  fc.assert(
    fc.property(list, list, (before, after) => {
      const one = new ClientCore(options);
      one.start([1, 2]);
      for (const slot of [0, 1, 2]) one.assign(slot, slot, slot === 2, 1000 * (slot + 1), 10);
      for (const input of before) give(one, input);
      const other = new ClientCore(options);
      restore(other, JSON.parse(JSON.stringify(snapshotOf(one))));
      equal(
        after.map((input) => give(other, input)),
        after.map((input) => give(one, input)),
      );
    }),
    { numRuns: 200 },
  );
});

test('the triggers answer with what they saw', () => {
  const core = new ClientCore(options);
  core.start([]);
  core.expect(2000);
  equal(core.look(1, 0, 0), null);
  equal(core.look(2, 0, 0), null);
  equal(core.look(3, 0, 0), null);
  const opened = core.look(4, 0, 0);
  is(opened?.kind === 'fallback' && opened.reason, 'overdue');
  is(core.isHttpOpen, true);
  is(core.httpRate(Infinity, 5000, 1), 5000);
  is(core.httpRate(Infinity, 5000, 0), 0);
});

test.run();
