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
import { HashExchange } from '../wire/manifest-messages.ts';
import { isPrivate, type Metainfo } from '../wire/metainfo.ts';
import type { PeerListener } from '../wire/peer-listener.ts';
import { hex, Swarm } from '../wire/swarm.ts';
import { TrackerClient } from '../wire/tracker-client.ts';
import type { Growth } from './growth.ts';
import { removeHashLog } from './hash-log.ts';
import { PieceIntake } from './piece-intake.ts';
import { PieceStore, type StoredFile } from './piece-store.ts';

export interface ShareOptions {
  directory: string;
  file: StoredFile;
  /** Absent: no BitTorrent, or `growth`. */
  metainfo: Metainfo | null;
  /** The file's hashes are still being signed: a private swarm of nodes that control knows. */
  growth?: Growth | undefined;
  /** Proves to the tracker of a private swarm that control knows this node. */
  access?: string | undefined;
  policy: Policy;
  seed: number;
  priorityPieces: [number, number][];
  sourcesMax: number;
  /** Connections to peers; absent: as many as the policy says. */
  peersMax?: number;
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
  #tellPeers: () => void = () => {};
  #settleGrowth: () => void = () => {};
  readonly #settled = new Promise<void>((resolve) => {
    this.#settleGrowth = resolve;
  });

  private constructor(options: ShareOptions, store: PieceStore) {
    this.options = options;
    this.store = store;
    const { policy, seed, sourcesMax, priorityPieces } = options;
    const core = new ClientCore({
      seed,
      file: { sizeBytes: store.file.sizeBytes, pieceLengthBytes: store.file.pieceLengthBytes },
      policy,
      neighboursMax: neighboursOf(options),
      sourcesMax,
      priorityPieces,
    });
    this.#log = options.recordPath === undefined ? null : new DecisionLog(options.recordPath, core);
    this.core = this.#log === null ? core : recorded(core, this.#log);
    this.core.start(Array.from({ length: store.pieceCount }, (_, piece) => piece).filter((piece) => store.has(piece)));
    this.intake = new PieceIntake(this.core, store);
    this.swarm = this.#join();
  }

  static async open(options: ShareOptions): Promise<Share> {
    if (options.recordPath !== undefined) await mkdir(join(options.recordPath, '..'), { recursive: true });
    const store = await PieceStore.open(options.directory, options.file).catch(async (error: unknown) => {
      await options.growth?.close();
      throw error;
    });
    if (options.growth === undefined) await removeHashLog(store.path);
    return new Share(options, store);
  }

  /** Announces to these trackers from now on, and no longer to others. */
  track(urls: string[]): void {
    const { peerId, listener } = this.options;
    const wanted = [...new Set(urls)];
    const { infoHash } = this;
    if (infoHash === null || this.swarm === null || wanted.join() === this.#trackerUrls.join()) return;
    for (const tracker of this.#trackers) tracker.stop().catch(() => {});
    this.#trackerUrls = wanted;
    const { swarm, store } = this;
    const progress = () => ({
      uploaded: swarm.uploads.sentBytes,
      downloaded: swarm.receivedBytes,
      left: store.file.sizeBytes - store.heldBytes,
      wantsPeers: !store.isComplete && swarm.peerCount < this.options.policy.swarm.peerConnections / 2,
    });
    const access = this.options.metainfo === null ? this.options.access : undefined;
    const announced = { infoHash, peerId, port: listener.port, progress, ...(access === undefined ? {} : { access }) };
    this.#trackers = wanted.map(
      (url) =>
        new TrackerClient(url, announced, (peers) => {
          for (const { host, port } of peers) swarm.know(host, port);
        }),
    );
  }

  /** Under what its swarm is known now; null: it has none. */
  get infoHash(): Uint8Array | null {
    const { metainfo, growth } = this.options;
    return metainfo?.infoHash ?? growth?.manifest.swarm ?? null;
  }

  /** Control has not signed the whole yet: the file may not be committed. */
  get isGrowing(): boolean {
    return this.options.growth !== undefined && this.options.metainfo === null;
  }

  /**
   * Control has signed the hashes that were verified against here: the same pieces, peers and connections go on as the
   * standard torrent.
   */
  upgrade(file: StoredFile, metainfo: Metainfo): void {
    if (!this.isGrowing || this.swarm === null) return;
    const urls = this.#trackerUrls;
    this.store.settle(file);
    this.options.metainfo = metainfo;
    this.swarm.rename(metainfo.infoHash, metainfo.info);
    this.options.listener.add(hex(metainfo.infoHash), this.swarm);
    this.#trackerUrls = [];
    this.track(urls);
    this.#settleGrowth();
  }

  /** There are more signed hashes, or the seal. */
  tellPeers(): void {
    this.#tellPeers();
  }

  /** Kept when the file may be committed. */
  settled(): Promise<void> {
    return this.isGrowing ? this.#settled : Promise.resolve();
  }

  /** The file is whole: trackers are told. */
  completed(): void {
    // It stands under its name: how it came to be believed is of no use any more.
    if (this.options.growth !== undefined) void removeHashLog(this.store.path).catch(() => {});
    for (const tracker of this.#trackers) tracker.completed();
  }

  async close(): Promise<void> {
    const { metainfo, growth, listener } = this.options;
    if (metainfo !== null) listener.remove(hex(metainfo.infoHash));
    if (growth !== undefined) listener.remove(hex(growth.manifest.swarm));
    await growth?.close();
    await Promise.all(this.#trackers.map((tracker) => tracker.stop()));
    this.swarm?.close();
    this.#log?.close();
    await this.store.close();
  }

  #join(): Swarm | null {
    const { metainfo, growth, listener, peerId, uploadPaces, uploadSlots, optimisticSlots, kindOf } = this.options;
    const { infoHash } = this;
    if (infoHash === null) return null;
    const exchange = growth === undefined ? undefined : new HashExchange(growth);
    const swarm = new Swarm(this.intake, {
      infoHash,
      info: metainfo?.info ?? null,
      extension: exchange,
      isKnown: growth === undefined ? undefined : (piece) => growth.isKnown(piece),
      peerId,
      listenPort: listener.port,
      uploadSlots,
      optimisticSlots,
      uploadPaces,
      kindOf,
      exchangesPeers: this.options.exchangesPeers === true && metainfo !== null && !isPrivate(metainfo),
    });
    if (growth !== undefined) growth.onKnown = (pieces) => swarm.learn(pieces);
    if (exchange !== undefined) this.#tellPeers = () => exchange.announce();
    listener.add(hex(infoHash), swarm);
    return swarm;
  }
}

function neighboursOf({ metainfo, growth, peersMax, policy }: ShareOptions): number {
  return metainfo === null && growth === undefined ? 1 : (peersMax ?? policy.swarm.peerConnections);
}
