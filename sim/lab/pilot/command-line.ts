/** The commands of pilots on the command line. */
import { type Command, Option } from 'commander';
import type { ClientKind } from './other-clients.ts';
import type { PilotOptions } from './pilot-command.ts';

const clientKinds: ClientKind[] = ['sluice', 'aria2', 'transmission', 'libtorrent'];

/** How the command line runs a command, and the options that it has in common with others. */
export interface Frame {
  does<Arguments extends unknown[]>(
    work: (...given: Arguments) => number | Promise<number>,
  ): (...given: Arguments) => Promise<void>;
  withOverrides(command: Command): Command;
  withOutput(command: Command): Command;
  countAbove0(text: string): number;
  names(text: string): string[];
}

export function addPilotCommands(
  program: Command,
  { does, withOverrides, withOutput, countAbove0, names }: Frame,
): void {
  const networks = new Option('--network <kind>', 'where the processes live').choices([
    'auto',
    'namespaces',
    'loopback',
  ]);
  const pilot = withOutput(withOverrides(program.command('pilot <scenario>')))
    .enablePositionalOptions()
    .description('run a scenario on real node processes, each in a network of its own, and measure it')
    .option('--policy <name>', "instead of the scenario's policy")
    .addOption(networks.default('auto'))
    .addOption(new Option('--clients-of <program>', 'who downloads').choices(clientKinds).default('sluice'))
    .option('--logs <directory>', 'keep there what the nodes said and decided')
    .option('--against-sim', 'simulate the same, and print how far apart the two are')
    .option('--runs <n>', 'how often, with --against-sim', countAbove0)
    .option('--policies <a,b,c>', 'with --against-sim: each of these', names)
    .option('--results <directory>', 'with --against-sim: keep what was measured there, and measure nothing twice')
    .option('--measured', 'with --against-sim: only what is in --results')
    .action(
      does(async (scenario: string, options: Omit<PilotOptions, 'scenario'>) =>
        (await import('./pilot-command.ts')).pilotCommand({ ...options, scenario }),
      ),
    );
  pilot
    .command('clean')
    .description('remove what pilots that were killed have left')
    .option('--json', 'print JSON')
    .action(
      does(async (options: { json?: boolean }) => (await import('./pilot-command.ts')).pilotCleanCommand(options)),
    );
}
