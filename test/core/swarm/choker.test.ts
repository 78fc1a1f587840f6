import fc from 'fast-check';
import { suite } from 'uvu';
import { equal, is, ok } from 'uvu/assert';
import { clientBits } from '#core/prng.ts';
import { chooseUnchoked, type SlotKind, slotKind, UnchokeCandidates } from '#core/swarm/choker.ts';

const test = suite('core/swarm/choker');

/** Candidates by what they send; their rows are 100, 101, … */
function candidatesOf(rates: number[]): UnchokeCandidates {
  const candidates = new UnchokeCandidates(Math.max(1, rates.length));
  for (const [index, rate] of rates.entries()) candidates.add(100 + index, rate);
  return candidates;
}

/** How often each candidate gets the slot. */
function tally(rates: number[], kind: SlotKind, isSeed: boolean, rounds: number, seed: number): number[] {
  const candidates = candidatesOf(rates);
  const counts = rates.map(() => 0);
  for (let round = 0; round < rounds; round++)
    counts[chooseUnchoked(candidates, kind, isSeed, clientBits(seed, 0, round))]++;
  return counts;
}

const rates = fc.array(fc.constantFrom(0, 0, 1, 5, 5, 1e6), { minLength: 1, maxLength: 12 });
const anyBits = fc.nat(2 ** 32 - 1);

test('a regular slot goes to whoever sends us most', () => {
  equal(tally([3, 7, 5], slotKind.regular, false, 50, 1), [0, 50, 0]);
  fc.assert(
    fc.property(rates, anyBits, (list, bits) => {
      const chosen = chooseUnchoked(candidatesOf(list), slotKind.regular, false, bits);
      is(list[chosen], Math.max(...list));
    }),
    { numRuns: 500 },
  );
});

test('ties of a regular slot are broken by chance: each of the best gets it at times, nobody else ever', () => {
  const counts = tally([5, 1, 5, 0, 5], slotKind.regular, false, 1000, 2);
  ok(Math.min(counts[0], counts[2], counts[4]) > 100, `${counts}`);
  is(counts[1] + counts[3], 0);
});

for (const [what, kind, isSeed] of [
  ['an optimistic slot', slotKind.optimistic, false],
  ['a slot of a seed', slotKind.regular, true],
  ['an optimistic slot of a seed', slotKind.optimistic, true],
] as const) {
  test(`${what} goes to each candidate about equally often, whatever it sends`, () => {
    fc.assert(
      fc.property(rates, fc.nat(1000), (list, seed) => {
        const each = 400;
        const counts = tally(list, kind, isSeed, each * list.length, seed);
        // Six standard deviations of a binomial.
        for (const count of counts) ok(Math.abs(count - each) < 6 * Math.sqrt(each), `${counts}`);
      }),
      { numRuns: 40 },
    );
  });
}

test('nobody is interested: nobody gets it', () => {
  for (const kind of Object.values(slotKind))
    for (const isSeed of [false, true]) is(chooseUnchoked(candidatesOf([]), kind, isSeed, 12345), -1);
});

test('candidates are filled, full, and cleared', () => {
  const candidates = candidatesOf([1, 2]);
  equal([...candidates.endpoint], [100, 101]);
  is(candidates.isFull(), true);
  candidates.clear();
  is(candidates.count, 0);
  is(candidates.isFull(), false);
});

test.run();
