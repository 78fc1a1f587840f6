/**
 * Watches from outside what the origin really sends and has open, at every change of its rate, whatever control
 * believes: the checker of the origin's contract. Under a policy that promises the contract a violation stops the
 * run; for the others it is counted.
 */
import { microsecondsPerMillisecond, microsecondsPerSecond } from '#core/units.ts';
import type { Contract } from '#scenarios/format/scenario.ts';
import { CheckerError } from './checker-error.ts';
import { Gauge } from './gauges.ts';

const violationsListedMax = 100;
/** Rates are sums of doubles: an excess below this share is rounding. */
const tolerance = 1e-9;

export class OriginWatch {
  violations = 0;
  readonly violationsAt: number[] = [];
  peakConnections = 0;
  readonly #connectionsOverTime: Gauge;
  #contract: Contract;
  readonly #promised: boolean;
  #rate = 0;
  #connections = 0;
  #at = 0;
  /** Bytes sent beyond the contract's rate since they were last within it: a leaky bucket (I2). */
  #excessBytes = 0;
  #lastSecond = -1;
  #isOverConnections = false;

  constructor(contract: Contract, promised: boolean, connectionsOverTime: Gauge = new Gauge()) {
    this.#connectionsOverTime = connectionsOverTime;
    this.#contract = contract;
    this.#promised = promised;
  }

  setContract(contract: Contract): void {
    this.#contract = contract;
  }

  /** `rate` in bytes per second and the number of connections from `now` (microseconds) on. */
  observe(now: number, rate: number, connections: number): void {
    if (rate === this.#rate && connections === this.#connections) return;
    this.advance(now);
    this.#rate = rate;
    this.#connections = connections;
    this.#connectionsOverTime.set(now, connections);
    if (connections > this.peakConnections) this.peakConnections = connections;
    const isOver = connections > this.#contract.connectionsMax;
    if (isOver && !this.#isOverConnections)
      this.#violate(now, `${connections} connections, allowed ${this.#contract.connectionsMax}`);
    this.#isOverConnections = isOver;
  }

  /** Lets time pass at the present rate. */
  advance(now: number): void {
    const { bytesPerSecondMax, burstBytes } = this.#contract;
    const elapsed = (now - this.#at) / microsecondsPerSecond;
    this.#at = now;
    if (bytesPerSecondMax === Infinity || elapsed <= 0) return;
    this.#excessBytes = Math.max(0, this.#excessBytes + (this.#rate - bytesPerSecondMax) * elapsed);
    if (this.#excessBytes > burstBytes + tolerance * bytesPerSecondMax + 1) {
      this.#violate(now, `${Math.round(this.#excessBytes - burstBytes)} bytes over rate and burst`);
    }
  }

  /** Called once a second with the bytes that each rolling window holds. */
  window(now: number, name: string, usedBytes: number, bytesMax: number): void {
    if (usedBytes > bytesMax + 1)
      this.#violate(now, `${Math.round(usedBytes)} bytes within ${name}, allowed ${bytesMax}`);
  }

  /** At most one per second counts: how long matters, not how often the rate changed meanwhile. */
  #violate(now: number, what: string): void {
    const second = Math.floor(now / microsecondsPerSecond);
    if (second === this.#lastSecond) return;
    this.#lastSecond = second;
    if (this.#promised) throw new CheckerError('origin contract', now / microsecondsPerMillisecond, what);
    this.violations++;
    if (this.violationsAt.length < violationsListedMax) this.violationsAt.push(now / microsecondsPerSecond);
  }
}
