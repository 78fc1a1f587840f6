/** Which of the places where an origin's file lies is asked next: the first until it fails, then its mirrors. */
import { monotonicMilliseconds } from './pace.ts';
import type { RangeEnd, RemoteFile } from './range-client.ts';

interface Source {
  file: RemoteFile;
  /** It asked not to be asked before this moment. */
  notBefore: number;
}

export class OriginSources {
  readonly #sources: Source[];
  #at = 0;

  constructor({ mirrors = [], ...file }: RemoteFile) {
    this.#sources = [file, ...mirrors].map((one) => ({ file: one, notBefore: 0 }));
  }

  /** Whom to ask now; undefined: all of them have asked us to wait. */
  get current(): RemoteFile | undefined {
    const now = monotonicMilliseconds();
    for (let step = 0; step < this.#sources.length; step++) {
      const at = (this.#at + step) % this.#sources.length;
      const { file, notBefore } = this.#sources[at]!;
      if (notBefore > now) continue;
      this.#at = at;
      return file;
    }
    return undefined;
  }

  /** How a range of `file` ended. True: the file itself has changed, not merely what one mirror has of it. */
  heed(file: RemoteFile, end: RangeEnd): boolean {
    const at = this.#sources.findIndex((source) => source.file === file);
    if (at === -1 || end.kind === 'done' || end.kind === 'aborted') return false;
    if (end.kind === 'changed') {
      if (at === 0) return true;
      this.drop(file);
      return false;
    }
    if (end.kind === 'refused') this.#sources[at]!.notBefore = monotonicMilliseconds() + end.retryAfterMilliseconds;
    if (at === this.#at) this.#at = (at + 1) % this.#sources.length;
    return false;
  }

  /** It has other bytes than it should. False: it is the last one, which stays. */
  drop(file: RemoteFile): boolean {
    const at = this.#sources.findIndex((source) => source.file === file);
    if (at === -1 || this.#sources.length === 1) return false;
    this.#sources.splice(at, 1);
    this.#at = 0;
    return true;
  }
}
