/** `./sluice` and other programs as processes on the machines of a pilot. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import type { Machine } from './machines.ts';
import { endProcess, type Network } from './network.ts';

export const launcher = fileURLToPath(new URL('../../../sluice', import.meta.url));
/** Stands in the environment of all that a pilot starts, with the pilot's directory. */
const mark = 'SLUICE_PILOT';

export class Running {
  readonly name: string;
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  #lines: string[] = [];
  #rest = '';
  #waiting: (() => void)[] = [];
  isEnded = false;
  /** Each line of stdout, as it comes. */
  onLine: (line: string) => void = () => {};

  constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#take(text));
    this.ended = new Promise((resolve) => {
      const end = (code: number | null) => {
        this.isEnded = true;
        for (const wake of this.#waiting.splice(0)) wake();
        resolve(code);
      };
      child.once('close', end);
      child.once('error', () => end(null));
    });
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  /** The first line of stdout; undefined where it ended without one. */
  async firstLine(): Promise<string | undefined> {
    while (this.#lines.length === 0 && !this.isEnded) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.#lines[0];
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.isEnded) this.child.kill(signal);
  }

  async stop(patienceMilliseconds = 5000): Promise<void> {
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), patienceMilliseconds);
    await this.ended;
    clearTimeout(timer);
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      this.#lines.push(line);
      this.onLine(line);
    }
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

export class Processes {
  readonly #network: Network;
  readonly #directory: string;
  readonly #running = new Set<Running>();

  constructor(network: Network, directory: string) {
    this.#network = network;
    this.#directory = directory;
  }

  start(machine: Machine, command: string[]): Running {
    const [program = '', ...given] = [...this.#network.prefixOf(machine), ...command];
    const child = spawn(program, given, {
      stdio: ['ignore', 'pipe', 'pipe'],
      // Ctrl-C is for the pilot, which ends them in its own order.
      detached: true,
      cwd: this.#directory,
      env: { ...process.env, [mark]: this.#directory },
    });
    child.stderr?.pipe(createWriteStream(join(this.#directory, `${machine.name}.log`), { flags: 'a' }));
    const running = new Running(machine.name, child);
    this.#running.add(running);
    void running.ended.then(() => this.#running.delete(running));
    return running;
  }

  /** Starts it and waits for its first line: where it listens. */
  async startListening(machine: Machine, command: string[]): Promise<{ running: Running; line: string }> {
    const running = this.start(machine, command);
    const line = await running.firstLine();
    if (line !== undefined) return { running, line };
    throw new Stop(exitCodes.failure, `${machine.name} did not start:\n${this.logOf(machine)}`);
  }

  logOf({ name }: Machine): string {
    try {
      return readFileSync(join(this.#directory, `${name}.log`), 'utf8').slice(-4000);
    } catch {
      return '';
    }
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#running].map((running) => running.stop()));
  }
}

/** Ends at once whatever was started for the pilot of this directory, by whomever. */
export function killAll(directory: string): void {
  for (const pid of processesOf(directory)) endProcess(pid);
}

export function processesOf(directory: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/environ`, 'utf8').split('\0').includes(`${mark}=${directory}`);
      } catch {
        return false;
      }
    })
    .map(Number);
}
