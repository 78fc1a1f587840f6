/**
 * Cuts what a peer sends into messages. A message that lies whole in a chunk is handed on where it lies; of one that
 * does not, the beginning is kept until the rest has come. Memory of one connection: a block and its head, or the one
 * longer message that is under way, which `lengthMax` bounds.
 */

/** What a reader hands on. The bytes are the reader's: whoever keeps them copies them. */
export interface MessageSink {
  /** Bytes that a message may have, its length not counted. */
  lengthMax(): number;
  /** The first 68 bytes of a connection, without the one that says how long the protocol's name is. */
  onHandshake(bytes: Uint8Array): void;
  /** A message without its length: its number, then its body. */
  onMessage(bytes: Uint8Array): void;
  onKeepAlive(): void;
  /** What comes is not the protocol, or longer than allowed; nothing more is read. */
  onUnreadable(lengthBytes: number | undefined): void;
}

const handshakeBytes = 68;
const protocolNameLength = 19;
/** Length, number, piece and offset before a block of 16 KiB. */
const usualBytesMax = 16 * 1024 + 13;

export class MessageReader {
  readonly #sink: MessageSink;
  #isGreeted = false;
  #isStopped = false;
  /** The beginning of a message that is not whole, and how long it is as a whole; 0 = not known yet. */
  #kept = new Uint8Array(handshakeBytes);
  #keptBytes = 0;
  #wholeBytes = 0;

  constructor(sink: MessageSink) {
    this.#sink = sink;
  }

  stop(): void {
    this.#isStopped = true;
  }

  read(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length && !this.#isStopped) {
      if (this.#keptBytes > 0) {
        at = this.#goOn(chunk, at);
        continue;
      }
      const wholeBytes = this.#lengthOf(chunk, at, chunk.length);
      if (wholeBytes === undefined) return;
      if (wholeBytes === 0 || at + wholeBytes > chunk.length) {
        this.#keep(chunk.subarray(at), wholeBytes);
        return;
      }
      this.#give(chunk, at, at + wholeBytes);
      at += wholeBytes;
    }
  }

  /** Length of the message at `start`, its head counted; 0 = too little is there; undefined = it is refused. */
  #lengthOf(bytes: Uint8Array, start: number, end: number): number | undefined {
    if (!this.#isGreeted) {
      if (bytes[start] === protocolNameLength) return handshakeBytes;
      return this.#refuse(undefined);
    }
    if (end - start < 4) return 0;
    const length = uint32(bytes, start);
    return length > this.#sink.lengthMax() ? this.#refuse(length) : 4 + length;
  }

  #refuse(length: number | undefined): undefined {
    this.#isStopped = true;
    this.#sink.onUnreadable(length);
  }

  #keep(bytes: Uint8Array, wholeBytes: number): void {
    this.#makeRoom(wholeBytes);
    this.#kept.set(bytes, this.#keptBytes);
    this.#keptBytes += bytes.length;
    this.#wholeBytes = wholeBytes;
  }

  /** Adds to what is kept; returns up to where the chunk is used. */
  #goOn(chunk: Uint8Array, start: number): number {
    let at = start;
    if (this.#wholeBytes === 0) {
      while (this.#keptBytes < 4 && at < chunk.length) this.#kept[this.#keptBytes++] = chunk[at++]!;
      const wholeBytes = this.#lengthOf(this.#kept, 0, this.#keptBytes);
      if (wholeBytes === undefined || wholeBytes === 0) return chunk.length;
      this.#makeRoom(wholeBytes);
      this.#wholeBytes = wholeBytes;
    }
    const wanted = Math.min(this.#wholeBytes - this.#keptBytes, chunk.length - at);
    this.#kept.set(chunk.subarray(at, at + wanted), this.#keptBytes);
    this.#keptBytes += wanted;
    if (this.#keptBytes < this.#wholeBytes) return chunk.length;
    const [kept, wholeBytes] = [this.#kept, this.#wholeBytes];
    this.#keptBytes = 0;
    this.#wholeBytes = 0;
    if (kept.length > usualBytesMax) this.#kept = new Uint8Array(handshakeBytes);
    this.#give(kept, 0, wholeBytes);
    return at + wanted;
  }

  #makeRoom(wholeBytes: number): void {
    if (this.#kept.length >= wholeBytes) return;
    const room = new Uint8Array(Math.max(wholeBytes, usualBytesMax));
    room.set(this.#kept.subarray(0, this.#keptBytes));
    this.#kept = room;
  }

  #give(bytes: Uint8Array, start: number, end: number): void {
    if (!this.#isGreeted) {
      this.#isGreeted = true;
      this.#sink.onHandshake(bytes.slice(start + 1, end));
    } else if (end - start === 4) {
      this.#sink.onKeepAlive();
    } else {
      this.#sink.onMessage(bytes.subarray(start + 4, end));
    }
  }
}

export function uint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
