/**
 * The info dictionary between peers (BEP 9, ut_metadata): given to whoever asks, fetched by whoever has only a
 * magnet link. Not the `ut_metadata` package: it decodes what a peer sent before it has checked its hash, with a
 * decoder that may never return, and throws on a piece number out of range.
 */
import { decodeDictionary, decodePrefix, encodeBencode, integerAt } from './bencode.ts';
import { connectTo } from './connection.ts';
import type { GuardedWire } from './guarded-wire.ts';
import { infoHashOf } from './metainfo.ts';
import { hex } from './swarm.ts';

const name = 'ut_metadata';
/** Our number for the extension: any but 0. */
const ourNumber = 1;
const partBytes = 16 * 1024;
/** A torrent of a million pieces is 20 MB. */
const metadataBytesMax = 24 * 1024 * 1024;
/** Asked for at a time: what is refused, for there is too much of it, is not asked for again. */
const partsAhead = 16;
/** Who reads more slowly than it asks is refused. */
const waitingBytesMax = 1024 * 1024;
const message = { request: 0, data: 1, reject: 2 };

export class Metadata {
  readonly #info: Uint8Array;

  constructor(info: Uint8Array) {
    this.#info = info;
  }

  /** To be called before the handshake: says that we have it. */
  offer(wire: GuardedWire): void {
    wire.extendedMapping[ourNumber] = name;
    wire.extendedHandshake.metadata_size = this.#info.length;
  }

  /** An extension message of a peer: answers a request for a part. */
  answer(wire: GuardedWire, extension: string, bytes: Uint8Array): void {
    if (extension !== name) return;
    const { value } = decodePrefix(bytes);
    if (!(value instanceof Map) || value.get('msg_type') !== message.request) return;
    const their = wire.peerExtendedMapping[name];
    if (their === undefined || their === 0) return;
    const partCount = Math.ceil(this.#info.length / partBytes);
    const piece = integerAt(value, 'piece', 0, partCount - 1);
    if (piece === undefined || wire.waitingBytes > waitingBytesMax) {
      const asked = integerAt(value, 'piece', 0, Number.MAX_SAFE_INTEGER) ?? 0;
      return wire.extended(their, encodeBencode({ msg_type: message.reject, piece: asked }));
    }
    const head = encodeBencode({ msg_type: message.data, piece, total_size: this.#info.length });
    const part = this.#info.subarray(piece * partBytes, (piece + 1) * partBytes);
    wire.extended(their, Buffer.concat([head, part]));
  }
}

/** Fetches the info dictionary of `infoHash` from one peer; undefined if it does not give it. */
export function fetchInfo(
  host: string,
  port: number,
  infoHash: Uint8Array,
  peerId: Uint8Array,
  timeoutMilliseconds: number,
): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    const { socket, wire } = connectTo(host, port, null);
    let parts: (Uint8Array | undefined)[] = [];
    let nextPart = 0;
    const ask = () => {
      if (nextPart >= parts.length) return;
      const their = wire.peerExtendedMapping[name];
      wire.extended(their!, encodeBencode({ msg_type: message.request, piece: nextPart++ }));
    };
    const end = (info?: Uint8Array) => {
      clearTimeout(timer);
      socket.destroy();
      wire.destroy();
      resolve(info);
    };
    const timer = setTimeout(end, timeoutMilliseconds);
    wire.extendedMapping[ourNumber] = name;
    wire.once('handshake', (found: string) => {
      if (found !== hex(infoHash)) end();
    });
    wire.onExtension = (extension, bytes) => {
      if (extension === 'handshake') {
        const size = integerAt(decodeDictionary(bytes), 'metadata_size', 1, metadataBytesMax);
        const their = wire.peerExtendedMapping[name];
        if (size === undefined || their === undefined || their === 0) return end();
        parts = new Array(Math.ceil(size / partBytes));
        nextPart = 0;
        for (let asked = 0; asked < partsAhead; asked++) ask();
        return;
      }
      const { value, endIndex } = decodePrefix(bytes);
      if (!(value instanceof Map) || value.get('msg_type') === message.request) return;
      const piece = integerAt(value, 'piece', 0, parts.length - 1);
      if (value.get('msg_type') !== message.data || piece === undefined) return end();
      parts[piece] = new Uint8Array(bytes.subarray(endIndex));
      ask();
      for (let index = 0; index < parts.length; index++) if (parts[index] === undefined) return;
      const info = Buffer.concat(parts as Uint8Array[]);
      end(hex(infoHashOf(info)) === hex(infoHash) ? new Uint8Array(info) : undefined);
    };
    socket.once('connect', () => {
      wire.handshake(infoHash, peerId, { fast: false });
    });
    socket.on('error', () => end());
    socket.on('close', () => end());
  });
}
