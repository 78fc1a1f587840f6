/**
 * The control server without its sockets: what is stored, what is decided, and the beat in which decisions are taken,
 * written and told, in this order. The decisions are the core's; this is their host.
 */
import type { QuotaTerms } from '#core/quota/terms.ts';
import { compileInstruction, readInstruction, readOrigin } from '#nodes/protocol/instruction.ts';
import { LedgerStore } from '../store/ledger-store.ts';
import type { OriginRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { Dispatcher } from './dispatcher.ts';
import { Fleet, type FleetNode } from './fleet.ts';
import { GrowthDesk } from './growth-desk.ts';
import { guide } from './guidance.ts';
import { changeable, merged } from './instruction-changes.ts';
import { LeaseDesk } from './lease-desk.ts';
import { NodeDesk } from './node-desk.ts';
import { reachOf } from './origin-reach.ts';
import { draftTask, isTarget, type Publisher, refusing } from './publishing.ts';
import { Refused } from './refusal.ts';
import { RelayWatch } from './relay-watch.ts';
import { Retries } from './retries.ts';
import { byTask, hasWhole, isLive, type TaskEntry, TaskTable } from './task-table.ts';

export interface ControlTerms {
  dispatchPerSecond: number;
  reportEveryMilliseconds: number;
  safeRelayCount: number;
  quota: QuotaTerms;
}

export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const lookMilliseconds = 1_000;
const reportedWriteMilliseconds = 5_000;
/** Clients are told once a relay has taken the task, or after this long. */
const relayPatienceMilliseconds = 5_000;

export class Control {
  readonly store: Store;
  readonly fleet = new Fleet();
  readonly tasks = new TaskTable();
  readonly origins = new Map<string, OriginRecord>();
  /** By the origin's number. */
  readonly desks = new Map<number, LeaseDesk>();
  readonly desk: NodeDesk;
  readonly dispatcher: Dispatcher;
  growth!: GrowthDesk;
  readonly #terms: ControlTerms;
  readonly #log: Log;
  readonly #watch: RelayWatch;
  readonly #retries = new Retries();
  #lookedAtMilliseconds = 0;
  #reportedAtMilliseconds = 0;

  private constructor(store: Store, terms: ControlTerms, log: Log) {
    this.store = store;
    this.#terms = terms;
    this.fleet.safeRelayCount = terms.safeRelayCount;
    this.#log = log;
    this.dispatcher = new Dispatcher(terms.dispatchPerSecond, this.fleet, (client) => this.#historyOf(client));
    this.desk = new NodeDesk(this.fleet, this.tasks, this.desks, terms.reportEveryMilliseconds, {
      onHello: (node) => this.#onHello(node),
      onRelayAnswer: (entry, row, { accepted, reason, signer }) => {
        if (accepted) {
          if (signer !== undefined) this.growth.appoint(entry, row, signer);
          if (row.state === 'wanted') row.state = 'accepted';
          this.#openToClients(entry);
        } else if (row.state !== 'moved') {
          const clients = this.#watch.replace(entry, row);
          log.warn({ task: entry.record.id, relay: row.relay, reason, clients }, 'a relay refuses its task');
        }
      },
      onClientState: (entry) => this.#completeIfDone(entry, Date.now()),
      onHashes: (node, message) => this.growth.receive(node, message),
      onChanged: (entry) => void this.growth.confirmChange(entry),
      manifestKey: () => this.growth.key,
      isRetried: (entry, row, held) => this.#retries.postpone(entry, row, held, Date.now()),
    });
    this.#watch = new RelayWatch(this.fleet, this.tasks, this.desk, Date.now());
  }

  /** With all that was stored; every ledger is taken over. */
  static async open(store: Store, terms: ControlTerms, log: Log): Promise<Control> {
    const control = new Control(store, terms, log);
    for (const node of await store.nodes()) control.fleet.add(node);
    for (const origin of await store.origins()) control.origins.set(origin.name, origin);
    const relayTasks = byTask(await store.relayTasks());
    const clientTasks = byTask(await store.clientTasks());
    for (const task of await store.tasks()) {
      const origin = control.origins.get(task.origin)!;
      const entry = control.tasks.add(task, origin, relayTasks.get(task.id) ?? [], clientTasks.get(task.id) ?? []);
      if ([...entry.relays.values()].some(({ state }) => state === 'accepted')) control.#openToClients(entry);
    }
    for (const origin of control.origins.values()) await control.#takeOver(origin);
    control.growth = await control.#openGrowth();
    for (const entry of control.tasks.tasks.values()) await control.growth.restore(entry);
    return control;
  }

  #openGrowth(): Promise<GrowthDesk> {
    return GrowthDesk.open(
      this.store,
      this.tasks,
      {
        revise: (entry) => {
          this.tasks.revise(entry);
          this.desk.touchAll(entry);
        },
        onLiar: (entry, row) => this.#watch.replace(entry, row),
        onDead: (entry, problem) => void this.#abandon(entry, problem),
        look: (entry, work) => this.desks.get(entry.origin.number)!.own.look(work),
      },
      this.#log,
    );
  }

  /** Nothing of the file can be of use any more: it is stopped everywhere, and what is not whole is deleted. */
  async #abandon(entry: TaskEntry, problem: string): Promise<void> {
    if (!isLive(entry)) return;
    entry.record.problem = problem;
    this.#log.error({ task: entry.record.id, problem }, 'abandoned');
    await this.setState(entry, 'cancelled', 'control');
  }

  /** One beat: decide, write, tell. False: another process owns a ledger now, and this one has to end. */
  async beat(): Promise<boolean> {
    const nowMilliseconds = Date.now();
    for (const { row } of this.dispatcher.take(nowMilliseconds, this.fleet.busiestRatio)) {
      row.releasedAtMilliseconds = nowMilliseconds;
      this.tasks.changedClients.add(row);
      this.desk.touch(this.fleet.nodes.get(row.client)!);
    }
    if (nowMilliseconds - this.#lookedAtMilliseconds >= lookMilliseconds) {
      this.#lookedAtMilliseconds = nowMilliseconds;
      this.#look(nowMilliseconds);
    }
    await this.growth.beat(nowMilliseconds);
    await this.write(nowMilliseconds - this.#reportedAtMilliseconds >= reportedWriteMilliseconds);
    this.desk.sync(nowMilliseconds);
    const owned = await Promise.all([...this.desks.values()].map((desk) => desk.run()));
    return owned.every((isOwned) => isOwned);
  }

  /** What has changed; with what was merely reported, if asked. */
  async write(withReported: boolean): Promise<void> {
    const { tasks, fleet } = this;
    if (withReported) {
      this.#reportedAtMilliseconds = Date.now();
      for (const row of tasks.reportedRelays) tasks.changedRelays.add(row);
      for (const row of tasks.reportedClients) tasks.changedClients.add(row);
      tasks.reportedRelays.clear();
      tasks.reportedClients.clear();
    }
    const changes = {
      tasks: [...tasks.changedTasks],
      nodes: [...fleet.changed].map(({ record }) => record),
      relayTasks: [...tasks.changedRelays],
      clientTasks: [...tasks.changedClients],
    };
    if (Object.values(changes).every((changed) => changed.length === 0)) return;
    for (const changed of [tasks.changedTasks, fleet.changed, tasks.changedRelays, tasks.changedClients]) {
      changed.clear();
    }
    await this.store.write(changes);
  }

  async publish(given: unknown, publisher: Publisher, requestKey: string | undefined): Promise<TaskEntry> {
    if (requestKey !== undefined) {
      const earlier = await this.store.taskOfKey(requestKey);
      if (earlier !== undefined) return this.task(earlier);
    }
    const { origins, fleet, tasks, desks } = this;
    const draft = await draftTask(
      given,
      publisher,
      origins.values(),
      fleet,
      tasks,
      (origin, work) => desks.get(origin.number)!.own.look(work),
      Date.now(),
    );
    if (requestKey !== undefined) draft.task.requestKey = requestKey;
    const { task, relayTasks, clientTasks, manifest } = draft;
    const id = await this.store.addTask(task, relayTasks, clientTasks, manifest);
    // Two instructions with one key at one moment: the first is the task.
    if (id !== task.id) return this.task(id);
    const entry = tasks.add(task, origins.get(task.origin)!, relayTasks, clientTasks);
    // Clients that have enrolled while the origin was looked at.
    for (const node of fleet.nodes.values()) this.#include(entry, node);
    this.#share(entry);
    this.desk.touchAll(entry);
    this.#log.info(
      { task: id, by: publisher.name, clients: entry.clients.size, relays: entry.relays.size },
      'published',
    );
    return entry;
  }

  task(id: string): TaskEntry {
    const entry = this.tasks.tasks.get(id);
    if (entry === undefined) throw new Refused('unknown', `there is no task "${id}"`);
    return entry;
  }

  /** Pause, resume, cancel. Repeating one changes nothing. */
  async setState(entry: TaskEntry, wanted: 'active' | 'paused' | 'cancelled', by: string): Promise<void> {
    const { record } = entry;
    if (record.state === wanted) return;
    if (!isLive(entry)) throw new Refused('conflict', `the task is ${record.state} already`);
    record.state = wanted;
    if (wanted === 'cancelled') record.finishedAtMilliseconds = Date.now();
    await this.#revise(entry);
    this.#log.info({ task: record.id, state: wanted, by }, 'state changed');
  }

  /** Changes parts of the instruction at run time; what is absent stays. */
  async limit(entry: TaskEntry, changes: Record<string, unknown>, by: string): Promise<void> {
    const { record } = entry;
    if (!isLive(entry)) throw new Refused('conflict', `the task is ${record.state} already`);
    const fixed = Object.keys(changes).find((key) => !changeable.has(key));
    if (fixed !== undefined) {
      throw new Refused('invalid', `"${fixed}" cannot change at run time, but: ${[...changeable].join(', ')}`, fixed);
    }
    const instruction = refusing(() => readInstruction(merged(record.instruction, changes)));
    record.instruction = instruction;
    entry.compiled = compileInstruction(instruction);
    await this.#revise(entry);
    this.#log.info({ task: record.id, changes, by }, 'limits changed');
  }

  /** Adds an origin, or changes it from this moment on. */
  async putOrigin(name: string, given: unknown, lostLedger: boolean, { name: by, origins }: Publisher) {
    const { url, contract, ...changes } = refusing(() => readOrigin(given));
    const known = this.origins.get(name);
    const reach = refusing(() => reachOf(changes, known?.reach));
    const isElsewhere = known?.url !== url || JSON.stringify(known.reach) !== JSON.stringify(reach);
    // Whoever is let in for one origin must not lead control and relays to other addresses.
    if (origins.length > 0 && isElsewhere) {
      throw new Refused(
        'forbidden',
        `${by} may change the contract of "${name}", not where it is and how it is reached`,
      );
    }
    const clash = [...this.origins.values()].find((other) => other.url === url && other.name !== name);
    if (clash !== undefined) throw new Refused('conflict', `${url} is the origin "${clash.name}"`, 'url');
    if (known !== undefined && known.url !== url && this.#tasksAt(known).some(isLive)) {
      throw new Refused('conflict', `the origin "${name}" has tasks: its url cannot change`, 'url');
    }
    const origin = await this.store.putOrigin(name, url, contract, known?.paused ?? false, reach);
    await this.#setOrigin(origin, lostLedger);
    this.#log.info({ origin: name, contract, by }, 'origin changed');
    return origin;
  }

  async pauseOrigin(name: string, paused: boolean, by: string): Promise<OriginRecord> {
    const known = this.origins.get(name);
    if (known === undefined) throw new Refused('unknown', `there is no origin "${name}"`);
    const origin = await this.store.putOrigin(name, known.url, known.contract, paused, known.reach);
    await this.#setOrigin(origin, false);
    this.#log.info({ origin: name, paused, by }, 'origin changed');
    return origin;
  }

  async #setOrigin(origin: OriginRecord, lostLedger: boolean): Promise<void> {
    this.origins.set(origin.name, origin);
    for (const entry of this.#tasksAt(origin)) entry.origin = origin;
    const desk = this.desks.get(origin.number);
    if (desk === undefined) await this.#takeOver(origin, lostLedger ? Date.now() : undefined);
    else desk.change(origin);
    // Safe shares follow from the contract.
    if (this.fleet.safeRelayCount > 0) for (const entry of this.#tasksAt(origin)) await this.#revise(entry);
  }

  #tasksAt({ name }: OriginRecord): TaskEntry[] {
    return [...this.tasks.tasks.values()].filter(({ record }) => record.origin === name);
  }

  async #takeOver(origin: OriginRecord, replacedEpoch?: number): Promise<void> {
    const ledger = new LedgerStore(this.store.database, origin.number);
    const state = await ledger.takeOver(replacedEpoch);
    const desk = new LeaseDesk(origin, state, ledger, this.#tasksAt(origin), this.#terms.quota, (grant) =>
      this.desk.grant(grant),
    );
    this.desks.set(origin.number, desk);
    this.#log.info({ origin: origin.name, epoch: state.epoch, holders: state.holders.length }, 'ledger taken over');
  }

  /** The task is wanted differently from now on: written before anybody who asked is answered. */
  async #revise(entry: TaskEntry): Promise<void> {
    this.tasks.revise(entry);
    this.#share(entry);
    await this.write(false);
    this.desk.touchAll(entry);
  }

  #share({ origin }: TaskEntry): void {
    this.desks.get(origin.number)?.share(this.#tasksAt(origin));
  }

  #onHello(node: FleetNode): void {
    if (node.record.role === 'relay') {
      this.#watch.resume(node);
      return;
    }
    for (const entry of this.tasks.tasks.values()) this.#include(entry, node);
  }

  /** A client that a live task means and does not have yet. */
  #include(entry: TaskEntry, node: FleetNode): void {
    if (!isLive(entry) || entry.clients.has(node.record.name) || !isTarget(entry.record.instruction, node)) return;
    const row = {
      task: entry.record.id,
      client: node.record.name,
      holder: this.tasks.nextHolder(),
      state: 'waiting' as const,
      revision: 1,
      acceptedRevision: 0,
    };
    this.tasks.addClient(entry, row);
    if (entry.isOpenToClients) this.dispatcher.add(entry, [row]);
  }

  #openToClients(entry: TaskEntry): void {
    if (entry.isOpenToClients) return;
    entry.isOpenToClients = true;
    this.dispatcher.add(entry, entry.clients.values());
  }

  #look(nowMilliseconds: number): void {
    for (const moved of this.#watch.look(nowMilliseconds)) this.#log.warn(moved, 'a relay cannot serve');
    this.desk.touchUnanswered(nowMilliseconds);
    this.growth.look();
    for (const { entry, row, node, count } of this.#retries.take(nowMilliseconds)) {
      this.tasks.markChanged(row);
      this.desk.touch(this.fleet.nodes.get(node)!);
      this.#log.warn({ task: entry.record.id, node, count, problem: row.progress?.error }, 'tried again');
    }
    for (const desk of this.desks.values()) desk.measure();
    for (const entry of this.tasks.tasks.values()) {
      if (!isLive(entry)) continue;
      this.#keepWindow(entry, nowMilliseconds);
      const age = nowMilliseconds - entry.record.createdAtMilliseconds;
      if (entry.record.state === 'active' && (entry.relays.size === 0 || age > relayPatienceMilliseconds)) {
        this.#openToClients(entry);
      }
      guide(entry, this.fleet);
      this.#completeIfDone(entry, nowMilliseconds);
    }
  }

  /** A task starts with its window and pauses at its end, unless it is done by then. */
  #keepWindow(entry: TaskEntry, nowMilliseconds: number): void {
    const { record, compiled } = entry;
    const [from, to] = compiled.distribution.windowMilliseconds;
    const age = nowMilliseconds - record.createdAtMilliseconds;
    if (record.state === 'waiting' && age >= from) record.state = 'active';
    else if (record.state === 'active' && age >= to) record.state = this.#isDone(entry) ? 'complete' : 'paused';
    else return;
    if (record.state === 'complete') record.finishedAtMilliseconds = nowMilliseconds;
    this.tasks.revise(entry);
    this.#share(entry);
    this.desk.touchAll(entry);
    this.#log.info({ task: record.id, state: record.state }, 'the window of the task');
  }

  #isDone(entry: TaskEntry): boolean {
    if (entry.unfinishedCount > 0 || entry.clients.size === 0) return false;
    return [...entry.clients.values()].some(hasWhole);
  }

  /** With an end of its window, a task waits for clients that are still to come. */
  #completeIfDone(entry: TaskEntry, nowMilliseconds: number): void {
    const { record, compiled } = entry;
    if (record.state !== 'active' || !this.#isDone(entry)) return;
    if (compiled.distribution.windowMilliseconds[1] !== Infinity) return;
    record.state = 'complete';
    record.finishedAtMilliseconds = nowMilliseconds;
    this.tasks.revise(entry);
    this.#share(entry);
    this.desk.touchAll(entry);
    this.#log.info({ task: record.id, clients: entry.clients.size }, 'complete');
  }

  /** Share of a client's earlier tasks that it finished; half while there is none. */
  #historyOf(client: string): number {
    let tasks = 0;
    let whole = 0;
    for (const entry of this.tasks.tasksOf(client)) {
      const row = entry.clients.get(client);
      if (row === undefined || isLive(entry)) continue;
      tasks++;
      whole += Number(hasWhole(row));
    }
    return tasks === 0 ? 0.5 : whole / tasks;
  }
}
