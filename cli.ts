/** The command line: the only file that sees every layer, each loaded only by the command that needs it. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { ClientCommandOptions } from '#nodes/client/command.ts';
import { addOperatorCommands, withTls } from '#nodes/commands/command-line.ts';
import type { ManifestOptions } from '#nodes/files/command.ts';
import type { OriginOptions } from '#nodes/origin/command.ts';
import type { RelayCommandOptions } from '#nodes/relay/command.ts';
import type { CommandResult } from '#scenarios/format/command.ts';
import { exitCodes } from '#scenarios/format/exit-codes.ts';
import type {
  CommandContext,
  CompareOptions,
  DemoOptions,
  QuotaShowOptions,
  ReproOptions,
  RunOptions,
} from '#sim/lab/options.ts';
import { addPilotCommands } from '#sim/lab/pilot/command-line.ts';
import type { ExportOptions, StatusOptions, SweepOptions, WorkerOptions } from '#sim/lab/sweep/options.ts';

const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));

const program = new Command('sluice')
  .description('Find out in simulation what a distribution policy costs and how fast it is, then run that policy.')
  .version(version, '--version')
  .helpOption('-h, --help')
  .showHelpAfterError('(--help shows what is allowed)')
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'sluice: ')) })
  // Behind a command an option is that command's.
  .enablePositionalOptions()
  .exitOverride();

const context: CommandContext = { onInterrupt, onDrain };
program
  .command('demo')
  .description('compare the policies on a sample scenario')
  .option('--quick', 'fewer clients: some seconds instead of some minutes')
  .action(
    does(async (options: DemoOptions) => {
      const { demoCommand } = await import('#sim/lab/demo.ts');
      const show = async (result: unknown) => (await import('#viz/command/show.ts')).showResult('demo.json', result);
      return demoCommand(options, context, show);
    }),
  );

withOutput(withOverrides(program.command('run <scenario>')))
  .description('simulate one scenario and print its result')
  .option('--policy <name>', "instead of the scenario's policy")
  .option('--trace <file>', 'write what happened, for the visualiser')
  .option('--record <client=file>', "write a client's decisions, for sluice replay")
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

const sweep = withStudy(program.command('sweep <study>'))
  .enablePositionalOptions()
  .description('try many configurations of a scenario, find the best one and say how sure that is')
  .option('--workers <n>', 'how many simulations at once; 0 with --db postgres://…: others do the work', count)
  .option('--dry-run', 'say what would run, and run nothing')
  .option('--retry', 'run failed trials once more')
  .option('--apply <file>', 'write the recommended policy to a file that nodes and scenarios take')
  .option('--json', 'print the study as JSON')
  .option('--out <file>', 'write the study to a file, as JSON')
  .addOption(new Option('--progress <kind>', 'how to show it').choices(['auto', 'json', 'none']).default('auto'))
  .action(
    does(async (study: string, options: Omit<SweepOptions, 'study'>) =>
      (await import('#sim/lab/sweep/sweep-command.ts')).sweepCommand({ ...options, study }, context),
    ),
  );

withStudy(sweep.command('status <study>'))
  .description('say how far a study is and what it found so far')
  .option('--json', 'print the study as JSON')
  .action(
    does(async (study: string, options: Omit<StatusOptions, 'study'>) =>
      (await import('#sim/lab/sweep/look-commands.ts')).statusCommand({ ...options, study }),
    ),
  );

withStudy(sweep.command('export <study>'))
  .description('write the runs of a study as a table, or all of it as JSON')
  .addOption(new Option('--format <format>', "else by the file's name").choices(['csv', 'parquet', 'json']))
  .option('--out <file>', 'instead of stdout')
  .action(
    does(async (study: string, options: Omit<ExportOptions, 'study'>) =>
      (await import('#sim/lab/sweep/look-commands.ts')).exportCommand({ ...options, study }),
    ),
  );

program
  .command('worker')
  .description('run trials for the sweeps that share a PostgreSQL')
  .requiredOption('--db <url>', 'postgres://…')
  .option('--workers <n>', 'how many simulations at once', countAbove0)
  .action(
    does(async (options: WorkerOptions) =>
      (await import('#sim/lab/sweep/worker-command.ts')).workerCommand(options, context),
    ),
  );

program
  .command('view [files...]')
  .description('serve the visualiser on 127.0.0.1 and print its address: a result, a second to compare, a trace')
  .option('--port <n>', 'instead of 7440, or any that is free', countAbove0)
  .option('--control <url>', 'show the fleet of this control server; SLUICE_TOKEN holds its token')
  .action(
    does(async (files: string[], options: { port?: number; control?: string }) =>
      (await import('#viz/command/view.ts')).viewCommand({ ...options, files }),
    ),
  );

program
  .command('report <files...>')
  .description('write results as one self-contained page')
  .requiredOption('-o, --output <file>', 'where to')
  .action(
    does(async (files: string[], { output }: { output: string }) =>
      (await import('#viz/command/report.ts')).reportCommand({ files, output }),
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
  .option('--listen <host:port>', 'under control: for /healthz, /readyz and /metrics')
  .option('--set <knob=value>', 'change one knob of the policy, such as fallback.hold=10s', assignments, [])
  .option('--record <directory>', 'write the decisions there, for sluice replay')
  .option('--upload-max <rate>', 'to peers at most')
  .option('--downlink <rate>', 'what the machine can receive')
  .option('--uplink <rate>', "what the machine can send, instead of its card's speed: seeding takes what is free of it")
  .option('--expect <time>', 'how long the download should take')
  .addOption(new Option('--network <kind>', 'what the machine is connected by').choices(['wired', 'mobile', 'unknown']))
  .option('--blocked', 'peer-to-peer is known not to work here')
  .option('--peer-exchange', 'tell peers of peers and hear of them, except in private torrents')
  .option('--seed <time>', 'go on serving peers for this long, or forever', '0s')
  .option('--on-complete <program>', 'run it with the path of the file')
  .option('--json', 'print JSON')
  .action(
    does(async (options: ClientCommandOptions) => (await import('#nodes/client/command.ts')).clientCommand(options)),
  );

withTls(asNode(program.command('relay')))
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
  .option('--connections-per-address <n>', 'of HTTP from one address at most: beyond, they are closed', countAbove0)
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

addOperatorCommands(program, version, { does, countAbove0, listed, assignments });

withOverrides(program.command('quota').description("look at an origin's contract").command('show <scenario>'))
  .description('say who holds what of the origin over time')
  .option('--policy <name>', "instead of the scenario's policy")
  .option('--every <seconds>', 'between two looks', countAbove0)
  .option('--json', 'print JSON')
  .action(
    does(async (scenario: string, options: Omit<QuotaShowOptions, 'scenario'>) =>
      (await import('#sim/lab/quota-show.ts')).quotaShowCommand({ ...options, scenario }),
    ),
  );

const frame = { does, withOutput, withOverrides, countAbove0, names, context };
addPilotCommands(program, frame, () => import('#nodes/commands/planned-task.ts'));

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
    .addOption(
      new Option('--log-level <level>', 'from which on').choices(['debug', 'info', 'warn', 'error']).default('info'),
    )
    .option('--region <name>', 'where it is')
    .option('--group <name>', 'what it belongs to; may be repeated', listed, []);
}

function withStudy(command: Command): Command {
  return command
    .option('-S, --space <path=a,b,c>', 'the values of one knob; may be repeated', assignments, [])
    .option('--trials <n>', "instead of the study's", countAbove0)
    .option('--replications <n>', 'seeds per trial', countAbove0)
    .option('--db <url or file>', 'where trials are kept (results/sweeps.sqlite)');
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

function listed(text: string, before: string[] = []): string[] {
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

function onDrain(drain: (times: number) => string): () => void {
  let times = 0;
  const interrupt = () => {
    times++;
    process.stderr.write(`\nsluice: interrupted. ${drain(times)}\n`);
    if (times > 1) process.exit(exitCodes.interrupted);
  };
  process.on('SIGINT', interrupt);
  return () => process.off('SIGINT', interrupt);
}

/** An error with an exit code is meant for whoever called; any other is a defect and shows where it arose. */
function end(error: unknown): never {
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage);
  const { exitCode, message, stack } = error as { exitCode?: unknown; message?: string; stack?: string };
  const isExpected = typeof exitCode === 'number';
  process.stderr.write(`sluice: ${isExpected ? message : (stack ?? String(error))}\n`);
  process.exit(isExpected ? exitCode : exitCodes.failure);
}

process.on('uncaughtException', end);
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever read our output has seen enough, as in `sluice … | head`.
  if (error.code === 'EPIPE') process.exit(exitCodes.ok);
  end(error);
});

await program.parseAsync().catch(end);
