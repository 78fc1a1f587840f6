/** `sluice demo`, what `npm start` runs: the policies on a sample scenario. */
import { exitCodes } from '#scenarios/format/exit-codes.ts';
import { policies as catalogue } from '#sim/policies/catalogue.ts';
import { compare } from './compare.ts';
import { comparisonText } from './comparison-text.ts';
import type { CommandContext, DemoOptions } from './options.ts';
import { loadSource, openSource } from './source.ts';
import { count, plural } from './table.ts';

const sample = 'office-and-mobile';
/** Few enough for about two minutes on two cores. */
const seeds = 2;
const quick = { clients: 500, seeds: 3 };

export async function demoCommand(options: DemoOptions, context: CommandContext): Promise<number> {
  const source = openSource(sample);
  const size = options.quick ? quick : { seeds };
  const { scenario } = loadSource(source, { ...size, set: [] });
  const clients = scenario.clients.reduce((sum, each) => sum + each.count, 0);
  const policies = plural(Object.keys(catalogue).length, 'policy', 'policies');
  process.stdout.write(
    `${[
      `sluice: what does a policy for distributing a large file cost, and how fast is it?`,
      `Simulated: ${policies}, ${count(clients)} clients, ${plural(size.seeds, 'seed')} each, so that chance is the same for all.`,
      `The scenario "${sample}": ${scenario.description}.`,
    ].join('\n')}\n\n`,
  );
  const { comparison } = await compare(source, { ...size, set: [] }, context);
  process.stdout.write(`${comparisonText(comparison)}\n${next}\n`);
  return exitCodes.ok;
}

const next = `Next:
  ./sluice run ${sample}                    one run in detail
  ./sluice run ${sample} --policy p2p-cdn --set relays.eu-relay.count=4
  ./sluice scenario list                          more scenarios; compare takes any of them`;
