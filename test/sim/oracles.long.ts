// test-time-limit: 1200s
/** Oracle 4 at the size that it was made for: λT ≥ 1000. */
import { suite } from 'uvu';
import { ok } from 'uvu/assert';
import { type SteadySwarm, steadyState } from './steady-state.ts';

const test = suite('sim/oracles, long');

const swarms: [what: string, swarm: Omit<SteadySwarm, 'fidelity'>][] = [
  ['uploads bind', { arrivalsPerSecond: 32, pieces: 256, downlink: 8e6, seedSeconds: 32 }],
  ['nobody stays', { arrivalsPerSecond: 16, pieces: 256, downlink: 8e6, seedSeconds: 0.001 }],
  ['downloads bind', { arrivalsPerSecond: 20, pieces: 256, downlink: 1.2e6, seedSeconds: 60 }],
];

for (const [what, swarm] of swarms) {
  for (const fidelity of ['standard', 'scale'] as const) {
    test(`${fidelity}, ${what}: within 10 % of Qiu and Srikant`, () => {
      const { meanSeconds, expectedSeconds, downloaders } = steadyState({ ...swarm, fidelity });
      ok(downloaders >= 1000);
      const ratio = meanSeconds / expectedSeconds;
      console.log(
        `${fidelity}, ${what}: ${meanSeconds.toFixed(2)} s, by theory ${expectedSeconds.toFixed(2)} s
        (${ratio.toFixed(3)})`,
      );
      ok(Math.abs(ratio - 1) <= 0.1, `${ratio}`);
    });
  }
}

test('fewer, longer pieces use less of the uplinks: η', () => {
  const ratios = [32, 64, 128, 256, 512].map((pieces) => {
    const swarm = { arrivalsPerSecond: 32, pieces, downlink: 8e6, seedSeconds: 32, fidelity: 'scale' as const };
    const { meanSeconds, expectedSeconds } = steadyState(swarm);
    return meanSeconds / expectedSeconds;
  });
  console.log(
    `times the theory at 32, 64, 128, 256, 512 pieces: ${ratios.map((ratio) => ratio.toFixed(3)).join(', ')}`,
  );
  for (let k = 1; k < ratios.length; k++) ok(ratios[k]! <= ratios[k - 1]! + 0.02, `${ratios}`);
});

test.run();
