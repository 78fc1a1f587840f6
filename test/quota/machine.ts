/** A machine's two clocks, both wrong in their own way, over true milliseconds. */
import type { HolderClock } from '#core/quota/leaseholders.ts';

const million = 1_000_000;
/** Any moment: nothing may depend on where clocks begin. */
const wallAtStart = 1_700_000_000_000;

export class Machine {
  readonly driftMillionths: number;
  #bootedAt = 0;
  #suspendedAt = -1;
  #suspendedFor = 0;
  /** How far the wall clock has been set forward (or back). */
  wallStepMilliseconds = 0;

  constructor(driftMillionths: number) {
    this.driftMillionths = driftMillionths;
  }

  reboot(now: number): void {
    this.#bootedAt = now;
    this.#suspendedAt = -1;
    this.#suspendedFor = 0;
  }

  get isSuspended(): boolean {
    return this.#suspendedAt >= 0;
  }

  suspend(now: number): void {
    if (!this.isSuspended) this.#suspendedAt = now;
  }

  resume(now: number): void {
    if (this.isSuspended) this.#suspendedFor += now - this.#suspendedAt;
    this.#suspendedAt = -1;
  }

  clock(now: number): HolderClock {
    const running = (this.isSuspended ? this.#suspendedAt : now) - this.#bootedAt - this.#suspendedFor;
    return {
      monotonicMilliseconds: Math.floor((running * (million + this.driftMillionths)) / million),
      wallMilliseconds: Math.floor(wallAtStart + now + this.wallStepMilliseconds),
    };
  }
}
