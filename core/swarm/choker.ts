/**
 * Whom an endpoint serves next (choking, after BEP 3 and Cohen, *Incentives build robustness in BitTorrent*).
 * A slot is held for one choke interval and then goes to: the interested neighbour that sends us most (a regular slot
 * of one that still downloads), or any interested neighbour by chance (an optimistic slot, and every slot of a seed,
 * so that a seed rotates). One slot is decided at a time; a round of production decides each slot in turn, the
 * simulator decides a slot when the piece in flight on it has ended, which is when a choke takes effect.
 * Rejected: serving the fastest takers first on a seed; it starves whoever is far away.
 */
export const slotKind = { regular: 0, optimistic: 1 } as const;
export type SlotKind = (typeof slotKind)[keyof typeof slotKind];

/** Why a slot was given to somebody: goes into the record. */
export const unchokeReasons = ['reciprocates', 'optimistic', 'seed-rotation'] as const;

/** Interested neighbours of one endpoint, one column per fact; filled by the host before each decision. */
export class UnchokeCandidates {
  readonly endpoint: Int32Array;
  /** Bytes per second that the neighbour is sending to us. */
  readonly bytesPerSecond: Float64Array;
  count = 0;

  constructor(countMax: number) {
    this.endpoint = new Int32Array(countMax);
    this.bytesPerSecond = new Float64Array(countMax);
  }

  clear(): void {
    this.count = 0;
  }

  isFull(): boolean {
    return this.count === this.endpoint.length;
  }

  add(endpoint: number, bytesPerSecond: number): void {
    this.endpoint[this.count] = endpoint;
    this.bytesPerSecond[this.count] = bytesPerSecond;
    this.count++;
  }
}

/** Index of the candidate that gets the slot, or -1 without candidates. `bits`: 32 random bits. */
export function chooseUnchoked(candidates: UnchokeCandidates, kind: SlotKind, isSeed: boolean, bits: number): number {
  const { count, bytesPerSecond } = candidates;
  if (count === 0) return -1;
  const start = Math.floor((bits / 0x1_0000_0000) * count);
  if (kind === slotKind.optimistic || isSeed) return start;
  // Ties, and all that send nothing, in random order: the scan begins anywhere and only a strictly better one wins.
  let best = start;
  for (let step = 1; step < count; step++) {
    const index = start + step >= count ? start + step - count : start + step;
    if (bytesPerSecond[index] > bytesPerSecond[best]) best = index;
  }
  return best;
}
