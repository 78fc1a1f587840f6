/** What a swarm is told when a node joins it, and what may be added to it. */
import type { SourceKind } from '#core/record.ts';
import type { Pace } from '../http/pace.ts';
import type { GuardedWire } from './guarded-wire.ts';
import type { Peer } from './peer.ts';

/** What peers exchange beside pieces. */
export interface SwarmExtension {
  /** Before the handshake: says that we have it. */
  offer(wire: GuardedWire): void;
  /** The peer's extended handshake has been read. */
  greet(peer: Peer): void;
  /** A message of any extension; answers which rule it broke, or nothing. */
  receive(peer: Peer, extension: string, message: Uint8Array): string | undefined;
  part(peer: Peer): void;
  /** Once a second. */
  tick(): void;
  close(): void;
}

export interface SwarmOptions {
  infoHash: Uint8Array;
  /** The bencoded info dictionary, for whoever has a magnet link only; absent while it is not known. */
  info: Uint8Array | null;
  extension?: SwarmExtension | undefined;
  /** Whether the piece could be verified; absent: each can. What cannot is not asked for. */
  isKnown?: ((piece: number) => boolean) | undefined;
  peerId: Uint8Array;
  /** Port on which we listen, told to peers; 0 = none. */
  listenPort: number;
  uploadSlots: number;
  optimisticSlots: number;
  /** Of this torrent and of the node. */
  uploadPaces: Pace[];
  /** Whether peers tell each other of peers. */
  exchangesPeers: boolean;
  /** What a peer at this address counts as: relays are known to control. */
  kindOf: (host: string, port: number) => SourceKind;
}

/** Where a peer may be, and how it went there. */
export interface Address {
  host: string;
  port: number;
  failures: number;
  nextTryAt: number;
  isBusy: boolean;
  /** It is asked under the name that the swarm had before: the peer may not know the new one yet. */
  usesFormer: boolean;
}
