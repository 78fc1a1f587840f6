/** Who may be connected to whom: one list per endpoint, in one column, each list with a capacity of its own. */
import { assert } from '#core/assert.ts';
import { none } from '#core/units.ts';

export class Neighbours {
  readonly #first: Float64Array;
  readonly #count: Uint32Array;
  readonly #ids: Int32Array;

  constructor(capacities: Uint32Array) {
    const endpointCount = capacities.length;
    this.#first = new Float64Array(endpointCount + 1);
    for (let endpoint = 0; endpoint < endpointCount; endpoint++) {
      this.#first[endpoint + 1] = this.#first[endpoint] + capacities[endpoint];
    }
    this.#count = new Uint32Array(endpointCount);
    this.#ids = new Int32Array(this.#first[endpointCount]);
  }

  bytes(): number {
    return this.#ids.byteLength + this.#first.byteLength + this.#count.byteLength;
  }

  count(endpoint: number): number {
    return this.#count[endpoint];
  }

  room(endpoint: number): number {
    return this.#first[endpoint + 1] - this.#first[endpoint] - this.#count[endpoint];
  }

  at(endpoint: number, index: number): number {
    return this.#ids[this.#first[endpoint] + index];
  }

  indexOf(endpoint: number, other: number): number {
    const first = this.#first[endpoint];
    for (let index = 0; index < this.#count[endpoint]; index++) if (this.#ids[first + index] === other) return index;
    return none;
  }

  add(endpoint: number, other: number): void {
    assert(this.room(endpoint) > 0, 'a list of neighbours keeps to its capacity');
    this.#ids[this.#first[endpoint] + this.#count[endpoint]++] = other;
  }

  /** The last of the list takes the place of the one that goes. */
  removeAt(endpoint: number, index: number): void {
    const first = this.#first[endpoint];
    this.#ids[first + index] = this.#ids[first + --this.#count[endpoint]];
  }

  clear(endpoint: number): void {
    this.#count[endpoint] = 0;
  }
}
