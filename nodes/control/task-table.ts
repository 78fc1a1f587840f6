/** The tasks in memory, with their rows; what has changed is written by the next tick. */

import type { ProgressState } from '#nodes/protocol/from-node.ts';
import { type CompiledInstruction, compileInstruction } from '#nodes/protocol/instruction.ts';
import type { ClientTaskRecord, OriginRecord, RelayTaskRecord, TaskRecord } from '../store/records.ts';

/** What clients are told of the others: φ, and per kind of network the first quartile of the rates. */
export interface Guidance {
  revision: number;
  brakeRatio: number;
  cohorts: Map<string, { firstQuartileBytesPerSecond: number; size: number }>;
}

/** Who stands behind the number of a holder, at which origin, and in which place of the contract's tree. */
export interface Holder {
  node: string;
  origin: number;
  share: number;
}

/** Of a task, by its place among those of its origin: the positions in the tree of its relays and of its clients. */
export const relaysShare = (position: number): number => 2 * position + 1;
export const clientsShare = (position: number): number => 2 * position + 2;

export interface TaskEntry {
  record: TaskRecord;
  origin: OriginRecord;
  compiled: CompiledInstruction;
  readonly relays: Map<string, RelayTaskRecord>;
  readonly clients: Map<string, ClientTaskRecord>;
  /** Of clients: how many have neither finished nor failed. */
  unfinishedCount: number;
  /** Whether clients may be told: relays are pulling, or there is none to wait for. */
  isOpenToClients: boolean;
  guidance: Guidance;
}

const finished = new Set<ProgressState>(['seeding', 'complete', 'failed', 'cancelled']);
export const hasFinished = (row: ClientTaskRecord): boolean => finished.has(row.state);
export const hasWhole = (row: ClientTaskRecord): boolean => row.state === 'seeding' || row.state === 'complete';
/** Nodes transfer, or may again. */
export const isLive = ({ record }: TaskEntry): boolean => ['waiting', 'active', 'paused'].includes(record.state);

export class TaskTable {
  readonly tasks = new Map<string, TaskEntry>();
  /** Tasks that each node takes part in. */
  readonly #tasksOf = new Map<string, Set<TaskEntry>>();
  readonly #holders = new Map<number, Holder>();
  readonly #positionNext = new Map<string, number>();
  // Zero is control itself.
  #holderNext = 1;
  /** To be written before nodes hear of it. */
  readonly changedTasks = new Set<TaskRecord>();
  readonly changedRelays = new Set<RelayTaskRecord>();
  readonly changedClients = new Set<ClientTaskRecord>();
  /** What nodes report they report again: written now and then. */
  readonly reportedRelays = new Set<RelayTaskRecord>();
  readonly reportedClients = new Set<ClientTaskRecord>();

  add(record: TaskRecord, origin: OriginRecord, relays: RelayTaskRecord[], clients: ClientTaskRecord[]): TaskEntry {
    const entry: TaskEntry = {
      record,
      origin,
      compiled: compileInstruction(record.instruction),
      relays: new Map(),
      clients: new Map(),
      unfinishedCount: 0,
      isOpenToClients: false,
      guidance: { revision: 0, brakeRatio: 1, cohorts: new Map() },
    };
    this.tasks.set(record.id, entry);
    const position = this.#positionNext.get(origin.name) ?? 0;
    this.#positionNext.set(origin.name, Math.max(position, record.sharePosition + 1));
    for (const row of relays) this.#addRelay(entry, row);
    for (const row of clients) this.#addClient(entry, row);
    return entry;
  }

  /** Rows that are not yet stored. */
  addRelay(entry: TaskEntry, row: RelayTaskRecord): void {
    this.#addRelay(entry, row);
    this.changedRelays.add(row);
  }

  addClient(entry: TaskEntry, row: ClientTaskRecord): void {
    this.#addClient(entry, row);
    this.changedClients.add(row);
  }

  /** A number that no holder has had. */
  nextHolder(): number {
    return this.#holderNext++;
  }

  /** A place among the tasks of an origin that no task has had. */
  nextPosition(origin: string): number {
    const position = this.#positionNext.get(origin) ?? 0;
    this.#positionNext.set(origin, position + 1);
    return position;
  }

  holder(number: number): Holder | undefined {
    return this.#holders.get(number);
  }

  tasksOf(node: string): Iterable<TaskEntry> {
    return this.#tasksOf.get(node) ?? [];
  }

  /** The whole of a task is wanted differently: every node of it is to hear. */
  revise(entry: TaskEntry): void {
    entry.record.revision++;
    this.changedTasks.add(entry.record);
  }

  /** Its record is to be written. */
  markChanged(row: ClientTaskRecord | RelayTaskRecord): void {
    if ('client' in row) this.changedClients.add(row);
    else this.changedRelays.add(row);
  }

  setState(entry: TaskEntry, row: ClientTaskRecord, state: ProgressState): void {
    entry.unfinishedCount += Number(hasFinished(row));
    row.state = state;
    entry.unfinishedCount -= Number(hasFinished(row));
    this.reportedClients.add(row);
  }

  #addRelay(entry: TaskEntry, row: RelayTaskRecord): void {
    entry.relays.set(row.relay, row);
    this.#index(entry, row.relay, row.holder, relaysShare(entry.record.sharePosition));
  }

  #addClient(entry: TaskEntry, row: ClientTaskRecord): void {
    entry.clients.set(row.client, row);
    entry.unfinishedCount += Number(!hasFinished(row));
    this.#index(entry, row.client, row.holder, clientsShare(entry.record.sharePosition));
  }

  #index(entry: TaskEntry, node: string, holder: number, share: number): void {
    this.#holders.set(holder, { node, origin: entry.origin.number, share });
    this.#holderNext = Math.max(this.#holderNext, holder + 1);
    const known = this.#tasksOf.get(node);
    if (known === undefined) this.#tasksOf.set(node, new Set([entry]));
    else known.add(entry);
  }
}

export function byTask<Row extends { task: string }>(rows: Row[]): Map<string, Row[]> {
  const found = new Map<string, Row[]>();
  for (const row of rows) {
    const known = found.get(row.task);
    if (known === undefined) found.set(row.task, [row]);
    else known.push(row);
  }
  return found;
}
