/** Hostile inputs from sound ones: the same for the same seed. */
import type { Prng } from '#core/prng.ts';

/** What breaks readers: signs, limits of word sizes, lengths that lie, what opens and closes. */
const poisons = [
  ...['-1:', '-5:', '-9007199254740991:', '99999999999:', '9007199254740993:', '0:', 'i-0e', 'i1e', 'd', 'l', 'e'],
  ...['bytes=5-4', 'bytes=-0', 'bytes=0-99999999999999999999', '%00', '%ff', '../', '\0', '\r\n\r\n', '\u202e'],
  ...['__proto__', 'constructor', '{"a":1}', '[[[[[[', 'null', '1e999', '-1', '4294967295', 'NaN', ':', ';q=', '"'],
].map((text) => Buffer.from(text, 'latin1'));
const words = [0, 1, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000, 0xffffffff, 0x4000, 0x20000, 0x10000];
const lengthMax = 128 * 1024;

/** One of the sound inputs, hurt in some places; now and then nothing but noise, now and then left sound. */
export function hostile(prng: Prng, sound: readonly Buffer[]): Buffer {
  const kind = prng.below(20);
  if (kind === 0) return noise(prng, prng.below(400));
  let bytes: Buffer = Buffer.from(sound[prng.below(sound.length)]!);
  if (kind === 1) return bytes;
  for (let hurts = 1 + prng.below(4); hurts > 0; hurts--) bytes = hurt(prng, bytes, sound);
  return bytes.subarray(0, lengthMax);
}

export function noise(prng: Prng, length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, () => prng.below(256)));
}

function hurt(prng: Prng, bytes: Buffer, sound: readonly Buffer[]): Buffer {
  const at = prng.below(bytes.length + 1);
  const length = prng.below(Math.min(64, bytes.length - at) + 1);
  const [head, part, tail] = [bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at + length)];
  switch (prng.below(8)) {
    case 0:
      return flipped(prng, bytes);
    case 1:
      return Buffer.concat([head, tail]);
    case 2:
      return Buffer.concat([head, part, part, tail]);
    case 3:
      return Buffer.concat([head, poisons[prng.below(poisons.length)]!, tail]);
    case 4:
      return withWord(prng, bytes, at);
    case 5:
      return Buffer.concat([head, sound[prng.below(sound.length)]!.subarray(prng.below(at + 1))]);
    case 6:
      return withNumber(prng, bytes);
    default:
      return Buffer.concat([head, repeated(prng, part), tail]);
  }
}

function flipped(prng: Prng, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  if (copy.length > 0) copy[prng.below(copy.length)]! ^= 1 << prng.below(8);
  return copy;
}

function withWord(prng: Prng, bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  if (copy.length >= 4) copy.writeUInt32BE(words[prng.below(words.length)]!, Math.min(at, copy.length - 4));
  return copy;
}

/** One of the decimal numbers becomes another one. */
function withNumber(prng: Prng, bytes: Buffer): Buffer {
  const text = bytes.toString('latin1');
  const numbers = [...text.matchAll(/-?\d+/g)];
  if (numbers.length === 0) return bytes;
  const { index, 0: found } = numbers[prng.below(numbers.length)]!;
  const other = ['-1', '0', '1', '-0', '007', '4294967296', '9007199254740993', '1e9', '0.5', ''][prng.below(10)]!;
  return Buffer.from(text.slice(0, index) + other + text.slice(index + found.length), 'latin1');
}

function repeated(prng: Prng, part: Buffer): Buffer {
  const times = prng.below(12) === 0 ? 2000 : prng.below(20);
  return Buffer.concat(Array(times).fill(part));
}
