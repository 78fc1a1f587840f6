/** Who shares one link, and how much each could use of it: what its other links leave over. */
export class Claims {
  ids = new Int32Array(256);
  limits = new Float64Array(256);
  count = 0;
  #sorted = new Float64Array(256);

  clear(): void {
    this.count = 0;
  }

  /** `limit` in bytes per second. */
  add(id: number, limit: number): void {
    if (this.count === this.ids.length) this.#grow();
    this.ids[this.count] = id;
    this.limits[this.count++] = limit;
  }

  /** Bytes per second that nobody exceeds; Infinity when all get what they claim. */
  level(capacity: number): number {
    return waterLevel(capacity, this.limits, this.#sorted, this.count);
  }

  #grow(): void {
    const ids = new Int32Array(this.ids.length * 2);
    ids.set(this.ids);
    this.ids = ids;
    const limits = new Float64Array(ids.length);
    limits.set(this.limits);
    this.limits = limits;
    this.#sorted = new Float64Array(ids.length);
  }
}

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
