/** `./sluice` as processes that run until a test ends them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const launcher = fileURLToPath(new URL('../../sluice', import.meta.url));

export class Running {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly ended: Promise<number | null>;

  constructor(given: string[], environment: NodeJS.ProcessEnv = {}) {
    this.child = spawn(launcher, given, { stdio: 'pipe', env: { ...process.env, ...environment } });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve) => this.child.on('close', (code) => resolve(code)));
  }

  /** The first match of what it prints; an error with all that it said if it ends before, or takes too long. */
  async prints(pattern: RegExp, milliseconds = 30_000): Promise<RegExpExecArray> {
    const until = performance.now() + milliseconds;
    for (;;) {
      const found = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
      if (found !== null) return found;
      if (this.child.exitCode !== null || performance.now() > until) {
        throw new Error(`it never printed ${pattern}\n${this.stdout}\n${this.stderr}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal);
    return await this.ended;
  }
}

/** Runs the work with a way to start processes; all of them are ended afterwards. */
export async function withProcesses(
  work: (start: (given: string[], environment?: NodeJS.ProcessEnv) => Running) => Promise<void>,
): Promise<void> {
  const started: Running[] = [];
  try {
    await work((given, environment) => {
      const running = new Running(given, environment);
      started.push(running);
      return running;
    });
  } finally {
    await Promise.all(started.map((running) => running.stop('SIGKILL')));
  }
}

/** Waits until `holds`; an error that says what never came to be. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, milliseconds = 30_000) {
  const end = performance.now() + milliseconds;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
