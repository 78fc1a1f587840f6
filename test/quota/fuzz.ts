/**
 * Random worlds with every fault, for as long as one likes:
 *
 *     npm run fuzz:quota -- --minutes 10 [--seed N]      N, N + 1, …; one world each
 *     npm run fuzz:quota -- --worlds 1 --seed N          repeats one
 */
import { parseArgs } from 'node:util';
import { ContractViolation } from './origin-truth.ts';
import { runWorld } from './random-world.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    worlds: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: '1' },
    happenings: { type: 'string', default: '80' },
  },
});
const numbers = Object.entries(values).map(([name, text]) => [name, Number(text)] as const);
const bad = numbers.find(([, value]) => Number.isNaN(value) || value < 0);
if (bad !== undefined) {
  console.error(`--${bad[0]} takes a number, not "${values[bad[0] as keyof typeof values]}"`);
  process.exit(2);
}
const { minutes, worlds, seed, happenings } = Object.fromEntries(numbers) as Record<string, number>;

const endAt = performance.now() + minutes! * 60_000;
const sum = { worlds: 0, steps: 0, messages: 0, lost: 0, grants: 0, megabytes: 0 };
let violation: { seed: number; error: ContractViolation } | undefined;
for (let at = seed!; sum.worlds < worlds! && performance.now() < endAt; at++) {
  try {
    const world = runWorld(at, happenings!);
    sum.steps += world.stepCount;
    sum.messages += world.toControl.sentCount + world.toHolders.sentCount;
    sum.lost += world.toControl.lostCount + world.toHolders.lostCount;
    sum.grants += world.grantCount;
    sum.megabytes += world.truth.bytes / 1e6;
    sum.worlds++;
  } catch (error) {
    if (!(error instanceof ContractViolation)) {
      console.error(`seed ${at}: not a violation but a defect`);
      throw error;
    }
    violation = { seed: at, error };
    break;
  }
}
const { megabytes, ...counts } = sum;
const text = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
console.log(`${text.join(', ')}, ${megabytes.toFixed(1)} MB sent; seeds from ${seed}`);
if (violation === undefined) console.log('0 violations');
else {
  console.log(`violation ${violation.error.message}`);
  console.log(`repeat: npm run fuzz:quota -- --worlds 1 --seed ${violation.seed} --happenings ${happenings}`);
  process.exitCode = 4;
}
