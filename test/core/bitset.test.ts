import fc from 'fast-check';
import { suite } from 'uvu';
import { equal, is, ok, throws } from 'uvu/assert';
import { lowestBit, PieceSets } from '#core/bitset.ts';
import { none } from '#core/units.ts';

const test = suite('core/bitset');

/** The same three sets of each endpoint, as JavaScript has sets. */
class NaiveSets {
  readonly held: Set<number>[];
  readonly requested: Set<number>[];
  readonly twice: Set<number>[];
  readonly draws: number[];
  readonly pieceCount: number;

  constructor(endpointCount: number, pieceCount: number) {
    const sets = () => Array.from({ length: endpointCount }, () => new Set<number>());
    this.held = sets();
    this.requested = sets();
    this.twice = sets();
    this.draws = Array.from({ length: endpointCount }, () => 0);
    this.pieceCount = pieceCount;
  }

  pieces(): number[] {
    return Array.from({ length: this.pieceCount }, (_, piece) => piece);
  }

  /** Held by `source`, neither held by `endpoint` nor in `asked`. */
  wanted(endpoint: number, source: number, asked: Set<number>): number[] {
    return this.pieces().filter(
      (piece) => this.held[source].has(piece) && !this.held[endpoint].has(piece) && !asked.has(piece),
    );
  }

  missing(endpoint: number): number[] {
    return this.pieces().filter((piece) => !this.held[endpoint].has(piece) && !this.requested[endpoint].has(piece));
  }
}

/** The first at or after `from`, then from the front. */
function firstFrom(pieces: number[], from: number): number {
  return pieces.find((piece) => piece >= from) ?? pieces[0] ?? none;
}

interface Pair {
  real: PieceSets;
  naive: NaiveSets;
}

type Verb = 'hold' | 'holdAll' | 'request' | 'unrequest' | 'clearRequests' | 'draw';

/** One command on both, and a look at everything they answer. */
class Command implements fc.Command<NaiveSets, Pair> {
  readonly verb: Verb;
  readonly endpoint: number;
  readonly other: number;
  readonly pick: number;

  constructor(verb: Verb, endpoint: number, other: number, pick: number) {
    this.verb = verb;
    this.endpoint = endpoint;
    this.other = other;
    this.pick = pick;
  }

  check(model: NaiveSets): boolean {
    // A source is taken back only by whoever asked it.
    return this.verb !== 'unrequest' || model.requested[this.endpoint].has(this.pick % model.pieceCount);
  }

  run(naive: NaiveSets, { real }: Pair): void {
    const { endpoint, other } = this;
    const piece = this.pick % naive.pieceCount;
    this.apply(naive, real, endpoint, piece);
    look(naive, real, endpoint, other, piece);
    look(naive, real, other, endpoint, piece);
  }

  private apply(naive: NaiveSets, real: PieceSets, endpoint: number, piece: number): void {
    const { held, requested, twice } = naive;
    switch (this.verb) {
      case 'hold':
        is(real.hold(endpoint, piece), !held[endpoint].has(piece));
        held[endpoint].add(piece);
        return;
      case 'holdAll':
        real.holdAll(endpoint);
        for (const each of naive.pieces()) held[endpoint].add(each);
        return;
      case 'request':
        real.request(endpoint, piece);
        (requested[endpoint].has(piece) ? twice : requested)[endpoint].add(piece);
        return;
      case 'unrequest':
        real.unrequest(endpoint, piece);
        (twice[endpoint].has(piece) ? twice : requested)[endpoint].delete(piece);
        return;
      case 'clearRequests':
        real.clearRequests(endpoint);
        requested[endpoint].clear();
        twice[endpoint].clear();
        return;
      case 'draw':
        is(real.nextDraw(endpoint), naive.draws[endpoint]++);
        return;
      default:
        this.verb satisfies never;
    }
  }

  toString(): string {
    return `${this.verb}(${this.endpoint}, ${this.pick}) beside ${this.other}`;
  }
}

function look(naive: NaiveSets, real: PieceSets, endpoint: number, source: number, piece: number): void {
  const { held, requested, twice } = naive;
  is(real.holds(endpoint, piece), held[endpoint].has(piece));
  is(real.isRequested(endpoint, piece), requested[endpoint].has(piece));
  is(real.isRequestedTwice(endpoint, piece), twice[endpoint].has(piece));
  is(real.heldCount(endpoint), held[endpoint].size);
  is(real.isComplete(endpoint), held[endpoint].size === naive.pieceCount);
  const wanted = naive.wanted(endpoint, source, requested[endpoint]);
  const again = naive.wanted(endpoint, source, twice[endpoint]);
  is(real.wants(endpoint, source), wanted.length > 0);
  is(real.wantsAgain(endpoint, source), again.length > 0);
  equal(
    piecesOf(real, (word) => real.candidates(endpoint, source, word)),
    wanted,
  );
  equal(
    piecesOf(real, (word) => real.candidatesAgain(endpoint, source, word)),
    again,
  );
  is(real.nextWanted(endpoint, source, piece), firstFrom(wanted, piece));
  is(real.nextMissing(endpoint, piece), firstFrom(naive.missing(endpoint), piece));
}

/** Pieces whose bits are set. */
function piecesOf(sets: PieceSets, bitsOf: (word: number) => number): number[] {
  const pieces: number[] = [];
  for (let word = 0; word < sets.words; word++) {
    const bits = bitsOf(word);
    ok(bits >= 0, 'a word of bits is not negative');
    for (let bit = 0; bit < 32; bit++) if ((bits & (1 << bit)) !== 0) pieces.push(word * 32 + bit);
  }
  return pieces;
}

// Whole words, one more and one less, and several words.
const pieceCounts = fc.oneof(fc.constantFrom(1, 31, 32, 33, 63, 64, 65, 97), fc.integer({ min: 1, max: 100 }));
const endpointCount = 3;
const endpoint = fc.nat(endpointCount - 1);
const verbs = fc.constantFrom<Verb>(
  'hold',
  'hold',
  'request',
  'request',
  'unrequest',
  'draw',
  'holdAll',
  'clearRequests',
);

test('three sets of each endpoint are what sets are', () => {
  const commands = fc.commands(
    [fc.tuple(verbs, endpoint, endpoint, fc.nat(1000)).map((given) => new Command(...given))],
    { size: '+1' },
  );
  fc.assert(
    fc.property(pieceCounts, commands, (pieceCount, list) => {
      const naive = new NaiveSets(endpointCount, pieceCount);
      fc.modelRun(() => ({ model: naive, real: { real: new PieceSets(endpointCount, pieceCount), naive } }), list);
    }),
    { numRuns: 400 },
  );
});

test('all of a file, whatever its length, and nothing beyond', () => {
  for (let pieceCount = 1; pieceCount <= 100; pieceCount++) {
    const sets = new PieceSets(2, pieceCount);
    sets.holdAll(0);
    ok(sets.isComplete(0));
    is(sets.heldCount(0), pieceCount);
    is(sets.heldCount(1), 0);
    is(sets.nextMissing(0, 0), none);
    equal(
      piecesOf(sets, (word) => sets.candidates(1, 0, word)),
      Array.from({ length: pieceCount }, (_, piece) => piece),
    );
    for (let piece = 0; piece < pieceCount; piece++) {
      is(sets.nextWanted(1, 0, piece), piece);
      sets.hold(1, piece);
    }
    ok(sets.isComplete(1));
    is(sets.wants(1, 0), false);
  }
});

test('the lowest bit of every word', () => {
  for (let bit = 0; bit < 32; bit++) {
    is(lowestBit((1 << bit) >>> 0), bit);
    is(lowestBit((0xffffffff << bit) >>> 0), bit);
  }
});

test('a file has a piece', () => {
  throws(() => new PieceSets(1, 0), /at least one piece/);
});

test.run();
