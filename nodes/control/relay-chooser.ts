/** Relay choice of core/scheduler over the relays of the fleet as they are now (M8, M9). */
import { createHash } from 'node:crypto';
import { chooseRelay, type RelayChoice, RelayTable } from '#core/scheduler/relay-choice.ts';
import { none } from '#core/units.ts';
import type { FleetNode } from './fleet.ts';

/** Above it a relay gets nobody new, and some of its clients leave it. */
export const overloadedRatio = 0.9;
/** Before a relay has said what it can bear. */
const capacityUnknown = 1000;

const regionOf = (node: FleetNode): string => node.record.hello?.region ?? '';

export function isUsable(relay: FleetNode): boolean {
  return relay.session !== undefined && relay.record.hello?.relay !== undefined && relay.status?.draining !== true;
}

export function isOverloaded(relay: FleetNode): boolean {
  return (relay.status?.loadRatio ?? 0) > overloadedRatio;
}

export class RelayChooser {
  readonly #relays: FleetNode[];
  readonly #regions: string[];
  readonly #table: RelayTable;

  /** `assigned`: how many clients each relay serves already. */
  constructor(relays: FleetNode[], clients: Iterable<FleetNode>, assigned: (relay: FleetNode) => number) {
    this.#relays = relays;
    this.#regions = [...new Set([...relays, ...clients].map(regionOf))];
    if (this.#regions.length === 0) this.#regions.push('');
    const table = new RelayTable(relays.length, this.#regions.length);
    this.#table = table;
    for (const [index, relay] of relays.entries()) {
      const { hello, observed } = relay.record;
      table.region[index] = this.#regions.indexOf(regionOf(relay));
      table.capacity[index] = Math.min(hello?.relay?.connectionsMax ?? capacityUnknown, 2 ** 31 - 1);
      table.load[index] = Math.max(assigned(relay), relay.status?.connections ?? 0);
      table.historyBytesPerSecond[index] = observed?.bytesPerSecond ?? 0;
      table.up[index] = isUsable(relay) && !isOverloaded(relay) ? 1 : 0;
      for (const [region, name] of this.#regions.entries()) {
        table.latencyMilliseconds[region * relays.length + index] = observed?.latencyMilliseconds[name] ?? 0;
      }
    }
  }

  /** The relay for this client, or undefined; counts it as a client of that relay from now on. */
  choose(kind: RelayChoice, client: FleetNode, except?: FleetNode): FleetNode | undefined {
    const region = Math.max(0, this.#regions.indexOf(regionOf(client)));
    const exceptIndex = except === undefined ? none : this.#relays.indexOf(except);
    const chosen = chooseRelay(kind, this.#table, region, drawOf(client.record.name), exceptIndex);
    if (chosen === none) return undefined;
    this.#table.load[chosen] = this.#table.load[chosen]! + 1;
    return this.#relays[chosen];
  }
}

/** A client's own draw: the same one at each restart. */
function drawOf(name: string): number {
  return createHash('sha256').update(name).digest().readUInt32LE(0);
}
