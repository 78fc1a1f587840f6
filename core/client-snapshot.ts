/** A client's state as plain numbers, and back: what lets a record be cut into segments. */
import { assert } from './assert.ts';
import type { ClientCore } from './client.ts';

/** The state of all parts as plain numbers, column by column: a record's segment opens with it. */
export function snapshotOf(core: ClientCore): number[][] {
  const numbers = [core.hedgedBytes, core.speedFloorBytesPerSecond, core.targetBytesPerSecond];
  return [numbers, ...columnsOf(core).map((column) => Array.from(column))];
}

/** Puts a core that was just made, with the same options, into the state of a snapshot. */
export function restore(core: ClientCore, snapshot: number[][]): void {
  const columns = columnsOf(core);
  assert(snapshot.length === columns.length + 1, 'a snapshot has every column');
  [core.hedgedBytes, core.speedFloorBytesPerSecond, core.targetBytesPerSecond] = snapshot[0];
  for (const [index, column] of columns.entries()) {
    assert(snapshot[index + 1].length === column.length, 'a column keeps its length');
    column.set(snapshot[index + 1]);
  }
  core.downloads.recount();
}

type Column = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float32Array | Float64Array;

/** Every typed array of the core's parts, in the order in which their constructors made them. */
function columnsOf({ sets, availability, downloads, meters, states, sources }: ClientCore): Column[] {
  const parts = [sets, availability, downloads, meters, states, sources];
  return parts.flatMap((part) => Object.values(part).filter((value): value is Column => ArrayBuffer.isView(value)));
}
