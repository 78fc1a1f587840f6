/** `sluice quota show`: who holds what of the origin over time. */
import { suite } from 'uvu';
import { is, match, ok } from 'uvu/assert';
import type { QuotaSample } from '#sim/quota-log.ts';
import { sluice } from './sluice-process.ts';

const test = suite('quota show');

function samplesOf(given: string[]): { samples: QuotaSample[]; violations: number } {
  const { code, stdout, stderr } = sluice(['quota', 'show', ...given, '--json']);
  is(code, 0, stderr);
  const { samples, origin } = JSON.parse(stdout);
  return { samples, violations: origin.violations };
}

test('at every look, leases together stay below high water, and the origin sends no more than they allow', () => {
  const { samples, violations } = samplesOf(['limit-cut', '--clients', '40', '--set', 'faults=[]']);
  is(violations, 0);
  ok(samples.length > 100);
  let most = 0;
  for (const { contract, groups, sentBytesPerSecond, openConnections } of samples) {
    const granted = groups.reduce((sum, { bytesPerSecond }) => sum + bytesPerSecond, 0);
    const slots = groups.reduce((sum, each) => sum + each.slots, 0);
    ok(granted <= 0.9 * contract.bytesPerSecond && slots <= 0.9 * contract.connections);
    ok(sentBytesPerSecond <= granted + 1 && openConnections <= contract.connections);
    most = Math.max(most, granted / contract.bytesPerSecond);
  }
  ok(most > 0.85, `${most}`);
});

test('a table says who owns the ledger, and marks the moment of a takeover', () => {
  const { code, stdout } = sluice(['quota', 'show', 'contract-under-fire', '--clients', '60']);
  is(code, 0);
  match(stdout, /time +owner +limit +sends +open/);
  match(stdout, /\n30 s +nobody /);
  match(stdout, /\n35 s +1, epoch 2 /);
  match(stdout, /violations {3}none/);
});

test('a policy without leases shows what the origin has to bear', () => {
  const { samples, violations } = samplesOf(['smoke', '--policy', 'cdn']);
  ok(violations > 0);
  ok(samples.every(({ groups, owner }) => owner === null && groups.every(({ slots }) => slots === 0)));
  ok(samples.some(({ sentBytesPerSecond, contract }) => sentBytesPerSecond > contract.bytesPerSecond));
});

test('what is wrong is said with the documented exit codes', () => {
  is(sluice(['quota', 'show', 'nosuch']).code, 3);
  is(sluice(['quota', 'show', 'smoke', '--every', '0']).code, 2);
  is(sluice(['quota', 'show', 'smoke', '--set', 'policy=nosuch']).code, 3);
});

test.run();
