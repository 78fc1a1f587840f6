/**
 * Max–min fair rates by progressive filling (Bertsekas & Gallager, *Data Networks*, 6.5): all rates rise together
 * until a link is full or a transfer reaches its cap; those are fixed, the others rise on. The yardstick of the other
 * fidelities; tested against a naive solver that shares nothing with it.
 */
import { none } from '#core/units.ts';
import type { Network } from './network.ts';
import { linkDoubles, linkField, linkWord, linkWords, transferDoubles, transferField } from './transfer-table.ts';

/** Solves the whole network and sets every rate that changed, falls before rises. */
export function solveMaxMin(network: Network): void {
  const transfers: number[] = [];
  const left = new Float64Array(network.linkCount);
  const unfixed = new Int32Array(network.linkCount);
  const links: number[] = [];
  for (let link = 0; link < network.linkCount; link++) {
    const count = network.linkInts[link * linkWords + linkWord.count];
    if (count === 0) continue;
    links.push(link);
    left[link] = network.links[link * linkDoubles + linkField.capacity];
    unfixed[link] = count;
    if (link % 2 === 0 && link < 2 * network.endpointCount) {
      for (let t = network.firstTransfer(link); t !== none; t = network.nextOut(t)) transfers.push(t);
    }
  }
  const rates = fill(network, transfers, links, left, unfixed);
  apply(network, transfers, rates);
}

/** Level at which a link fills up, or a capped transfer stops: the lowest comes first. Stale entries are re-entered. */
function fill(
  network: Network,
  transfers: number[],
  links: number[],
  left: Float64Array,
  unfixed: Int32Array,
): Float64Array {
  const rates = new Float64Array(network.transfersUsed).fill(-1);
  const heap = new LevelHeap(links.length + transfers.length);
  for (const link of links) heap.push(left[link] / unfixed[link], link);
  for (const transfer of transfers) {
    const cap = network.transfers[transfer * transferDoubles + transferField.cap];
    if (cap < Infinity) heap.push(cap, -2 - transfer);
  }
  const fix = (transfer: number, rate: number) => {
    if (rates[transfer] >= 0) return;
    rates[transfer] = rate;
    forEachLink(network, transfer, (link) => {
      left[link] = Math.max(0, left[link] - rate);
      unfixed[link]--;
    });
  };
  while (heap.count > 0) {
    const level = heap.level;
    const id = heap.id;
    heap.pop();
    if (id <= -2) {
      fix(-2 - id, level);
      continue;
    }
    if (unfixed[id] === 0) continue;
    const current = left[id] / unfixed[id];
    if (current > level * (1 + 1e-12)) {
      heap.push(current, id);
      continue;
    }
    for (let t = network.firstTransfer(id); t !== none; t = network.nextOnLink(t, id)) fix(t, current);
  }
  return rates;
}

function forEachLink(network: Network, transfer: number, visit: (link: number) => void): void {
  visit(network.uplink(network.source(transfer)));
  visit(network.downlink(network.target(transfer)));
  const pair = network.pairLinkOf(transfer);
  if (pair !== none) visit(pair);
}

function apply(network: Network, transfers: number[], rates: Float64Array): void {
  for (const transfer of transfers)
    if (rates[transfer] < network.rate(transfer)) network.setRate(transfer, rates[transfer]);
  for (const transfer of transfers)
    if (rates[transfer] > network.rate(transfer)) network.setRate(transfer, rates[transfer]);
}

/** Smallest level first, ties by id. */
class LevelHeap {
  count = 0;
  readonly #levels: Float64Array;
  readonly #ids: Int32Array;

  constructor(countMax: number) {
    this.#levels = new Float64Array(countMax + 1);
    this.#ids = new Int32Array(countMax + 1);
  }

  get level(): number {
    return this.#levels[0];
  }

  get id(): number {
    return this.#ids[0];
  }

  push(level: number, id: number): void {
    let at = this.count++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(level, id, parent)) break;
      this.#levels[at] = this.#levels[parent];
      this.#ids[at] = this.#ids[parent];
      at = parent;
    }
    this.#levels[at] = level;
    this.#ids[at] = id;
  }

  pop(): void {
    const last = --this.count;
    const level = this.#levels[last];
    const id = this.#ids[last];
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= last) break;
      if (child + 1 < last && this.#isBefore(this.#levels[child + 1], this.#ids[child + 1], child)) child++;
      if (this.#isBefore(level, id, child)) break;
      this.#levels[at] = this.#levels[child];
      this.#ids[at] = this.#ids[child];
      at = child;
    }
    this.#levels[at] = level;
    this.#ids[at] = id;
  }

  #isBefore(level: number, id: number, at: number): boolean {
    return level < this.#levels[at] || (level === this.#levels[at] && id < this.#ids[at]);
  }
}
