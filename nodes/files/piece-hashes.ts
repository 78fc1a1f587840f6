/**
 * Whether the bytes of a piece are the right ones. One native call hashes up to a few MiB where they lie; larger
 * pieces let other work pass in between. Rejected: WebCrypto's digest beside the main thread, which copies all bytes
 * first.
 */
import { createHash, hash } from 'node:crypto';

export const sha1Length = 20;
export const sha256Length = 32;

/** Hashes of all pieces, one after the other. SHA-256 where a manifest gave it, else the torrent's SHA-1. */
export interface PieceHashes {
  sha1: Uint8Array;
  sha256?: Uint8Array | undefined;
}

/** Takes some milliseconds where a processor has no instructions for hashing, and about two where it has. */
const atOnceBytes = 4 * 1024 * 1024;

/** Whether `bytes` are those of the piece. */
export async function isPiece(hashes: PieceHashes, piece: number, bytes: Uint8Array): Promise<boolean> {
  const { sha1, sha256 } = hashes;
  const found = sha256 === undefined ? await digestOf('sha1', bytes) : await digestOf('sha256', bytes);
  const all = sha256 ?? sha1;
  return found.equals(all.subarray(piece * found.length, (piece + 1) * found.length));
}

export async function digestOf(name: 'sha1' | 'sha256', bytes: Uint8Array): Promise<Buffer> {
  if (bytes.length <= atOnceBytes) return hash(name, bytes, 'buffer');
  const running = createHash(name);
  for (let at = 0; at < bytes.length; at += atOnceBytes) {
    running.update(bytes.subarray(at, at + atOnceBytes));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return running.digest();
}
