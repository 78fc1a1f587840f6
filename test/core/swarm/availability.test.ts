import fc from 'fast-check';
import { suite } from 'uvu';
import { equal, is } from 'uvu/assert';
import { PieceSets } from '#core/bitset.ts';
import { type Availability, ExactAvailability, SwarmAvailability } from '#core/swarm/availability.ts';

const test = suite('core/swarm/availability');

const endpointCount = 5;
const pieceCount = 35;

/** Members of a swarm, what each holds and whom it knows; counts are found by looking at all of them. */
class NaiveSwarm {
  readonly members = new Set<number>();
  readonly held = Array.from({ length: endpointCount }, () => new Set<number>());
  readonly knows = Array.from({ length: endpointCount }, () => new Set<number>());

  holders(piece: number, among: Iterable<number>): number {
    return [...among].filter((endpoint) => this.held[endpoint].has(piece)).length;
  }
}

type Happening =
  | { kind: 'join' | 'leave'; one: number }
  | { kind: 'gain'; one: number; piece: number }
  | { kind: 'connect' | 'part'; one: number; other: number };

const endpoint = fc.nat(endpointCount - 1);
const happenings: fc.Arbitrary<Happening> = fc.oneof(
  fc.record({ kind: fc.constantFrom('join' as const, 'join' as const, 'leave' as const), one: endpoint }),
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('gain' as const), one: endpoint, piece: fc.nat(pieceCount - 1) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('connect' as const, 'part' as const),
      one: endpoint,
      other: endpoint,
    }),
  },
);

/** Tells an implementation what happened, as a host has to. */
function happen(swarm: NaiveSwarm, sets: PieceSets, availability: Availability, happening: Happening): void {
  const { members, held, knows } = swarm;
  const { one } = happening;
  const part = (other: number) => {
    availability.parted(one, other, sets);
    availability.parted(other, one, sets);
    knows[one].delete(other);
    knows[other].delete(one);
  };
  switch (happening.kind) {
    case 'join':
      if (members.has(one)) return;
      members.add(one);
      availability.joined(one, sets);
      return;
    case 'leave':
      if (!members.delete(one)) return;
      for (const other of [...knows[one]]) part(other);
      availability.left(one, sets);
      return;
    case 'gain':
      if (!members.has(one) || held[one].has(happening.piece)) return;
      held[one].add(happening.piece);
      sets.hold(one, happening.piece);
      availability.gained(happening.piece);
      for (const other of knows[one]) availability.heard(other, happening.piece);
      return;
    case 'connect':
      if (one === happening.other || !members.has(one) || !members.has(happening.other)) return;
      if (knows[one].has(happening.other)) return;
      knows[one].add(happening.other);
      knows[happening.other].add(one);
      availability.connected(one, happening.other, sets);
      availability.connected(happening.other, one, sets);
      return;
    case 'part':
      if (knows[one].has(happening.other)) part(happening.other);
      return;
    default:
      happening satisfies never;
  }
}

const implementations: {
  kind: Availability['kind'];
  make: () => Availability;
  /** What it should count for `client`. */
  expected: (swarm: NaiveSwarm, client: number, piece: number) => number;
}[] = [
  {
    kind: 'exact',
    make: () => new ExactAvailability(endpointCount, pieceCount),
    expected: (swarm, client, piece) => swarm.holders(piece, swarm.knows[client]),
  },
  {
    kind: 'swarm',
    make: () => new SwarmAvailability(pieceCount),
    expected: (swarm, _client, piece) => swarm.holders(piece, swarm.members),
  },
];

for (const { kind, make, expected } of implementations) {
  test(`${kind}: counts what a look at everybody counts`, () => {
    is(make().kind, kind);
    fc.assert(
      fc.property(fc.array(happenings, { maxLength: 60 }), (list) => {
        const swarm = new NaiveSwarm();
        const sets = new PieceSets(endpointCount, pieceCount);
        const availability = make();
        for (const happening of list) happen(swarm, sets, availability, happening);
        for (let client = 0; client < endpointCount; client++) {
          const counts = Array.from({ length: pieceCount }, (_, piece) => expected(swarm, client, piece));
          const offset = availability.offset(client);
          equal([...availability.counts.slice(offset, offset + pieceCount)], counts);
        }
      }),
      { numRuns: 300 },
    );
  });

  test(`${kind}: who comes with everything and goes again leaves nothing behind`, () => {
    const swarm = new NaiveSwarm();
    const sets = new PieceSets(endpointCount, pieceCount);
    const availability = make();
    sets.holdAll(0);
    for (let piece = 0; piece < pieceCount; piece++) swarm.held[0].add(piece);
    for (const one of [0, 1]) happen(swarm, sets, availability, { kind: 'join', one });
    happen(swarm, sets, availability, { kind: 'connect', one: 0, other: 1 });
    is(availability.counts[availability.offset(1) + pieceCount - 1], 1);
    happen(swarm, sets, availability, { kind: 'leave', one: 0 });
    is(Math.max(...availability.counts), 0);
  });
}

test('where everybody knows everybody, both agree on what is rarest', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ one: endpoint, piece: fc.nat(pieceCount - 1) }), { maxLength: 60 }), (gains) => {
      const counted = implementations.map(({ make }) => {
        const swarm = new NaiveSwarm();
        const sets = new PieceSets(endpointCount, pieceCount);
        const availability = make();
        for (let one = 0; one < endpointCount; one++) happen(swarm, sets, availability, { kind: 'join', one });
        for (let one = 0; one < endpointCount; one++)
          for (let other = 0; other < one; other++) happen(swarm, sets, availability, { kind: 'connect', one, other });
        for (const gain of gains) happen(swarm, sets, availability, { kind: 'gain', ...gain });
        return { availability, held: swarm.held };
      });
      const [exact, everybody] = counted;
      for (let client = 0; client < endpointCount; client++) {
        for (let piece = 0; piece < pieceCount; piece++) {
          const own = exact.held[client].has(piece) ? 1 : 0;
          const offset = exact.availability.offset(client);
          is(exact.availability.counts[offset + piece] + own, everybody.availability.counts[piece]);
        }
      }
    }),
    { numRuns: 50 },
  );
});

test.run();
