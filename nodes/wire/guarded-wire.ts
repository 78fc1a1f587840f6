/**
 * The BitTorrent wire of `bittorrent-protocol`, with everything that a peer may send checked before the package sees
 * it. The package reads lengths as signed numbers without a bound, keeps as many requests as a peer cares to send, and
 * decodes extension messages with a decoder that never returns on some of them. A peer that breaks a rule is parted
 * from, with the reason; nothing that it sends can throw past this class or grow our memory.
 */
import type { Socket } from 'node:net';
import Wire from 'bittorrent-protocol';
import { decodePrefix, integerAt, MalformedInput } from './bencode.ts';

export const blockLength = 16 * 1024;
/** BEP 3 asks for 16 KiB; some clients ask for up to 128 KiB. */
const requestLengthMax = 128 * 1024;
/** Of an incoming peer: libtorrent sends up to 500, and more than that would only wait here. */
const peerRequestsMax = 2000;
/** An extension message: a piece of metadata is 16 KiB, a list of peers some kilobytes. */
const extendedLengthMax = 64 * 1024;

const id = {
  have: 4,
  bitfield: 5,
  request: 6,
  piece: 7,
  cancel: 8,
  port: 9,
  suggest: 13,
  haveAll: 14,
  haveNone: 15,
  reject: 16,
  allowedFast: 17,
  extended: 20,
};
/** Length of the messages that have one, id included. */
const fixedLength = new Map<number, number>([
  ...[0, 1, 2, 3, id.haveAll, id.haveNone].map((one): [number, number] => [one, 1]),
  ...[id.have, id.suggest, id.allowedFast].map((one): [number, number] => [one, 5]),
  ...[id.request, id.cancel, id.reject].map((one): [number, number] => [one, 13]),
  [id.port, 3],
]);

/** The pieces of the file that the wire is about; null before they are known (a magnet link). */
export interface WireFile {
  pieceCount: number;
  pieceLengthBytes: number;
  sizeBytes: number;
}

export class GuardedWire extends Wire {
  readonly #socket: Socket;
  #file: WireFile | null;
  #isBroken = false;
  #isGreeted = false;
  /** Called once, with the rule that the peer broke. */
  onBroken: (rule: string) => void = () => {};
  /** Called for each extension message whose bencoded head is sound; data may follow the head. */
  onExtension: (name: string, message: Uint8Array) => void = () => {};

  constructor(socket: Socket, file: WireFile | null) {
    super('tcp');
    this.#socket = socket;
    this.#file = file;
  }

  /** Bytes that wait for the peer to take them. */
  get waitingBytes(): number {
    // streamx keeps its own count of what was pushed and not yet read.
    const readable = (this as unknown as { _readableState: { buffered: number } })._readableState;
    return this.#socket.writableLength + readable.buffered;
  }

  /** The file became known: everything is checked against it from now on. */
  knowFile(file: WireFile): void {
    this.#file = file;
  }

  override _onHandshakeBuffer(buffer: Uint8Array): void {
    this.#isGreeted = true;
    this.#guarded(() => super._onHandshakeBuffer(buffer));
  }

  override _onMessageLength(buffer: Uint8Array): void {
    const length = uint32(buffer, 0);
    const limit = this.#lengthMax();
    if (length > limit) return this.#break(`a message of ${length} bytes, at most ${limit}`);
    super._onMessageLength(buffer);
  }

  override _onMessage(buffer: Uint8Array): void {
    if (this.#isBroken) return;
    const problem = this.#problemOf(buffer);
    if (problem !== undefined) return this.#break(problem);
    this.#guarded(() => super._onMessage(buffer));
  }

  override _onBitField(buffer: Uint8Array): void {
    // A copy: the package keeps it, and with it all of the network's buffer that it lies in.
    super._onBitField(new Uint8Array(buffer));
  }

  /** Only the head's shape is checked here; what it means is for whoever reads it. */
  override _onExtended(extension: number, buffer: Uint8Array): void {
    let head: ReturnType<typeof decodePrefix>;
    try {
      head = decodePrefix(buffer);
    } catch (error) {
      if (!(error instanceof MalformedInput)) throw error;
      return this.#break(`an extension message that is malformed: ${error.message}`);
    }
    if (!(head.value instanceof Map)) return this.#break('an extension message that is not a dictionary');
    if (extension !== 0) {
      const name = this.extendedMapping[extension];
      if (name !== undefined) this.onExtension(name, buffer);
      return;
    }
    if (head.endIndex !== buffer.length) return this.#break('an extended handshake with something behind it');
    const names = head.value.get('m');
    if (!(names instanceof Map)) return;
    for (const name of names.keys()) {
      const number = integerAt(names, name, 0, 255);
      if (number === undefined) return this.#break('an extended handshake that maps a name to no number');
      if (/^\w{1,32}$/.test(name) && name !== '__proto__') this.peerExtendedMapping[name] = number;
    }
    this.onExtension('handshake', buffer);
  }

  #guarded(read: () => void): void {
    try {
      read();
    } catch (error) {
      // Whatever else a peer finds to make the package throw ends with its own connection.
      this.#break(`a message that could not be read: ${(error as Error).message}`);
    }
  }

  #lengthMax(): number {
    // The bitfield is the one message that grows with the file; before the file is known, that of the largest one.
    const bitfield = this.#file === null ? 125_001 : 1 + Math.ceil(this.#file.pieceCount / 8);
    return Math.max(requestLengthMax + 9, extendedLengthMax, bitfield);
  }

  #problemOf(buffer: Uint8Array): string | undefined {
    const kind = buffer[0]!;
    const length = fixedLength.get(kind);
    if (length !== undefined && buffer.length !== length) return `message ${kind} has ${buffer.length} bytes`;
    if (!this.#isGreeted) return 'a message before the handshake';
    switch (kind) {
      case id.have:
      case id.suggest:
      case id.allowedFast:
        return this.#pieceProblem(uint32(buffer, 1));
      case id.bitfield:
        return this.#bitfieldProblem(buffer.subarray(1));
      case id.request:
        if (this.peerRequests.length >= peerRequestsMax) return `more than ${peerRequestsMax} requests at once`;
        return this.#blockProblem(uint32(buffer, 1), uint32(buffer, 5), uint32(buffer, 9));
      case id.cancel:
      case id.reject:
        return this.#blockProblem(uint32(buffer, 1), uint32(buffer, 5), uint32(buffer, 9));
      case id.piece:
        if (buffer.length < 9) return 'a block without its place';
        return this.#blockProblem(uint32(buffer, 1), uint32(buffer, 5), buffer.length - 9);
      case id.extended:
        if (buffer.length < 2) return 'an extension message without a number';
        return buffer.length > extendedLengthMax ? 'an extension message that is too long' : undefined;
      default:
        return undefined;
    }
  }

  #pieceProblem(piece: number): string | undefined {
    if (this.#file === null || piece < this.#file.pieceCount) return undefined;
    return `piece ${piece} of ${this.#file.pieceCount}`;
  }

  #bitfieldProblem(bits: Uint8Array): string | undefined {
    if (this.#file === null) return undefined;
    const { pieceCount } = this.#file;
    if (bits.length !== Math.ceil(pieceCount / 8)) return `a bitfield of ${bits.length} bytes for ${pieceCount} pieces`;
    const spare = bits.length * 8 - pieceCount;
    return (bits[bits.length - 1]! & ((1 << spare) - 1)) === 0 ? undefined : 'a bitfield with bits past the last piece';
  }

  #blockProblem(piece: number, offset: number, length: number): string | undefined {
    if (this.#file === null) return 'a block before the file is known';
    const { pieceLengthBytes, sizeBytes } = this.#file;
    const problem = this.#pieceProblem(piece);
    if (problem !== undefined) return problem;
    const pieceBytes = Math.min(pieceLengthBytes, sizeBytes - piece * pieceLengthBytes);
    if (length < 1 || length > requestLengthMax || offset + length > pieceBytes) {
      return `a block of ${length} bytes at ${offset} of a piece of ${pieceBytes}`;
    }
    return undefined;
  }

  #break(rule: string): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.onBroken(rule);
    this.#socket.destroy();
    this.destroy();
  }
}

function uint32(buffer: Uint8Array, at: number): number {
  return ((buffer[at]! << 24) | (buffer[at + 1]! << 16) | (buffer[at + 2]! << 8) | buffer[at + 3]!) >>> 0;
}
