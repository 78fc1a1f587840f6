// test-time-limit: 900s
/** I1, I2, I4, I6 over every interleaving of many steps: nine at least, or as deep as ten minutes allow. */
import { suite } from 'uvu';
import { is, ok } from 'uvu/assert';
import { search, tell } from './exhaustive.ts';

const test = suite('quota/exhaustive');
const millisecondsMax = 150_000;
const depthLeast = 8;

for (const [connections, withLoss] of [
  [1, true],
  [2, false],
  [3, false],
  [4, true],
] as const) {
  test(`three holders, ${connections} connections${withLoss ? ', and lost ledgers' : ''}`, () => {
    const found = search(connections, 12, millisecondsMax, withLoss);
    console.log(tell(found, connections));
    is(found.violation, undefined, tell(found, connections));
    ok(found.depth >= depthLeast, `only ${found.depth} steps deep`);
  });
}

test.run();
