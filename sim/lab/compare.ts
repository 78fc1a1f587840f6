/** `sluice compare`: one scenario under several policies, with the same chance for each. */
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import { policies as catalogue } from '#sim/policies/catalogue.ts';
import { baselineOf, type Comparison, comparisonOf } from './comparison.ts';
import { comparisonText } from './comparison-text.ts';
import type { CommandContext, CompareOptions, Overrides } from './options.ts';
import { checkOutputs, writeWhole } from './output.ts';
import type { Task } from './pool.ts';
import { type Provenance, provenance } from './provenance.ts';
import { runTasks } from './run.ts';
import { loadSource, openSource, repeatCommand, type Source } from './source.ts';

const seedsDefault = 3;

export async function compareCommand(options: CompareOptions, context: CommandContext): Promise<number> {
  const { out, json } = options;
  const source = openSource(options.scenario);
  checkOutputs({ '--out': out }, [source.file]);
  const comparison = await compare(source, options, context);
  const text = `${JSON.stringify(comparison, undefined, 2)}\n`;
  if (out !== undefined) writeWhole(out, text);
  process.stdout.write(json ? text : comparisonText(comparison));
  return exitCodeOf(comparison);
}

export async function compare(
  source: Source,
  options: Omit<CompareOptions, 'scenario'>,
  context: CommandContext,
): Promise<Comparison> {
  refusePolicyBySet(options);
  const { seed, clients, fidelity, set } = options;
  const overrides: Overrides = { seed, clients, fidelity, set };
  const { scenario, warnings } = loadSource(source, overrides);
  const own = scenario.policy.name;
  const names = options.policies ?? Object.keys(catalogue);
  const baseline = baselineOf(names, own);
  if (baseline !== own) warnings.push(`the scenario's own policy, ${own}, takes no part: ${baseline} is the baseline`);
  const seeds = seedsFrom(scenario.seed, options.seeds ?? seedsDefault);
  const origin = provenance();
  const tasks = names.map((policy) => {
    // As it stands in the scenario, with its knobs; by name it would lose them.
    const asOwn = policy === own ? overrides : { ...overrides, policy };
    return seeds.map((each) => taskOf(source, { ...asOwn, seed: each }, origin, warnings));
  });
  for (const warning of new Set(warnings)) process.stderr.write(`warning: ${warning}\n`);
  const executed = await runTasks(tasks.flat(), options.workers, context);
  const results = executed.map(({ result }) => result);
  const contenders = names.map((policy, index) => ({
    policy,
    results: results.slice(index * seeds.length, (index + 1) * seeds.length),
  }));
  return comparisonOf(contenders, own);
}

function refusePolicyBySet({ set }: Pick<Overrides, 'set'>): void {
  const found = set.find((text) => /^\s*policy(\.extends)?\s*=/.test(text));
  if (found === undefined) return;
  throw new Stop(exitCodes.usage, `--set ${found}: every policy would be the same; name them with --policies`);
}

function seedsFrom(first: number, count: number): number[] {
  if (first + count - 1 > Number.MAX_SAFE_INTEGER) {
    throw new Stop(exitCodes.usage, `--seeds ${count}: seeds from ${first} on would be too large`);
  }
  return Array.from({ length: count }, (_, index) => first + index);
}

function taskOf(source: Source, overrides: Overrides, origin: Provenance, warnings: string[]): Task {
  const { configuration, scenario, warnings: own } = loadSource(source, overrides);
  warnings.push(...own);
  return {
    job: { configuration, scenario, provenance: origin, traced: false },
    group: scenario.policy.name,
    label: `${scenario.policy.name} seed ${scenario.seed}`,
    repeat: repeatCommand(source.given, overrides),
  };
}

/** `expect` judges the scenario's own policy. */
export function exitCodeOf({ results, own }: Comparison): number {
  const judged = results.filter(({ manifest }) => manifest.policy === own);
  const isMet = judged.every(({ expectations }) => expectations.every(({ ok }) => ok));
  return isMet ? exitCodes.ok : exitCodes.expectation;
}
