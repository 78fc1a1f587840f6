/** The commands of pilots on the command line. */
import { type Command, Option } from 'commander';
import type { PilotOptions } from './pilot-command.ts';

/** How the command line runs a command, and the options that it has in common with others. */
export interface Frame {
  does<Arguments extends unknown[]>(
    work: (...given: Arguments) => number | Promise<number>,
  ): (...given: Arguments) => Promise<void>;
  withOverrides(command: Command): Command;
  withOutput(command: Command): Command;
}

export function addPilotCommands(program: Command, { does, withOverrides, withOutput }: Frame): void {
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
