/**
 * One file that this node takes part in distributing: its pieces on disk, the core that decides, its swarm and its
 * trackers. What else brings pieces (a relay's pull, a client's HTTP) hands them to the intake.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ClientCore } from '#core/client.ts';
import type { Policy } from '#core/policy.ts';
import type { SourceKind } from '#core/record.ts';
import type { Pace } from '../http/pace.ts';
import { DecisionLog, recorded } from '../record/decision-log.ts';
import { isPrivate, type Metainfo } from '../wire/metainfo.ts';
import type { PeerListener } from '../wire/peer-listener.ts';
import { hex, Swarm } from '../wire/swarm.ts';
import { TrackerClient } from '../wire/tracker-client.ts';
import { PieceIntake } from './piece-intake.ts';
import { PieceStore, type StoredFile } from './piece-store.ts';

export interface ShareOptions {
  directory: string;
  file: StoredFile;
  /** Absent: no BitTorrent. */
  metainfo: Metainfo | null;
  policy: Policy;
  seed: number;
  priorityPieces: [number, number][];
  sourcesMax: number;
  /** Where decisions are written; absent: nowhere. */
  recordPath?: string | undefined;
  listener: PeerListener;
  peerId: Uint8Array;
  uploadPaces: Pace[];
  uploadSlots: number;
  optimisticSlots: number;
  kindOf: (host: string, port: number) => SourceKind;
  /** Whether peers tell each other of peers; absent: not. Never in a private torrent. */
  exchangesPeers?: boolean;
}

export class Share {
  readonly options: ShareOptions;
  readonly store: PieceStore;
  readonly core: ClientCore;
  readonly intake: PieceIntake;
  readonly swarm: Swarm | null;
  readonly #log: DecisionLog | null;
  #trackers: TrackerClient[] = [];
  #trackerUrls: string[] = [];

  private constructor(options: ShareOptions, store: PieceStore) {
    this.options = options;
    this.store = store;
    const { policy, metainfo, seed, sourcesMax, priorityPieces } = options;
    const core = new ClientCore({
      seed,
      file: { sizeBytes: store.file.sizeBytes, pieceLengthBytes: store.file.pieceLengthBytes },
      policy,
      neighboursMax: metainfo === null ? 1 : policy.swarm.peerConnections,
      sourcesMax,
      priorityPieces,
    });
    this.#log = options.recordPath === undefined ? null : new DecisionLog(options.recordPath, core);
    this.core = this.#log === null ? core : recorded(core, this.#log);
    this.core.start(Array.from({ length: store.pieceCount }, (_, piece) => piece).filter((piece) => store.has(piece)));
    this.intake = new PieceIntake(this.core, store);
    this.swarm = metainfo === null ? null : this.#join(metainfo);
  }

  static async open(options: ShareOptions): Promise<Share> {
    if (options.recordPath !== undefined) await mkdir(join(options.recordPath, '..'), { recursive: true });
    const store = await PieceStore.open(options.directory, options.file);
    return new Share(options, store);
  }

  /** Announces to these trackers from now on, and no longer to others. */
  track(urls: string[]): void {
    const { metainfo, peerId, listener } = this.options;
    const wanted = [...new Set(urls)];
    if (metainfo === null || this.swarm === null || wanted.join() === this.#trackerUrls.join()) return;
    for (const tracker of this.#trackers) tracker.stop().catch(() => {});
    this.#trackerUrls = wanted;
    const { swarm, store } = this;
    const progress = () => ({
      uploaded: swarm.uploads.sentBytes,
      downloaded: swarm.receivedBytes,
      left: store.file.sizeBytes - store.heldBytes,
      wantsPeers: !store.isComplete && swarm.peerCount < this.options.policy.swarm.peerConnections / 2,
    });
    const announced = { infoHash: metainfo.infoHash, peerId, port: listener.port, progress };
    this.#trackers = wanted.map(
      (url) =>
        new TrackerClient(url, announced, (peers) => {
          for (const { host, port } of peers) swarm.know(host, port);
        }),
    );
  }

  /** The file is whole: trackers are told. */
  completed(): void {
    for (const tracker of this.#trackers) tracker.completed();
  }

  async close(): Promise<void> {
    const { metainfo, listener } = this.options;
    if (metainfo !== null) listener.remove(hex(metainfo.infoHash));
    await Promise.all(this.#trackers.map((tracker) => tracker.stop()));
    this.swarm?.close();
    this.#log?.close();
    await this.store.close();
  }

  #join(metainfo: Metainfo): Swarm {
    const { listener, peerId, uploadPaces, uploadSlots, optimisticSlots, kindOf } = this.options;
    const swarm = new Swarm(this.intake, {
      infoHash: metainfo.infoHash,
      info: metainfo.info,
      peerId,
      listenPort: listener.port,
      uploadSlots,
      optimisticSlots,
      uploadPaces,
      kindOf,
      exchangesPeers: this.options.exchangesPeers === true && !isPrivate(metainfo),
    });
    listener.add(hex(metainfo.infoHash), swarm);
    return swarm;
  }
}
