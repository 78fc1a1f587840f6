/**
 * Signed batches on disk, beside the pieces that they speak of: `NAME.part.hashes`, records of one length and their
 * bytes, only ever appended to. A relay's begins with its key of this very chain: whoever loses the one has lost the
 * other too, and so never signs a second batch of a number that it gave away before.
 */

import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { batchBytesMax } from '#nodes/protocol/hash-messages.ts';
import { BadSignature, keyLength, newSigningKey, type SigningKey, signingKeyOf } from './hash-batch.ts';

const lengthBytes = 4;
const swarmMagic = Buffer.from('slh1');
const keyMagic = Buffer.from('slk1');

/** Two tasks of one process that write into one file would ruin each other's. */
const beingWritten = new Set<string>();

export const hashLogPath = (path: string) => `${path}.part.hashes`;

export class HashLog {
  readonly #path: string;
  readonly #handle: FileHandle;
  #last: Promise<void> = Promise.resolve();
  #isClosed = false;
  /** Batches that were there already, as they were written. */
  readonly batches: Uint8Array[];
  /** Of a relay. */
  readonly signer: SigningKey | undefined;

  private constructor(path: string, handle: FileHandle, batches: Uint8Array[], signer: SigningKey | undefined) {
    this.#path = path;
    this.#handle = handle;
    this.batches = batches;
    this.signer = signer;
  }

  /** What is there of this swarm; of another one, or of a relay without its key, nothing is kept. */
  static async open(path: string, swarm: Uint8Array, isSigner: boolean): Promise<HashLog> {
    await mkdir(dirname(path), { recursive: true });
    if (beingWritten.has(path)) throw new Error(`${path}: another task of this node writes there`);
    beingWritten.add(path);
    const handle = await open(hashLogPath(path), 'a+', 0o600);
    try {
      return await HashLog.#read(path, handle, swarm, isSigner);
    } catch (error) {
      beingWritten.delete(path);
      await handle.close();
      throw error;
    }
  }

  static async #read(path: string, handle: FileHandle, swarm: Uint8Array, isSigner: boolean): Promise<HashLog> {
    const { size } = await handle.stat();
    const { records, endBytes } = recordsOf(await readAll(handle, size));
    const head = Buffer.concat([swarmMagic, swarm]);
    const key = records[1];
    const isKeyed = key?.length === keyMagic.length + 2 * keyLength && key.subarray(0, 4).equals(keyMagic);
    if (records[0]?.equals(head) === true && isKeyed === isSigner) {
      // What a crash tore was never sent.
      await handle.truncate(endBytes);
      if (!isSigner) return new HashLog(path, handle, records.slice(1), undefined);
      const secret = new Uint8Array(key!.subarray(4, 4 + keyLength));
      const signer = signingKeyOf(secret, new Uint8Array(key!.subarray(4 + keyLength)));
      return new HashLog(path, handle, records.slice(2), signer);
    }
    await handle.truncate(0);
    const signer = isSigner ? newSigningKey() : undefined;
    const log = new HashLog(path, handle, [], signer);
    const keyRecord = signer === undefined ? [] : [Buffer.concat([keyMagic, signer.secret, signer.key])];
    await log.append([head, ...keyRecord], isSigner);
    return log;
  }

  /** In the order of the calls; `isDurable`: once the promise is kept they outlive a loss of power. */
  append(records: Uint8Array[], isDurable: boolean): Promise<void> {
    const write = this.#last.then(async () => {
      if (this.#isClosed) return;
      const bytes = Buffer.concat(records.flatMap((record) => [lengthOf(record), record]));
      await this.#handle.appendFile(bytes);
      if (isDurable) await this.#handle.datasync();
    });
    this.#last = write.catch(() => {});
    return write;
  }

  async close(): Promise<void> {
    await this.#last;
    if (this.#isClosed) return;
    this.#isClosed = true;
    beingWritten.delete(this.#path);
    await this.#handle.close();
  }
}

/** Nothing of the hashes is needed any more. */
export async function removeHashLog(path: string): Promise<void> {
  await rm(hashLogPath(path), { force: true });
}

function lengthOf(record: Uint8Array): Uint8Array {
  const length = Buffer.alloc(lengthBytes);
  length.writeUInt32BE(record.length);
  return length;
}

async function readAll(handle: FileHandle, size: number): Promise<Buffer> {
  const bytes = Buffer.alloc(size);
  let done = 0;
  while (done < size) {
    const { bytesRead } = await handle.read(bytes, done, size - done, done);
    if (bytesRead === 0) throw new BadSignature('the list of hashes ends early');
    done += bytesRead;
  }
  return bytes;
}

/** Whole records from the beginning on, and where they end. */
function recordsOf(bytes: Buffer): { records: Buffer[]; endBytes: number } {
  const records: Buffer[] = [];
  let at = 0;
  while (at + lengthBytes <= bytes.length) {
    const length = bytes.readUInt32BE(at);
    const end = at + lengthBytes + length;
    if (length === 0 || length > batchBytesMax || end > bytes.length) break;
    records.push(bytes.subarray(at + lengthBytes, end));
    at = end;
  }
  return { records, endBytes: at };
}
