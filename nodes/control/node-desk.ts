/** What nodes say, and what they are told in return: assignments until they hold the latest, guidance, grants. */
import type { LeaseGrant } from '#core/quota/messages.ts';
import type { Acknowledge, FromNode, Hello, Progress } from '#nodes/protocol/from-node.ts';
import type { HashesFromNode } from '#nodes/protocol/hash-messages.ts';
import { protocolVersion } from '#nodes/protocol/limits.ts';
import type { ClientTaskRecord, RelayTaskRecord } from '../store/records.ts';
import { clientAssignment, relayAssignment, revisionOf } from './assigning.ts';
import type { Fleet, FleetNode, Session } from './fleet.ts';
import type { LeaseDesk } from './lease-desk.ts';
import { isLive, type TaskEntry, type TaskTable } from './task-table.ts';

/** An assignment that was not acknowledged for so long is sent again. */
const resendMilliseconds = 10_000;
/** Weight of the newest of what clients report of a relay. */
const newestRatio = 0.1;

export interface NodeEvents {
  /** A relay has taken its task, or will not. */
  onRelayAnswer(entry: TaskEntry, row: RelayTaskRecord, answer: Acknowledge): void;
  onClientState(entry: TaskEntry, row: ClientTaskRecord): void;
  /** Answers what is wrong with the message, or nothing. */
  onHashes(node: FleetNode, message: HashesFromNode): string | undefined;
  /** A node says that the origin has another file under the URL now. */
  onChanged(entry: TaskEntry): void;
  /** Control's public key under manifests. */
  manifestKey(): string;
  /** A node failed at the assignment of this revision, or an earlier one: is it told again? */
  isRetried(entry: TaskEntry, row: ClientTaskRecord | RelayTaskRecord, heldRevision: number): boolean;
  /** A node has connected, perhaps for the first time. */
  onHello(node: FleetNode): void;
}

export class NodeDesk {
  readonly #fleet: Fleet;
  readonly #tasks: TaskTable;
  readonly #desks: ReadonlyMap<number, LeaseDesk>;
  readonly #events: NodeEvents;
  readonly #reportEveryMilliseconds: number;
  readonly #touched = new Set<FleetNode>();
  readonly counts = { received: 0, sent: 0, refused: 0 };

  constructor(
    fleet: Fleet,
    tasks: TaskTable,
    desks: ReadonlyMap<number, LeaseDesk>,
    reportEveryMilliseconds: number,
    events: NodeEvents,
  ) {
    this.#fleet = fleet;
    this.#tasks = tasks;
    this.#desks = desks;
    this.#reportEveryMilliseconds = reportEveryMilliseconds;
    this.#events = events;
  }

  /** Answers what is wrong with the hello, or nothing. */
  welcome(node: FleetNode, session: Session, hello: Hello, nowMilliseconds: number): string | undefined {
    if (hello.protocol !== protocolVersion) return `this control speaks protocol ${protocolVersion}`;
    if (hello.role !== node.record.role) return `the token is a ${node.record.role}'s, not a ${hello.role}'s`;
    if ((hello.relay !== undefined) !== (hello.role === 'relay')) return 'a relay, and only a relay, says where it is';
    const before = node.record.hello;
    this.#fleet.connect(node, session, hello, nowMilliseconds);
    session.send({
      kind: 'welcome',
      protocol: protocolVersion,
      node: node.record.name,
      reportEveryMilliseconds: this.#reportEveryMilliseconds,
    });
    if (JSON.stringify(before?.relay) !== JSON.stringify(hello.relay)) this.#tellNewAddress(node);
    this.#events.onHello(node);
    this.touch(node);
    return undefined;
  }

  /** A message of a node that has been welcomed. Answers what is wrong with it, or nothing. */
  receive(node: FleetNode, message: FromNode): string | undefined {
    this.counts.received++;
    switch (message.kind) {
      case 'hello':
        return 'hello is the first message, and only that';
      case 'acknowledge':
        return this.#acknowledge(node, message);
      case 'progress':
        return this.#progress(node, message);
      case 'relay-status':
        if (node.record.role !== 'relay') return 'relay-status: the token is not a relay’s';
        node.status = message;
        return undefined;
      case 'hashes':
        return this.#events.onHashes(node, message);
      case 'lease': {
        const { message: lease } = message;
        const holder = this.#tasks.holder(lease.holder);
        if (holder?.node !== node.record.name || holder.origin !== lease.origin) {
          return `lease: ${lease.holder} at ${lease.origin} is not a holder of this node`;
        }
        if (lease.kind === 'request' && lease.node !== holder.share) {
          return `lease: holder ${lease.holder} stands at node ${holder.share}`;
        }
        this.#desks.get(lease.origin)?.receive(lease);
        return undefined;
      }
      default:
        return message satisfies never;
    }
  }

  gone(node: FleetNode, session: Session, nowMilliseconds: number): void {
    this.#fleet.disconnect(node, session, nowMilliseconds);
  }

  grant(grant: LeaseGrant): void {
    const holder = this.#tasks.holder(grant.holder);
    if (holder === undefined) return;
    this.#fleet.nodes.get(holder.node)?.session?.send({ kind: 'lease', message: grant });
  }

  /** Its assignments may have changed. */
  touch(node: FleetNode): void {
    this.#touched.add(node);
  }

  touchAll(entry: TaskEntry): void {
    for (const name of [...entry.relays.keys(), ...entry.clients.keys()]) {
      const node = this.#fleet.nodes.get(name);
      if (node?.session !== undefined) this.#touched.add(node);
    }
  }

  /** Sends what the touched nodes do not hold. */
  sync(nowMilliseconds: number): void {
    for (const node of this.#touched) this.#syncNode(node, nowMilliseconds);
    this.#touched.clear();
  }

  /** Once in a while: who has not answered is told again. */
  touchUnanswered(nowMilliseconds: number): void {
    for (const node of this.#fleet.nodes.values()) {
      for (const { sentAtMilliseconds } of node.unanswered.values()) {
        if (nowMilliseconds - sentAtMilliseconds >= resendMilliseconds) this.#touched.add(node);
      }
    }
  }

  #syncNode(node: FleetNode, nowMilliseconds: number): void {
    const { session } = node;
    if (session === undefined) return;
    for (const entry of this.#tasks.tasksOf(node.record.name)) {
      const relay = entry.relays.get(node.record.name);
      const client = entry.clients.get(node.record.name);
      const row = relay ?? client!;
      const task = entry.record.id;
      const held = node.held.get(task) ?? 0;
      // It holds what this database has never heard of, as after a restored backup: ours must be the later one.
      if (held > revisionOf(entry, row)) row.revision += held + 1 - revisionOf(entry, row);
      const revision = revisionOf(entry, row);
      if (held >= revision) continue;
      // Whoever never heard of it need not hear that it is over, nor before its turn that it has begun.
      const isOver = !isLive(entry) || relay?.state === 'moved';
      if (held === 0 && (isOver || (client !== undefined && client.releasedAtMilliseconds === undefined))) continue;
      const unanswered = node.unanswered.get(task);
      const isRecent = nowMilliseconds - (unanswered?.sentAtMilliseconds ?? 0) < resendMilliseconds;
      if (unanswered?.revision === revision && isRecent) continue;
      node.unanswered.set(task, { revision, sentAtMilliseconds: nowMilliseconds });
      const assignment =
        relay === undefined
          ? clientAssignment(entry, client!, this.#fleet, this.#events.manifestKey())
          : relayAssignment(entry, relay, this.#fleet, this.#events.manifestKey());
      this.counts.sent++;
      session.send({ kind: 'task', assignment });
    }
  }

  #acknowledge(node: FleetNode, answer: Acknowledge): string | undefined {
    const entry = this.#tasks.tasks.get(answer.task);
    const relay = entry?.relays.get(node.record.name);
    const client = entry?.clients.get(node.record.name);
    const row = relay ?? client;
    if (entry === undefined || row === undefined) return `acknowledge: ${answer.task} is no task of this node`;
    if (answer.revision > revisionOf(entry, row)) return `acknowledge: there is no revision ${answer.revision} yet`;
    node.held.set(answer.task, answer.revision);
    if ((node.unanswered.get(answer.task)?.revision ?? 0) <= answer.revision) node.unanswered.delete(answer.task);
    if (answer.accepted) row.acceptedRevision = Math.max(row.acceptedRevision, answer.revision);
    if (relay !== undefined) {
      this.#tasks.changedRelays.add(relay);
      this.#events.onRelayAnswer(entry, relay, answer);
    } else if (client !== undefined) {
      this.#tasks.changedClients.add(client);
      if (!answer.accepted) this.#setState(node, entry, client, 'failed');
      this.#events.onClientState(entry, client);
    }
    return undefined;
  }

  #progress(node: FleetNode, progress: Progress): string | undefined {
    const entry = this.#tasks.tasks.get(progress.task);
    const relay = entry?.relays.get(node.record.name);
    const client = entry?.clients.get(node.record.name);
    if (entry === undefined) return `progress: ${progress.task} is no task of this node`;
    if (progress.verifiedBytes > entry.record.file.sizeBytes) return 'progress: more than the file has';
    if (progress.changed === true) this.#events.onChanged(entry);
    if (relay !== undefined) {
      relay.progress = progress;
      this.#tasks.reportedRelays.add(relay);
      // A disk that was full may have room again; a file that changed stays changed.
      const isBroken = progress.state === 'failed' && progress.changed !== true;
      if (isBroken) this.#events.isRetried(entry, relay, node.held.get(entry.record.id) ?? 0);
    } else if (client !== undefined) {
      client.progress = progress;
      this.#setState(node, entry, client, progress.state);
      this.#observe(node, progress);
      this.#guide(node, entry);
      this.#events.onClientState(entry, client);
    } else return `progress: ${progress.task} is no task of this node`;
    return undefined;
  }

  /** Whoever failed and is to be told again waits. */
  #setState(node: FleetNode, entry: TaskEntry, client: ClientTaskRecord, state: Progress['state']): void {
    const held = node.held.get(entry.record.id) ?? 0;
    const isRetried = state === 'failed' && this.#events.isRetried(entry, client, held);
    this.#tasks.setState(entry, client, isRetried ? 'waiting' : state);
  }

  /** What clients see of a relay is what relay choice learns from (M8). */
  #observe(client: FleetNode, { relayObserved }: Progress): void {
    if (relayObserved === undefined) return;
    const relay = this.#fleet.nodes.get(relayObserved.relay);
    if (relay?.record.role !== 'relay') return;
    const region = client.record.hello?.region ?? '';
    const before = relay.record.observed ?? { bytesPerSecond: 0, latencyMilliseconds: {} };
    const { latencyMilliseconds } = before;
    relay.record.observed = {
      bytesPerSecond: mean(before.bytesPerSecond, relayObserved.bytesPerSecond),
      latencyMilliseconds: {
        ...latencyMilliseconds,
        [region]: mean(latencyMilliseconds[region] ?? 0, relayObserved.latencyMilliseconds),
      },
    };
    this.#fleet.changed.add(relay);
  }

  /** With its own report, so that a fleet is told at the pace at which it reports. */
  #guide(node: FleetNode, entry: TaskEntry): void {
    const { guidance, record } = entry;
    if (guidance.revision === 0 || node.guided.get(record.id) === guidance.revision) return;
    node.guided.set(record.id, guidance.revision);
    const cohort = guidance.cohorts.get(node.record.hello?.network ?? 'unknown');
    node.session?.send({
      kind: 'brake',
      task: record.id,
      ratio: guidance.brakeRatio,
      cohortFirstQuartileBytesPerSecond: cohort?.firstQuartileBytesPerSecond ?? 0,
      cohortSize: cohort?.size ?? 0,
    });
  }

  #tellNewAddress(relay: FleetNode): void {
    for (const entry of this.#tasks.tasksOf(relay.record.name)) {
      if (!isLive(entry)) continue;
      for (const row of entry.relays.values()) {
        if (row.relay === relay.record.name) continue;
        row.revision++;
        this.#tasks.changedRelays.add(row);
      }
      for (const row of entry.clients.values()) {
        row.revision++;
        this.#tasks.changedClients.add(row);
      }
      this.touchAll(entry);
    }
  }
}

function mean(before: number, newest: number): number {
  return before === 0 ? newest : Math.round(before * (1 - newestRatio) + newest * newestRatio);
}
