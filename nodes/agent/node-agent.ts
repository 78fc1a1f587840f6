/**
 * A node under control: keeps what control wants of it on disk, does it, and reports. Assignments are states: the
 * latest revision is all that counts, and a node that restarts goes on with what it had, whether control is there or
 * not. Without control there is no lease, and so no byte from an origin.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LeaseGrant } from '#core/quota/messages.ts';
import { ControlLink, type LinkOptions } from '#nodes/link/control-link.ts';
import type { Assignment } from '#nodes/protocol/assignment.ts';
import type { Brake, FromControl } from '#nodes/protocol/from-control.ts';
import type { Acknowledge, FromNode, Hello, Progress, RelayStatus } from '#nodes/protocol/from-node.ts';
import type { HashesFromControl } from '#nodes/protocol/hash-messages.ts';
import { protocolVersion } from '#nodes/protocol/limits.ts';
import { readFromControl } from '#nodes/protocol/reading.ts';

/** One task on this node. */
export interface Task {
  /** The same task, as control wants it from now on. */
  apply(assignment: Assignment): Promise<void>;
  heed(brake: Brake): void;
  grant(grant: LeaseGrant): void;
  progress(): Omit<Progress, 'kind' | 'task'>;
  /** Of a relay that signs hashes: its public key for this task. */
  readonly signer?: string | undefined;
  /** Takes over what has changed of the hashes; `again`: has to be opened anew, `outdated`: nothing of it is of use. */
  follow?(assignment: Assignment): Promise<'goes on' | 'again' | 'outdated'>;
  /** Control is there, perhaps again. */
  online?(): void;
  hashes?(message: HashesFromControl): void;
  /** Keeps what is there. */
  close(): Promise<void>;
  /** Deletes what is not a whole verified file. */
  discard(): Promise<void>;
}

/** Control's assignment cannot be carried out: the reason goes back to it. */
export class CannotTake extends Error {
  override name = 'CannotTake';
  readonly reason: NonNullable<Acknowledge['reason']>;

  constructor(reason: NonNullable<Acknowledge['reason']>, message: string) {
    super(message);
    this.reason = reason;
  }
}

export interface AgentOptions {
  link: Pick<LinkOptions, 'control' | 'token' | 'authority' | 'polling'>;
  /** For assignments; files of the node's own choosing lie elsewhere. */
  stateDirectory: string;
  /** What the node is; tasks, protocol and incarnation are filled in. */
  describe(): Omit<Hello, 'kind' | 'protocol' | 'incarnation' | 'tasks'>;
  open(assignment: Assignment, tell: (message: FromNode) => boolean): Promise<Task>;
  status?(): RelayStatus;
  onLog(text: string, detail: object): void;
}

interface Held {
  assignment: Assignment;
  task: Task | undefined;
  /** Why there is no task; told with each report. */
  problem: string | undefined;
  /** What was reported last: a change of state is told at once. */
  toldState: string;
}

const reportMillisecondsFirst = 10_000;

export class NodeAgent {
  readonly #options: AgentOptions;
  readonly #link: ControlLink;
  readonly #incarnation = randomBytes(12).toString('hex');
  readonly #held = new Map<string, Held>();
  /** Assignments are carried out one after the other. */
  #turn: Promise<void> = Promise.resolve();
  #reportMilliseconds = reportMillisecondsFirst;
  #reportedAt = 0;
  readonly #timer: NodeJS.Timeout;
  isClosing = false;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#link = new ControlLink({
      ...options.link,
      hello: () => this.#hello(),
      onOpen: () => {
        this.#report();
        for (const { task } of this.#held.values()) task?.online?.();
      },
      onMessage: (message) => this.#heed(message),
      onDown: (why, retryMilliseconds) => options.onLog('control cannot be reached', { why, retryMilliseconds }),
    });
    this.#timer = setInterval(() => this.#second(), 1000);
  }

  /** Goes on with what was assigned before, then speaks with control. */
  async start(): Promise<void> {
    const directory = join(this.#options.stateDirectory, 'tasks');
    await mkdir(directory, { recursive: true });
    for (const name of (await readdir(directory)).filter((file) => file.endsWith('.json')).sort()) {
      const text = await readFile(join(directory, name), 'utf8');
      // The same reader as for what control sends: the file may be of another version, or torn.
      const reading = readFromControl(text);
      if ('message' in reading && reading.message.kind === 'task') await this.#take(reading.message.assignment);
      else this.#options.onLog('an assignment on disk cannot be read', { name });
    }
    this.#link.start();
  }

  get isConnected(): boolean {
    return this.#link.isOpen;
  }

  /** What the node says of itself has changed: control is told in a hello. */
  renew(): void {
    this.#link.renew();
  }

  get tasks(): ReadonlyMap<string, Held> {
    return this.#held;
  }

  async close(): Promise<void> {
    this.isClosing = true;
    clearInterval(this.#timer);
    this.#report();
    await this.#turn;
    await Promise.all([...this.#held.values()].map((held) => held.task?.close().catch(() => {})));
    this.#link.close();
  }

  #hello(): Hello {
    const tasks = [...this.#held.values()]
      .filter(({ problem }) => problem === undefined)
      .map(({ assignment }) => ({ task: assignment.task, revision: assignment.revision }));
    return {
      kind: 'hello',
      protocol: protocolVersion,
      incarnation: this.#incarnation,
      ...this.#options.describe(),
      tasks,
    };
  }

  #heed(message: FromControl): void {
    if (message.kind === 'welcome') this.#reportMilliseconds = message.reportEveryMilliseconds;
    else if (message.kind === 'task') {
      this.#turn = this.#turn
        .then(() => this.#assign(message.assignment))
        .catch((error: unknown) => this.#options.onLog('an assignment failed', { problem: String(error) }));
    } else if (message.kind === 'hashes') this.#held.get(message.task)?.task?.hashes?.(message);
    else if (message.kind === 'brake') this.#held.get(message.task)?.task?.heed(message);
    else if (message.kind === 'lease') {
      for (const { assignment, task } of this.#held.values()) {
        const { origin, holder } = assignment.lease;
        if (origin === message.message.origin && holder === message.message.holder) task?.grant(message.message);
      }
    } else if (message.kind === 'refusal') this.#options.onLog('control refused a message', message);
  }

  /** Takes an assignment and answers it. */
  async #assign(assignment: Assignment): Promise<void> {
    const { task, revision } = assignment;
    const before = this.#held.get(task);
    const isKnown = before !== undefined && before.assignment.revision >= revision && before.problem === undefined;
    if (isKnown) return this.#acknowledge(assignment);
    if (this.isClosing) return this.#acknowledge(assignment, new CannotTake('draining', 'the node is shutting down'));
    try {
      await this.#save(assignment);
      const held = await this.#take(assignment);
      if (held.problem !== undefined) return this.#acknowledge(assignment, new CannotTake('fault', held.problem));
      this.#acknowledge(assignment);
    } catch (error) {
      const refusal = error instanceof CannotTake ? error : new CannotTake('fault', (error as Error).message);
      this.#acknowledge(assignment, refusal);
    }
    this.#report(task);
  }

  async #take(assignment: Assignment): Promise<Held> {
    const { task: name, state } = assignment;
    const held = this.#held.get(name) ?? { assignment, task: undefined, problem: undefined, toldState: '' };
    held.assignment = assignment;
    held.problem = undefined;
    this.#held.set(name, held);
    try {
      if (state === 'cancelled') {
        // Opened if need be, as only that knows what lies on the disk.
        held.task ??= await this.#options.open(assignment, (message) => this.#link.send(message));
        await held.task.discard();
        held.task = undefined;
        await this.#forget(name);
        return held;
      }
      const how = (await held.task?.follow?.(assignment)) ?? 'goes on';
      if (how !== 'goes on') {
        if (how === 'outdated') await held.task?.discard();
        else await held.task?.close();
        held.task = undefined;
      }
      if (held.task === undefined) {
        held.task = await this.#options.open(assignment, (message) => this.#link.send(message));
      } else {
        await held.task.apply(assignment);
      }
    } catch (error) {
      held.problem = (error as Error).message;
      this.#options.onLog('a task cannot be carried out', { task: name, problem: held.problem });
      if (error instanceof CannotTake) throw error;
    }
    return held;
  }

  #acknowledge({ task, revision }: Assignment, refusal?: CannotTake): void {
    this.#link.send({
      kind: 'acknowledge',
      task,
      revision,
      accepted: refusal === undefined,
      ...signerOf(this.#held.get(task)?.task),
      ...(refusal === undefined ? {} : { reason: refusal.reason, detail: refusal.message.slice(0, 1000) }),
    });
  }

  #second(): void {
    const isDue = performance.now() - this.#reportedAt >= this.#reportMilliseconds;
    if (isDue) this.#report();
    else {
      for (const [name, held] of this.#held) {
        if (held.task !== undefined && held.task.progress().state !== held.toldState) this.#report(name);
      }
    }
  }

  /** The state of one task, or of all. */
  #report(only?: string): void {
    if (!this.#link.isOpen) return;
    if (only === undefined) {
      this.#reportedAt = performance.now();
      const status = this.#options.status?.();
      if (status !== undefined) this.#link.send(status);
    }
    for (const [name, held] of this.#held) {
      if (only !== undefined && only !== name) continue;
      const progress = held.task?.progress() ?? withoutTask(held);
      held.toldState = progress.state;
      this.#link.send({ kind: 'progress', task: name, ...progress });
    }
    for (const [name, { task, assignment }] of this.#held) {
      if (task === undefined && assignment.state === 'cancelled') this.#held.delete(name);
    }
  }

  async #save(assignment: Assignment): Promise<void> {
    const path = join(this.#options.stateDirectory, 'tasks', `${assignment.task}.json`);
    const text = JSON.stringify({ kind: 'task', assignment });
    await writeFile(`${path}.new`, text, { mode: 0o600, flush: true });
    await rename(`${path}.new`, path);
  }

  async #forget(task: string): Promise<void> {
    await rm(join(this.#options.stateDirectory, 'tasks', `${task}.json`), { force: true });
  }
}

function signerOf(task: Task | undefined): { signer?: string } {
  return task?.signer === undefined ? {} : { signer: task.signer };
}

/** A task that is gone, or never came to be. */
function withoutTask({ assignment, problem }: Held): Omit<Progress, 'kind' | 'task'> {
  return {
    state: assignment.state === 'cancelled' ? 'cancelled' : 'failed',
    verifiedBytes: 0,
    received: { origin: 0, relay: 0, peer: 0 },
    duplicateBytes: 0,
    discardedBytes: 0,
    sent: { http: 0, bittorrent: 0 },
    receiveBytesPerSecond: 0,
    bittorrentBytesPerSecond: 0,
    sendBytesPerSecond: 0,
    peers: 0,
    fallbackOpened: { slow: 0, stalled: 0, blocked: 0, overdue: 0 },
    elapsedMilliseconds: 0,
    ...(problem === undefined ? {} : { error: problem.slice(0, 1000) }),
  };
}
