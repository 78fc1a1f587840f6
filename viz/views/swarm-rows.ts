/** Names of rows of a trace, and who belongs where. */
import type { TraceFile, TraceGroup } from '#viz/data/trace-file.ts';
import { formatCount } from '#viz/format.ts';

export function groupOf(trace: TraceFile, row: number): TraceGroup {
  return trace.groups.find(({ first, count }) => row < first + count) ?? trace.groups.at(-1)!;
}

/** "office 17", as the scenario counts them from 0. */
export function clientName(trace: TraceFile, row: number): string {
  const group = groupOf(trace, row);
  return group.count === 1 ? group.name : `${group.name} ${formatCount(row - group.first)}`;
}

const indexes = new WeakMap<TraceFile, { order: Uint32Array; first: Uint32Array }>();

/** Places in `gained` of the pieces that a row got, in the order of time. */
export function gainsOf(trace: TraceFile, row: number): Uint32Array {
  let index = indexes.get(trace);
  if (index === undefined) {
    const { receiver } = trace.gained;
    const rows = trace.groups.reduce((sum, { count }) => sum + count, 0);
    const first = new Uint32Array(rows + 1);
    for (const each of receiver) first[each + 1]!++;
    for (let each = 0; each < rows; each++) first[each + 1]! += first[each]!;
    const next = first.slice();
    const order = new Uint32Array(receiver.length);
    for (let place = 0; place < receiver.length; place++) order[next[receiver[place]!]!++] = place;
    index = { order, first };
    indexes.set(trace, index);
  }
  return index.order.subarray(index.first[row]!, index.first[row + 1]!);
}
