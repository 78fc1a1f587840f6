/**
 * How much of the uplink a client that seeds gives to others (M26): the core's rule, once a second, on what this
 * machine sends. What the machine can send is what its owner says, else the speed of its network card; where neither
 * is known there is nothing to adapt to, and nothing is held back.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientCore } from '#core/client.ts';
import { startUpload, type UploadLimits } from '#core/swarm/upload-share.ts';

/** What is given of the uplink, at least and at most: a seed does not fall silent, its owner notices nothing. */
export const uploadLimitsDefault: UploadLimits = { floorRatio: 0.1, ceilingRatio: 0.8 };
const bytesPerMegabit = 125_000;

/** Bytes that the machine has sent on all its interfaces but the loopback; undefined where the system does not tell. */
export function machineSentBytes(read: () => string = () => readFileSync('/proc/net/dev', 'utf8')): number | undefined {
  try {
    let bytes = 0;
    for (const line of read().split('\n')) {
      const [name, figures] = line.split(':');
      if (figures === undefined || name!.trim() === 'lo') continue;
      // Eight figures of what came, then those of what left.
      bytes += Number(figures.trim().split(/\s+/)[8]);
    }
    return Number.isFinite(bytes) ? bytes : undefined;
  } catch {
    return undefined;
  }
}

/** Bytes per second of the fastest card that is up; `Infinity` where the system does not tell. */
export function cardBytesPerSecond(directory = '/sys/class/net'): number {
  try {
    const speeds = readdirSync(directory).map((card) => {
      try {
        return card === 'lo' ? 0 : Number(readFileSync(join(directory, card, 'speed'), 'utf8'));
      } catch {
        return 0;
      }
    });
    const fastest = Math.max(0, ...speeds.filter(Number.isFinite));
    return fastest === 0 ? Infinity : fastest * bytesPerMegabit;
  } catch {
    return Infinity;
  }
}

export class UploadShare {
  readonly #core: ClientCore;
  readonly #limits: UploadLimits;
  readonly #sentByMachine: () => number | undefined;
  readonly #uplinkBytesPerSecond: number;
  #machineBefore: number | undefined;
  #ownBefore = 0;
  #secondsAt = 0;
  /** Means over about five seconds: one second of a link is a burst or a gap. */
  #machineRate = 0;
  #ownRate = 0;
  /** What may be sent to peers now; `Infinity` before the file is whole, and while the uplink is not known. */
  bytesPerSecond = Infinity;

  /** `uplinkBytesPerSecond`: as its owner says; `Infinity` = not known. */
  constructor(
    core: ClientCore,
    uplinkBytesPerSecond: number,
    sentByMachine: () => number | undefined = machineSentBytes,
    limits = uploadLimitsDefault,
  ) {
    this.#core = core;
    this.#limits = limits;
    this.#sentByMachine = sentByMachine;
    this.#uplinkBytesPerSecond = uplinkBytesPerSecond < Infinity ? Math.floor(uplinkBytesPerSecond) : Infinity;
    this.#machineBefore = sentByMachine();
  }

  /** Once a second. `sentBytes`: to peers so far, of this download. */
  second(sentBytes: number, isSeed: boolean, nowMilliseconds: number): void {
    const seconds = this.#secondsAt === 0 ? 1 : Math.max(0.1, (nowMilliseconds - this.#secondsAt) / 1000);
    this.#secondsAt = nowMilliseconds;
    const machine = this.#sentByMachine();
    const byMachine = machine === undefined ? 0 : Math.max(0, machine - (this.#machineBefore ?? machine)) / seconds;
    const byUs = Math.max(0, sentBytes - this.#ownBefore) / seconds;
    this.#machineBefore = machine;
    this.#ownBefore = sentBytes;
    this.#machineRate += 0.2 * (byMachine - this.#machineRate);
    this.#ownRate += 0.2 * (byUs - this.#ownRate);
    const uplink = this.#uplinkBytesPerSecond;
    if (!isSeed || uplink === Infinity) return;
    if (this.bytesPerSecond === Infinity) this.bytesPerSecond = Math.floor(startUpload(uplink, this.#limits));
    const others = Math.max(0, Math.round(this.#machineRate - this.#ownRate));
    const decision = this.#core.upload(this.bytesPerSecond, uplink, others, this.#limits);
    if (decision.kind === 'upload') this.bytesPerSecond = Math.max(1, Math.floor(decision.uploadBytesPerSecond));
  }
}
