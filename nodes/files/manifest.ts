/**
 * What a file consists of: the hashes of its pieces, of the whole, and where the original is. `sluice manifest` writes
 * it beside a file; a relay that knows it serves a standard torrent from the first second on. Both hashes of each
 * piece are kept: SHA-1 makes the v1 torrent, SHA-256 is what we trust.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileNameProblem } from './file-name.ts';
import { sha1Length, sha256Length } from './piece-hashes.ts';

export interface Manifest {
  name: string;
  sizeBytes: number;
  pieceLengthBytes: number;
  /** Of all pieces, one after the other: 20 and 32 bytes each. */
  sha1: Uint8Array;
  sha256: Uint8Array;
  /** Of the whole file, hexadecimal, where somebody knew it. */
  digest?: string;
  /** Where the original is, if known. */
  url?: string;
  validator?: Validator;
}

/** What says that an origin's file is still the same one. */
export interface Validator {
  sizeBytes: number;
  etag?: string;
  lastModified?: string;
}

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;
/** BEP 3 asks blocks of 16 KiB; a piece is at least one, and at most what fits a buffer many times. */
export const pieceLengthMin = 16 * kibibyte;
export const pieceLengthMax = 64 * mebibyte;
/** A bit per piece and neighbour, and 52 bytes of hashes. */
export const piecesMax = 1_000_000;

/** A manifest or torrent that cannot be used, with what is wrong. */
export class UnusableManifest extends Error {
  override name = 'UnusableManifest';
  readonly exitCode = 3;
}

/** Pieces of 1 MiB up to 1 GiB, then of 4 MiB (specification), larger where there would be too many. */
export function pieceLengthFor(sizeBytes: number): number {
  let length = sizeBytes <= 1024 * mebibyte ? mebibyte : 4 * mebibyte;
  while (sizeBytes / length > piecesMax && length < pieceLengthMax) length *= 2;
  return length;
}

export function pieceCountOf(file: { sizeBytes: number; pieceLengthBytes: number }): number {
  return Math.ceil(file.sizeBytes / file.pieceLengthBytes);
}

/** Reads all of the file at `path` once. */
export async function manifestOf(path: string, pieceLengthBytes?: number): Promise<Manifest> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const pieceLength = pieceLengthBytes ?? pieceLengthFor(size);
    const manifest = checkedManifest({
      name: basename(path),
      sizeBytes: size,
      pieceLengthBytes: pieceLength,
      sha1: new Uint8Array(sha1Length * Math.ceil(size / pieceLength)),
      sha256: new Uint8Array(sha256Length * Math.ceil(size / pieceLength)),
      digest: '0'.repeat(64),
    });
    manifest.digest = await hashAll(file, manifest);
    return manifest;
  } finally {
    await file.close();
  }
}

async function hashAll(file: FileHandle, manifest: Manifest): Promise<string> {
  const whole = createHash('sha256');
  const buffer = Buffer.alloc(manifest.pieceLengthBytes);
  for (let piece = 0; piece < pieceCountOf(manifest); piece++) {
    const start = piece * manifest.pieceLengthBytes;
    const length = Math.min(manifest.pieceLengthBytes, manifest.sizeBytes - start);
    await readFully(file, buffer.subarray(0, length), start);
    const bytes = buffer.subarray(0, length);
    manifest.sha1.set(createHash('sha1').update(bytes).digest(), piece * sha1Length);
    manifest.sha256.set(createHash('sha256').update(bytes).digest(), piece * sha256Length);
    whole.update(bytes);
  }
  return whole.digest('hex');
}

/** Fills the buffer from `start` on; an error when the file is shorter. */
export async function readFully(file: FileHandle, buffer: Uint8Array, start: number): Promise<void> {
  let done = 0;
  while (done < buffer.length) {
    const { bytesRead } = await file.read(buffer, done, buffer.length - done, start + done);
    if (bytesRead === 0) throw new Error(`the file ends at byte ${start + done}, before byte ${start + buffer.length}`);
    done += bytesRead;
  }
}

/** The manifest as the text of a `.manifest` file. */
export function printManifest(manifest: Manifest): string {
  const { sha1, sha256, ...rest } = manifest;
  const pieces = { sha1: Buffer.from(sha1).toString('base64'), sha256: Buffer.from(sha256).toString('base64') };
  return `${JSON.stringify({ kind: 'sluice-manifest', version: 1, ...rest, pieces })}\n`;
}

/** Reads a `.manifest` file; `UnusableManifest` says what is wrong. */
export function parseManifest(text: string): Manifest {
  let read: Record<string, unknown>;
  try {
    read = JSON.parse(text);
  } catch {
    throw new UnusableManifest('not a manifest: it is not JSON');
  }
  if (read?.kind !== 'sluice-manifest' || read.version !== 1) {
    throw new UnusableManifest('not a manifest: kind must be "sluice-manifest" and version 1');
  }
  const pieces = (read.pieces ?? {}) as Record<string, unknown>;
  return checkedManifest({
    name: String(read.name),
    sizeBytes: Number(read.sizeBytes),
    pieceLengthBytes: Number(read.pieceLengthBytes),
    sha1: new Uint8Array(Buffer.from(String(pieces.sha1), 'base64')),
    sha256: new Uint8Array(Buffer.from(String(pieces.sha256), 'base64')),
    ...(read.digest === undefined ? {} : { digest: String(read.digest) }),
    ...(typeof read.url === 'string' ? { url: read.url } : {}),
    ...(isValidator(read.validator) ? { validator: read.validator } : {}),
  });
}

function isValidator(value: unknown): value is Validator {
  const given = value as Validator | null;
  if (typeof given !== 'object' || given === null || !Number.isSafeInteger(given.sizeBytes)) return false;
  return [given.etag, given.lastModified].every((text) => text === undefined || typeof text === 'string');
}

function checkedManifest(manifest: Manifest): Manifest {
  const problem = fileProblem(manifest);
  if (problem !== undefined) throw new UnusableManifest(problem);
  const count = pieceCountOf(manifest);
  if (manifest.sha1.length !== count * sha1Length) {
    throw new UnusableManifest(`pieces.sha1 has ${manifest.sha1.length} bytes, and ${count} pieces need 20 each`);
  }
  if (manifest.sha256.length !== count * sha256Length) {
    throw new UnusableManifest(`pieces.sha256 has ${manifest.sha256.length} bytes, and ${count} pieces need 32 each`);
  }
  const { digest } = manifest;
  if (digest !== undefined && !/^[0-9a-f]{64}$/.test(digest))
    throw new UnusableManifest('digest is not a SHA-256 in hexadecimal');
  return manifest;
}

/** What is wrong with a file's name, size or piece length, whoever named them. */
export function fileProblem(file: { name: string; sizeBytes: number; pieceLengthBytes: number }): string | undefined {
  const { name, sizeBytes, pieceLengthBytes } = file;
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 1) return `a size of ${sizeBytes} bytes; it must be above 0`;
  if (!Number.isSafeInteger(pieceLengthBytes) || pieceLengthBytes < pieceLengthMin) {
    return `pieces of ${pieceLengthBytes} bytes; they must have ${pieceLengthMin} or more`;
  }
  if (pieceLengthBytes > pieceLengthMax) return `pieces of ${pieceLengthBytes} bytes; at most ${pieceLengthMax}`;
  if (pieceLengthBytes % pieceLengthMin !== 0) {
    return `pieces of ${pieceLengthBytes} bytes; they must be a multiple of ${pieceLengthMin}`;
  }
  if (pieceCountOf(file) > piecesMax) return `${pieceCountOf(file)} pieces; at most ${piecesMax}`;
  return fileNameProblem(name);
}
