import fc from 'fast-check';
import { suite } from 'uvu';
import { equal, is, ok } from 'uvu/assert';
import { PieceSets } from '#core/bitset.ts';
import { ExactAvailability } from '#core/swarm/availability.ts';
import { PiecePicker } from '#core/swarm/piece-picker.ts';
import { none } from '#core/units.ts';

const test = suite('core/swarm/piece-picker');

const client = 0;
const source = 1;

/**
 * A client and a source, drawn; a column is a piece:
 *
 *   count   how many neighbours hold it    3 1 2 1
 *   own     what the client holds          # . . .
 *   source  what the source holds          # # # .
 *   asked   how many are bringing it       . 1 2 .
 */
interface Picture {
  count: string;
  own?: string;
  source?: string;
  asked?: string;
}

interface Options {
  order?: 'rarest' | 'random' | 'sequential';
  window?: number;
  priorityPieces?: [number, number][];
  endgame?: { pieces: number; sources: number; budget: number };
}

function pickerOf(picture: Picture, options: Options = {}): { picker: PiecePicker; sets: PieceSets } {
  const pieceCount = picture.count.length;
  const sets = new PieceSets(2, pieceCount);
  const availability = new ExactAvailability(2, pieceCount);
  for (let piece = 0; piece < pieceCount; piece++) {
    for (let k = 0; k < Number(picture.count[piece]); k++) availability.heard(client, piece);
    // What others count is nobody else's business.
    for (let k = 0; k < 9 - Number(picture.count[piece]); k++) availability.heard(source, piece);
    if (picture.own?.[piece] === '#') sets.hold(client, piece);
    if ((picture.source?.[piece] ?? '#') === '#') sets.hold(source, piece);
    for (let k = 0; k < Number(picture.asked?.[piece]); k++) sets.request(client, piece);
  }
  const picker = new PiecePicker(sets, availability, {
    order: 'rarest',
    window: Infinity,
    priorityPieces: [],
    endgame: { pieces: 8, sources: 2, budget: 0.02 },
    ...options,
  });
  return { picker, sets };
}

/** Words of chance that begin in each word of bits and at each bit of it. */
const everyChance = Array.from({ length: 32 * 64 }, (_, k) => ((k >>> 5) * 2 ** 26 + (k & 31)) >>> 0);

/** Every piece that is picked under some chance, in order. */
function picks(picture: Picture, options: Options = {}, partial = none): number[] {
  const { picker } = pickerOf(picture, options);
  return picked((bits) => picker.pick(client, source, partial, bits));
}

function picked(pick: (bits: number) => number): number[] {
  return [...new Set(everyChance.map(pick))].sort((a, b) => a - b);
}

test('the rarest that the source holds and nobody was asked for', () => {
  equal(picks({ count: '3214' }), [2]);
  equal(picks({ count: '3214', own: '..#.' }), [1]);
  equal(picks({ count: '3214', source: '##.#' }), [1]);
  equal(picks({ count: '3214', asked: '..1.' }), [1]);
  equal(picks({ count: '3214', source: '.##.', own: '.#..', asked: '..2.' }), [none]);
  equal(picks({ count: '0' }), [0]);
});

test('ties are broken by chance', () => {
  equal(picks({ count: '2122112' }), [1, 4, 5]);
  equal(picks({ count: '1'.repeat(70) }), [...Array(70).keys()]);
});

test('orders: at random, or from the front', () => {
  equal(picks({ count: '3214', own: '#...' }, { order: 'random' }), [1, 2, 3]);
  equal(picks({ count: '3214', own: '#...' }, { order: 'sequential' }), [1]);
  equal(picks({ count: '1'.repeat(70), own: '#'.repeat(40) + '.'.repeat(30) }, { order: 'sequential' }), [40]);
});

test('pieces with priority come first, the rarest of them, then the others', () => {
  const priorityPieces: [number, number][] = [[2, 3]];
  equal(picks({ count: '1132' }, { priorityPieces }), [3]);
  equal(picks({ count: '1132', asked: '...1' }, { priorityPieces }), [2]);
  equal(picks({ count: '1232', asked: '..11' }, { priorityPieces }), [0]);
  // A range may be longer than the file.
  equal(picks({ count: '1132', own: '..#.' }, { priorityPieces: [[3, 900]] }), [3]);
});

test('a begun piece comes before a new one, but after those with priority', () => {
  equal(picks({ count: '1932' }, {}, 1), [1]);
  equal(picks({ count: '1932', source: '#.##' }, {}, 1), [0]);
  equal(picks({ count: '1932', asked: '.1..' }, {}, 1), [0]);
  equal(picks({ count: '1932' }, { priorityPieces: [[2, 2]] }, 1), [2]);
});

test('a window looks at so many candidates at most', () => {
  const { picker } = pickerOf({ count: `${'9'.repeat(63)}1` }, { window: 12 });
  const chosen = everyChance.map((bits) => picker.pick(client, source, none, bits));
  // It finds the one rare piece where it is among those looked at, and another one where it is not.
  ok(chosen.includes(63));
  ok(chosen.some((piece) => piece !== 63 && piece !== none));
});

test('endgame: few are missing, two sources at most, within the budget', () => {
  const endgame = { pieces: 2, sources: 2, budget: 0.02 };
  const { picker } = pickerOf({ count: '1111', own: '##..' }, { endgame });
  is(picker.isEndgame(client, 0, 1000), true);
  is(picker.isEndgame(client, 19, 1000), true);
  is(picker.isEndgame(client, 20, 1000), false);
  is(pickerOf({ count: '1111', own: '#...' }, { endgame }).picker.isEndgame(client, 0, 1000), false);
  const alone = { endgame: { ...endgame, sources: 1 } };
  is(pickerOf({ count: '1111', own: '##..' }, alone).picker.isEndgame(client, 0, 1000), false);
  const frugal = { endgame: { ...endgame, budget: 0 } };
  is(pickerOf({ count: '1111', own: '##..' }, frugal).picker.isEndgame(client, 0, 1000), false);
});

test('in the endgame a piece that one source is bringing is asked of a second, never of a third', () => {
  const again = (picture: Picture) => {
    const { picker } = pickerOf(picture);
    return picked((bits) => picker.pickAgain(client, source, bits));
  };
  equal(again({ count: '1111', own: '##..', asked: '..21' }), [3]);
  equal(again({ count: '1111', own: '##..', asked: '..22' }), [none]);
  equal(again({ count: '1111', own: '##..', asked: '..11', source: '##..' }), [none]);
});

const pictures = fc
  .array(
    fc.record({
      count: fc.integer({ min: 0, max: 9 }),
      own: fc.constantFrom('.', '.', '#'),
      source: fc.constantFrom('#', '#', '.'),
      asked: fc.constantFrom('.', '.', '1', '2'),
    }),
    { minLength: 1, maxLength: 70 },
  )
  .map((columns) => ({
    count: columns.map(({ count }) => count).join(''),
    own: columns.map(({ own }) => own).join(''),
    source: columns.map((column) => column.source).join(''),
    asked: columns.map(({ asked }) => asked).join(''),
  }));

const free = (picture: Required<Picture>): number[] =>
  [...picture.count].flatMap((_, piece) =>
    picture.own[piece] === '.' && picture.source[piece] === '#' && picture.asked[piece] === '.' ? [piece] : [],
  );
const countOf = (picture: Picture, piece: number) => Number(picture.count[piece]);
function rarest(picture: Picture, among: number[]): number[] {
  const least = Math.min(...among.map((piece) => countOf(picture, piece)));
  const found = among.filter((piece) => countOf(picture, piece) === least);
  return found.length === 0 ? [none] : found;
}

test('picks what a plain search picks, each of the tied ones under some chance', () => {
  const ranges = fc.array(
    fc.tuple(fc.nat(75), fc.nat(75)).map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)]),
    { maxLength: 2 },
  );
  fc.assert(
    fc.property(pictures, ranges, fc.nat(75), (picture, priorityPieces, begun) => {
      const partial = begun < picture.count.length && picture.own[begun] === '.' ? begun : none;
      const candidates = free(picture);
      const first = candidates.filter((piece) => priorityPieces.some(([from, to]) => piece >= from && piece <= to));
      const expected =
        first.length > 0
          ? rarest(picture, first)
          : candidates.includes(partial)
            ? [partial]
            : rarest(picture, candidates);
      equal(picks(picture, { priorityPieces }, partial), expected);
    }),
    { numRuns: 150 },
  );
});

test('of n candidates, a window of w picks one that at least w − 1 others are no rarer than', () => {
  fc.assert(
    fc.property(pictures, fc.integer({ min: 1, max: 40 }), fc.nat(2 ** 32 - 1), (picture, window, bits) => {
      const { picker } = pickerOf(picture, { window });
      const candidates = free(picture);
      const piece = picker.pick(client, source, none, bits);
      if (candidates.length === 0) {
        is(piece, none);
        return;
      }
      ok(candidates.includes(piece));
      const noRarer = candidates.filter((other) => countOf(picture, other) >= countOf(picture, piece));
      ok(noRarer.length >= Math.min(window, candidates.length), `${piece} of ${candidates}`);
    }),
    { numRuns: 1000 },
  );
});

test('a proposal changes nothing', () => {
  fc.assert(
    fc.property(pictures, fc.nat(2 ** 32 - 1), (picture, bits) => {
      const { picker, sets } = pickerOf(picture);
      const before = sets.bits.slice();
      picker.pick(client, source, none, bits);
      picker.pickAgain(client, source, bits);
      picker.isEndgame(client, 0, 1000);
      equal(sets.bits, before);
    }),
  );
});

test.run();
