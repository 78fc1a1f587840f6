// test-time-limit: 3000s
import { suite } from 'uvu';
import { policies } from '#sim/policies/catalogue.ts';
import { checkRandomRuns } from './random-runs.ts';

const test = suite('sim/random-runs, long');

for (const name of Object.keys(policies)) {
  test(`${name}: thousands of small worlds, with and without faults that heal`, () => {
    checkRandomRuns(1000, 0, [name]);
    checkRandomRuns(1000, 3, [name]);
  });
}

test.run();
