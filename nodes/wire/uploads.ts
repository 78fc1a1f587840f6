/**
 * Sends what a peer asks for: in its order, no faster than the pace, and no more than the peer takes. Requests that
 * follow each other in the file are read at once, each block to its place between the heads of messages, and go out
 * as one write. A peer costs two such buffers while it is served, however much it asks for and however slowly it reads.
 */

import { BufferPool } from '../files/buffer-pool.ts';
import type { PieceStore } from '../files/piece-store.ts';
import type { Pace } from '../http/pace.ts';
import type { Peer } from './peer.ts';

/** Of one read: enough that what is done once per read costs little beside its bytes. */
const batchBytesMax = 256 * 1024;
const batchBlocksMax = 16;
/** Length, number, piece, offset. */
const headBytes = 13;
const pieceMessage = 7;
/** Of a peer: one is being sent while the next one is read. */
const batchesMax = 2;

/** Kept for reuse, over all swarms of the process. */
const pool = new BufferPool(batchBytesMax + batchBlocksMax * headBytes, 64);

/** Blocks that lie behind one another in the file. */
interface Batch {
  start: number;
  lengths: number[];
  bytes: number;
}

export class Uploads {
  readonly #store: PieceStore;
  readonly #paces: Pace[];
  sentBytes = 0;

  constructor(store: PieceStore, paces: Pace[]) {
    this.#store = store;
    this.#paces = paces;
  }

  /** Answers the requests of `peer` from now on. */
  serve(peer: Peer): void {
    let isBusy = false;
    const work = async () => {
      isBusy = true;
      const sending = new Sending();
      try {
        while (peer.wire.wanted.size > 0 && !peer.isGone) await this.#sendNext(peer, sending);
      } finally {
        isBusy = false;
      }
    };
    peer.wire.onWanted = () => {
      // A disk that cannot be read ends this connection; the next one tries anew.
      if (!isBusy) work().catch(() => peer.socket.destroy());
    };
  }

  async #sendNext(peer: Peer, sending: Sending): Promise<void> {
    await sending.room();
    let batchMax = batchBytesMax;
    for (const pace of this.#paces) batchMax = Math.min(batchMax, pace.burstBytes);
    const batch = this.#takeBatch(peer, batchMax);
    if (batch === undefined) return;
    const buffer = pool.take();
    try {
      const used = await this.#read(batch, buffer);
      for (const pace of this.#paces) await pace.take(batch.bytes);
      if (peer.isGone) return pool.give(buffer);
      this.sentBytes += batch.bytes;
      peer.sentBytes += batch.bytes;
      sending.begin();
      peer.wire.send(buffer.subarray(0, used), () => {
        pool.give(buffer);
        sending.end();
      });
    } catch (error) {
      pool.give(buffer);
      throw error;
    }
  }

  /** Takes the next requests that one read can answer. */
  #takeBatch(peer: Peer, bytesMax: number): Batch | undefined {
    const { wanted } = peer.wire;
    const { pieceLengthBytes } = this.#store.file;
    let batch: Batch | undefined;
    for (const [start, length] of wanted) {
      const isNext = batch === undefined || start === batch.start + batch.bytes;
      if (!isNext || (batch !== undefined && batch.bytes + length > bytesMax)) break;
      if (batch !== undefined && batch.lengths.length === batchBlocksMax) break;
      wanted.delete(start);
      if (!this.#store.has(Math.floor(start / pieceLengthBytes))) {
        peer.wire.refuse(start, length);
        if (batch !== undefined) break;
        continue;
      }
      batch ??= { start, lengths: [], bytes: 0 };
      batch.lengths.push(length);
      batch.bytes += length;
    }
    return batch;
  }

  /** Returns how much of the buffer the messages take. */
  async #read({ start, lengths }: Batch, buffer: Buffer): Promise<number> {
    const { pieceLengthBytes } = this.#store.file;
    const places: Buffer[] = [];
    let from = start;
    let at = 0;
    for (const length of lengths) {
      buffer.writeUInt32BE(headBytes - 4 + length, at);
      buffer[at + 4] = pieceMessage;
      buffer.writeUInt32BE(Math.floor(from / pieceLengthBytes), at + 5);
      buffer.writeUInt32BE(from % pieceLengthBytes, at + 9);
      places.push(buffer.subarray(at + headBytes, at + headBytes + length));
      at += headBytes + length;
      from += length;
    }
    await this.#store.readInto(places, start);
    return at;
  }
}

/** What is on its way to one peer. */
class Sending {
  #count = 0;
  #wake: (() => void) | undefined;

  begin(): void {
    this.#count++;
  }

  end(): void {
    this.#count--;
    this.#wake?.();
    this.#wake = undefined;
  }

  /** Waits until one more may be read. */
  async room(): Promise<void> {
    while (this.#count >= batchesMax) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
