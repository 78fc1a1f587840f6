import { scenarioLimits } from '#core/limits.ts';
import { type Completion, horizonOf, uniqueNames } from './completion.ts';
import type { Configuration, DistributionText, FileText, TaskText } from './configuration.ts';
import { InvalidValue, type Path, Problem } from './error.ts';
import { allowed } from './nearest.ts';
import { printPolicy, readPolicy } from './policy-text.ts';
import { formatBytes, parseShare, parseSize, parseTime, printQuantity } from './units.ts';

/** Tasks, their files and policies, and the limits of the distribution. */
export function completeTasks(configuration: Configuration, { policies, warn }: Completion): void {
  configuration.policy = printPolicy(readPolicy(configuration.policy, policies, ['policy']));
  const everyone = configuration.clients.map(({ name }) => name);
  const implied = configuration.tasks === undefined;
  configuration.tasks ??= [
    {
      name: 'file',
      start: '0s',
      deadline: 'never',
      clients: everyone,
      band: 0,
      weight: 1,
      floor: '0bps',
      ceiling: 'unlimited',
    },
  ];
  const { tasks } = configuration;
  uniqueNames(tasks, ['tasks']);
  for (const [index, task] of tasks.entries()) {
    const path: Path = ['tasks', index];
    task.clients = completeClients(task, everyone, path);
    if (task.policy !== undefined) {
      task.policy = printPolicy(readPolicy(task.policy, policies, [...path, 'policy']));
    }
    if (parseTime(task.start) >= horizonOf(configuration)) warn([...path, 'start'], 'is not before the horizon');
  }
  completeFiles(configuration, implied, warn);
  for (const name of everyone) {
    if (tasks.some((task) => task.clients.includes(name))) continue;
    warn(['clients', everyone.indexOf(name)], `the class "${name}" has no task`);
  }
  completeDistribution(configuration, warn);
}

function completeClients(task: TaskText, everyone: string[], path: Path): string[] {
  const clients = task.clients ?? everyone;
  for (const [index, name] of clients.entries()) {
    const here = [...path, 'clients', index];
    if (!everyone.includes(name)) throw new Problem(here, `unknown class "${name}": ${allowed(name, everyone)}`);
    if (clients.indexOf(name) < index) throw new Problem(here, `the class "${name}" stands here twice`);
  }
  // The order says nothing, so equal sets are written alike.
  return everyone.filter((name) => clients.includes(name));
}

/** The scenario's file is the first task's; the others name theirs only where it differs. */
function completeFiles(configuration: Configuration, implied: boolean, warn: Completion['warn']): void {
  const { file, tasks } = configuration as { file: FileText | undefined; tasks: TaskText[] };
  const files = tasks.map((task, index) => {
    const own = task.file ?? file;
    if (own !== undefined) return own;
    const problem = implied ? 'the key "file" is missing' : 'neither the task nor the scenario names a file';
    throw new Problem(implied ? [] : ['tasks', index], problem);
  });
  if (file !== undefined && tasks.every((task) => task.file !== undefined)) {
    warn(['file'], 'is not used: every task names a file of its own');
  }
  configuration.file = files[0]!;
  for (const [index, task] of tasks.entries()) {
    const path: Path = task.file === undefined ? ['file'] : ['tasks', index, 'file'];
    const own = files[index]!;
    checkFile(own, path, index === 0 || task.file !== undefined ? warn : () => {});
    const same = own.size === configuration.file.size && own.pieceLength === configuration.file.pieceLength;
    if (same) delete task.file;
    else task.file = own;
  }
}

function checkFile(file: FileText, path: Path, warn: Completion['warn']): void {
  const size = parseSize(file.size);
  const pieceLength = parseSize(file.pieceLength);
  const pieces = Math.ceil(size / pieceLength);
  if (pieces > scenarioLimits.piecesMax) {
    const problem = `${pieces} pieces are too many: at most ${scenarioLimits.piecesMax} are allowed`;
    throw new Problem([...path, 'pieceLength'], problem);
  }
  if (pieceLength <= size) return;
  warn([...path, 'pieceLength'], `a piece (${formatBytes(pieceLength)}) is longer than the file: it has one piece`);
}

function completeDistribution(configuration: Configuration, warn: Completion['warn']): void {
  const { distribution, tasks } = configuration;
  const path: Path = ['distribution'];
  for (const source of ['origin', 'relay', 'peer'] as const) {
    const here = [...path, 'share', source];
    try {
      distribution.share[source] = `<= ${printQuantity('share', parseCap(distribution.share[source]))}`;
    } catch (error) {
      if (error instanceof InvalidValue) throw new Problem(here, error.message);
      throw error;
    }
  }
  const [begin, end] = distribution.window;
  if (end !== 'never' && parseTime(begin) >= parseTime(end)) {
    throw new Problem([...path, 'window'], `ends (${end}) before it begins (${begin})`);
  }
  if (begin === 'never') throw new Problem([...path, 'window', 0], 'would never begin');
  const { protocols } = distribution;
  if (new Set(protocols).size < protocols.length) throw new Problem([...path, 'protocols'], 'names one twice');
  const pieces = tasks.map(({ file = configuration.file }) =>
    Math.ceil(parseSize(file.size) / parseSize(file.pieceLength)),
  );
  completePriorities(distribution, Math.max(...pieces), [...path, 'priorityPieces'], warn);
}

/** The share in `<= 10%`. */
export function parseCap(text: string): number {
  return parseShare(text.replace(/^\s*<=\s*/, ''));
}

function completePriorities(
  distribution: DistributionText,
  pieces: number,
  path: Path,
  warn: Completion['warn'],
): void {
  // From the file a piece may also come as a number.
  const given: (string | number)[] = distribution.priorityPieces;
  distribution.priorityPieces = given.map((range, index) => {
    const [first, last] = parseRange(String(range));
    const here = [...path, index];
    if (first > last) throw new Problem(here, `${range} ends before it begins`);
    if (last >= pieces) warn(here, `${range} is beyond the last piece (${pieces - 1})`);
    return `${first}-${last}`;
  });
}

/** Both ends of `0-3`, or of `5`. */
export function parseRange(text: string): [number, number] {
  const [first, last = first] = text.split('-').map(Number);
  return [first!, last!];
}
