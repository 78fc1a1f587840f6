/** The commands of pilots on the command line. */
import { type Command, Option } from 'commander';
import type { CommandContext } from '../options.ts';
import type { PlannedTask, PlanOptions } from '../plan.ts';
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
  context: CommandContext;
}

/** What `sluice plan` needs to look at a running fleet. */
interface PlanAddress {
  control?: string;
  tokenFile?: string;
  authority?: string;
}

interface TaskAddress extends PlanAddress {
  control: string;
}

/** `taskReader` loads what says a task of a fleet in the words of a scenario. */
export function addPilotCommands(
  program: Command,
  frame: Frame,
  taskReader: () => Promise<{ plannedTask(id: string, address: TaskAddress): Promise<PlannedTask> }>,
): void {
  addPilot(program, frame);
  const { does, withOverrides, countAbove0, context } = frame;
  withOverrides(program.command('plan <task-or-scenario>'))
    .description('predict when a distribution is done, what the origin bears and what it costs, and how sure that is')
    .option('--deadline <time>', 'end with 4 unless everybody is done by then, the model in the worst case')
    .option('--max-origin <size>', 'end with 4 unless the origin sends no more, the model in the worst case')
    .option('--policy <name>', "instead of the scenario's policy")
    .option('--seeds <n>', 'how many simulations', countAbove0)
    .option('--errors <file>', "the model's measured errors, instead of those that come with sluice")
    .addOption(new Option('--control <url>', 'of the fleet that has the task').env('SLUICE_CONTROL'))
    .option('--token-file <file>', 'absent: SLUICE_TOKEN')
    .option('--authority <file>', 'PEM of who signed the certificate of control')
    .option('--json', 'print JSON')
    .action(
      does(async (given: string, options: Omit<PlanOptions, 'given'> & PlanAddress) => {
        const { control, tokenFile, authority, ...own } = options;
        const isTask = /^task-/.test(given);
        if (isTask && control === undefined) {
          throw Object.assign(new Error(`${given}: --control or SLUICE_CONTROL says whose task it is`), {
            exitCode: 2,
          });
        }
        const address = { control: control ?? '', ...(tokenFile && { tokenFile }), ...(authority && { authority }) };
        const task = isTask ? await (await taskReader()).plannedTask(given, address) : undefined;
        return (await import('../plan.ts')).planCommand({ ...own, given }, context, task);
      }),
    );
}

function addPilot(program: Command, { does, withOverrides, withOutput, countAbove0, names }: Frame): void {
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
    .option('--errors <file>', 'with --against-sim: write how far apart they are, for sluice plan')
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
