/** Where the nodes of the player stand: the origin, then relays, then classes of clients, by region. */
import type { PlayerNode } from './player-flows.ts';

export interface NodePlace {
  node: number;
  x: number;
  y: number;
  side: 'right' | 'below';
  /** Where a node sends to itself, that is, its members to each other. */
  isLast: boolean;
}

const gap = 92;
/** Room above the first node for the loop of what its members send to each other. */
const loopPixels = 34;
const narrowPixels = 620;

export function placeNodes(nodes: PlayerNode[], width: number): { places: NodePlace[]; height: number } {
  const columns = (['origin', 'relay', 'client'] as const)
    .map((kind) => nodes.flatMap((each, node) => (each.kind === kind ? [node] : [])))
    .filter((column) => column.length > 0);
  const most = Math.max(...columns.map((column) => column.length));
  const height = Math.max(320, most * gap + 60);
  const isNarrow = width < narrowPixels;
  const last = isNarrow ? width - 90 : width - 210;
  const places: NodePlace[] = [];
  columns.forEach((column, index) => {
    const x = 60 + (columns.length === 1 ? 0 : (index / (columns.length - 1)) * (last - 60));
    const sorted = column.toSorted((left, right) =>
      nodes[left]!.region < nodes[right]!.region ? -1 : nodes[left]!.region > nodes[right]!.region ? 1 : left - right,
    );
    sorted.forEach((node, order) => {
      const y = loopPixels + ((height - loopPixels) * (order + 0.5)) / column.length;
      const isLast = index === columns.length - 1;
      places[node] = { node, x, y, side: isLast && !isNarrow ? 'right' : 'below', isLast };
    });
  });
  return { places, height };
}

/** A bow from one node to the next; a loop where members of one node send to each other. */
export function edgePath(from: NodePlace, to: NodePlace): string {
  if (from.node === to.node) {
    const { x, y } = from;
    return `M${x - 14},${y - 20}C${x - 46},${y - 62} ${x + 46},${y - 62} ${x + 14},${y - 20}`;
  }
  if (from.x === to.x) {
    const bow = from.y < to.y ? -58 : -34;
    return `M${from.x - 22},${from.y}C${from.x + bow},${from.y} ${to.x + bow},${to.y} ${to.x - 22},${to.y}`;
  }
  const middle = (from.x + to.x) / 2;
  const start = from.x < to.x ? from.x + 24 : from.x - 24;
  const end = from.x < to.x ? to.x - 24 : to.x + 24;
  return `M${start},${from.y}C${middle},${from.y} ${middle},${to.y} ${end},${to.y}`;
}
