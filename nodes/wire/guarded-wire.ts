/**
 * The BitTorrent wire of `bittorrent-protocol`, with everything that a peer may send checked before the package sees
 * it. The package reads lengths as signed numbers without a bound, keeps as many requests as a peer cares to send, and
 * decodes extension messages with a decoder that never returns on some of them. A peer that breaks a rule is parted
 * from, with the reason; nothing that it sends can throw past this class or grow our memory.
 *
 * Bytes do not pass through the package's streams, which copy and concatenate: chunks are cut here, requests and
 * blocks are handed on at once, and what is said within one turn goes out as one write. What remains the package's:
 * handshakes, who is choked and interested, who holds what.
 */
import type { Socket } from 'node:net';
import Wire from 'bittorrent-protocol';
import { decodePrefix, integerAt, MalformedInput } from './bencode.ts';
import { MessageReader, uint32 } from './message-reader.ts';

export const blockLength = 16 * 1024;
/** BEP 3 asks for 16 KiB; some clients ask for up to 128 KiB. */
const requestLengthMax = 128 * 1024;
/** Of an incoming peer: libtorrent sends up to 500, and more than that would only wait here. */
const peerRequestsMax = 2000;
/** An extension message: a piece of metadata is 16 KiB, a list of peers some kilobytes. */
const extendedLengthMax = 64 * 1024;
/** Of answers and announcements to one peer, which it does not read. Blocks are sent no faster than they are taken. */
const waitingBytesMax = 4 * 1024 * 1024;

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
  readonly #reader: MessageReader;
  #file: WireFile | null;
  #isBroken = false;
  #isOver = false;
  /** What was said and is not with the socket yet. */
  #said: Uint8Array[] = [];
  #saidBytes = 0;
  #isReading = false;
  #writesUnderWay = 0;
  #writeEndedAt = 0;
  /** What the peer asks for: first byte in the file → bytes, in its order. Whoever answers takes it out. */
  readonly wanted = new Map<number, number>();
  /** Called once, with the rule that the peer broke. */
  onBroken: (rule: string) => void = () => {};
  /** Called for each extension message whose bencoded head is sound; data may follow the head. */
  onExtension: (name: string, message: Uint8Array) => void = () => {};
  /** A block came. Its bytes are the connection's: they change after the call. */
  onBlock: (piece: number, offset: number, bytes: Uint8Array) => void = () => {};
  /** All of what had come was handed on. */
  onRead: () => void = () => {};
  /** There is something in `wanted`. */
  onWanted: () => void = () => {};
  /** The peer will not send this block. */
  onRejected: (piece: number, offset: number) => void = () => {};

  constructor(socket: Socket, file: WireFile | null) {
    super('tcp');
    this.#socket = socket;
    this.#file = file;
    this.#reader = new MessageReader({
      lengthMax: () => this.#lengthMax(),
      onHandshake: (bytes) => super._onHandshakeBuffer(bytes),
      onMessage: (bytes) => this.#onMessage(bytes),
      onKeepAlive: () => {},
      onUnreadable: (length) => {
        if (length === undefined) this.#socket.destroy();
        else this.#break(`a message of ${length} bytes, at most ${this.#lengthMax()}`);
      },
    });
  }

  /** What the peer sent; of no use to the wire after the call. */
  receive(chunk: Uint8Array): void {
    if (this.#isOver) return;
    this.#isReading = true;
    try {
      this.#reader.read(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
      if (!this.#isOver) this.onRead();
    } catch (error) {
      // Whatever else a peer finds to make the package throw ends with its own connection.
      this.#break(`a message that could not be read: ${(error as Error).message}`);
    }
    this.#isReading = false;
    this.#flush();
  }

  /** Bytes that wait for the peer to take them. */
  get waitingBytes(): number {
    return this.#saidBytes + this.#socket.writableLength;
  }

  /** For how long the peer has taken nothing of what was sent to it. */
  get stalledMilliseconds(): number {
    return this.#writesUnderWay === 0 ? 0 : performance.now() - this.#writeEndedAt;
  }

  /** Messages as they go over the wire; `taken` is called once they are the network's, or the connection is over. */
  send(messages: Uint8Array, taken: () => void): void {
    this.#flush();
    this.#write(messages, taken);
  }

  /** Asks for a block. */
  ask(piece: number, offset: number, length: number): void {
    this._message(id.request, [piece, offset, length], null);
  }

  override choke(): void {
    super.choke();
    if (this.wanted.size === 0) return;
    const all = [...this.wanted];
    this.wanted.clear();
    // Without the fast extension a choke says this by itself.
    if (this.hasFast) for (const [start, length] of all) this.refuse(start, length);
  }

  /** What was taken out of `wanted` will not be sent. */
  refuse(start: number, length: number): void {
    if (!this.hasFast || this.#file === null) return;
    const { pieceLengthBytes } = this.#file;
    this.reject(Math.floor(start / pieceLengthBytes), start % pieceLengthBytes, length);
  }

  override end(data?: unknown): this {
    this.#isOver = true;
    this.#reader.stop();
    return super.end(data);
  }

  override _push(bytes: Uint8Array): boolean {
    if (this.#isOver) return false;
    if (this.#said.length === 0 && !this.#isReading) process.nextTick(() => this.#flush());
    this.#said.push(bytes);
    this.#saidBytes += bytes.length;
    if (this.waitingBytes > waitingBytesMax) this.#break(`${waitingBytesMax} bytes wait for it, and it does not read`);
    return true;
  }

  /** The package prints each message into a text, whether or not anybody reads it. */
  override _debug(): void {}

  /** The file became known: everything is checked against it from now on. */
  knowFile(file: WireFile): void {
    this.#file = file;
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

  #onMessage(bytes: Uint8Array): void {
    const problem = this.#problemOf(bytes);
    if (problem !== undefined) return this.#break(problem);
    switch (bytes[0]) {
      case id.piece:
        return this.onBlock(uint32(bytes, 1), uint32(bytes, 5), bytes.subarray(9));
      case id.request:
        return this.#onRequest(uint32(bytes, 1), uint32(bytes, 5), uint32(bytes, 9));
      case id.cancel:
        return this.#onCancel(uint32(bytes, 1), uint32(bytes, 5), uint32(bytes, 9));
      case id.reject:
        if (!this.hasFast) return this.#break('a reject without the fast extension');
        return this.onRejected(uint32(bytes, 1), uint32(bytes, 5));
      case id.extended:
        // A copy: whoever decodes it may keep parts of it.
        return super._onMessage(bytes.slice());
      default:
        return super._onMessage(bytes);
    }
  }

  #onRequest(piece: number, offset: number, length: number): void {
    const start = piece * this.#file!.pieceLengthBytes + offset;
    if (this.amChoking) return this.refuse(start, length);
    this.wanted.set(start, length);
    this.onWanted();
  }

  #onCancel(piece: number, offset: number, length: number): void {
    const start = piece * this.#file!.pieceLengthBytes + offset;
    // With the fast extension each request has an answer (BEP 6): the block, or this.
    if (this.wanted.get(start) === length && this.wanted.delete(start)) this.refuse(start, length);
  }

  #flush(): void {
    if (this.#said.length === 0) return;
    const bytes = this.#said.length === 1 ? this.#said[0]! : Buffer.concat(this.#said);
    this.#said = [];
    this.#saidBytes = 0;
    this.#write(bytes, nothing);
  }

  #write(bytes: Uint8Array, taken: () => void): void {
    if (this.#isOver || this.#socket.destroyed) return taken();
    if (this.#writesUnderWay++ === 0) this.#writeEndedAt = performance.now();
    this.#socket.write(bytes, () => {
      this.#writesUnderWay--;
      this.#writeEndedAt = performance.now();
      taken();
    });
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
    switch (kind) {
      case id.have:
      case id.suggest:
      case id.allowedFast:
        return this.#pieceProblem(uint32(buffer, 1));
      case id.bitfield:
        return this.#bitfieldProblem(buffer.subarray(1));
      case id.request:
        if (this.wanted.size >= peerRequestsMax) return `more than ${peerRequestsMax} requests at once`;
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

function nothing(): void {}
