/**
 * Pieces that were written since the list of pieces was: NAME.part.recent, appended to after each piece and never
 * flushed. A process that is killed has written them all the same, as the kernel holds them; a machine that lost its
 * power may not have. So they count where hashes tell, or where the machine has not started anew since.
 */
import { closeSync, constants, openSync, readFileSync, rmSync, writeSync } from 'node:fs';

const entryBytes = 4;
/** Of the start of this machine; empty where it is not known. */
const bootPath = '/proc/sys/kernel/random/boot_id';

export class RecentPieces {
  readonly #path: string;
  readonly #head: Buffer;
  #file: number | undefined;
  #pieces: number[] = [];
  /** Before the flush that is under way began. */
  #older: number[] = [];

  constructor(path: string, identity: string) {
    this.#path = path;
    this.#head = Buffer.from(`${JSON.stringify([bootOf(), identity])}\n`);
  }

  /** What was written last time. `hasHashes`: whether the caller will verify each of them. */
  read(hasHashes: boolean, pieceCount: number): number[] {
    let bytes: Buffer;
    try {
      bytes = readFileSync(this.#path);
    } catch {
      return [];
    }
    const headEnd = bytes.indexOf('\n') + 1;
    if (!this.#isOurs(bytes.subarray(0, headEnd), hasHashes)) return [];
    const pieces: number[] = [];
    for (let at = headEnd; at + entryBytes <= bytes.length; at += entryBytes) pieces.push(bytes.readUInt32BE(at));
    return pieces.filter((piece) => piece < pieceCount);
  }

  add(piece: number): void {
    this.#pieces.push(piece);
    this.#try(() => {
      this.#file ??= this.#begun([...this.#older, ...this.#pieces.slice(0, -1)]);
      writeSync(this.#file, entry(piece));
    });
  }

  /** A list is about to name all that is there now. */
  flushBegins(): void {
    this.#older.push(...this.#pieces);
    this.#pieces = [];
  }

  /** It does: only later pieces need to be noted. */
  flushed(): void {
    this.#older = [];
    this.#try(() => {
      this.#close();
      this.#file = this.#begun(this.#pieces);
    });
  }

  close(): void {
    this.#try(() => this.#close());
  }

  discard(): void {
    this.close();
    rmSync(this.#path, { force: true });
  }

  #begun(pieces: number[]): number {
    const { O_WRONLY, O_CREAT, O_TRUNC, O_APPEND, O_NOFOLLOW = 0 } = constants;
    const file = openSync(this.#path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW);
    writeSync(file, Buffer.concat([this.#head, ...pieces.map(entry)]));
    return file;
  }

  #close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #isOurs(head: Buffer, hasHashes: boolean): boolean {
    if (!hasHashes) return bootOf() !== '' && head.equals(this.#head);
    try {
      return JSON.parse(head.toString())[1] === JSON.parse(this.#head.toString())[1];
    } catch {
      return false;
    }
  }

  /** It saves work and is needed for nothing: a disk that is full must not end a download here. */
  #try(work: () => void): void {
    try {
      work();
    } catch {
      this.#file = undefined;
    }
  }
}

function entry(piece: number): Buffer {
  const bytes = Buffer.alloc(entryBytes);
  bytes.writeUInt32BE(piece);
  return bytes;
}

function bootOf(): string {
  try {
    return readFileSync(bootPath, 'utf8').trim();
  } catch {
    return '';
  }
}
