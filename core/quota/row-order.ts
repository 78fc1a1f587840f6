/**
 * Sorts row numbers by a rule, in columns that its owner keeps.
 *
 * A merge sort from the bottom up: stable, the same on every engine, n·log n at worst, and no memory of its own.
 * Rejected: the engine's sort (it takes memory at each call, and a rule that is not total orders as it pleases).
 */

/** Whether `left` comes before `right`; `owner` holds the columns that the rule reads. */
export type ComesBefore<Owner> = (owner: Owner, left: number, right: number) => boolean;

/** Sorts the first `count` entries of `order`; `spare` is as long and holds nothing of use, before or after. */
export function sortRows<Owner>(
  owner: Owner,
  order: Uint32Array,
  spare: Uint32Array,
  count: number,
  comesBefore: ComesBefore<Owner>,
): void {
  for (let width = 1; width < count; width *= 2) {
    for (let start = 0; start + width < count; start += 2 * width) {
      merge(owner, order, spare, start, start + width, Math.min(start + 2 * width, count), comesBefore);
    }
  }
}

/** Merges the sorted stretches [start, middle) and [middle, end); of equals the left one stays first. */
function merge<Owner>(
  owner: Owner,
  order: Uint32Array,
  spare: Uint32Array,
  start: number,
  middle: number,
  end: number,
  comesBefore: ComesBefore<Owner>,
): void {
  if (!comesBefore(owner, order[middle], order[middle - 1])) return;
  for (let at = start; at < middle; at++) spare[at] = order[at];
  let left = start;
  let right = middle;
  for (let at = start; left < middle; at++) {
    if (right < end && comesBefore(owner, order[right], spare[left])) {
      order[at] = order[right];
      right++;
    } else {
      order[at] = spare[left];
      left++;
    }
  }
}
