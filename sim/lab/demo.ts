/** `sluice demo`, what `npm start` runs: the policies on a sample scenario. */
import { policies as catalogue } from '#sim/policies/catalogue.ts';
import { compare, exitCodeOf } from './compare.ts';
import type { Comparison } from './comparison.ts';
import { comparisonText } from './comparison-text.ts';
import type { CommandContext, DemoOptions } from './options.ts';
import { loadSource, openSource } from './source.ts';
import { count, plural } from './table.ts';

const sample = 'office-and-mobile';
/** Few enough for about two minutes on two cores. */
const seeds = 3;
const quick = { clients: 500, seeds: 3 };

/** `show` gets the comparison once its text is printed. */
export async function demoCommand(
  options: DemoOptions,
  context: CommandContext,
  show: (comparison: Comparison) => Promise<void> = async () => {},
): Promise<number> {
  const source = openSource(sample);
  const size = options.quick ? quick : { seeds };
  const { scenario } = loadSource(source, { ...size, set: [] });
  const clients = scenario.clients.reduce((sum, each) => sum + each.count, 0);
  const policies = plural(Object.keys(catalogue).length, 'policy', 'policies');
  const intro = [
    'sluice: what does a policy for distributing a large file cost, and how fast is it?',
    `Simulated: ${policies}, ${count(clients)} clients, ${plural(size.seeds, 'seed')} each; the same chance for all.`,
    `The scenario "${sample}": ${scenario.description}.`,
  ];
  process.stdout.write(`${intro.join('\n')}\n\n`);
  const comparison = await compare(source, { ...size, set: [] }, context);
  process.stdout.write(`${comparisonText(comparison)}\n${next}\n`);
  await show(comparison);
  return exitCodeOf(comparison);
}

const next = `Next:
  ./sluice run ${sample}              one run in detail
  ./sluice compare ${sample} --policies hybrid,p2p-cdn --set relays.eu-relay.count=4
                                              what more relays would change
  ./sluice scenario list                      more scenarios; run and compare take any of them`;
