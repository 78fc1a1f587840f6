/**
 * One file at a relay: pulled from its origin while it is served by HTTP and, where its hashes are known, by
 * BitTorrent. A piece is announced and served only after it was verified.
 */
import { Share, type ShareOptions } from '../files/share.ts';
import type { OriginLease } from '../http/origin-lease.ts';
import type { RemoteFile } from '../http/range-client.ts';
import type { ServedFile } from '../http/range-server.ts';
import { Pull, type PullOptions } from './pull.ts';

export type RelayFileState = 'transferring' | 'verifying' | 'seeding' | 'paused' | 'failed' | 'closed';

export interface RelayFileOptions {
  share: ShareOptions;
  pull: Omit<PullOptions, 'file' | 'isShared' | 'ownRanges'>;
  remote: RemoteFile;
  /** Whether control names other relays that pull the same file: they may not be connected yet. */
  hasOthers?: () => boolean;
  /** Nothing is served before this much is there. */
  bufferBeforeServingBytes: number;
}

/** A swarm begins with its relays: they have room for more peers than the policy gives a client. */
const peersMax = 500;

interface Waiter {
  piece: number;
  wake: () => void;
}

export class RelayFile implements ServedFile {
  readonly share: Share;
  readonly options: RelayFileOptions;
  readonly #pull: Pull;
  readonly #waiters = new Set<Waiter>();
  readonly #startedAt = performance.now();
  #isPartThere = false;
  state: RelayFileState = 'transferring';
  error: Error | undefined;
  /** Payload to clients by HTTP. */
  sentBytes = 0;
  lastServedAt = performance.now();
  onLog: (text: string, detail: object) => void = () => {};
  onChange: () => void = () => {};

  private constructor(share: Share, lease: OriginLease, options: RelayFileOptions) {
    this.share = share;
    this.options = options;
    const { intake, swarm, store } = share;
    this.#pull = new Pull(intake, lease, {
      ...options.pull,
      file: options.remote,
      isShared: () => this.#hasRelayPeers || (swarm !== null && options.hasOthers?.() === true),
      ownRanges: () => (share.isGrowing ? share.options.growth!.ownRanges : undefined),
    });
    this.#pull.onFailure = (error) => this.#fail(error);
    this.#pull.onLog = (text, detail) => this.onLog(text, detail);
    intake.onPiece = (piece) => this.#arrived(piece);
    intake.onComplete = () => void this.#finish();
    intake.onFailure = (error) => this.#fail(error);
    store.onFailure = (error) => this.#fail(error);
    if (swarm !== null) {
      swarm.asks = 'relays';
      swarm.isServing = this.isServing;
      swarm.onLog = (text, detail) => this.onLog(text, detail);
    }
    if (store.isComplete) void this.#finish();
  }

  static async open(options: RelayFileOptions, lease: OriginLease): Promise<RelayFile> {
    return new RelayFile(await Share.open({ ...options.share, peersMax }), lease, options);
  }

  /** Whether enough is there to begin. */
  get isServing(): boolean {
    const { store } = this.share;
    if (this.isEnded) return false;
    if (store.isComplete || store.heldBytes >= this.options.bufferBeforeServingBytes) return true;
    // Where the rest comes from other relays, waiting for more would be waiting for each other.
    this.#isPartThere ||= this.#pull.hasOwnPart;
    return this.#isPartThere;
  }

  get isEnded(): boolean {
    return this.state === 'failed' || this.state === 'closed';
  }

  get originConnections(): number {
    return this.#pull.connections;
  }

  get elapsedMilliseconds(): number {
    return Math.round(performance.now() - this.#startedAt);
  }

  pause(isPaused: boolean): void {
    if (this.state !== 'transferring' && this.state !== 'paused') return;
    this.state = isPaused ? 'paused' : 'transferring';
    this.#pull.pause(isPaused);
  }

  async close(): Promise<void> {
    if (this.state !== 'failed') this.state = 'closed';
    await this.#pull.close();
    for (const waiter of this.#waiters) waiter.wake();
    await this.share.close();
  }

  async discard(): Promise<void> {
    await this.close();
    await this.share.store.discard();
  }

  // ---- ServedFile ---------------------------------------------------------------------------------------------

  get name(): string {
    return this.share.store.file.name;
  }

  get sizeBytes(): number {
    return this.share.store.file.sizeBytes;
  }

  get etag(): string | undefined {
    return this.options.remote.etag;
  }

  get lastModified(): string | undefined {
    return this.options.remote.lastModified;
  }

  availableEnd(start: number): number {
    return this.isServing ? this.share.store.availableEnd(start) : start;
  }

  waitFor(start: number, milliseconds: number, signal: AbortSignal): Promise<void> {
    const piece = Math.floor(start / this.share.store.file.pieceLengthBytes);
    this.#pull.demand(piece);
    return new Promise((resolve) => {
      const waiter = { piece, wake: () => end() };
      const timer = setTimeout(() => end(), milliseconds);
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        this.#waiters.delete(waiter);
        resolve();
      };
      signal.addEventListener('abort', end);
      this.#waiters.add(waiter);
    });
  }

  readInto(buffer: Uint8Array, start: number): Promise<void> {
    this.lastServedAt = performance.now();
    return this.share.store.readInto([buffer], start);
  }

  get #hasRelayPeers(): boolean {
    const peers = this.share.swarm?.peers.values() ?? [];
    for (const peer of peers) if (peer.kind === 'relay') return true;
    return false;
  }

  #arrived(piece: number): void {
    const { swarm } = this.share;
    this.#pull.arrived(piece);
    swarm?.announce(piece);
    if (!this.isServing) return;
    if (swarm !== null && !swarm.isServing) {
      swarm.isServing = true;
      swarm.serve();
    }
    // Before it served, everybody waited for the same moment.
    for (const waiter of this.#waiters) if (this.share.store.has(waiter.piece)) waiter.wake();
  }

  async #finish(): Promise<void> {
    if (this.state !== 'transferring' && this.state !== 'paused') return;
    this.state = 'verifying';
    try {
      await this.share.settled();
      if (this.isEnded) return;
      await this.share.store.commit();
    } catch (error) {
      return this.#fail(error as Error);
    }
    this.state = 'seeding';
    this.share.completed();
    this.onChange();
  }

  #fail(error: Error): void {
    if (this.isEnded) return;
    this.state = 'failed';
    this.error = error;
    this.onLog('failed', { problem: error.message });
    this.#pull.pause(true);
    this.share.swarm?.close();
    for (const waiter of this.#waiters) waiter.wake();
    this.onChange();
  }
}
