// test-time-limit: 300s
import { suite } from 'uvu';
import { checkRandomRuns, checkRun } from './random-runs.ts';

const test = suite('sim/random-runs');

test('every policy, any small world: no checker trips, no bound is beaten, all finish, twice alike', () => {
  checkRandomRuns(200, 0);
});

test('the same with faults that heal', () => {
  checkRandomRuns(120, 3);
});

test('a cohort that has left takes the threshold with it to nothing; who is left behind finishes all the same', () => {
  checkRun({
    policy: 'hybrid',
    seed: 5,
    horizon: '48h',
    file: { size: '5629960B', pieceLength: '262144B' },
    regions: ['eu'],
    latency: { 'eu-eu': '0s' },
    origin: { region: 'eu', uplink: '1000000B/s' },
    relays: [],
    clients: [
      {
        name: 'class-0',
        region: 'eu',
        count: 20,
        uplink: { mean: '100000B/s', spread: '50%' },
        downlink: '333333B/s',
        leave: { fixed: '189ms' },
      },
      {
        name: 'class-1',
        region: 'eu',
        count: 2,
        uplink: '40000B/s',
        downlink: '250000B/s',
        peerToPeer: 'blocked',
        leave: { aborts: '20%' },
      },
    ],
  });
});

test.run();
