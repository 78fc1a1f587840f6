/** Which nodes there are, which of them are connected, and what they last said of themselves. */
import type { FromControl, Refusal } from '#nodes/protocol/from-control.ts';
import type { Hello, RelayStatus, Role } from '#nodes/protocol/from-node.ts';
import type { NodeRecord } from '../store/records.ts';

/** A node's line, whatever it runs over. */
export interface Session {
  send(message: FromControl): void;
  end(reason: Refusal['reason'], detail: string): void;
}

export interface FleetNode {
  readonly record: NodeRecord;
  session: Session | undefined;
  /** When the last session ended; 0: not in the life of this process. */
  goneAtMilliseconds: number;
  /** A relay's, of this session. */
  status: RelayStatus | undefined;
  /** What it holds, by task: said in its hello, then by each acknowledgement. */
  readonly held: Map<string, number>;
  /** The last guidance that it was given, by task. */
  readonly guided: Map<string, number>;
  /** What was sent in this session and not yet acknowledged: when. */
  readonly unanswered: Map<string, { revision: number; sentAtMilliseconds: number }>;
}

export class Fleet {
  readonly nodes = new Map<string, FleetNode>();
  /** Records to be written at the next tick. */
  readonly changed = new Set<FleetNode>();
  readonly #connectedCount: Record<Role, number> = { relay: 0, client: 0 };
  readonly #count: Record<Role, number> = { relay: 0, client: 0 };
  /** In the order in which they were enrolled: the first have a place in the safe share for good. */
  readonly relays: FleetNode[] = [];
  /** For how many relays the safe share of each contract is set aside. */
  safeRelayCount = 0;

  add(record: NodeRecord): FleetNode {
    const node: FleetNode = {
      record,
      session: undefined,
      goneAtMilliseconds: 0,
      status: undefined,
      held: new Map(),
      guided: new Map(),
      unanswered: new Map(),
    };
    this.nodes.set(record.name, node);
    this.#count[record.role]++;
    if (record.role === 'relay') this.relays.push(node);
    return node;
  }

  connectedCount(role: Role): number {
    return this.#connectedCount[role];
  }

  count(role: Role): number {
    return this.#count[role];
  }

  /** Of the busiest relay: who tells more clients than relays can serve only moves the queue. */
  get busiestRatio(): number {
    let load = 0;
    for (const { session, status } of this.relays) {
      if (session !== undefined && status !== undefined) load = Math.max(load, status.loadRatio);
    }
    return load;
  }

  /** A later session of the same node takes the place of the earlier one. */
  connect(node: FleetNode, session: Session, hello: Hello, nowMilliseconds: number): void {
    if (node.session === undefined) this.#connectedCount[node.record.role]++;
    else node.session.end('replaced', 'the node has connected again');
    node.session = session;
    node.status = undefined;
    node.record.hello = hello;
    node.record.seenAtMilliseconds = nowMilliseconds;
    node.held.clear();
    node.guided.clear();
    node.unanswered.clear();
    for (const { task, revision } of hello.tasks) node.held.set(task, revision);
    this.changed.add(node);
  }

  /** Nothing, when another session has taken its place. */
  disconnect(node: FleetNode, session: Session, nowMilliseconds: number): void {
    if (node.session !== session) return;
    node.session = undefined;
    node.goneAtMilliseconds = nowMilliseconds;
    node.record.seenAtMilliseconds = nowMilliseconds;
    this.#connectedCount[node.record.role]--;
    this.changed.add(node);
  }
}

export function groupsOf({ groups, hello }: NodeRecord): Set<string> {
  return new Set([...groups, ...(hello?.groups ?? [])]);
}
