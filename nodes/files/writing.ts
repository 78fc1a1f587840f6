/** How our files come onto a disk: all the bytes, in one step where they replace others, never through a link. */
import { constants, type FileHandle, open, rename, writeFile } from 'node:fs/promises';

/** A link that somebody laid under a name of ours is not followed out of the directory. */
const noFollow = constants.O_NOFOLLOW ?? 0;

/** The file at `path` with what it holds, or a new one. */
export function openToWrite(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDWR | constants.O_CREAT | noFollow);
}

export async function writeFully(file: FileHandle, bytes: Uint8Array, start: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, start + done);
    done += bytesWritten;
  }
}

export async function replaceFile(path: string, text: string): Promise<void> {
  const beside = `${path}.new`;
  const flag = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | noFollow;
  await writeFile(beside, text, { flush: true, flag });
  await rename(beside, path);
}

export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
