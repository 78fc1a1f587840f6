/** I1, I2, I4, I6 over every interleaving of a few steps; the deep search is in exhaustive.long.ts. */
import { suite } from 'uvu';
import { is } from 'uvu/assert';
import { search, tell } from './exhaustive.ts';

const test = suite('quota/exhaustive');
const depth = 6;

for (const connections of [1, 2, 4]) {
  test(`three holders, ${connections} connections, ${depth} steps`, () => {
    const found = search(connections, depth, 50_000, connections === 2);
    console.log(tell(found, connections));
    is(found.violation, undefined, tell(found, connections));
    is(found.depth, depth);
  });
}

test.run();
