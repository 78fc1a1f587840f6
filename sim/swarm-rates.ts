/**
 * How fast BitTorrent feeds each client: what the fallback policy watches. Kept only where a policy has triggers.
 * A row is the cumulative count of bytes at the moment of the last change of rate, and the rate since then.
 */
import { microsecondsPerSecond } from '#core/units.ts';

export class SwarmRates {
  readonly #clientsFrom: number;
  readonly #bytes: Float64Array;
  readonly #rate: Float64Array;
  readonly #changedAt: Float64Array;
  /** Asked before a client's rate changes, with the old rate still in force. */
  beforeChange: (client: number) => void = () => {};

  constructor(endpointCount: number, clientsFrom: number) {
    this.#clientsFrom = clientsFrom;
    this.#bytes = new Float64Array(endpointCount);
    this.#rate = new Float64Array(endpointCount);
    this.#changedAt = new Float64Array(endpointCount);
  }

  tableBytes(): number {
    return this.#bytes.byteLength * 3;
  }

  /** Bytes per second. */
  rate(client: number): number {
    return Math.max(0, this.#rate[client]);
  }

  /** Cumulative bytes at `at` (microseconds), not before the last change. */
  bytesAt(client: number, at: number): number {
    return this.#bytes[client] + (this.rate(client) * (at - this.#changedAt[client])) / microsecondsPerSecond;
  }

  change(endpoint: number, byBytesPerSecond: number, now: number): void {
    if (endpoint < this.#clientsFrom) return;
    this.beforeChange(endpoint);
    this.#bytes[endpoint] = this.bytesAt(endpoint, now);
    this.#changedAt[endpoint] = now;
    this.#rate[endpoint] += byBytesPerSecond;
  }
}
