/**
 * Where the machines of a pilot live. As root on Linux each is a network namespace of its own, joined by a bridge;
 * its link is shaped both ways by tc, so that nothing but the network knows of the limits.
 */
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import type { ClientMachine, Machine } from './machines.ts';

const execute = promisify(execFile);

export const peerPort = 6881;
/** What waits in front of a link at most, as in an ordinary router; and what may pass at once. */
const queueMilliseconds = 50;
const burstMilliseconds = 4;
const burstBytesMin = 32 * 1024;

/** Bytes that have passed a machine's interface, heads of all layers included. */
export interface Counters {
  sentBytes: number;
  receivedBytes: number;
}

export interface Network {
  readonly kind: 'namespaces' | 'loopback';
  addressOf(machine: Machine): string;
  /** What stands before a command that runs on the machine. */
  prefixOf(machine: Machine): string[];
  /** Of all machines, by number; undefined where there are none. */
  counters(): Promise<Map<number, Counters> | undefined>;
  /** From now on the machine sends so fast at most. */
  setUplink(machine: Machine, bytesPerSecond: number): void;
  /** Its cable is pulled out, or put in again. */
  setCut(machine: Machine, isCut: boolean): void;
  remove(): void;
}

/** Of a machine in its namespace. */
const device = 'eth0';

export const prefix = 'sluice-pilot-';

export class Namespaces implements Network {
  readonly kind = 'namespaces';
  readonly #id: number;

  /** `id`: 0 to 254, unique on this machine; it names the namespaces and the network 10.213.id.0/24. */
  constructor(id: number, machines: Machine[]) {
    this.#id = id;
    const hub = this.#hub();
    ip('netns', 'add', hub);
    inside(hub, 'ip', 'link', 'add', 'bridge', 'type', 'bridge');
    inside(hub, 'ip', 'link', 'set', 'bridge', 'up');
    // One end stays outside, so that the pilot can speak with its control.
    const outside = outsideName(id);
    ip('link', 'add', outside, 'type', 'veth', 'peer', 'name', 'outside', 'netns', hub);
    ip('address', 'add', `${this.#address(254)}/24`, 'dev', outside);
    ip('link', 'set', outside, 'up');
    inside(hub, 'ip', 'link', 'set', 'outside', 'master', 'bridge', 'up');
    for (const machine of machines) this.#add(machine);
  }

  addressOf({ number }: Machine): string {
    return this.#address(number);
  }

  prefixOf(machine: Machine): string[] {
    return ['ip', 'netns', 'exec', this.#name(machine)];
  }

  async counters(): Promise<Map<number, Counters>> {
    const { stdout } = await execute('ip', ['netns', 'exec', this.#hub(), 'cat', '/proc/net/dev']);
    const found = new Map<number, Counters>();
    for (const [, number, fields = ''] of stdout.matchAll(/^\s*to-(\d+):\s*(.*)$/gm)) {
      const values = fields.trim().split(/\s+/).map(Number);
      // As the hub sees it: what it received, the machine sent.
      found.set(Number(number), { sentBytes: values[0] ?? 0, receivedBytes: values[8] ?? 0 });
    }
    return found;
  }

  setUplink(machine: Machine, bytesPerSecond: number): void {
    this.#shape(this.#name(machine), device, bytesPerSecond);
  }

  setCut({ number }: Machine, isCut: boolean): void {
    inside(this.#hub(), 'ip', 'link', 'set', `to-${number}`, isCut ? 'down' : 'up');
  }

  remove(): void {
    removeNamespaces(this.#id);
  }

  #add(machine: Machine): void {
    const name = this.#name(machine);
    const end = `to-${machine.number}`;
    ip('netns', 'add', name);
    inside(this.#hub(), 'ip', 'link', 'add', end, 'type', 'veth', 'peer', 'name', device, 'netns', name);
    inside(this.#hub(), 'ip', 'link', 'set', end, 'master', 'bridge', 'up');
    inside(name, 'ip', 'link', 'set', 'lo', 'up');
    inside(name, 'ip', 'address', 'add', `${this.addressOf(machine)}/24`, 'dev', device);
    inside(name, 'ip', 'link', 'set', device, 'up');
    // What Linux takes by itself, whatever this machine prefers; a namespace may not set it for all of its sockets.
    const route = [`${this.#address(0)}/24`, 'dev', device, 'src', this.addressOf(machine), 'congctl', 'cubic'];
    inside(name, 'ip', 'route', 'replace', ...route);
    this.#shape(name, device, machine.uplinkBytesPerSecond);
    this.#shape(this.#hub(), end, machine.downlinkBytesPerSecond);
    if (machine.role === 'client') this.#limitPeers(name, (machine as ClientMachine).peerToPeer);
  }

  /** Behind NAT nobody gets an answer from its port; where peer-to-peer is blocked, it does not get one either. */
  #limitPeers(name: string, peerToPeer: ClientMachine['peerToPeer']): void {
    if (peerToPeer === 'allowed') return;
    inside(name, 'ip', 'rule', 'add', 'ipproto', 'tcp', 'sport', String(peerPort), 'prohibit');
    if (peerToPeer === 'blocked') {
      inside(name, 'ip', 'rule', 'add', 'ipproto', 'tcp', 'dport', String(peerPort), 'prohibit');
    }
  }

  #shape(namespace: string, device: string, bytesPerSecond: number): void {
    if (bytesPerSecond === Infinity) return;
    const burst = Math.max(burstBytesMin, Math.round((bytesPerSecond * burstMilliseconds) / 1000));
    const limits = ['rate', `${Math.round(bytesPerSecond * 8)}bit`, 'burst', `${burst}b`];
    const queue = ['latency', `${queueMilliseconds}ms`];
    inside(namespace, 'tc', 'qdisc', 'replace', 'dev', device, 'root', 'tbf', ...limits, ...queue);
  }

  #hub(): string {
    return `${prefix}${this.#id}-hub`;
  }

  #name({ name }: Machine): string {
    return `${prefix}${this.#id}-${name}`;
  }

  #address(number: number): string {
    return `10.213.${this.#id}.${number}`;
  }
}

const outsideName = (id: number): string => `sluice-${id}`;

/** Ends what runs in the namespaces of a pilot, and removes them; the links go with them. */
export function removeNamespaces(id: number): void {
  for (const name of namespacesOf(id)) {
    const { stdout } = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' });
    for (const pid of stdout.split('\n').filter((line) => line !== '')) endProcess(Number(pid));
    spawnSync('ip', ['netns', 'del', name]);
  }
  spawnSync('ip', ['link', 'del', outsideName(id)]);
}

export function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** Of one pilot, or of all. */
export function namespacesOf(id?: number): string[] {
  const { stdout, status } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' });
  if (status !== 0) return [];
  const start = id === undefined ? prefix : `${prefix}${id}-`;
  return stdout
    .split('\n')
    .map((line) => line.split(' ')[0]!)
    .filter((name) => name.startsWith(start));
}

/** Why namespaces cannot be had here; undefined where they can. */
export function namespacesProblem(): string | undefined {
  if (process.platform !== 'linux') return 'this is not Linux';
  if (process.getuid?.() !== 0) return 'only root may make network namespaces';
  const name = `${prefix}probe-${process.pid}`;
  const steps: string[][] = [
    ['ip', 'netns', 'add', name],
    ['ip', 'netns', 'exec', name, 'ip', 'link', 'add', 'one', 'type', 'veth', 'peer', 'name', 'two'],
    ['ip', 'netns', 'exec', name, 'ip', 'link', 'add', 'bridge', 'type', 'bridge'],
    [
      'ip',
      'netns',
      'exec',
      name,
      'tc',
      'qdisc',
      'add',
      'dev',
      'one',
      'root',
      'tbf',
      'rate',
      '1mbit',
      'burst',
      '32kb',
    ].concat(['latency', '50ms']),
  ];
  try {
    for (const [program = '', ...given] of steps) {
      const { status, stderr, error } = spawnSync(program, given, { encoding: 'utf8' });
      if (status !== 0) return `${program} ${given.join(' ')}: ${error?.message ?? stderr.trim()}`;
    }
    return undefined;
  } finally {
    spawnSync('ip', ['netns', 'del', name]);
  }
}

function inside(namespace: string, ...command: string[]): void {
  ip('netns', 'exec', namespace, ...command);
}

function ip(...given: string[]): void {
  const { status, stderr, error } = spawnSync('ip', given, { encoding: 'utf8' });
  if (status === 0) return;
  throw new Stop(exitCodes.failure, `ip ${given.join(' ')}: ${error?.message ?? stderr.trim()}`);
}

/** All on 127.0.0.1, with limits in the processes. */
export class Loopback implements Network {
  readonly kind = 'loopback';
  addressOf(): string {
    return '127.0.0.1';
  }
  prefixOf(): string[] {
    return [];
  }
  async counters(): Promise<undefined> {}
  setUplink(): void {
    throw new Stop(exitCodes.invalid, 'without network namespaces a pilot cannot throttle a link');
  }
  setCut(): void {
    throw new Stop(exitCodes.invalid, 'without network namespaces a pilot cannot cut a link');
  }
  remove(): void {}
}

/** Jiffies of all cores since the machine started: busy, and all. */
export function cpuJiffies(): { busy: number; all: number } | undefined {
  try {
    const [, ...fields] = readFileSync('/proc/stat', 'utf8').split('\n')[0]!.trim().split(/\s+/);
    const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0, steal = 0] = fields.map(Number);
    const busy = user + nice + system + irq + soft + steal;
    return { busy, all: busy + idle + wait };
  } catch {
    return undefined;
  }
}
