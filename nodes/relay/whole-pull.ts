/**
 * Pulls from an origin that answers no ranges: one connection, the whole file from its beginning, of which the pieces
 * that are missing are kept. Nothing can be asked for in portions there, so what is paid for with the lease's tokens is
 * what we read; the origin may be ahead of that by what the sockets hold on both sides.
 */
import type { PieceIntake } from '../files/piece-intake.ts';
import type { OriginConnection } from '../http/origin-connection.ts';
import type { OriginLease } from '../http/origin-lease.ts';
import type { Pace } from '../http/pace.ts';
import { PieceRange } from '../http/piece-range.ts';
import { fetchRange, type RangeEnd, type RemoteFile } from '../http/range-client.ts';

const chunkBytes = 64 * 1024;

export interface WholeEnd {
  end: RangeEnd;
  /** A piece came whose hash is wrong. */
  hasSentWrong: boolean;
}

export async function pullWhole(
  intake: PieceIntake,
  lease: OriginLease,
  connection: OriginConnection,
  file: RemoteFile,
  pace: Pace,
  signal: AbortSignal,
): Promise<WholeEnd> {
  const { pieceLengthBytes } = intake.store.file;
  let range: PieceRange | undefined;
  let hasSentWrong = false;
  const stop = new AbortController();
  const endPiece = () => {
    range?.end();
    range = undefined;
  };
  const take = (bytes: Uint8Array, at: number) => {
    for (let done = 0; done < bytes.length; ) {
      const position = at + done;
      const piece = Math.floor(position / pieceLengthBytes);
      const inPiece = position - piece * pieceLengthBytes;
      if (inPiece === 0) range = claim(intake, piece);
      const part = bytes.subarray(done, done + intake.store.pieceBytes(piece) - inPiece);
      range?.take(part, position);
      done += part.length;
      hasSentWrong ||= range?.hasSentWrong === true;
      if (inPiece + part.length === intake.store.pieceBytes(piece)) endPiece();
    }
  };
  const paid = async (bytes: Uint8Array, at: number) => {
    for (let done = 0; done < bytes.length && !stop.signal.aborted; ) {
      const covered = await lease.take(Math.min(chunkBytes, bytes.length - done), signal);
      if (covered === null) return stop.abort();
      covered.giveUp();
      await pace.take(covered.bytes);
      done += covered.bytes;
    }
    if (!stop.signal.aborted) take(bytes, at);
    if (hasSentWrong || intake.store.isComplete) stop.abort();
  };
  const ended = AbortSignal.any([signal, stop.signal]);
  const end = await fetchRange(connection, file, 0, file.sizeBytes, ended, paid);
  endPiece();
  return { end, hasSentWrong };
}

function claim(intake: PieceIntake, piece: number): PieceRange | undefined {
  const { core } = intake;
  if (core.sets.holds(0, piece) || core.sets.isRequested(0, piece)) return undefined;
  const taken = core.takeFrom(piece, 1);
  return taken?.kind === 'range' ? new PieceRange(intake, 'origin', taken.firstPiece, taken.pieceCount) : undefined;
}
