/** `sluice plan`: predictions with the model's measured error, and gates. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import { is, match, ok } from 'uvu/assert';
import { type ModelError, predictionFactors, readModelError } from '#sim/lab/pilot/model-error.ts';
import type { Plan } from '#sim/lab/plan.ts';
import { Running } from '../nodes/running.ts';
import { inDirectory } from '../nodes/temporary.ts';

const test = suite('plan');

function errors(ratios: number[]): ModelError {
  const cases = ratios.map((ratio, index) => ({
    scenario: `s${index}`,
    policy: 'hybrid',
    isHoldout: false,
    runs: 1,
    ratio: { 'p50(completion)': ratio, 'p95(completion)': ratio, 'max(completion)': ratio, 'bytes.originSent': 1 },
  }));
  return { version: 1, kind: 'model-error', sluice: '0', commits: [], cases };
}

test('the interval is the prediction interval of one more case, by Student', () => {
  // Logarithms −a, 0, a: mean 0, deviation a, t(0.975, 2) = 4.3027, half = 4.3027 · a · sqrt(4/3).
  const { low, high } = predictionFactors(errors([Math.exp(-0.1), 1, Math.exp(0.1)]), 'p50(completion)');
  const half = 4.302653 * 0.1 * Math.sqrt(4 / 3);
  ok(Math.abs(Math.log(high) - half) < 1e-4, `${Math.log(high)} and not ${half}`);
  ok(Math.abs(Math.log(low) + half) < 1e-4);
  is(predictionFactors(errors([1, 1, 1, 1]), 'bytes.originSent').high, 1);
});

test('the measured errors that come with sluice are of the whole suite, half of it set aside', () => {
  const { cases } = readModelError();
  ok(new Set(cases.map(({ scenario }) => scenario)).size >= 8);
  const isHoldout = new Map(cases.map((each) => [each.scenario, each.isHoldout]));
  const setAside = [...isHoldout.values()].filter(Boolean).length;
  ok(Math.abs(2 * setAside - isHoldout.size) <= 1, `${setAside} of ${isHoldout.size}`);
});

test('gates judge the upper end of the interval, and end with 4', async () => {
  const plan = new Running(['plan', 'smoke', '--seeds', '2', '--json']);
  is(await plan.ended, 0, plan.stderr);
  const { finishSeconds, origin } = JSON.parse(plan.stdout) as Plan;
  ok(finishSeconds.low! < finishSeconds.simulated! && finishSeconds.simulated! < finishSeconds.high!);
  const between = (finishSeconds.simulated! + finishSeconds.high!) / 2;
  const late = new Running(['plan', 'smoke', '--seeds', '2', '--deadline', `${between}s`]);
  is(await late.ended, 4);
  match(late.stdout, '✗ everybody done within');
  const sent = Math.ceil(origin.sentBytes.high! + 1);
  const kept = ['--deadline', '1h', '--max-origin', `${sent}B`];
  const fine = new Running(['plan', 'smoke', '--seeds', '2', ...kept]);
  is(await fine.ended, 0, fine.stdout);
  match(fine.stdout, '✓ the origin sends at most');
});

test('what cannot be planned is said', async () => {
  await inDirectory(async (directory) => {
    const path = join(directory, 'errors.json');
    writeFileSync(path, '{}');
    const wrong = new Running(['plan', 'smoke', '--errors', path]);
    is(await wrong.ended, 3);
    match(wrong.stderr, 'not a file of model errors');
    const nowhere = new Running(['plan', 'task-1'], { SLUICE_CONTROL: '' });
    is(await nowhere.ended, 2);
    const gone = new Running(['plan', 'task-1', '--control', 'http://127.0.0.1:9'], { SLUICE_TOKEN: 'x'.repeat(32) });
    is(await gone.ended, 6);
  });
});

test.run();
