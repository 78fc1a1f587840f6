/**
 * The commands of whoever operates a fleet: control itself, and what is asked of it. Their part of `cli.ts`, and like
 * that it loads a command's code only when the command runs.
 */
import { Argument, type Command, Option } from 'commander';
import type { ControlOptions } from '../control/command.ts';
import type { LimitOptions } from './change.ts';
import type { ControlAddress } from './control-client.ts';
import type { EnrolOptions } from './enrol.ts';
import type { PublishOptions } from './publish.ts';
import type { StatusOptions } from './status.ts';

/** How `cli.ts` runs actions and reads values. */
interface CommandKinds {
  does<Given extends unknown[]>(
    work: (...given: Given) => number | Promise<number>,
  ): (...given: Given) => Promise<void>;
  countAbove0(text: string): number;
  listed(text: string, before?: string[]): string[];
  assignments(text: string, before: string[]): string[];
}

export function addOperatorCommands(program: Command, version: string, kinds: CommandKinds): void {
  addControl(program, version, kinds);
  addTasks(program, kinds);
  addLimits(program, kinds);
}

function addControl(program: Command, version: string, { does, countAbove0 }: CommandKinds): void {
  withTls(program.command('control'))
    .description('take instructions, dispatch tasks, keep the contracts of origins')
    .option('--data <directory>', 'where everything is kept', 'sluice-control')
    .option('--listen <host:port>', 'where', '127.0.0.1:7070')
    .option('--report-every <time>', 'how often nodes report', '10s')
    .option('--dispatch <frequency>', 'clients that are told of a task, at most', '2000/s')
    .option('--lease <time>', 'how long a lease of an origin lasts', '10s')
    .option('--safe-relays <n>', 'the first n relays may take 5 % of a contract while control is away', countAbove0)
    .addOption(new Option('--driver <name>', 'of the SQLite file').choices(['sqlite3', 'node']).default('sqlite3'))
    .addOption(
      new Option('--log-level <level>', 'of the log on stderr')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info'),
    )
    .action(
      does(async (options: Omit<ControlOptions, 'version'>) =>
        (await import('../control/command.ts')).controlCommand({ ...options, version }),
      ),
    );
}

function addTasks(program: Command, { does, listed, assignments }: CommandKinds): void {
  withControl(program.command('publish <url>'))
    .description('distribute a file of an origin; prints the task')
    .option('--name <name>', 'what nodes call the file')
    .option('--label <text>', 'the version, for people')
    .option('--size <size>', 'what the origin must say it has')
    .option('--sha256 <digest>', 'of the whole file')
    .option('--group <name>', 'to clients of this group; may be repeated', listed, [])
    .option('--region <name>', 'to clients of this region; may be repeated', listed, [])
    .option('--client <name>', 'to this client; may be repeated', listed, [])
    .option('--instruction <file>', 'JSON with any part of an instruction')
    .option('--policy-file <file>', 'the policy that a sweep recommends, as its --apply wrote it')
    .option('--set <path=value>', 'one part of it, such as distribution.speedMax=10MB/s', assignments, [])
    .option('--key <text>', 'the same key gives the same task, not a second one')
    .action(
      does(async (url: string, options: PublishOptions) => (await import('./publish.ts')).publishCommand(url, options)),
    );

  withControl(program.command('status [task]'))
    .description('progress by source, clients by state, use of contracts')
    .option('--watch', 'again each second; of a task: until it is over')
    .action(
      does(async (task: string | undefined, options: StatusOptions) =>
        (await import('./status.ts')).statusCommand(task, options),
      ),
    );

  for (const [verb, description] of [
    ['pause', 'a task or an origin stops until it is resumed'],
    ['resume', 'a paused task or origin goes on'],
    ['cancel', 'a task ends now'],
  ] as const) {
    withControl(program.command(`${verb} <name>`))
      .description(description)
      .action(
        does(async (name: string, options: ControlAddress) =>
          (await import('./change.ts')).changeCommand(verb, name, options),
        ),
      );
  }
}

function addLimits(program: Command, { does, countAbove0, listed, assignments }: CommandKinds): void {
  withControl(program.command('limit <name>'))
    .description('change the limits of a task or the contract of an origin; a new name adds an origin')
    .option('--url <url>', 'of an origin: what the URLs of its files begin with')
    .option('--connections <n>', 'open at the origin, at most; or unlimited')
    .option('--bandwidth <rate>', 'of the origin, at most; or unlimited')
    .option('--burst <size>', 'above the bandwidth, at most')
    .option(
      '--traffic <window=size>',
      'of the origin in a rolling window, such as 24h=2TB; may be repeated',
      listed,
      [],
    )
    .option('--mirror <url>', 'where an origin has its files too; may be repeated', listed)
    .option('--redirect <url>', 'host that an origin may redirect to; may be repeated', listed)
    .option('--network <cidr>', 'of an origin whose name is not public, such as 10.0.0.0/8; may be repeated', listed)
    .option('--authorization-file <file>', 'what an origin asks for in the header of that name; empty: nothing')
    .option('--ledger-lost', 'of a new origin: leases that nobody knows of may be in use there')
    .option('--set <path=value>', 'of a task: one part of its instruction; may be repeated', assignments, [])
    .action(
      does(async (name: string, options: LimitOptions) => (await import('./change.ts')).limitCommand(name, options)),
    );

  withControl(program.command('enrol'))
    .description('make a token for a node, a fleet or an operator')
    .addArgument(new Argument('<role>').choices(['relay', 'client', 'operator', 'viewer']))
    .requiredOption('--name <name>', 'of the node, the fleet or the operator')
    .option('--group <name>', 'of a node; of an operator: an origin that it may use; may be repeated', listed, [])
    .option('--fleet', 'a token that machines exchange for their own')
    .option('--with <file>', "a fleet's token: this machine exchanges it for its own")
    .option('--uses <n>', 'of a fleet: how many machines', countAbove0)
    .option('--expires <time>', 'from now')
    .option('--renew', 'a new token for a known node: the old one ends')
    .option('--out <file>', 'write the token there, readable by its owner only')
    .action(
      does(async (role: string, options: EnrolOptions) => (await import('./enrol.ts')).enrolCommand(role, options)),
    );
}

/** Of whatever serves HTTP to a fleet. */
export function withTls(command: Command): Command {
  return command
    .option('--tls-key <file>', 'PEM; with --tls-certificate it speaks https')
    .option('--tls-certificate <file>', 'PEM');
}

function withControl(command: Command): Command {
  return command
    .addOption(new Option('--control <url>', 'where control is').env('SLUICE_CONTROL').default('http://127.0.0.1:7070'))
    .option('--token-file <file>', 'who asks; absent: SLUICE_TOKEN')
    .option('--authority <file>', 'PEM of who signed the certificate of control')
    .option('--json', 'print JSON');
}
