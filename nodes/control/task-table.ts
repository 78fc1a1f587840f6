/** The tasks in memory, with their rows; what has changed is written by the next tick. */

import type { ProgressState } from '#nodes/protocol/from-node.ts';
import { type CompiledInstruction, compileInstruction } from '#nodes/protocol/instruction.ts';
import type { ClientTaskRecord, RelayTaskRecord, TaskRecord } from '../store/records.ts';

export interface TaskEntry {
  record: TaskRecord;
  compiled: CompiledInstruction;
  readonly relays: Map<string, RelayTaskRecord>;
  readonly clients: Map<string, ClientTaskRecord>;
  /** Of clients: how many have neither finished nor failed. */
  unfinishedCount: number;
  /** Whether clients may be told: relays are pulling, or there is none to wait for. */
  isOpenToClients: boolean;
  brakeRatio: number;
  cohort: { firstQuartileBytesPerSecond: number; size: number };
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
  readonly changedRelays = new Set<RelayTaskRecord>();
  readonly changedClients = new Set<ClientTaskRecord>();

  add(record: TaskRecord, relays: RelayTaskRecord[], clients: ClientTaskRecord[]): TaskEntry {
    const entry: TaskEntry = {
      record,
      compiled: compileInstruction(record.instruction),
      relays: new Map(),
      clients: new Map(),
      unfinishedCount: 0,
      isOpenToClients: false,
      brakeRatio: 1,
      cohort: { firstQuartileBytesPerSecond: 0, size: 0 },
    };
    this.tasks.set(record.id, entry);
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

  tasksOf(node: string): Iterable<TaskEntry> {
    return this.#tasksOf.get(node) ?? [];
  }

  setState(entry: TaskEntry, row: ClientTaskRecord, state: ProgressState): void {
    entry.unfinishedCount += Number(hasFinished(row));
    row.state = state;
    entry.unfinishedCount -= Number(hasFinished(row));
    this.changedClients.add(row);
  }

  #addRelay(entry: TaskEntry, row: RelayTaskRecord): void {
    entry.relays.set(row.relay, row);
    this.#index(entry, row.relay);
  }

  #addClient(entry: TaskEntry, row: ClientTaskRecord): void {
    entry.clients.set(row.client, row);
    entry.unfinishedCount += Number(!hasFinished(row));
    this.#index(entry, row.client);
  }

  #index(entry: TaskEntry, node: string): void {
    const known = this.#tasksOf.get(node);
    if (known === undefined) this.#tasksOf.set(node, new Set([entry]));
    else known.add(entry);
  }
}
