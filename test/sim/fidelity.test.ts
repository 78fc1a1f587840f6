// test-time-limit: 300s
/**
 * How far `standard` and `scale` are from `reference`, on worlds that all three can run: printed, and held within
 * generous limits. Means over seeds, as two fidelities do not draw alike.
 */
import { suite } from 'uvu';
import { is, ok } from 'uvu/assert';
import { policies } from '#sim/policies/catalogue.ts';
import { type Fidelity, fidelities, type Seen, seen, worlds } from './fidelity-worlds.ts';

const test = suite('sim/fidelity');

/** Of p50, of p99, and of the share of peers. */
type Limits = [p50: number, p99: number, peer: number];
const usual: Record<Fidelity, Limits> = { reference: [0, 0, 0], standard: [0.1, 0.15, 0.05], scale: [0.2, 0.25, 0.05] };
function distance(actual: number, expected: number): number {
  return actual === expected ? 0 : actual / expected - 1;
}

function described({ p50, p99, peer }: Seen): string {
  return `${p50.toFixed(1)} / ${p99.toFixed(1)} / ${(100 * peer).toFixed(0)} %`;
}

for (const world of Object.keys(worlds)) {
  test(`${world}: p50 / p99 / share of peers of every policy at each fidelity`, () => {
    for (const policy of Object.keys(policies)) {
      // Without a swarm there is hardly any chance in it.
      const seeds = policies[policy]!.swarm.enabled ? 6 : 1;
      const reference = seen(world, policy, 'reference', seeds);
      const line = [policy.padEnd(26), described(reference)];
      for (const fidelity of fidelities.slice(1)) {
        const other = seen(world, policy, fidelity, seeds);
        line.push(described(other));
        const [p50, p99, peer] = usual[fidelity];
        const what = `${world}, ${policy}, ${fidelity}: ${described(other)} instead of ${described(reference)}`;
        ok(Math.abs(distance(other.p50, reference.p50)) <= p50, what);
        ok(Math.abs(distance(other.p99, reference.p99)) <= p99, what);
        ok(Math.abs(other.peer - reference.peer) <= peer, what);
        is(other.unfinished, reference.unfinished, what);
      }
      console.log(line.join('   '));
    }
  });
}

test.run();
