/** Sends what a peer asks for: in its order, no faster than the pace, and no more than the peer takes. */
import type { PieceStore } from '../files/piece-store.ts';
import type { Pace } from '../http/pace.ts';
import { pause } from '../http/pace.ts';
import type { Peer } from './peer.ts';

/** Of one peer, in our buffers: enough to keep its connection busy. */
const waitingBytesMax = 1024 * 1024;
/** Peers ask in order: what follows a block is read with it. */
const readAheadBytes = 256 * 1024;

interface Wanted {
  piece: number;
  offset: number;
  length: number;
  respond: (error: Error | null, bytes?: Uint8Array) => void;
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
    const queue: Wanted[] = [];
    let isBusy = false;
    let ahead: { start: number; bytes: Buffer } | undefined;
    const read = async (start: number, length: number, endOfPiece: number): Promise<Uint8Array> => {
      const isAhead = ahead !== undefined && start >= ahead.start && start + length <= ahead.start + ahead.bytes.length;
      if (!isAhead) {
        const bytes = await this.#store.read(start, Math.max(length, Math.min(readAheadBytes, endOfPiece - start)));
        ahead = { start, bytes };
      }
      const { start: from, bytes } = ahead!;
      return bytes.subarray(start - from, start - from + length);
    };
    const work = async () => {
      isBusy = true;
      for (let wanted = queue.shift(); wanted !== undefined && !peer.isGone; wanted = queue.shift()) {
        const { piece, offset, length, respond } = wanted;
        // Choked or cancelled since: the wire has forgotten it, and answering would only cost.
        if (!this.#isStillAsked(peer, wanted)) continue;
        if (!this.#store.has(piece)) {
          respond(new Error('not there'));
          continue;
        }
        const start = piece * this.#store.file.pieceLengthBytes + offset;
        const bytes = await read(start, length, start - offset + this.#store.pieceBytes(piece));
        for (const pace of this.#paces) await pace.take(length);
        while (peer.wire.waitingBytes > waitingBytesMax && !peer.isGone) await pause(20);
        if (!this.#isStillAsked(peer, wanted)) continue;
        this.sentBytes += length;
        peer.sentBytes += length;
        respond(null, bytes);
      }
      isBusy = false;
    };
    peer.wire.on('request', (piece: number, offset: number, length: number, respond: Wanted['respond']) => {
      queue.push({ piece, offset, length, respond });
      // A disk that cannot be read ends this connection; the next one tries anew.
      if (!isBusy) work().catch(() => peer.socket.destroy());
    });
  }

  #isStillAsked(peer: Peer, { piece, offset, length }: Wanted): boolean {
    return peer.wire.peerRequests.some((one) => one.piece === piece && one.offset === offset && one.length === length);
  }
}
