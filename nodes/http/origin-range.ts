/** Fetches a run of pieces from an origin, on one connection, as much at a time as the lease covers. */
import type { ByteSource } from './origin-connection.ts';
import type { OriginLease } from './origin-lease.ts';
import type { PieceRange } from './piece-range.ts';
import { fetchRange, type RangeEnd, type RemoteFile } from './range-client.ts';

/** `onBytes` may wait, and thereby slow the origin down. Ends early, without an error, where the lease ends. */
export async function fetchFromOrigin(
  lease: OriginLease,
  connection: ByteSource,
  file: RemoteFile,
  range: PieceRange,
  onBytes: (bytes: Uint8Array, at: number) => Promise<void> | void,
  slowMilliseconds?: number,
): Promise<RangeEnd> {
  let total = 0;
  for (let at = range.nextByte(range.startByte); at < range.endByte; ) {
    const covered = await lease.take(range.endByte - at, range.signal);
    if (covered === null) return { kind: 'aborted', bytes: total };
    const counted = (bytes: Uint8Array, position: number) => {
      covered.arrived(bytes.length);
      return onBytes(bytes, position);
    };
    const end = await fetchRange(connection, file, at, at + covered.bytes, range.signal, counted, slowMilliseconds);
    covered.giveUp();
    total += end.bytes;
    if (end.kind !== 'done') return { ...end, bytes: total };
    at = range.nextByte(at + end.bytes);
  }
  return { kind: 'done', bytes: total };
}
