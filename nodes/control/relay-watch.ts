/** Relays that are gone, drain, refuse or are overloaded: their clients and their parts go to others (M9). */
import type { RelayTaskRecord } from '../store/records.ts';
import type { Fleet, FleetNode } from './fleet.ts';
import type { NodeDesk } from './node-desk.ts';
import { servedBy } from './publishing.ts';
import { isOverloaded, isUsable, RelayChooser } from './relay-chooser.ts';
import { hasFinished, type TaskEntry, type TaskTable } from './task-table.ts';

/** A relay whose line is down for so long is taken for gone: a restart takes less. */
const goneMilliseconds = 15_000;
/** Of the clients of an overloaded relay, so many leave it at each look: all at once would overload the next. */
const leavingRatio = 0.1;

export class RelayWatch {
  readonly #fleet: Fleet;
  readonly #tasks: TaskTable;
  readonly #desk: NodeDesk;
  readonly #startedAtMilliseconds: number;

  constructor(fleet: Fleet, tasks: TaskTable, desk: NodeDesk, nowMilliseconds: number) {
    this.#fleet = fleet;
    this.#tasks = tasks;
    this.#desk = desk;
    this.#startedAtMilliseconds = nowMilliseconds;
  }

  /** Once a second. Answers what was moved, for the log. */
  look(nowMilliseconds: number): { task: string; relay: string; why: string; clients: number }[] {
    const moved: ReturnType<RelayWatch['look']> = [];
    for (const entry of this.#tasks.tasks.values()) {
      if (entry.record.state !== 'active') continue;
      for (const row of [...entry.relays.values()]) {
        const relay = this.#fleet.nodes.get(row.relay);
        if (row.state === 'moved' || relay === undefined) continue;
        const why = this.#problemOf(relay, nowMilliseconds);
        if (why === undefined) continue;
        const clients = why === 'overloaded' ? this.#relieve(entry, relay) : this.replace(entry, row);
        if (why !== 'overloaded' || clients > 0) moved.push({ task: entry.record.id, relay: row.relay, why, clients });
      }
      this.#serveOrphans(entry);
    }
    return moved;
  }

  /** Another relay takes this one's part; its clients are shared among those that are left. */
  replace(entry: TaskEntry, row: RelayTaskRecord): number {
    row.state = 'moved';
    row.revision++;
    this.#tasks.changedRelays.add(row);
    const gone = this.#fleet.nodes.get(row.relay)!;
    this.#desk.touch(gone);
    const spare = this.#spares(entry)[0];
    if (spare !== undefined) this.#add(entry, spare, row.firstByte, row.endByte);
    const leaving = [...entry.clients.values()].filter(({ relay }) => relay === row.relay);
    return this.#give(entry, leaving, gone);
  }

  /** A relay that has come back: its part is its own again, unless others were found meanwhile. */
  resume(relay: FleetNode): void {
    for (const entry of this.#tasks.tasksOf(relay.record.name)) {
      const row = entry.relays.get(relay.record.name);
      if (entry.record.growing?.distrusted.includes(relay.record.name) === true) continue;
      if (row?.state !== 'moved' || entry.record.state !== 'active') continue;
      const others = [...entry.relays.values()].filter(({ state }) => state !== 'moved');
      if (others.length >= Math.max(1, entry.record.instruction.relays)) continue;
      row.state = 'wanted';
      row.revision++;
      this.#tasks.changedRelays.add(row);
    }
  }

  #problemOf(relay: FleetNode, nowMilliseconds: number): string | undefined {
    if (relay.session === undefined) {
      // After control's own restart relays have as long to come back as after theirs.
      const since = Math.max(relay.goneAtMilliseconds, this.#startedAtMilliseconds);
      return nowMilliseconds - since > goneMilliseconds ? 'gone' : undefined;
    }
    if (relay.status?.draining === true) return 'draining';
    return isOverloaded(relay) ? 'overloaded' : undefined;
  }

  #relieve(entry: TaskEntry, relay: FleetNode): number {
    const served = [...entry.clients.values()].filter((row) => row.relay === relay.record.name && !hasFinished(row));
    return this.#give(entry, served.slice(0, Math.ceil(served.length * leavingRatio)), relay);
  }

  /** Clients without a relay, because there was none, or none that could serve. */
  #serveOrphans(entry: TaskEntry): void {
    const { policy } = entry.compiled;
    if (!policy.relay.used || entry.record.instruction.relays === 0) return;
    const active = [...entry.relays.values()].filter(({ state }) => state !== 'moved');
    const [spare] = this.#spares(entry);
    if (active.length === 0 && spare !== undefined) this.#add(entry, spare, 0, entry.record.file.sizeBytes);
    const orphans = [...entry.clients.values()].filter((row) => row.relay === undefined && !hasFinished(row));
    if (orphans.length > 0) this.#give(entry, orphans, undefined);
  }

  #give(entry: TaskEntry, rows: Iterable<{ client: string }>, except: FleetNode | undefined): number {
    const relays = [...entry.relays.values()]
      .filter(({ state }) => state !== 'moved')
      .map(({ relay }) => this.#fleet.nodes.get(relay)!)
      .filter(isUsable);
    if (relays.length === 0) return 0;
    const clients = [...rows].map(({ client }) => this.#fleet.nodes.get(client)!);
    const chooser = new RelayChooser(relays, clients, (relay) => servedBy(relay, this.#tasks));
    let moved = 0;
    for (const client of clients) {
      const row = entry.clients.get(client.record.name)!;
      const relay = chooser.choose(entry.compiled.policy.relay.choice, client, except)?.record.name;
      if (relay === undefined || relay === row.relay) continue;
      row.relay = relay;
      row.revision++;
      this.#tasks.changedClients.add(row);
      this.#desk.touch(client);
      moved++;
    }
    return moved;
  }

  #spares(entry: TaskEntry): FleetNode[] {
    return this.#fleet.relays.filter(
      (relay) => isUsable(relay) && !isOverloaded(relay) && !entry.relays.has(relay.record.name),
    );
  }

  #add(entry: TaskEntry, relay: FleetNode, firstByte: number, endByte: number): void {
    this.#tasks.addRelay(entry, {
      task: entry.record.id,
      relay: relay.record.name,
      holder: this.#tasks.nextHolder(),
      firstByte,
      endByte,
      state: 'wanted',
      revision: 1,
      acceptedRevision: 0,
    });
    // The others learn of it: to exchange with it, to download from it.
    this.#tasks.revise(entry);
    this.#desk.touchAll(entry);
  }
}
