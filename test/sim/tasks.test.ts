/** Several tasks in one run: what they share and what they do not. */
import { suite } from 'uvu';
import { equal, is, ok } from 'uvu/assert';
import { ScenarioError } from '#scenarios/format/error.ts';
import { simulate } from '#sim/simulate.ts';
import { run, type ScenarioText, scenarioOf } from './scenario-text.ts';

const test = suite('sim/tasks');

const first = { name: 'one', count: 6, uplink: '1MB/s', downlink: '4MB/s' };
const second = { name: 'two', count: 9, uplink: '500kB/s', downlink: '2MB/s' };
const small = { size: '8MB', pieceLength: '1MB' };
const large = { size: '30MB', pieceLength: '2MB' };
const relays = [{ name: 'relay', uplink: '6MB/s', holds: 'all' }];
const both: ScenarioText = {
  origin: { uplink: '1GB/s' },
  clients: [first, second],
  tasks: [
    { name: 'small', file: small, clients: ['one'] },
    { name: 'large', file: large, clients: ['two'] },
  ],
};

/** One class alone, with the links of nobody else. */
function alone(file: object, each: object): ScenarioText {
  return { origin: both.origin, clients: [each], file };
}

test('tasks that share no tight link run as if each were alone', () => {
  for (const fidelity of ['reference', 'standard', 'scale']) {
    const together = run({ ...both, policy: 'http-origin', fidelity });
    const apart = [alone(small, first), alone(large, second)].map((text) =>
      run({ ...text, policy: 'http-origin', fidelity }),
    );
    equal(
      together.byTask?.map((task) => task.completionSeconds),
      apart.map(({ summary }) => summary.completionSeconds),
    );
    equal(
      together.byTask?.map(({ name }) => name),
      ['small', 'large'],
    );
  }
});

test('tasks share the relay: both together need what both need of its uplink', () => {
  const slow = { origin: { uplink: '1GB/s' }, relays, policy: 'cdn', fidelity: 'reference' };
  const { summary, byTask } = run({ ...both, ...slow });
  // 6 · 8 MB + 9 · 30 MB over 6 MB/s.
  ok(Math.abs((summary.finishSeconds.max ?? 0) - 318 / 6) < 0.2, `${summary.finishSeconds.max}`);
  // Six of fifteen equal shares until the small file is there everywhere.
  ok(Math.abs((byTask?.[0]?.completionSeconds.max ?? 0) - 8 / (6 / 15)) < 0.2);
});

test('pieces of one task are nothing to the clients of another', () => {
  for (const policy of ['hybrid', 'p2p', 'p2p-cdn', 'kraken-like', 'dragonfly-like', 'delivery-optimization-like']) {
    for (const fidelity of ['reference', 'standard', 'scale']) {
      const { byTask, summary } = run({ ...both, relays, policy, fidelity });
      is(byTask?.[0]?.bytes.delivered, 6 * 8e6, `${policy}, ${fidelity}`);
      is(byTask?.[1]?.bytes.delivered, 9 * 30e6);
      is(summary.clients.completed, 15);
    }
  }
});

test('each task has its policy, its start and its place in the queue for the origin', () => {
  const [small, large] = both.tasks as object[];
  const contract = { bandwidth: '1MB/s', connections: 100 };
  const tasks = [
    { ...small, policy: 'hybrid', band: 1 },
    { ...large, policy: { extends: 'hybrid', http: { when: 'always' } }, band: 0 },
  ];
  const blocked = [first, second].map((each) => ({ ...each, peerToPeer: 'blocked' }));
  const { byTask, summary } = run({ ...both, clients: blocked, origin: { uplink: '1GB/s', contract }, tasks });
  is(summary.origin.violations, 0);
  const [last, before] = byTask!.map((task) => task.completionSeconds.max ?? Infinity);
  ok(before < last, `the upper band is done first: ${before} s, ${last} s`);
});

test('a run with one task says nothing of tasks', () => {
  is(run({}).byTask, undefined);
});

test('what cannot be told apart is refused', () => {
  const tasks = [
    { name: 'a', clients: ['one', 'two'] },
    { name: 'b', clients: ['two'] },
  ];
  let message = '';
  try {
    simulate(scenarioOf({ ...both, file: small, tasks }));
  } catch (error) {
    ok(error instanceof ScenarioError);
    message = error.message;
  }
  is(message, 'test: not simulated yet: the class two in several tasks (a, b)');
});

test.run();
