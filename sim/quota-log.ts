/** Who holds what of the origin's contract over time: looked at between events, without touching them. */
import { microsecondsPerSecond } from '#core/units.ts';
import type { World } from './world.ts';

/** What the relays, or the clients, of one task hold. */
export interface GroupHolding {
  task: string;
  role: 'relays' | 'clients';
  /** Holders with a lease, and holders that want one and have none. */
  leased: number;
  waiting: number;
  slots: number;
  open: number;
  bytesPerSecond: number;
}

export interface QuotaSample {
  seconds: number;
  /** In force. */
  contract: { connections: number; bytesPerSecond: number };
  /** Server that owns the ledger, and its epoch; null = none does. */
  owner: { server: number; epoch: number } | null;
  groups: GroupHolding[];
  /** What the origin really sends and has open. */
  sentBytesPerSecond: number;
  openConnections: number;
}

/** Further samples make the steps twice as long. */
const samplesMax = 4096;

export class QuotaLog {
  samples: QuotaSample[] = [];
  everySeconds: number;
  #nextAt = 0;

  constructor(everySeconds: number) {
    this.everySeconds = everySeconds;
  }

  /** Time goes on to `at` (microseconds): what stood until then is written down at each step. */
  passTo(world: World, at: number): void {
    while (at > this.#nextAt) {
      this.samples.push(sampleOf(world, this.#nextAt / microsecondsPerSecond));
      if (this.samples.length === samplesMax) this.#thin();
      this.#nextAt += this.everySeconds * microsecondsPerSecond;
    }
  }

  #thin(): void {
    this.samples = this.samples.filter((_, index) => index % 2 === 0);
    this.everySeconds *= 2;
    this.#nextAt = (this.samples.length - 1) * this.everySeconds * microsecondsPerSecond;
  }
}

function sampleOf({ state, tasks, holders, origin }: World, seconds: number): QuotaSample {
  const groups = tasks.flatMap(({ state: { task } }) => [
    { ...noHolding, task: task.name, role: 'relays' as const },
    { ...noHolding, task: task.name, role: 'clients' as const },
  ]);
  const { table } = holders;
  for (const { row, door, endpoint } of holders.holders()) {
    const group = groups[2 * door.state.taskIndex + (state.isRelay(endpoint) ? 0 : 1)];
    if (table.slots[row] > 0) group.leased++;
    else if (door.wants(endpoint)) group.waiting++;
    group.slots += table.slots[row];
    group.open += table.openCount[row];
    group.bytesPerSecond += table.bytesPerSecond[row];
  }
  const { network } = state;
  const { connectionsMax, bytesPerSecondMax } = origin.contract;
  return {
    seconds,
    contract: { connections: connectionsMax, bytesPerSecond: bytesPerSecondMax },
    owner: origin.owner,
    groups,
    sentBytesPerSecond: Math.round(network.allocated(network.uplink(0))),
    openConnections: network.transferCount(network.uplink(0)),
  };
}

const noHolding = { leased: 0, waiting: 0, slots: 0, open: 0, bytesPerSecond: 0 };
