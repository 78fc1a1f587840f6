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
