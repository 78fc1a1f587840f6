/**
 * The pieces of one file on disk while it is incomplete, and the file itself once it is whole.
 *
 *     NAME.part          the bytes, at their places
 *     NAME.part.pieces   which pieces are there: written after the bytes were flushed, replaced in one step
 *     NAME.part.recent   which pieces came since then (recent-pieces.ts)
 *     NAME               the file: appears whole, verified and flushed, by one rename; never before
 *
 * After a crash the list of pieces may lack some, and names none that was not flushed; where hashes are known each
 * listed piece is read and verified again, so that nothing is believed that was not seen. Rejected: appending to a
 * journal (it may name what a later crash tore), hashing the whole of the sparse file (most of it may be holes).
 */
import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, readFile, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { removeHashLog } from './hash-log.ts';
import { pieceCountOf, readFully } from './manifest.ts';
import { isPiece, type PieceHashes } from './piece-hashes.ts';
import { RecentPieces } from './recent-pieces.ts';
import { openToWrite, replaceFile, syncDirectory, writeFully } from './writing.ts';

export interface StoredFile {
  name: string;
  sizeBytes: number;
  pieceLengthBytes: number;
  /** What the pieces are verified against; absent: nothing, and what was flushed under `identity` counts. */
  hashes?: PieceHashes | undefined;
  /** Hashes that are still being signed, until `hashes` are known. */
  growth?: GrowingHashes | undefined;
  /** Of the whole file, hexadecimal SHA-256. */
  digest?: string | undefined;
  /** Says which content this is (info-hash, validator): pieces kept under another one are thrown away. */
  identity: string;
  /** What the same content was called before its hashes were complete. */
  formerIdentity?: string | undefined;
}

/** Verifies pieces while their hashes become known one after the other. */
export interface GrowingHashes {
  isKnown(piece: number): boolean;
  isRight(piece: number, bytes: Uint8Array): Promise<boolean>;
}

/** The bytes do not fit, are not what was promised, or the disk failed: the text says what and where. */
export class StoreProblem extends Error {
  override name = 'StoreProblem';
  readonly exitCode = 1;
}

/** Two tasks may give their files one name: the bytes of both in one place would be the bytes of neither. */
const beingWritten = new Set<string>();
/** Flushing costs; this often at most while pieces come in. */
const flushMilliseconds = 2000;
const hashChunkBytes = 1024 * 1024;

export class PieceStore {
  file: StoredFile;
  readonly pieceCount: number;
  readonly path: string;
  #handle!: FileHandle;
  #isWhole = false;
  #isClosed = false;
  /** Whether the file of unfinished bytes is this store's. */
  #isWriter = false;
  readonly #has: Uint8Array;
  #count = 0;
  #flushTimer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> = Promise.resolve();
  #writing: Promise<void> = Promise.resolve();
  #failure: StoreProblem | undefined;
  readonly #recent: RecentPieces;
  /** A flush failed: no further piece can be kept. */
  onFailure: (problem: StoreProblem) => void = () => {};

  private constructor(directory: string, file: StoredFile) {
    this.file = file;
    this.pieceCount = pieceCountOf(file);
    this.path = join(directory, file.name);
    this.#has = new Uint8Array(this.pieceCount);
    this.#recent = new RecentPieces(`${partPath(this.path)}.recent`, file.identity);
  }

  /** Opens what is there of the file, or begins it. */
  static async open(directory: string, file: StoredFile): Promise<PieceStore> {
    await mkdir(directory, { recursive: true });
    const store = new PieceStore(directory, file);
    try {
      if (!(await store.#openWhole())) await store.#openPart(directory);
    } catch (error) {
      store.#leave();
      await store.#handle?.close();
      throw asProblem(store.path, error);
    }
    return store;
  }

  get isComplete(): boolean {
    return this.#count === this.pieceCount;
  }

  /** Whether it stands under its own name. */
  get isCommitted(): boolean {
    return this.#isWhole;
  }

  get heldCount(): number {
    return this.#count;
  }

  has(piece: number): boolean {
    return this.#has[piece] === 1;
  }

  pieceBytes(piece: number): number {
    const { pieceLengthBytes, sizeBytes } = this.file;
    return Math.min(pieceLengthBytes, sizeBytes - piece * pieceLengthBytes);
  }

  /** Bytes of the pieces that are there. */
  get heldBytes(): number {
    const last = this.pieceCount - 1;
    const short = this.has(last) ? this.file.pieceLengthBytes - this.pieceBytes(last) : 0;
    return this.#count * this.file.pieceLengthBytes - short;
  }

  /** End of the bytes that are there from `start` on without a gap; `start` itself if there are none. */
  availableEnd(start: number): number {
    let piece = Math.floor(start / this.file.pieceLengthBytes);
    if (!this.has(piece)) return start;
    while (piece < this.pieceCount && this.has(piece)) piece++;
    return Math.min(piece * this.file.pieceLengthBytes, this.file.sizeBytes);
  }

  /** Whether the bytes are those of the piece; true where nobody knows. */
  async isRight(piece: number, bytes: Uint8Array): Promise<boolean> {
    if (bytes.length !== this.pieceBytes(piece)) return false;
    if (this.file.growth !== undefined) return await this.file.growth.isRight(piece, bytes);
    return this.file.hashes === undefined || (await isPiece(this.file.hashes, piece, bytes));
  }

  /** Keeps a piece that the caller has verified. */
  async write(piece: number, bytes: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.has(piece)) return;
    // One after the other: the kernel lets only one write into a file, and the others would spin meanwhile.
    const written = this.#writing.then(() => writeFully(this.#handle, bytes, piece * this.file.pieceLengthBytes));
    this.#writing = written.catch(() => {});
    try {
      await written;
    } catch (error) {
      throw asProblem(this.path, error);
    }
    if (this.has(piece)) return;
    this.#has[piece] = 1;
    this.#count++;
    this.#recent.add(piece);
    this.#flushTimer ??= setTimeout(() => this.#flushLater(), flushMilliseconds);
  }

  /** The hashes are complete: the same content, under its lasting name. Pieces that are there were verified. */
  settle(file: StoredFile): void {
    this.file = file;
    if (!this.#isWhole) this.#flushTimer ??= setTimeout(() => this.#flushLater(), 0);
  }

  /** Fills the buffers, one after the other, from `start` on; the caller has asked `has` or `availableEnd`. */
  async readInto(buffers: Uint8Array[], start: number): Promise<void> {
    const wantedBytes = buffers.reduce((sum, { length }) => sum + length, 0);
    const { bytesRead } = await this.#handle.readv(buffers, start);
    if (bytesRead === wantedBytes) return;
    // Rare: the kernel may stop short, and goes on where it is asked again.
    let at = start;
    for (const buffer of buffers) {
      await readFully(this.#handle, buffer, at);
      at += buffer.length;
    }
  }

  /** The bytes to disk, then the list that names them. */
  async flush(): Promise<void> {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    const before = this.#flushing;
    this.#flushing = before
      .catch(() => {})
      .then(async () => {
        if (this.#isWhole) return;
        const listed = packed(this.#has);
        this.#recent.flushBegins();
        await this.#handle.datasync();
        await replaceFile(listPath(this.path), printList(this.file, listed));
        this.#recent.flushed();
      });
    await this.#flushing;
  }

  /** All pieces are there: verifies the whole, flushes it, and gives it its name. */
  async commit(): Promise<void> {
    if (this.#isWhole) return;
    if (!this.isComplete) throw new Error('a file is committed when all its pieces are there');
    await this.flush();
    if (this.file.digest !== undefined && (await this.#digest()) !== this.file.digest) {
      throw new StoreProblem(
        `${this.path}: all pieces are there, but the file is not the one with SHA-256 ${this.file.digest}`,
      );
    }
    try {
      await this.#handle.sync();
      await rename(partPath(this.path), this.path);
      this.#isWhole = true;
      this.#leave();
      await rm(listPath(this.path), { force: true });
      this.#recent.discard();
      await syncDirectory(join(this.path, '..'));
    } catch (error) {
      throw asProblem(this.path, error);
    }
  }

  /** Throws away what is not a whole verified file. */
  async discard(): Promise<void> {
    await this.close();
    if (this.#isWhole) return;
    await rm(partPath(this.path), { force: true });
    await rm(listPath(this.path), { force: true });
    await removeHashLog(this.path);
    this.#recent.discard();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      if (!this.#isWhole) await this.flush();
    } finally {
      clearTimeout(this.#flushTimer);
      this.#recent.close();
      this.#leave();
      await this.#handle.close();
    }
  }

  /** The file stands there already under its name: believed where hashes say so. */
  async #openWhole(): Promise<boolean> {
    const found = await stat(this.path).catch(() => undefined);
    if (found === undefined || !found.isFile() || found.size !== this.file.sizeBytes) return false;
    const { hashes, digest } = this.file;
    if (hashes === undefined && digest === undefined) return false;
    this.#handle = await open(this.path, 'r');
    this.#has.fill(1);
    this.#count = this.pieceCount;
    const isRight = hashes === undefined ? (await this.#digest()) === digest : await this.#verifyListed();
    if (!isRight) {
      await this.#handle.close();
      this.#has.fill(0);
      this.#count = 0;
      return false;
    }
    this.#isWhole = true;
    return true;
  }

  async #openPart(directory: string): Promise<void> {
    const path = partPath(this.path);
    if (beingWritten.has(path)) throw new StoreProblem(`${path}: another task of this node writes there`);
    beingWritten.add(path);
    this.#isWriter = true;
    const found = await stat(path).catch(() => undefined);
    await this.#checkSpace(directory, found === undefined ? 0 : found.blocks * 512);
    this.#handle = await openToWrite(path);
    await this.#handle.truncate(this.file.sizeBytes);
    const text = await readFile(listPath(this.path), 'utf8').catch(() => '');
    const listed = parseList(this.file, text) ?? new Uint8Array(Math.ceil(this.pieceCount / 8));
    for (let piece = 0; piece < this.pieceCount; piece++) {
      if ((listed[piece >> 3]! & (0x80 >> (piece & 7))) !== 0) this.#has[piece] = 1;
    }
    const isVerified = this.file.hashes !== undefined || this.file.growth !== undefined;
    for (const piece of this.#recent.read(isVerified, this.pieceCount)) this.#has[piece] = 1;
    this.#count = this.#has.reduce((sum, flag) => sum + flag, 0);
    await this.#verifyListed();
    // What was only written last time is flushed and listed now.
    if (this.#count > 0) await this.flush();
  }

  /** Reads every piece that is listed and forgets those that are wrong. Whether all were right. */
  async #verifyListed(): Promise<boolean> {
    const { hashes, growth } = this.file;
    if (hashes === undefined && growth === undefined) return true;
    let isRight = true;
    const buffer = Buffer.allocUnsafeSlow(this.file.pieceLengthBytes);
    for (let piece = 0; piece < this.pieceCount; piece++) {
      if (!this.has(piece)) continue;
      const bytes = buffer.subarray(0, this.pieceBytes(piece));
      await readFully(this.#handle, bytes, piece * this.file.pieceLengthBytes);
      if (growth?.isKnown(piece) !== false && (await this.isRight(piece, bytes))) continue;
      this.#has[piece] = 0;
      this.#count--;
      isRight = false;
    }
    return isRight;
  }

  #leave(): void {
    if (this.#isWriter) beingWritten.delete(partPath(this.path));
    this.#isWriter = false;
  }

  async #checkSpace(directory: string, alreadyBytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(directory);
    const freeBytes = bavail * bsize;
    const neededBytes = this.file.sizeBytes - alreadyBytes;
    if (neededBytes > freeBytes) {
      throw new StoreProblem(`${directory}: ${neededBytes} bytes are needed, and ${freeBytes} are free`);
    }
  }

  async #digest(): Promise<string> {
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafe(hashChunkBytes);
    for (let at = 0; at < this.file.sizeBytes; at += hashChunkBytes) {
      const chunk = buffer.subarray(0, Math.min(hashChunkBytes, this.file.sizeBytes - at));
      await readFully(this.#handle, chunk, at);
      hash.update(chunk);
    }
    return hash.digest('hex');
  }

  #flushLater(): void {
    this.flush().catch((error: unknown) => {
      this.#failure = asProblem(this.path, error);
      this.onFailure(this.#failure);
    });
  }
}

const partPath = (path: string) => `${path}.part`;
const listPath = (path: string) => `${path}.part.pieces`;

function printList(file: StoredFile, listed: Uint8Array): string {
  const { identity, sizeBytes, pieceLengthBytes } = file;
  const pieces = Buffer.from(listed).toString('base64');
  return `${JSON.stringify({ version: 1, identity, sizeBytes, pieceLengthBytes, pieces })}\n`;
}

/** The bits of the list if it is of this very file, else undefined. */
function parseList(file: StoredFile, text: string): Uint8Array | undefined {
  try {
    const read = JSON.parse(text);
    const isSame =
      read.version === 1 &&
      [file.identity, file.formerIdentity].includes(String(read.identity)) &&
      read.sizeBytes === file.sizeBytes &&
      read.pieceLengthBytes === file.pieceLengthBytes;
    const listed = Buffer.from(String(read.pieces), 'base64');
    return isSame && listed.length === Math.ceil(pieceCountOf(file) / 8) ? listed : undefined;
  } catch {
    return undefined;
  }
}

/** One bit per piece, the first one highest, as BEP 3 has it. */
export function packed(flags: Uint8Array): Uint8Array {
  const bits = new Uint8Array(Math.ceil(flags.length / 8));
  for (const [index, flag] of flags.entries()) if (flag === 1) bits[index >> 3]! |= 0x80 >> (index & 7);
  return bits;
}

function asProblem(path: string, error: unknown): StoreProblem {
  if (error instanceof StoreProblem) return error;
  return new StoreProblem(`${path}: ${(error as Error).message}`);
}
