/**
 * How fast BitTorrent feeds each client: what the fallback policy watches. Kept only where a policy has triggers.
 * A row is the cumulative count of bytes at the moment of the last change of rate, that moment, and the rate since.
 */
import { microsecondsPerSecond } from '#core/units.ts';

const rowField = { bytes: 0, rate: 1, changedAt: 2 } as const;
/** One field is spare, so that a row never straddles two lines of the cache. */
const rowDoubles = 4;

export class SwarmRates {
  readonly #clientsFrom: number;
  readonly #rows: Float64Array;
  /** Changes between rates of at least this many bytes per second concern nobody. */
  calmBytesPerSecond = Infinity;
  /** Asked before a client's rate changes, with the old rate still in force. */
  beforeChange: (client: number) => void = () => {};

  constructor(endpointCount: number, clientsFrom: number) {
    this.#clientsFrom = clientsFrom;
    this.#rows = new Float64Array(endpointCount * rowDoubles);
  }

  tableBytes(): number {
    return this.#rows.byteLength;
  }

  /** Bytes per second. */
  rate(client: number): number {
    return Math.max(0, this.#rows[client * rowDoubles + rowField.rate]);
  }

  /** Cumulative bytes at `at` (microseconds); what happened before the last change is forgotten. */
  bytesAt(client: number, at: number): number {
    const row = client * rowDoubles;
    const elapsed = Math.max(0, at - this.#rows[row + rowField.changedAt]);
    return this.#rows[row + rowField.bytes] + (this.rate(client) * elapsed) / microsecondsPerSecond;
  }

  change(endpoint: number, byBytesPerSecond: number, now: number): void {
    if (endpoint < this.#clientsFrom) return;
    const row = endpoint * rowDoubles;
    const before = this.#rows[row + rowField.rate];
    if (before < this.calmBytesPerSecond || before + byBytesPerSecond < this.calmBytesPerSecond) {
      this.beforeChange(endpoint);
    }
    this.#rows[row + rowField.bytes] = this.bytesAt(endpoint, now);
    this.#rows[row + rowField.changedAt] = now;
    this.#rows[row + rowField.rate] = before + byBytesPerSecond;
  }
}
