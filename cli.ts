/** The command line: the only file that sees every layer, each loaded only by the command that needs it. */
import { readFileSync } from 'node:fs';
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { ClientCommandOptions } from '#nodes/client/command.ts';
import type { LimitOptions } from '#nodes/commands/change.ts';
import type { ControlAddress } from '#nodes/commands/control-client.ts';
import type { EnrolOptions } from '#nodes/commands/enrol.ts';
import type { PublishOptions } from '#nodes/commands/publish.ts';
import type { StatusOptions } from '#nodes/commands/status.ts';
import type { ControlOptions } from '#nodes/control/command.ts';
import type { ManifestOptions } from '#nodes/files/command.ts';
import type { OriginOptions } from '#nodes/origin/command.ts';
import type { RelayCommandOptions } from '#nodes/relay/command.ts';
import type { CommandResult } from '#scenarios/format/command.ts';
import { exitCodes } from '#scenarios/format/exit-codes.ts';
import type { CommandContext, CompareOptions, DemoOptions, ReproOptions, RunOptions } from '#sim/lab/options.ts';

const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));

const program = new Command('sluice')
  .description('Find out in simulation what a distribution policy costs and how fast it is, then run that policy.')
  .version(version, '--version')
  .helpOption('-h, --help')
  .showHelpAfterError('(--help shows what is allowed)')
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'sluice: ')) })
  .exitOverride();

program
  .command('demo')
  .description('compare the policies on a sample scenario')
  .option('--quick', 'fewer clients: some seconds instead of some minutes')
  .action(does(async (options: DemoOptions) => (await import('#sim/lab/demo.ts')).demoCommand(options, context)));

withOutput(withOverrides(program.command('run <scenario>')))
  .description('simulate one scenario and print its result')
  .option('--policy <name>', "instead of the scenario's policy")
  .option('--trace <file>', 'write what happened, for the visualiser')
  .action(
    does(async (scenario: string, options: Omit<RunOptions, 'scenario'>) =>
      (await import('#sim/lab/run.ts')).runCommand({ ...options, scenario }, context),
    ),
  );

withOutput(withOverrides(program.command('compare <scenario>')))
  .description('simulate one scenario under several policies')
  .option('--policies <a,b,c>', 'which, instead of all', names)
  .option('--seeds <n>', 'how many seeds', countAbove0)
  .option('--workers <n>', 'how many at once', countAbove0)
  .action(
    does(async (scenario: string, options: Omit<CompareOptions, 'scenario'>) =>
      (await import('#sim/lab/compare.ts')).compareCommand({ ...options, scenario }, context),
    ),
  );

program
  .command('repro <result>')
  .description('run a result again and say whether it is identical')
  .option('--json', 'print JSON')
  .action(
    does(async (result: string, options: Omit<ReproOptions, 'result'>) =>
      (await import('#sim/lab/repro.ts')).reproCommand({ ...options, result }, context),
    ),
  );

program
  .command('doctor')
  .description('say what is missing on this machine and how to get it')
  .option('--json', 'print JSON')
  .action(does(async (options: { json?: boolean }) => (await import('#sim/lab/doctor.ts')).doctorCommand(options)));

program
  .command('origin <directory>')
  .description('serve the files of a directory by plain HTTP, with limits and an audit')
  .option('--listen <host:port>', 'where', '127.0.0.1:8080')
  .option('--connections <n>', 'answer 503 beyond this many', countAbove0)
  .option('--bandwidth <rate>', 'of all answers together')
  .option('--bandwidth-each <rate>', 'of one connection')
  .action(
    does(async (directory: string, options: OriginOptions) =>
      (await import('#nodes/origin/command.ts')).originCommand(directory, options),
    ),
  );

program
  .command('manifest <file>')
  .description('write the piece hashes and the torrent of a file beside it')
  .option('--piece-length <size>', 'instead of 1 or 4 MiB by size')
  .option('--url <url>', 'where the origin has it')
  .option('--tracker <url>', 'for the torrent; may be repeated', listed, [])
  .option('--web-seed <url>', 'for the torrent; may be repeated', listed, [])
  .option('--json', 'print JSON')
  .action(
    does(async (file: string, options: ManifestOptions) =>
      (await import('#nodes/files/command.ts')).manifestCommand(file, options),
    ),
  );

asNode(program.command('client'))
  .description('download a file by BitTorrent, with HTTP where it must help, and seed it')
  .option('--state <directory>', 'under control: what it keeps, instead of .sluice below --dir')
  .option('--dir <directory>', 'where the file goes', '.')
  .option('--torrent <file>', 'what to download')
  .option('--magnet <link>', 'what to download')
  .option('--manifest <file>', 'what to download, or the SHA-256 of what the torrent names')
  .option('--relay <url>', 'the file at a relay; may be repeated', listed, [])
  .option('--peer <host:port>', 'a peer to connect to; may be repeated', listed, [])
  .option('--tracker <url>', 'beside those of the torrent; may be repeated', listed, [])
  .option('--listen-peers <host:port>', 'where peers connect to us', '0.0.0.0:0')
  .option('--set <knob=value>', 'change one knob of the policy, such as fallback.hold=10s', assignments, [])
  .option('--record <directory>', 'write the decisions there, for sluice replay')
  .option('--upload-max <rate>', 'to peers at most')
  .option('--downlink <rate>', 'what the machine can receive')
  .option('--expect <time>', 'how long the download should take')
  .addOption(new Option('--network <kind>', 'what the machine is connected by').choices(['wired', 'mobile', 'unknown']))
  .option('--blocked', 'peer-to-peer is known not to work here')
  .option('--seed <time>', 'go on serving peers for this long, or forever', '0s')
  .option('--on-complete <program>', 'run it with the path of the file')
  .option('--json', 'print JSON')
  .action(
    does(async (options: ClientCommandOptions) => (await import('#nodes/client/command.ts')).clientCommand(options)),
  );

asNode(program.command('relay'))
  .description('pull a file from its origin and serve it meanwhile, by HTTP and BitTorrent')
  .option('--dir <directory>', 'where files are kept', '.')
  .option('--listen <host:port>', 'for HTTP', '127.0.0.1:8081')
  .option('--listen-peers <host:port>', 'for BitTorrent', '127.0.0.1:0')
  .option('--advertise <host>', 'how others reach it')
  .option('--pull <url>', 'without control: the file at its origin')
  .option('--manifest <file>', 'its hashes: with them it is served by BitTorrent too')
  .option('--origin-connections <n>', 'to the origin at most', countAbove0)
  .option('--origin-bandwidth <rate>', 'from the origin at most')
  .option('--connections <n>', 'of HTTP at most: beyond, 503', countAbove0)
  .option('--bandwidth <rate>', 'that it sends at most')
  .option('--bandwidth-each <rate>', 'of one HTTP connection')
  .option('--disk-budget <size>', 'of all files: beyond, those go that everybody has')
  .option('--upload-slots <n>', 'BitTorrent peers served at one time', countAbove0)
  .option('--buffer-before-serving <size>', 'serve once this much is there')
  .option('--peer <host:port>', 'another relay of the same file; may be repeated', listed, [])
  .option('--record <directory>', 'write the decisions there, for sluice replay')
  .action(
    does(async (options: RelayCommandOptions) => (await import('#nodes/relay/command.ts')).relayCommand(options)),
  );

program
  .command('replay <decisions>')
  .description('run the core over a record of decisions again and say whether it is identical')
  .option('--json', 'print JSON')
  .action(
    does(async (path: string, options: { json?: boolean }) =>
      (await import('#nodes/record/replay.ts')).replayCommand(path, options),
    ),
  );

program
  .command('control')
  .description('take instructions, dispatch tasks, keep the contracts of origins')
  .option('--data <directory>', 'where everything is kept', 'sluice-control')
  .option('--listen <host:port>', 'where', '127.0.0.1:7070')
  .option('--tls-key <file>', 'PEM; with --tls-certificate it speaks https')
  .option('--tls-certificate <file>', 'PEM')
  .option('--report-every <time>', 'how often nodes report', '10s')
  .option('--dispatch <frequency>', 'clients that are told of a task, at most', '2000/s')
  .option('--lease <time>', 'how long a lease of an origin lasts', '10s')
  .addOption(new Option('--driver <name>', 'of the SQLite file').choices(['sqlite3', 'node']).default('sqlite3'))
  .addOption(
    new Option('--log-level <level>', 'of the log on stderr')
      .choices(['debug', 'info', 'warn', 'error', 'silent'])
      .default('info'),
  )
  .action(
    does(async (options: Omit<ControlOptions, 'version'>) =>
      (await import('#nodes/control/command.ts')).controlCommand({ ...options, version }),
    ),
  );

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
  .option('--set <path=value>', 'one part of it, such as distribution.speedMax=10MB/s', assignments, [])
  .option('--key <text>', 'the same key gives the same task, not a second one')
  .action(
    does(async (url: string, options: PublishOptions) =>
      (await import('#nodes/commands/publish.ts')).publishCommand(url, options),
    ),
  );

withControl(program.command('status [task]'))
  .description('progress by source, clients by state, use of contracts')
  .option('--watch', 'again each second; of a task: until it is over')
  .action(
    does(async (task: string | undefined, options: StatusOptions) =>
      (await import('#nodes/commands/status.ts')).statusCommand(task, options),
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
        (await import('#nodes/commands/change.ts')).changeCommand(verb, name, options),
      ),
    );
}

withControl(program.command('limit <name>'))
  .description('change the limits of a task or the contract of an origin; a new name adds an origin')
  .option('--url <url>', 'of an origin: what the URLs of its files begin with')
  .option('--connections <n>', 'open at the origin, at most; or unlimited')
  .option('--bandwidth <rate>', 'of the origin, at most; or unlimited')
  .option('--burst <size>', 'above the bandwidth, at most')
  .option('--traffic <window=size>', 'of the origin in a rolling window, such as 24h=2TB; may be repeated', listed, [])
  .option('--ledger-lost', 'of a new origin: leases that nobody knows of may be in use there')
  .option('--set <path=value>', 'of a task: one part of its instruction; may be repeated', assignments, [])
  .action(
    does(async (name: string, options: LimitOptions) =>
      (await import('#nodes/commands/change.ts')).limitCommand(name, options),
    ),
  );

withControl(program.command('enrol'))
  .description('make a token for a node, a fleet or an operator')
  .addArgument(new Argument('<role>').choices(['relay', 'client', 'operator', 'viewer']))
  .requiredOption('--name <name>', 'of the node, the fleet or the operator')
  .option('--group <name>', 'of a node; of an operator: an origin that it may use; may be repeated', listed, [])
  .option('--fleet', 'a token that machines exchange for their own')
  .option('--uses <n>', 'of a fleet: how many machines', countAbove0)
  .option('--expires <time>', 'from now')
  .option('--renew', 'a new token for a known node: the old one ends')
  .option('--out <file>', 'write the token there, readable by its owner only')
  .action(
    does(async (role: string, options: EnrolOptions) =>
      (await import('#nodes/commands/enrol.ts')).enrolCommand(role, options),
    ),
  );

const scenario = program.command('scenario').description('check, list and describe scenario files');

scenario
  .command('validate <scenario...>')
  .description('say what is wrong with scenario files')
  .option('--json', 'print JSON')
  .action(
    does(async (scenarios: string[], { json = false }) => {
      const { scenarioFile } = await import('#scenarios/format/bundled.ts');
      const { validateCommand } = await import('#scenarios/format/command.ts');
      return printed(validateCommand(scenarios.map(scenarioFile), { json, policies: await policies() }));
    }),
  );

scenario
  .command('list')
  .description('list the scenarios that come with sluice')
  .option('--json', 'print JSON')
  .action(
    does(async ({ json = false }) => {
      const { listCommand } = await import('#scenarios/format/command.ts');
      return printed(listCommand({ json, policies: await policies() }));
    }),
  );

scenario
  .command('schema')
  .description('print the JSON Schema of a scenario file, for editors')
  .action(does(async () => printed((await import('#scenarios/format/command.ts')).schemaCommand())));

async function policies() {
  return (await import('#sim/policies/catalogue.ts')).policies;
}

function printed({ output, talk, exitCode }: CommandResult): number {
  process.stderr.write(talk);
  process.stdout.write(output);
  return exitCode;
}

function withOverrides(command: Command): Command {
  return command
    .option('--seed <n>', "instead of the scenario's seed", count)
    .option('--clients <n>', 'scale the classes to this many clients', countAbove0)
    .addOption(new Option('--fidelity <level>', 'how exactly').choices(['reference', 'standard', 'scale']))
    .option('--set <path=value>', 'change one value; may be repeated', assignments, []);
}

function asNode(command: Command): Command {
  return command
    .option('--control <url>', 'where control is')
    .option('--token-file <file>', 'what sluice enrol printed; absent: SLUICE_TOKEN')
    .option('--authority <file>', 'PEM of who signed the certificate of control')
    .addOption(new Option('--polling <when>', 'instead of a WebSocket').choices(['never', 'when-needed', 'always']))
    .option('--region <name>', 'where it is')
    .option('--group <name>', 'what it belongs to; may be repeated', listed, []);
}

function withControl(command: Command): Command {
  return command
    .addOption(new Option('--control <url>', 'where control is').env('SLUICE_CONTROL').default('http://127.0.0.1:7070'))
    .option('--token-file <file>', 'who asks; absent: SLUICE_TOKEN')
    .option('--authority <file>', 'PEM of who signed the certificate of control')
    .option('--json', 'print JSON');
}

function withOutput(command: Command): Command {
  return command.option('--json', 'print the result as JSON').option('--out <file>', 'write the result to a file');
}

function count(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError(`It takes an integer from 0 to ${Number.MAX_SAFE_INTEGER}.`);
}

function countAbove0(text: string): number {
  if (/^0*$/.test(text)) throw new InvalidArgumentError('It takes an integer above 0.');
  return count(text);
}

function names(text: string): string[] {
  const listed = text.split(',').map((name) => name.trim());
  if (listed.includes('')) throw new InvalidArgumentError('It takes names with commas between them.');
  if (new Set(listed).size < listed.length) throw new InvalidArgumentError('It names one twice.');
  return listed;
}

function listed(text: string, before: string[]): string[] {
  return [...before, text];
}

function assignments(text: string, before: string[]): string[] {
  if (!/^[^=\s]+=/.test(text)) throw new InvalidArgumentError('It takes path=value.');
  return [...before, text];
}

/** The action of a command: what it answers is the exit code. */
function does<Arguments extends unknown[]>(work: (...given: Arguments) => number | Promise<number>) {
  return async (...given: Arguments): Promise<void> => {
    process.exitCode = await work(...given);
  };
}

function onInterrupt(whatIsKept: () => string): () => void {
  const interrupt = () => {
    process.stderr.write(`\nsluice: interrupted. ${whatIsKept()}\n`);
    process.exit(exitCodes.interrupted);
  };
  process.once('SIGINT', interrupt);
  return () => process.off('SIGINT', interrupt);
}

/** An error with an exit code is meant for whoever called; any other is a defect and shows where it arose. */
function end(error: unknown): never {
  if (error instanceof CommanderError) {
    process.exit(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage);
  }
  const { exitCode, message, stack } = error as { exitCode?: unknown; message?: string; stack?: string };
  const isExpected = typeof exitCode === 'number';
  process.stderr.write(`sluice: ${isExpected ? message : (stack ?? String(error))}\n`);
  process.exit(isExpected ? exitCode : exitCodes.failure);
}

const context: CommandContext = { onInterrupt };

process.on('uncaughtException', end);
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever read our output has seen enough, as in `sluice … | head`.
  if (error.code === 'EPIPE') process.exit(exitCodes.ok);
  end(error);
});

await program.parseAsync().catch(end);
