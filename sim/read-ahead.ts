/**
 * Reads what will be needed, all at once, before it is needed piece by piece: the processor then waits for many lines
 * of memory together instead of for one after the other.
 */
import type { Neighbours } from './neighbours.ts';
import { event, eventKind, type State } from './state.ts';
import { transferWords } from './transfer-table.ts';

/** Payloads below this one are transfers. */
const transferPayloadEnd = event(eventKind.transfer + 1, 0);

/** What was read: kept, so that the reading is not optimised away. */
let readSum = 0;

/** For the events of a bucket. */
export function readAhead({ queue, network, sets }: State): void {
  queue.onBucket = (payloads, count) => {
    let sum = 0;
    for (let index = 0; index < count; index++) {
      if (payloads[index] < transferPayloadEnd) sum += network.transferInts[payloads[index] * transferWords];
    }
    for (let index = 0; index < count; index++) {
      const transfer = payloads[index];
      if (transfer >= transferPayloadEnd || !network.isActive(transfer)) continue;
      const source = network.source(transfer);
      const target = network.target(transfer);
      sum += sets.bits[source * sets.stride] + sets.bits[target * sets.stride];
      sum += network.transferCount(network.uplink(source)) + network.transferCount(network.downlink(target));
    }
    readSum = (readSum + sum) % 2;
  };
}

/** For the `count` neighbours of `source` after the one at `index`, who will be judged as candidates for a slot. */
export function readCandidatesAhead(
  { network, sets }: State,
  neighbours: Neighbours,
  source: number,
  index: number,
  count: number,
): void {
  const all = neighbours.count(source);
  let sum = 0;
  for (let at = index + 1; at <= index + count; at++) {
    const client = neighbours.at(source, at < all ? at : at - all);
    sum += sets.bits[client * sets.stride] + network.transferCount(network.downlink(client));
  }
  readSum = (readSum + sum) % 2;
}
