/**
 * Bencode as peers and trackers may send it: read strictly, once, at the edge.
 *
 * The `bencode` package loops until memory is gone on a string of negative length, takes much that is malformed, and
 * loses binary keys and large integers. So nothing foreign reaches it before this reader has walked over all of it:
 * lengths canonical and within the input, depth and size bounded, keys sorted and unique, integers canonical and
 * exact in a double. The time is linear in the input. What is hashed is always a slice of the input, never encoded
 * again. Only what we made ourselves goes through the package's encoder.
 */
import bencode from 'bencode';

export type BencodeValue = number | Uint8Array | BencodeValue[] | BencodeDictionary;
/** Keys are byte strings, written in latin-1. */
export type BencodeDictionary = Map<string, BencodeValue>;

/** Torrents nest six deep; a bound keeps the reader's stack from being the sender's choice. */
const depthMax = 32;
/** A torrent of a million pieces is 20 MB. */
const inputBytesMax = 32 * 1024 * 1024;
const [letterI, letterL, letterD, letterE, colon, minus] = [0x69, 0x6c, 0x64, 0x65, 0x3a, 0x2d];
const [digit0, digit9] = [0x30, 0x39];

/** Foreign bytes that are not what they must be. */
export class MalformedInput extends Error {
  override name = 'MalformedInput';
}

/** The one value that `bytes` are; `MalformedInput` if they are not exactly that. */
export function decodeBencode(bytes: Uint8Array): BencodeValue {
  const { value, endIndex } = decodePrefix(bytes);
  if (endIndex !== bytes.length) throw malformed(endIndex, 'something follows the value');
  return value;
}

/** The value at the beginning of `bytes`, and where it ends (BEP 9 puts data behind it). */
export function decodePrefix(bytes: Uint8Array): { value: BencodeValue; endIndex: number } {
  if (bytes.length > inputBytesMax) throw malformed(0, `${bytes.length} bytes, at most ${inputBytesMax}`);
  const reader = new Reader(bytes);
  const value = reader.value(0);
  return { value, endIndex: reader.at };
}

/** The same, where a dictionary is expected. */
export function decodeDictionary(bytes: Uint8Array): BencodeDictionary {
  const value = decodeBencode(bytes);
  if (!(value instanceof Map)) throw malformed(0, 'not a dictionary');
  return value;
}

/** The bytes of one value of the dictionary `bytes`, as they stand there; undefined where the key is absent. */
export function rawEntry(bytes: Uint8Array, key: string): Uint8Array | undefined {
  const reader = new Reader(bytes);
  reader.value(0, key);
  return reader.watched;
}

/** Our own values as bencode. Undefined entries of an object are left out. */
export function encodeBencode(value: unknown): Uint8Array {
  return bencode.encode(value);
}

class Reader {
  readonly bytes: Uint8Array;
  at = 0;
  /** Slice of the value under the key that was asked for, of the outermost dictionary. */
  watched: Uint8Array | undefined;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  value(depth: number, watchedKey?: string): BencodeValue {
    if (depth > depthMax) throw malformed(this.at, `nested deeper than ${depthMax}`);
    const first = this.bytes[this.at];
    if (first === letterI) {
      this.at++;
      return this.#integer(letterE);
    }
    if (first === letterL) return this.#list(depth);
    if (first === letterD) return this.#dictionary(depth, watchedKey);
    return this.#string();
  }

  #list(depth: number): BencodeValue[] {
    const list: BencodeValue[] = [];
    this.at++;
    while (this.bytes[this.at] !== letterE) list.push(this.value(depth + 1));
    this.at++;
    return list;
  }

  #dictionary(depth: number, watchedKey?: string): BencodeDictionary {
    const dictionary: BencodeDictionary = new Map();
    let last: string | undefined;
    this.at++;
    while (this.bytes[this.at] !== letterE) {
      const key = latin1(this.#string());
      // Latin-1 compares as the bytes do.
      if (last !== undefined && key <= last) throw malformed(this.at, 'keys must be sorted and unique');
      last = key;
      const start = this.at;
      dictionary.set(key, this.value(depth + 1));
      if (key === watchedKey) this.watched = this.bytes.subarray(start, this.at);
    }
    this.at++;
    return dictionary;
  }

  #string(): Uint8Array {
    const length = this.#integer(colon);
    if (length < 0) throw malformed(this.at, 'a length is negative');
    const end = this.at + length;
    if (end > this.bytes.length) throw malformed(this.at, 'a string is longer than the input');
    const string = this.bytes.subarray(this.at, end);
    this.at = end;
    return string;
  }

  /** Decimal digits up to `end`: no leading zeros, no minus zero, no plus sign. */
  #integer(end: number): number {
    const start = this.at;
    const isNegative = this.bytes[this.at] === minus;
    if (isNegative) this.at++;
    const firstDigit = this.at;
    let value = 0;
    for (;;) {
      const byte = this.bytes[this.at];
      if (byte === end) break;
      if (byte === undefined || byte < digit0 || byte > digit9) throw malformed(this.at, 'not a digit');
      value = value * 10 + (byte - digit0);
      if (value > Number.MAX_SAFE_INTEGER) throw malformed(start, 'an integer is too large');
      this.at++;
    }
    const digitCount = this.at - firstDigit;
    if (digitCount === 0) throw malformed(start, 'an integer has no digits');
    if (digitCount > 1 && this.bytes[firstDigit] === digit0) throw malformed(start, 'an integer has leading zeros');
    if (isNegative && value === 0) throw malformed(start, 'zero has no sign');
    this.at++;
    return isNegative ? -value : value;
  }
}

export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

export function utf8(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

/** The integer under `key` if it lies within the bounds, else undefined. */
export function integerAt(dictionary: BencodeDictionary, key: string, min: number, max: number): number | undefined {
  const value = dictionary.get(key);
  return typeof value === 'number' && value >= min && value <= max ? value : undefined;
}

/** The byte string under `key`, else undefined. */
export function bytesAt(dictionary: BencodeDictionary, key: string): Uint8Array | undefined {
  const value = dictionary.get(key);
  return value instanceof Uint8Array ? value : undefined;
}

function malformed(index: number, what: string): MalformedInput {
  return new MalformedInput(`bencode, byte ${index}: ${what}`);
}
