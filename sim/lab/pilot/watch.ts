/** Looks at the machine while a pilot runs: bytes at the interfaces, and how busy the processors are. */
import { type Counters, cpuJiffies, type Network } from './network.ts';

const everyMilliseconds = 250;

export interface Sample {
  /** Since the task was published; below 0: before. */
  seconds: number;
  counters: Map<number, Counters>;
}

export class Watch {
  readonly samples: Sample[] = [];
  readonly #network: Network;
  readonly #startedAt = performance.now();
  readonly #before = cpuJiffies();
  readonly #timer: NodeJS.Timeout;
  #isLooking = false;

  constructor(network: Network) {
    this.#network = network;
    this.#timer = setInterval(() => void this.#look(), everyMilliseconds);
    void this.#look();
  }

  /** Share of all cores' time that was used since the start, by whomever. */
  cpuBusyShare(): number | null {
    const now = cpuJiffies();
    if (now === undefined || this.#before === undefined || now.all === this.#before.all) return null;
    return (now.busy - this.#before.busy) / (now.all - this.#before.all);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    while (this.#isLooking) await new Promise((resolve) => setTimeout(resolve, 10));
    await this.#look();
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const counters = await this.#network.counters();
      const seconds = (performance.now() - this.#startedAt) / 1000;
      if (counters !== undefined) this.samples.push({ seconds, counters });
    } catch {
      // A sample less.
    } finally {
      this.#isLooking = false;
    }
  }
}
