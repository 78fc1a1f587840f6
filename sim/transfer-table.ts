/**
 * Transfers and the links that they cross: who sends which piece to whom, how fast, and the lists that lead from a
 * link to its transfers. A row is one or half a line of the processor's cache, as what is used together lies together:
 * at a million clients the misses are the cost.
 */
import { assert } from '#core/assert.ts';
import { none } from '#core/units.ts';
import { type FlowKind, flowKind } from './flow-meter.ts';

/** Fields of a transfer's row: 64 bytes, one line of the processor's cache. The first four are doubles. */
export const transferField = { rate: 0, remaining: 1, settledAt: 2, cap: 3 } as const;
export const transferWord = {
  source: 8,
  target: 9,
  piece: 10,
  nextOut: 11,
  previousOut: 12,
  nextIn: 13,
  previousIn: 14,
  sequence: 15,
} as const;
export const transferDoubles = 8;
export const transferWords = 16;

/** Fields of a link's row: 32 bytes; the two links of an endpoint share a line. */
export const linkField = { capacity: 0, allocated: 1 } as const;
export const linkWord = { count: 4, first: 5, isDirty: 6 } as const;
export const linkDoubles = 4;
export const linkWords = 8;

/**
 * The word of the piece also holds the transfer's flags and the choke round in which its slot was last confirmed, so
 * that a decision about a transfer touches one line of the cache:  round (6 bits) | task (3) | flags (3) | piece (20).
 */
export const transferFlag = { http: 1 << 20, pull: 1 << 21, optimistic: 1 << 22 } as const;
const taskShift = 23;
/** Tasks that one run can tell apart. */
export const tasksMax = 8;
export const pieceMask = (1 << 20) - 1;
const roundShift = 26;
export const roundCount = 64;

export interface TableShape {
  endpointCount: number;
  transfersExpected: number;
  /** Region of each endpoint, and the link of a pair of regions or `none`, `[from * regions + to]`. */
  regions: Uint8Array;
  regionCount: number;
  pairLink: Int32Array | null;
  pairCapacities: number[];
  /** First endpoint that is a client; before it the origin (0) and the relays. */
  clientsFrom: number;
  /** Rows set aside for what a client sends, side by side: whoever looks at one of them looks at all. */
  rowsPerClient: number;
}

/** Flags of a transfer of this task. */
export function taskFlags(task: number): number {
  return task << taskShift;
}

export class TransferTable {
  readonly endpointCount: number;
  readonly linkCount: number;
  readonly links: Float64Array;
  readonly linkInts: Int32Array;
  transfers: Float64Array;
  transferInts: Int32Array;
  /** Third list of a transfer: those that cross the same pair of regions. */
  pairNext: Int32Array;
  pairPrevious: Int32Array;
  activeCount = 0;
  /** Rows in use, free again or set aside; rows from here on were never used. */
  transfersUsed: number;
  readonly #shape: TableShape;
  readonly #rowsSetAside: number;
  #free = none;

  constructor(shape: TableShape) {
    this.#shape = shape;
    this.endpointCount = shape.endpointCount;
    this.linkCount = 2 * shape.endpointCount + shape.pairCapacities.length;
    this.links = new Float64Array(this.linkCount * linkDoubles);
    this.linkInts = new Int32Array(this.links.buffer);
    for (let link = 0; link < this.linkCount; link++) this.linkInts[link * linkWords + linkWord.first] = none;
    shape.pairCapacities.forEach((capacity, pair) => {
      this.links[(2 * shape.endpointCount + pair) * linkDoubles + linkField.capacity] = capacity;
    });
    this.#rowsSetAside = (shape.endpointCount - shape.clientsFrom) * shape.rowsPerClient;
    this.transfersUsed = this.#rowsSetAside;
    const count = this.#rowsSetAside + Math.max(16, shape.transfersExpected);
    this.transfers = new Float64Array(count * transferDoubles);
    this.transferInts = new Int32Array(this.transfers.buffer);
    this.pairNext = new Int32Array(shape.pairLink === null ? 0 : count);
    this.pairPrevious = new Int32Array(shape.pairLink === null ? 0 : count);
    for (let row = 0; row < this.#rowsSetAside; row++)
      this.transferInts[row * transferWords + transferWord.source] = none;
  }

  bytes(): number {
    return this.links.byteLength + this.transfers.byteLength + this.pairNext.byteLength * 2;
  }

  get clientsFrom(): number {
    return this.#shape.clientsFrom;
  }

  isClient(endpoint: number): boolean {
    return endpoint >= this.#shape.clientsFrom;
  }

  uplink(endpoint: number): number {
    return 2 * endpoint;
  }

  downlink(endpoint: number): number {
    return 2 * endpoint + 1;
  }

  capacity(link: number): number {
    return this.links[link * linkDoubles + linkField.capacity];
  }

  allocated(link: number): number {
    return this.links[link * linkDoubles + linkField.allocated];
  }

  transferCount(link: number): number {
    return this.linkInts[link * linkWords + linkWord.count];
  }

  firstTransfer(link: number): number {
    return this.linkInts[link * linkWords + linkWord.first];
  }

  nextOut(transfer: number): number {
    return this.transferInts[transfer * transferWords + transferWord.nextOut];
  }

  nextIn(transfer: number): number {
    return this.transferInts[transfer * transferWords + transferWord.nextIn];
  }

  /** The transfer after this one in the list of `link`, or `none`. */
  nextOnLink(transfer: number, link: number): number {
    if (link >= 2 * this.endpointCount) return this.pairNext[transfer];
    return (link & 1) === 0 ? this.nextOut(transfer) : this.nextIn(transfer);
  }

  source(transfer: number): number {
    return this.transferInts[transfer * transferWords + transferWord.source];
  }

  target(transfer: number): number {
    return this.transferInts[transfer * transferWords + transferWord.target];
  }

  piece(transfer: number): number {
    return this.transferInts[transfer * transferWords + transferWord.piece] & pieceMask;
  }

  has(transfer: number, flag: number): boolean {
    return (this.transferInts[transfer * transferWords + transferWord.piece] & flag) !== 0;
  }

  /** Index of the task for whose file it is. */
  taskOf(transfer: number): number {
    return (this.transferInts[transfer * transferWords + transferWord.piece] >>> taskShift) & (tasksMax - 1);
  }

  /** Choke round, modulo `roundCount`, in which the slot was last given to its holder. */
  round(transfer: number): number {
    return this.transferInts[transfer * transferWords + transferWord.piece] >>> roundShift;
  }

  setRound(transfer: number, round: number): void {
    const at = transfer * transferWords + transferWord.piece;
    this.transferInts[at] = (this.transferInts[at] & ~(-1 << roundShift)) | (round << roundShift);
  }

  rate(transfer: number): number {
    return this.transfers[transfer * transferDoubles + transferField.rate];
  }

  remaining(transfer: number): number {
    return this.transfers[transfer * transferDoubles + transferField.remaining];
  }

  /** The BitTorrent transfer from `source` to `target`, or `none`; looks through the target's, which are few. */
  find(source: number, target: number): number {
    let transfer = this.firstTransfer(this.downlink(target));
    while (transfer !== none && (this.source(transfer) !== source || this.has(transfer, transferFlag.http))) {
      transfer = this.nextIn(transfer);
    }
    return transfer;
  }

  isActive(transfer: number): boolean {
    return this.transferInts[transfer * transferWords + transferWord.source] !== none;
  }

  kindOf(transfer: number): FlowKind {
    const source = this.source(transfer);
    if (source >= this.#shape.clientsFrom) return flowKind.peer;
    return source === 0 ? flowKind.origin : flowKind.relay;
  }

  /** The pair-of-regions link that the transfer crosses, or `none`. */
  pairLinkOf(transfer: number): number {
    const { pairLink, regions, regionCount, endpointCount } = this.#shape;
    if (pairLink === null) return none;
    const pair = pairLink[regions[this.source(transfer)] * regionCount + regions[this.target(transfer)]];
    return pair === none ? none : 2 * endpointCount + pair;
  }

  /** What a transfer of this rate can come to on a link: what is left over, and its equal share in any case. */
  reach(link: number, rate: number): number {
    const share = this.links[link * linkDoubles + linkField.capacity] / this.transferCount(link);
    return Math.max(this.leftOver(link) + rate, share);
  }

  /** What the links of a transfer leave over now, beyond its rate. */
  slack(transfer: number): number {
    const slack = Math.min(
      this.leftOver(this.uplink(this.source(transfer))),
      this.leftOver(this.downlink(this.target(transfer))),
    );
    const pair = this.pairLinkOf(transfer);
    return Math.max(0, pair === none ? slack : Math.min(slack, this.leftOver(pair)));
  }

  leftOver(link: number): number {
    const row = link * linkDoubles;
    return this.links[row + linkField.capacity] - this.links[row + linkField.allocated];
  }

  /** More than its capacity, rounding aside. */
  isOver(link: number): boolean {
    const row = link * linkDoubles;
    return this.links[row + linkField.allocated] > this.links[row + linkField.capacity] * (1 + 1e-12);
  }

  /** Takes a row and enters it in the lists of its links. */
  add(source: number, target: number): number {
    const transfer = this.#take(source);
    const words = transfer * transferWords;
    this.transferInts[words + transferWord.source] = source;
    this.transferInts[words + transferWord.target] = target;
    this.#link(transfer, this.uplink(source), transferWord.nextOut, transferWord.previousOut);
    this.#link(transfer, this.downlink(target), transferWord.nextIn, transferWord.previousIn);
    this.#linkPair(transfer);
    this.activeCount++;
    return transfer;
  }

  remove(transfer: number): void {
    const words = transfer * transferWords;
    this.#unlink(transfer, this.uplink(this.source(transfer)), transferWord.nextOut, transferWord.previousOut);
    this.#unlink(transfer, this.downlink(this.target(transfer)), transferWord.nextIn, transferWord.previousIn);
    this.#unlinkPair(transfer);
    this.transferInts[words + transferWord.source] = none;
    this.activeCount--;
    if (transfer < this.#rowsSetAside) return;
    this.transferInts[words + transferWord.nextOut] = this.#free;
    this.#free = transfer;
  }

  #take(source: number): number {
    const { clientsFrom, rowsPerClient } = this.#shape;
    if (source >= clientsFrom) {
      const first = (source - clientsFrom) * rowsPerClient;
      for (let row = first; row < first + rowsPerClient; row++) if (!this.isActive(row)) return row;
    }
    if (this.#free !== none) {
      const transfer = this.#free;
      this.#free = this.transferInts[transfer * transferWords + transferWord.nextOut];
      return transfer;
    }
    if (this.transfersUsed * transferDoubles === this.transfers.length) this.#growTransfers();
    return this.transfersUsed++;
  }

  #growTransfers(): void {
    const count = Math.ceil(this.transfersUsed * 1.25);
    const transfers = new Float64Array(count * transferDoubles);
    transfers.set(this.transfers);
    this.transfers = transfers;
    this.transferInts = new Int32Array(transfers.buffer);
    if (this.#shape.pairLink === null) return;
    this.pairNext = grown(this.pairNext, new Int32Array(count));
    this.pairPrevious = grown(this.pairPrevious, new Int32Array(count));
  }

  #link(transfer: number, link: number, next: number, previous: number): void {
    const words = link * linkWords;
    const first = this.linkInts[words + linkWord.first];
    this.transferInts[transfer * transferWords + next] = first;
    this.transferInts[transfer * transferWords + previous] = none;
    if (first !== none) this.transferInts[first * transferWords + previous] = transfer;
    this.linkInts[words + linkWord.first] = transfer;
    this.linkInts[words + linkWord.count]++;
  }

  #unlink(transfer: number, link: number, next: number, previous: number): void {
    const words = link * linkWords;
    const after = this.transferInts[transfer * transferWords + next];
    const before = this.transferInts[transfer * transferWords + previous];
    if (before === none) this.linkInts[words + linkWord.first] = after;
    else this.transferInts[before * transferWords + next] = after;
    if (after !== none) this.transferInts[after * transferWords + previous] = before;
    this.linkInts[words + linkWord.count]--;
    assert(this.linkInts[words + linkWord.count] >= 0, 'a link has no fewer than no transfers');
  }

  #linkPair(transfer: number): void {
    const link = this.pairLinkOf(transfer);
    if (link === none) return;
    const words = link * linkWords;
    const first = this.linkInts[words + linkWord.first];
    this.pairNext[transfer] = first;
    this.pairPrevious[transfer] = none;
    if (first !== none) this.pairPrevious[first] = transfer;
    this.linkInts[words + linkWord.first] = transfer;
    this.linkInts[words + linkWord.count]++;
  }

  #unlinkPair(transfer: number): void {
    const link = this.pairLinkOf(transfer);
    if (link === none) return;
    const after = this.pairNext[transfer];
    const before = this.pairPrevious[transfer];
    if (before === none) this.linkInts[link * linkWords + linkWord.first] = after;
    else this.pairNext[before] = after;
    if (after !== none) this.pairPrevious[after] = before;
    this.linkInts[link * linkWords + linkWord.count]--;
  }
}

/** `into`, which is longer, with all of `from` in it. */
export function grown(from: Int32Array, into: Int32Array): Int32Array {
  into.set(from);
  return into;
}
