/** The parts in use of packages that come without types. */

declare module 'bencode' {
  const bencode: { encode(value: unknown): Uint8Array };
  export default bencode;
}

declare module 'bittorrent-protocol' {
  import type { Duplex } from 'node:stream';

  export interface BlockRequest {
    piece: number;
    offset: number;
    length: number;
  }

  /** A streamx duplex; near enough to node's to be piped to and from a socket. */
  export default class Wire extends Duplex {
    constructor(type?: string);
    peerId: string | null;
    amChoking: boolean;
    amInterested: boolean;
    peerChoking: boolean;
    peerInterested: boolean;
    requests: BlockRequest[];
    peerRequests: BlockRequest[];
    extendedMapping: Record<number, string>;
    peerExtendedMapping: Record<string, number>;
    extendedHandshake: Record<string, unknown>;
    peerExtensions: { dht?: boolean; fast?: boolean; extended?: boolean };
    hasFast: boolean;
    setKeepAlive(enable: boolean): void;
    handshake(infoHash: Uint8Array | string, peerId: Uint8Array | string, extensions?: object): void;
    choke(): void;
    unchoke(): void;
    interested(): void;
    uninterested(): void;
    have(piece: number): void;
    bitfield(bits: Uint8Array): void;
    haveAll(): void;
    haveNone(): void;
    request(
      piece: number,
      offset: number,
      length: number,
      done: (error: Error | null, block: Uint8Array | null) => void,
    ): void;
    cancel(piece: number, offset: number, length: number): void;
    reject(piece: number, offset: number, length: number): void;
    piece(piece: number, offset: number, block: Uint8Array): void;
    extended(id: number | string, message: Uint8Array): void;
    end(data?: unknown): this;
    _push(bytes: Uint8Array): boolean;
    _debug(): void;
    _message(id: number, numbers: number[], data: Uint8Array | null): void;
    _onMessageLength(buffer: Uint8Array): void;
    _onMessage(buffer: Uint8Array): void;
    _onHandshakeBuffer(buffer: Uint8Array): void;
    _onBitField(buffer: Uint8Array): void;
    _onExtended(id: number, buffer: Uint8Array): void;
    _onRequest(piece: number, offset: number, length: number): void;
    _onHave(piece: number): void;
    _onHaveAll(): void;
    _pull(requests: BlockRequest[], piece: number, offset: number, length: number): BlockRequest | null;
  }
}
