/** Whether the bytes of a piece are the right ones. Hashing runs beside the main thread. */
import { webcrypto } from 'node:crypto';

export const sha1Length = 20;
export const sha256Length = 32;

/** Hashes of all pieces, one after the other. SHA-256 where a manifest gave it, else the torrent's SHA-1. */
export interface PieceHashes {
  sha1: Uint8Array;
  sha256?: Uint8Array | undefined;
}

/** Whether `bytes` are those of the piece. */
export async function isPiece(hashes: PieceHashes, piece: number, bytes: Uint8Array): Promise<boolean> {
  const [name, all, length] =
    hashes.sha256 === undefined ? ['SHA-1', hashes.sha1, sha1Length] : ['SHA-256', hashes.sha256, sha256Length];
  const found = new Uint8Array(await webcrypto.subtle.digest(name as string, bytes as Uint8Array<ArrayBuffer>));
  const wanted = (all as Uint8Array).subarray(piece * (length as number), (piece + 1) * (length as number));
  return Buffer.from(found).equals(wanted);
}
