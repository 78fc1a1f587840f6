/**
 * Brings a file from its origin to a relay: several connections under the relay's lease, pinned to the file's
 * validator. What somebody waits for comes first, then the relay's own part from the front, then the rest, where no
 * other relay brings it.
 */
import { none } from '#core/units.ts';
import type { PieceIntake } from '../files/piece-intake.ts';
import { OriginConnection } from '../http/origin-connection.ts';
import type { OriginLease } from '../http/origin-lease.ts';
import { fetchFromOrigin } from '../http/origin-range.ts';
import { OriginSources } from '../http/origin-sources.ts';
import { monotonicMilliseconds, type Pace, pause } from '../http/pace.ts';
import { PieceRange } from '../http/piece-range.ts';
import type { RangeEnd, RemoteFile } from '../http/range-client.ts';
import { pullWhole } from './whole-pull.ts';

export interface PullOptions {
  file: RemoteFile;
  connections: number;
  /** The relay's own part: [first byte, end). */
  part: { firstByte: number; endByte: number };
  /** Where hashes are signed while they come: only pieces of these ranges are pulled, others cannot be verified. */
  ownRanges: () => readonly { firstPiece: number; endPiece: number }[] | undefined;
  /** Whether another relay brings the rest: then it is pulled only where nothing comes. */
  isShared: () => boolean;
  pace: Pace;
}

/** Other relays have brought nothing for this long: what is missing is pulled from the origin after all. */
const patienceMilliseconds = 10_000;
const backoffFirstMilliseconds = 500;
const backoffMaxMilliseconds = 30_000;
const idleMilliseconds = 50;
/** The origin has sent this many pieces that are not those of the manifest: it is not the file. */
const wrongPiecesMax = 3;

/** The origin has another file under the URL now: what was pulled is of no use to anybody. */
export class FileChanged extends Error {
  override name = 'FileChanged';
}

type Outcome = 'went well' | 'nothing' | 'failed';

export class Pull {
  readonly #intake: PieceIntake;
  readonly #lease: OriginLease;
  readonly #options: PullOptions;
  readonly #abort = new AbortController();
  readonly #ranges = new Set<PieceRange>();
  /** Pieces that somebody waits for, the longest waiting first. */
  readonly #demanded = new Set<number>();
  readonly #workers: Promise<void>[];
  #lastPieceAt = monotonicMilliseconds();
  /** Pieces of other relays' parts, which did not bring them in time. */
  readonly #insteadOfOthers = new Set<number>();
  readonly #sources: OriginSources;
  #wrongPieces = 0;
  #isPaused = false;
  connections = 0;
  onFailure: (error: Error) => void = () => {};
  onLog: (text: string, detail: object) => void = () => {};

  constructor(intake: PieceIntake, lease: OriginLease, options: PullOptions) {
    this.#intake = intake;
    this.#lease = lease;
    this.#options = options;
    this.#sources = new OriginSources(options.file);
    this.#workers = Array.from({ length: options.connections }, () =>
      this.#work().catch((error: unknown) => this.onFailure(error as Error)),
    );
  }

  /** Somebody waits for this piece. */
  demand(piece: number): void {
    if (!this.#intake.store.has(piece)) this.#demanded.add(piece);
  }

  /** A piece came, from wherever. */
  arrived(piece: number): void {
    this.#demanded.delete(piece);
    // What had to be pulled in the others' place is no sign of them.
    if (!this.#insteadOfOthers.delete(piece)) this.#lastPieceAt = monotonicMilliseconds();
  }

  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    if (isPaused) for (const range of this.#ranges) range.stopSoon();
  }

  async close(): Promise<void> {
    this.#abort.abort();
    for (const range of this.#ranges) range.abort();
    await Promise.all(this.#workers);
  }

  async #work(): Promise<void> {
    let failures = 0;
    while (!this.#abort.signal.aborted && !this.#intake.store.isComplete) {
      const how = await this.#connectAndPull();
      if (how === 'went well') failures = 0;
      else if (how === 'failed') {
        const most = Math.min(backoffMaxMilliseconds, backoffFirstMilliseconds * 2 ** Math.min(failures++, 10));
        await this.#wait(Math.ceil(Math.random() * most));
      } else await this.#wait(idleMilliseconds);
    }
  }

  /** One connection, as long as it works and there is something to pull. */
  async #connectAndPull(): Promise<Outcome> {
    const file = this.#sources.current;
    if (this.#isPaused || file === undefined || !this.#hasWork()) return 'nothing';
    if (file.wholeOnly === true && this.connections > 0) return 'nothing';
    const ranges = new Set<PieceRange>();
    const stop = new AbortController();
    const closeSlot = this.#lease.openSlot(() => {
      for (const range of ranges) range.abort();
      stop.abort();
    });
    if (closeSlot === null) return 'nothing';
    const connection = new OriginConnection(file.access);
    this.connections++;
    let pieces = 0;
    try {
      if (file.wholeOnly === true) return await this.#pullWhole(connection, file, stop.signal);
      for (let range = this.#next(); range !== undefined; range = this.#next()) {
        ranges.add(range);
        const end = await this.#pull(connection, file, range);
        ranges.delete(range);
        const how = this.#heed(end, file, range.hasSentWrong);
        if (how === 'failed') return 'failed';
        if (how === 'ended') return pieces > 0 ? 'went well' : 'nothing';
        pieces++;
      }
      return pieces > 0 ? 'went well' : 'nothing';
    } finally {
      await connection.destroy();
      this.connections--;
      closeSlot();
    }
  }

  async #pullWhole(connection: OriginConnection, file: RemoteFile, stopped: AbortSignal): Promise<Outcome> {
    const signal = AbortSignal.any([this.#abort.signal, stopped]);
    const { end, hasSentWrong } = await pullWhole(
      this.#intake,
      this.#lease,
      connection,
      file,
      this.#options.pace,
      signal,
    );
    const how = this.#heed(end, file, hasSentWrong);
    return how === 'failed' ? 'failed' : 'went well';
  }

  async #pull(connection: OriginConnection, file: RemoteFile, range: PieceRange): Promise<RangeEnd> {
    this.#ranges.add(range);
    try {
      return await fetchFromOrigin(this.#lease, connection, file, range, async (bytes, at) => {
        await range.take(bytes, at);
        for (let done = 0; done < bytes.length; done += paceBytes) {
          await this.#options.pace.take(Math.min(paceBytes, bytes.length - done));
        }
      });
    } finally {
      this.#ranges.delete(range);
      range.end();
    }
  }

  #heed(end: RangeEnd, file: RemoteFile, hasSentWrong: boolean): 'goes on' | 'ended' | 'failed' {
    if (hasSentWrong) {
      if (this.#sources.drop(file)) return 'failed';
      if (++this.#wrongPieces < wrongPiecesMax) return 'failed';
      this.onFailure(new Error(`${this.#options.file.url} is not the file of the manifest: pieces have other hashes`));
      return 'failed';
    }
    if (end.kind === 'done') return 'goes on';
    if (end.kind === 'aborted') return 'ended';
    if (this.#sources.heed(file, end) && end.kind === 'changed') {
      this.onFailure(new FileChanged(`${file.url}: ${end.problem}; nothing of it is of use`));
    } else if (end.kind === 'refused') {
      this.onLog('the origin refuses', { retryAfterMilliseconds: end.retryAfterMilliseconds });
    } else {
      this.onLog('a range from the origin failed', { problem: end.problem });
    }
    return 'failed';
  }

  /** Whether all of its own part is there. */
  get hasOwnPart(): boolean {
    const { pieceLengthBytes } = this.#intake.store.file;
    const { firstByte, endByte } = this.#options.part;
    for (let piece = Math.floor(firstByte / pieceLengthBytes); piece * pieceLengthBytes < endByte; piece++) {
      if (!this.#intake.store.has(piece)) return false;
    }
    return true;
  }

  #hasWork(): boolean {
    return !this.#intake.store.isComplete && this.#intake.core.sets.nextMissing(0, 0) !== none;
  }

  /** A piece at a time, so that what somebody waits for is never far. */
  #next(): PieceRange | undefined {
    if (this.#isPaused || this.#abort.signal.aborted) return undefined;
    const { core } = this.#intake;
    const ownRanges = this.#options.ownRanges();
    for (const piece of this.#demanded) {
      if (ownRanges?.some(({ firstPiece, endPiece }) => piece >= firstPiece && piece < endPiece) === false) continue;
      if (core.sets.holds(0, piece) || core.sets.isRequested(0, piece)) continue;
      return this.#claim(piece);
    }
    if (ownRanges !== undefined) return this.#nextOf(ownRanges);
    const { pieceLengthBytes } = this.#intake.store.file;
    const { firstByte, endByte } = this.#options.part;
    const first = Math.floor(firstByte / pieceLengthBytes);
    const missing = core.sets.nextMissing(0, Math.min(first, this.#intake.store.pieceCount - 1));
    if (missing === none) return undefined;
    const isOwn = missing >= first && missing * pieceLengthBytes < endByte;
    const isPatient = monotonicMilliseconds() - this.#lastPieceAt < patienceMilliseconds;
    if (!isOwn && this.#options.isShared()) {
      if (isPatient) return undefined;
      this.#insteadOfOthers.add(missing);
    }
    return this.#claim(missing);
  }

  #nextOf(ranges: readonly { firstPiece: number; endPiece: number }[]): PieceRange | undefined {
    for (const { firstPiece, endPiece } of ranges) {
      const missing = this.#intake.core.sets.nextMissing(0, firstPiece);
      if (missing !== none && missing >= firstPiece && missing < endPiece) return this.#claim(missing);
    }
    return undefined;
  }

  #claim(piece: number): PieceRange | undefined {
    const taken = this.#intake.core.takeFrom(piece, 1);
    if (taken?.kind !== 'range') return undefined;
    return new PieceRange(this.#intake, 'origin', taken.firstPiece, taken.pieceCount);
  }

  #wait(milliseconds: number): Promise<void> {
    return Promise.race([pause(milliseconds), aborted(this.#abort.signal)]);
  }
}

const paceBytes = 64 * 1024;

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
