/**
 * The level at which Σ min(limit, level) is the capacity: the max–min share of one link. Infinity when all limits fit.
 * `sorted` is room for `count` values.
 */
export function waterLevel(capacity: number, limits: Float64Array, sorted: Float64Array, count: number): number {
  let total = 0;
  for (let index = 0; index < count; index++) total += limits[index];
  if (total <= capacity) return Infinity;
  if (count <= fewLimits) insertionSort(limits, sorted, count);
  else {
    sorted.set(limits.subarray(0, count));
    sorted.subarray(0, count).sort();
  }
  let left = capacity;
  for (let index = 0; index < count; index++) {
    const level = left / (count - index);
    if (sorted[index] >= level) return level;
    left -= sorted[index];
  }
  return Infinity;
}

/** Up to here a typed array's own sort costs more than the sorting. */
const fewLimits = 16;

function insertionSort(from: Float64Array, into: Float64Array, count: number): void {
  for (let index = 0; index < count; index++) {
    const value = from[index];
    let at = index;
    while (at > 0 && into[at - 1] > value) {
      into[at] = into[at - 1];
      at--;
    }
    into[at] = value;
  }
}
