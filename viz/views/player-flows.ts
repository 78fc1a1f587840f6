/** A trace as flows between the origin, relays and classes of clients, in equal steps of time: ready to be scrubbed. */
import { sourceOf, type TraceFile } from '#viz/data/trace-file.ts';

export interface PlayerNode {
  kind: 'origin' | 'relay' | 'client';
  name: string;
  region: string;
  count: number;
  /** Of those that the trace follows: share of their pieces that they hold at the end of each step. */
  heldShare: Float64Array;
  /** How many of them have the whole file; all of the class, scaled up. */
  done: Float64Array;
}

export interface PlayerEdge {
  from: number;
  to: number;
  /** Place in `sources`. */
  source: number;
  bytesPerSecond: Float64Array;
}

export interface PlayerFlows {
  nodes: PlayerNode[];
  edges: PlayerEdge[];
  steps: number;
  stepSeconds: number;
  peakBytesPerSecond: number;
}

/** More relays than this are one node for each name. */
const relayNodesMax = 8;
const stepsMax = 600;

export function flowsOf(trace: TraceFile): PlayerFlows {
  const { nodes, nodeOf, followed } = nodesOf(trace);
  const steps = stepsMax;
  const stepSeconds = trace.endSeconds / steps || 1;
  for (const node of nodes) Object.assign(node, { heldShare: new Float64Array(steps), done: new Float64Array(steps) });
  const edges = new Map<number, PlayerEdge>();
  const held = new Uint32Array(nodeOf.length);
  const { time, receiver, sender, source } = trace.gained;
  for (let index = 0; index < time.length; index++) {
    const to = nodeOf[receiver[index]!]!;
    // A sender that the file does not name is the origin for a relay, and another client for a client.
    const from = sender[index]! >= 0 ? nodeOf[sender[index]!]! : source[index] === sourceOf.origin ? 0 : to;
    const key = from * nodes.length + to;
    let edge = edges.get(key);
    if (edge === undefined) {
      edge = { from, to, source: source[index]!, bytesPerSecond: new Float64Array(steps) };
      edges.set(key, edge);
    }
    const step = Math.min(steps - 1, Math.floor(time[index]! / stepSeconds));
    const weight = nodes[to]!.kind === 'client' ? trace.every : 1;
    edge.bytesPerSecond[step]! += (trace.pieceBytes * weight) / stepSeconds;
    nodes[to]!.heldShare[step]! += 1 / (trace.pieceCount * followed[to]!);
    if (++held[receiver[index]!]! === trace.pieceCount) nodes[to]!.done[step]! += weight;
  }
  for (const node of nodes) accumulate(node, steps);
  const all = [...edges.values()];
  for (const edge of all) edge.bytesPerSecond = smoothed(edge.bytesPerSecond);
  const peakBytesPerSecond = Math.max(
    1,
    ...all.map(({ bytesPerSecond }) => bytesPerSecond.reduce((most, each) => Math.max(most, each), 0)),
  );
  return { nodes, edges: all, steps, stepSeconds, peakBytesPerSecond };
}

function accumulate({ heldShare, done, count }: PlayerNode, steps: number): void {
  for (let step = 1; step < steps; step++) {
    heldShare[step]! += heldShare[step - 1]!;
    done[step] = Math.min(count, done[step]! + done[step - 1]!);
  }
}

/** Pieces arrive in lumps; a mean over some steps shows the flow that they are part of. */
function smoothed(values: Float64Array): Float64Array {
  const reach = 4;
  return values.map((_, step) => {
    let sum = 0;
    let count = 0;
    for (let near = Math.max(0, step - reach); near <= Math.min(values.length - 1, step + reach); near++) {
      sum += values[near]!;
      count++;
    }
    return sum / count;
  });
}

function nodesOf(trace: TraceFile) {
  const nodes: PlayerNode[] = [];
  const rows = trace.groups.reduce((sum, { count }) => sum + count, 0);
  const nodeOf = new Uint16Array(rows);
  const relays = trace.groups.filter(({ kind }) => kind === 'relay').reduce((sum, { count }) => sum + count, 0);
  const empty = new Float64Array();
  for (const { kind, name, region, first, count } of trace.groups) {
    const isApart = kind === 'relay' && relays <= relayNodesMax;
    for (let row = first; row < first + count; row++) {
      if (row === first || isApart) {
        const label = isApart && count > 1 ? `${name} ${row - first}` : name;
        nodes.push({ kind, name: label, region, count: isApart ? 1 : count, heldShare: empty, done: empty });
      }
      nodeOf[row] = nodes.length - 1;
    }
  }
  const followed = nodes.map(({ kind, count }) => (kind === 'client' ? 0 : count));
  for (const row of trace.clients) followed[nodeOf[row]!]!++;
  return { nodes, nodeOf, followed: followed.map((count) => Math.max(1, count)) };
}

export interface PlayerEvent {
  seconds: number;
  text: string;
}

/** Moments worth a stop: a relay is full, the first and last of a class, HTTP opens. */
export function eventsOf(trace: TraceFile, { nodes, stepSeconds }: PlayerFlows): PlayerEvent[] {
  const events: PlayerEvent[] = [];
  for (const { kind, name, count, done } of nodes) {
    const at = (wanted: number) => done.findIndex((value) => value >= wanted);
    const add = (step: number, text: string) => {
      if (step >= 0) events.push({ seconds: (step + 1) * stepSeconds, text });
    };
    if (kind === 'relay') add(at(count), `${name} holds the whole file`);
    if (kind !== 'client') continue;
    add(at(1e-9), `the first of ${name} is done`);
    add(at(count * 0.5), `half of ${name} are done`);
    add(at(count * 0.999), `all of ${name} are done`);
  }
  const { time, reason } = trace.decided;
  let before = '';
  for (let index = 0; index < time.length; index++) {
    if (reason[index] !== before)
      events.push({
        seconds: time[index]!,
        text: `HTTP ${reason[index] === 'recovered' ? 'closes: recovered' : `opens: ${reason[index]}`}`,
      });
    before = reason[index]!;
  }
  return events.sort((left, right) => left.seconds - right.seconds).slice(0, 400);
}
