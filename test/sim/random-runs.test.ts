// test-time-limit: 300s
import { suite } from 'uvu';
import { checkRandomRuns } from './random-runs.ts';

const test = suite('sim/random-runs');

test('every policy, any small world: no checker trips, no bound is beaten, all finish, twice alike', () => {
  checkRandomRuns(200, 0);
});

test('the same with faults that heal', () => {
  checkRandomRuns(120, 3);
});

test.run();
