/**
 * Piece hashes as a relay signs them while it pulls: batches of a chain, and the seal under the whole. Binary, of
 * fixed layout, with one encoding for each content; numbers are big-endian.
 *
 *     batch  slb1 · swarm 20 · key 32 · sequence 4 · previous 32 · count 2 · count × (piece 4 · SHA-1 20 · SHA-256 32)
 *            · Ed25519 signature 64 of all before it
 *     seal   sls1 · swarm 20 · SHA-256 of the manifest 32 · info-hash 20 · signature 64 of control
 *
 * `previous` is the SHA-256 of the signed part of the batch before, or, of the first, of `slb1 · swarm · key`.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { batchBytesMax } from '#nodes/protocol/hash-messages.ts';
import { sha1Length, sha256Length } from './piece-hashes.ts';

export const swarmLength = 20;
export const keyLength = 32;
const signatureLength = 64;
const magicLength = 4;
const entryLength = 4 + sha1Length + sha256Length;
const headLength = magicLength + swarmLength + keyLength + 4 + sha256Length + 2;
export const sealLength = magicLength + swarmLength + sha256Length + sha1Length + signatureLength;
export const batchPiecesMax = Math.floor((batchBytesMax - headLength - signatureLength) / entryLength);
const batchMagic = Buffer.from('slb1');
const sealMagic = Buffer.from('sls1');

export interface SignedPiece {
  piece: number;
  sha1: Uint8Array;
  sha256: Uint8Array;
}

export interface Batch {
  swarm: Uint8Array;
  key: Uint8Array;
  sequence: number;
  previous: Uint8Array;
  /** By rising number, each once. */
  pieces: SignedPiece[];
  /** As it came. */
  bytes: Uint8Array;
}

export interface Seal {
  swarm: Uint8Array;
  /** SHA-256 of the text of the manifest. */
  manifest: Uint8Array;
  infoHash: Uint8Array;
  bytes: Uint8Array;
}

/** Bytes that are no batch or no seal, or are not signed by whom they name. */
export class BadSignature extends Error {
  override name = 'BadSignature';
}

export interface SigningKey {
  privateKey: KeyObject;
  /** The public key: 32 bytes. */
  key: Uint8Array;
  /** The private one: 32 bytes. */
  secret: Uint8Array;
}

export function newSigningKey(): SigningKey {
  const { privateKey } = generateKeyPairSync('ed25519');
  const { d, x } = privateKey.export({ format: 'jwk' });
  return { privateKey, key: fromUrl(x), secret: fromUrl(d) };
}

export function signingKeyOf(secret: Uint8Array, key: Uint8Array): SigningKey {
  const jwk = { kty: 'OKP', crv: 'Ed25519', d: toUrl(secret), x: toUrl(key) };
  return { privateKey: createPrivateKey({ key: jwk, format: 'jwk' }), key, secret };
}

/** Throws where `key` is no point of the curve. */
export function publicKeyOf(key: Uint8Array): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: toUrl(key) }, format: 'jwk' });
}

/** What the first batch of a chain names as the one before. */
export function chainStart(swarm: Uint8Array, key: Uint8Array): Uint8Array {
  return sha256(Buffer.concat([batchMagic, swarm, key]));
}

/** What the batch after this one names. */
export function chainHead(batch: Uint8Array): Uint8Array {
  return sha256(batch.subarray(0, batch.length - signatureLength));
}

export function signBatch(
  signer: SigningKey,
  batch: { swarm: Uint8Array; sequence: number; previous: Uint8Array; pieces: SignedPiece[] },
): Uint8Array {
  const { swarm, sequence, previous, pieces } = batch;
  const numbers = Buffer.alloc(4);
  numbers.writeUInt32BE(sequence);
  const count = Buffer.alloc(2);
  count.writeUInt16BE(pieces.length);
  const entries = pieces.flatMap(({ piece, sha1, sha256: strong }) => {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(piece);
    return [number, sha1, strong];
  });
  const body = Buffer.concat([batchMagic, swarm, signer.key, numbers, previous, count, ...entries]);
  return Buffer.concat([body, sign(null, body, signer.privateKey)]);
}

/** The batch that the bytes are; its signature is not looked at. `BadSignature` where they are none. */
export function decodeBatch(given: Uint8Array): Batch {
  const bytes = Buffer.from(given.buffer, given.byteOffset, given.byteLength);
  if (bytes.length < headLength + signatureLength || bytes.length > batchBytesMax) {
    throw new BadSignature(`a batch of ${bytes.length} bytes`);
  }
  if (!bytes.subarray(0, magicLength).equals(batchMagic)) throw new BadSignature('not a batch');
  const countAt = headLength - 2;
  const count = bytes.readUInt16BE(countAt);
  if (count < 1 || count > batchPiecesMax || bytes.length !== headLength + count * entryLength + signatureLength) {
    throw new BadSignature(`a batch of ${count} pieces in ${bytes.length} bytes`);
  }
  const pieces: SignedPiece[] = [];
  for (let at = headLength; at < bytes.length - signatureLength; at += entryLength) {
    const piece = bytes.readUInt32BE(at);
    if (pieces.length > 0 && piece <= pieces.at(-1)!.piece) throw new BadSignature('pieces must rise');
    const strongAt = at + 4 + sha1Length;
    pieces.push({ piece, sha1: bytes.subarray(at + 4, strongAt), sha256: bytes.subarray(strongAt, at + entryLength) });
  }
  const keyAt = magicLength + swarmLength;
  return {
    swarm: bytes.subarray(magicLength, keyAt),
    key: bytes.subarray(keyAt, keyAt + keyLength),
    sequence: bytes.readUInt32BE(keyAt + keyLength),
    previous: bytes.subarray(countAt - sha256Length, countAt),
    pieces,
    bytes,
  };
}

/** Whether the last 64 bytes are the key's signature of those before. */
export function isSigned(bytes: Uint8Array, key: KeyObject): boolean {
  const end = bytes.length - signatureLength;
  return verify(null, bytes.subarray(0, end), key, bytes.subarray(end));
}

export function signSeal(
  signer: SigningKey,
  { swarm, manifest, infoHash }: { swarm: Uint8Array; manifest: Uint8Array; infoHash: Uint8Array },
): Uint8Array {
  const body = Buffer.concat([sealMagic, swarm, manifest, infoHash]);
  return Buffer.concat([body, sign(null, body, signer.privateKey)]);
}

/** A seal of control for this swarm, verified; `BadSignature` where it is none. */
export function decodeSeal(given: Uint8Array, swarm: Uint8Array, control: KeyObject): Seal {
  const bytes = Buffer.from(given.buffer, given.byteOffset, given.byteLength);
  if (bytes.length !== sealLength || !bytes.subarray(0, magicLength).equals(sealMagic)) {
    throw new BadSignature('not a seal');
  }
  const manifestAt = magicLength + swarmLength;
  if (!bytes.subarray(magicLength, manifestAt).equals(swarm)) throw new BadSignature('a seal of another swarm');
  if (!isSigned(bytes, control)) throw new BadSignature('a seal that control has not signed');
  const infoHashAt = manifestAt + sha256Length;
  return {
    swarm: bytes.subarray(magicLength, manifestAt),
    manifest: bytes.subarray(manifestAt, infoHashAt),
    infoHash: bytes.subarray(infoHashAt, infoHashAt + sha1Length),
    bytes,
  };
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}

function toUrl(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}

function fromUrl(text: unknown): Uint8Array {
  return new Uint8Array(Buffer.from(String(text), 'base64url'));
}
