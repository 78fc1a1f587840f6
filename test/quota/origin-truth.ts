/**
 * What the origin really sees, and whether it was promised that: a brute-force account of connections and bytes that
 * shares no code with the ledger. Times are true milliseconds.
 */

export interface Limits {
  connections: number;
  bytesPerSecond: number;
  burstBytes: number;
  windows: { windowMilliseconds: number; bytes: number }[];
}

export class ContractViolation extends Error {
  readonly invariant: string;

  constructor(invariant: string, what: string) {
    super(`${invariant}: ${what}`);
    this.invariant = invariant;
  }
}

interface LimitsFrom {
  from: number;
  limits: Limits;
}

export class OriginTruth {
  connections = 0;
  connectionsMost = 0;
  bytes = 0;
  /** Every sending: when, and how many bytes. */
  readonly #log: { at: number; bytes: number }[] = [];
  readonly #limits: LimitsFrom[];
  /** How long after a cut the limit of before may still be used. */
  readonly #graceMilliseconds: number;
  /** Leaky bucket: bytes above the line, in thousandths. */
  #level = 0n;
  #levelAt = 0;

  constructor(limits: Limits, graceMilliseconds: number) {
    this.#limits = [{ from: 0, limits }];
    this.#graceMilliseconds = graceMilliseconds;
  }

  setLimits(limits: Limits, now: number): void {
    this.#drain(now);
    this.#limits.push({ from: now, limits });
  }

  /** The largest value in force within the last `span` milliseconds. */
  #most(now: number, span: number, of: (limits: Limits) => number): number {
    let most = of(this.#limits[this.#limits.length - 1]!.limits);
    for (let at = this.#limits.length - 2; at >= 0; at--) {
      if (this.#limits[at + 1]!.from < now - span) break;
      most = Math.max(most, of(this.#limits[at]!.limits));
    }
    return most;
  }

  opened(now: number): void {
    this.connections++;
    this.connectionsMost = Math.max(this.connectionsMost, this.connections);
    this.checkConnections(now);
  }

  closed(): void {
    this.connections--;
  }

  checkConnections(now: number): void {
    const most = this.#most(now, this.#graceMilliseconds, ({ connections }) => connections);
    if (this.connections > most) throw new ContractViolation('I1', `${this.connections} connections open of ${most}`);
  }

  /** What all holders together could do may not pass the limits either, even if nobody does it. */
  checkPotential(now: number, use: { slots: number; bytesPerSecond: number; burstBytes: number }): void {
    const grace = this.#graceMilliseconds;
    const slots = this.#most(now, grace, ({ connections }) => connections);
    if (use.slots > slots) throw new ContractViolation('I1', `leases for ${use.slots} connections of ${slots}`);
    const rate = this.#most(now, grace, ({ bytesPerSecond }) => bytesPerSecond);
    if (use.bytesPerSecond > rate) throw new ContractViolation('I2', `leases of ${use.bytesPerSecond} of ${rate} B/s`);
    const burst = this.#most(now, grace, ({ burstBytes }) => burstBytes);
    if (use.burstBytes > burst) throw new ContractViolation('I2', `bursts of ${use.burstBytes} of ${burst} bytes`);
  }

  #drain(now: number): void {
    // Step by step from change to change: limits take effect at once when they rise, after the grace when they fall.
    const changes = this.#limits.flatMap(({ from }) => [from, from + this.#graceMilliseconds + 1]);
    for (const at of changes.filter((at) => at > this.#levelAt && at < now).sort((left, right) => left - right)) {
      this.#drainTo(at);
    }
    this.#drainTo(now);
  }

  #drainTo(now: number): void {
    const rate = this.#most(now, this.#graceMilliseconds, ({ bytesPerSecond }) => bytesPerSecond);
    if (rate === Infinity) this.#level = 0n;
    else this.#level -= BigInt(rate) * BigInt(now - this.#levelAt);
    if (this.#level < 0n) this.#level = 0n;
    this.#levelAt = now;
    // What was allowed before a cut of the burst is not held against what comes after it.
    const burst = this.#burst(now);
    if (this.#level > burst) this.#level = burst;
  }

  /** In thousandths of a byte. */
  #burst(now: number): bigint {
    const burst = this.#most(now, this.#graceMilliseconds, ({ burstBytes }) => burstBytes);
    return BigInt(burst === Infinity ? Number.MAX_SAFE_INTEGER : burst) * 1000n;
  }

  sent(now: number, bytes: number): void {
    this.bytes += bytes;
    this.#log.push({ at: now, bytes });
    // For all s < t, bytes(s, t] ≤ rate·(t − s) + burst, exactly if the bucket never overflows.
    this.#drain(now);
    this.#level += BigInt(bytes) * 1000n;
    const burst = this.#burst(now);
    if (this.#level > burst) {
      throw new ContractViolation('I2', `${this.#level / 1000n} bytes above the line, burst ${burst / 1000n}`);
    }
    this.#checkWindows(now);
  }

  #checkWindows(now: number): void {
    const { windows } = this.#limits[this.#limits.length - 1]!.limits;
    for (const { windowMilliseconds } of windows) {
      const span = windowMilliseconds + this.#graceMilliseconds;
      const most = this.#most(now, span, (limits) => limitOf(limits, windowMilliseconds));
      let used = 0;
      for (let at = this.#log.length - 1; at >= 0 && this.#log[at]!.at > now - windowMilliseconds; at--) {
        used += this.#log[at]!.bytes;
      }
      if (used > most) throw new ContractViolation('I3', `${used} of ${most} bytes within ${windowMilliseconds} ms`);
    }
  }
}

function limitOf({ windows }: Limits, windowMilliseconds: number): number {
  return windows.find((window) => window.windowMilliseconds === windowMilliseconds)?.bytes ?? Infinity;
}
