/**
 * Watches from outside what the origin really sends and has open, at every change of its rate, whatever control
 * believes: the checker of the origin's contract. Under a policy that promises the contract a violation stops the
 * run; for the others it is counted.
 */
import { microsecondsPerMillisecond, microsecondsPerSecond, millisecondsPerSecond } from '#core/units.ts';
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
  /** Bytes per second that control may grant while more is wanted; 0 = nobody waits. Owner: origin-control. */
  #wantedBytesPerSecond = 0;
  #shortBytes = 0;
  #shortGrantableBytes = 0;
  readonly #connectionsOverTime: Gauge;
  /** What is checked: the latest, or what was allowed before and still is. */
  #contract: Contract;
  #latest: Contract;
  #earlier: { contract: Contract; until: number }[] = [];
  readonly #promised: boolean;
  #rate = 0;
  #connections = 0;
  #at = 0;
  /** Bytes sent beyond the contract's rate since they were last within it: a leaky bucket (I2). */
  #excessBytes = 0;
  #lastSecond = -1;
  /** What it has sent up to now, and up to the end of each second. */
  #sentBytes = 0;
  readonly #sentAtSecond: number[] = [0];

  constructor(contract: Contract, promised: boolean, connectionsOverTime: Gauge = new Gauge()) {
    this.#connectionsOverTime = connectionsOverTime;
    this.#contract = contract;
    this.#latest = contract;
    this.#promised = promised;
  }

  /**
   * Another contract holds from `now` (microseconds) on. Where it is less, what the old one allowed is allowed for the
   * grace: until leases that were granted under it have ended.
   */
  setContract(contract: Contract, now: number, graceMilliseconds: number): void {
    this.advance(now);
    this.#earlier = this.#earlier.filter(({ until }) => until > now);
    this.#earlier.push({ contract: this.#latest, until: now + graceMilliseconds * microsecondsPerMillisecond });
    this.#latest = contract;
    this.#contract = this.#widest();
  }

  #widest(): Contract {
    const all = [this.#latest, ...this.#earlier.map(({ contract }) => contract)];
    const most = (of: (contract: Contract) => number) => Math.max(...all.map(of));
    return {
      connectionsMax: most(({ connectionsMax }) => connectionsMax),
      bytesPerSecondMax: most(({ bytesPerSecondMax }) => bytesPerSecondMax),
      burstBytes: most(({ burstBytes }) => burstBytes),
      traffic: this.#latest.traffic.map((window) => ({
        ...window,
        bytesMax: most(({ traffic }) => traffic.find(({ name }) => name === window.name)?.bytesMax ?? Infinity),
      })),
    };
  }

  /** From now on more is wanted than the `grantable` bytes per second, or (0) no more than is granted. */
  setShort(now: number, grantableBytesPerSecond: number): void {
    if (grantableBytesPerSecond === this.#wantedBytesPerSecond) return;
    this.advance(now);
    this.#wantedBytesPerSecond = grantableBytesPerSecond;
  }

  /** Share of what could be granted that was sent while more was wanted; null = that was never so. */
  useWhileShort(): number | null {
    return this.#shortGrantableBytes === 0 ? null : this.#shortBytes / this.#shortGrantableBytes;
  }

  /** `rate` in bytes per second and the number of connections from `now` (microseconds) on. */
  observe(now: number, rate: number, connections: number): void {
    if (rate === this.#rate && connections === this.#connections) return;
    this.advance(now);
    this.#rate = rate;
    this.#connections = connections;
    this.#connectionsOverTime.set(now, connections);
    if (connections > this.peakConnections) this.peakConnections = connections;
    this.#checkConnections(now, now);
  }

  /** Lets time pass at the present rate. */
  advance(now: number): void {
    for (;;) {
      const ending = this.#earlier.reduce((first, { until }) => Math.min(first, until), Infinity);
      if (ending > now) break;
      this.#passTo(ending);
      this.#earlier = this.#earlier.filter(({ until }) => until > ending);
      this.#contract = this.#widest();
    }
    this.#passTo(now);
  }

  #passTo(now: number): void {
    const from = this.#at;
    if (now <= from) return;
    this.#at = now;
    if (this.#wantedBytesPerSecond > 0) {
      this.#shortBytes += (this.#rate * (now - from)) / microsecondsPerSecond;
      this.#shortGrantableBytes += (this.#wantedBytesPerSecond * (now - from)) / microsecondsPerSecond;
    }
    this.#checkConnections(from, now);
    this.#checkRate(from, now);
    this.#checkWindows(from, now);
  }

  #checkConnections(from: number, now: number): void {
    const { connectionsMax } = this.#contract;
    if (this.#connections <= connectionsMax) return;
    this.#violate(from, now, `${this.#connections} connections, allowed ${connectionsMax}`);
  }

  #checkRate(from: number, now: number): void {
    const { bytesPerSecondMax, burstBytes } = this.#contract;
    if (bytesPerSecondMax === Infinity) return;
    const perSecond = this.#rate - bytesPerSecondMax;
    const before = this.#excessBytes;
    this.#excessBytes = Math.max(0, before + (perSecond * (now - from)) / microsecondsPerSecond);
    const allowed = burstBytes + tolerance * bytesPerSecondMax + 1;
    if (this.#excessBytes <= allowed) return;
    // The bucket ran over on the way, unless it had before.
    const passedAt = before >= allowed ? from : from + ((allowed - before) / perSecond) * microsecondsPerSecond;
    this.#violate(passedAt, now, `${Math.round(this.#excessBytes - burstBytes)} bytes over rate and burst`);
  }

  /** Rolling windows, looked at once a second. */
  #checkWindows(from: number, now: number): void {
    if (this.#contract.traffic.length === 0) return;
    let at = from;
    for (let second = this.#sentAtSecond.length; second * microsecondsPerSecond <= now; second++) {
      const end = second * microsecondsPerSecond;
      this.#sentBytes += (this.#rate * (end - at)) / microsecondsPerSecond;
      at = end;
      this.#sentAtSecond.push(this.#sentBytes);
      for (const { name, windowMilliseconds, bytesMax } of this.#contract.traffic) {
        const first = Math.max(0, second - Math.ceil(windowMilliseconds / millisecondsPerSecond));
        const used = this.#sentBytes - this.#sentAtSecond[first];
        if (used > bytesMax * (1 + tolerance) + 1) {
          this.#violate(end, end, `${Math.round(used)} bytes within ${name}, allowed ${bytesMax}`);
        }
      }
    }
    this.#sentBytes += (this.#rate * (now - at)) / microsecondsPerSecond;
  }

  /** Each second that a violation touches counts once: how long matters, not how often the rate changed meanwhile. */
  #violate(from: number, now: number, what: string): void {
    if (this.#promised) throw new CheckerError('origin contract', from / microsecondsPerMillisecond, what);
    // The end of a stretch does not belong to it.
    const last = now > from ? Math.ceil(now / microsecondsPerSecond) - 1 : Math.floor(now / microsecondsPerSecond);
    const first = Math.max(this.#lastSecond + 1, Math.floor(from / microsecondsPerSecond));
    for (let second = first; second <= last; second++) {
      this.violations++;
      if (this.violationsAt.length < violationsListedMax)
        this.violationsAt.push(Math.max(second, from / microsecondsPerSecond));
    }
    this.#lastSecond = Math.max(this.#lastSecond, last);
  }
}
