/**
 * What the core asks of the world: the seam. The simulator implements it in virtual time, the nodes on sockets.
 * A host only queues: it never calls back into the core before the core's method has returned.
 */
export interface Host {
  /** Asks `source` over BitTorrent for what `client` lacks of `piece`. */
  requestPiece(client: number, source: number, piece: number, bytes: number, reason: RequestReason): void;
  /** The piece has arrived from elsewhere: whoever is still sending it stops. */
  cancelPiece(client: number, piece: number): void;
}

/** Why a piece was asked for: goes into the record. */
export const requestReasons = ['rarest', 'partial', 'endgame'] as const;
export type RequestReason = (typeof requestReasons)[number];
