/**
 * One download of a client: BitTorrent first, HTTP where the core says that it must help; then the commit, and
 * seeding. Once a second the core is told what has come, on the client's own clock.
 */
import { execFile } from 'node:child_process';
import { type Decision, type SourceKind, sourceKinds } from '#core/record.ts';
import { SourceShares } from '#core/swarm/source-shares.ts';
import type { IntakeCounts } from '../files/piece-intake.ts';
import { Share, type ShareOptions } from '../files/share.ts';
import type { OriginLease } from '../http/origin-lease.ts';
import { Pace } from '../http/pace.ts';
import { HttpDownloads, type HttpSource } from './http-downloads.ts';
import { UploadShare } from './upload-share.ts';

export interface DownloadSituation {
  /** Of the task; thresholds adapt to it. */
  clientCount: number;
  network: 'wired' | 'mobile' | 'unknown';
  /** Expected time of the whole download; `Infinity` = not known. */
  expectedMilliseconds: number;
  /** Until the deadline from now on, asked each second; `Infinity` = none. */
  deadlineLeftMilliseconds: () => number;
  /** Of the machine, as far as known; `Infinity` = not. */
  downlinkBytesPerSecond: number;
  /** Measured, of clients of the same kind; size 0 = unknown. */
  cohort: { firstQuartileBytesPerSecond: number; size: number };
  /** φ of control: what HTTP's rate is multiplied with. */
  brake: number;
  /** Known to block peer-to-peer. */
  isBlocked: boolean;
  /** What the user is promised (M35); 0 = nothing. */
  speedFloorBytesPerSecond: number;
  /** Shares of what is received, by source, at most (M35). */
  shareMax: Record<SourceKind, number>;
  /** Of the machine, as far as known; `Infinity` = not. */
  uplinkBytesPerSecond: number;
}

/** Without control nothing is promised and nothing capped. */
export const freely = { speedFloorBytesPerSecond: 0, shareMax: { origin: 1, relay: 1, peer: 1 } };

export type DownloadState = 'transferring' | 'verifying' | 'seeding' | 'paused' | 'failed' | 'closed';

export interface DownloadSummary {
  state: DownloadState;
  sizeBytes: number;
  verifiedBytes: number;
  counts: IntakeCounts;
  sentBytes: number;
  peers: number;
  httpConnections: number;
  /** Why HTTP helps now, or null. */
  fallback: string | null;
  fallbackOpened: Record<'slow' | 'stalled' | 'blocked' | 'overdue', number>;
  elapsedMilliseconds: number;
  /** From the start of the download; null: nothing has come yet. */
  firstByteMilliseconds: number | null;
  receiveBytesPerSecond: number;
  bittorrentBytesPerSecond: number;
  sendBytesPerSecond: number;
}

/** Bytes by which an exponential mean over about five seconds forgets, once a second. */
const meanWeight = 0.2;

export class Download {
  readonly share: Share;
  readonly http: HttpDownloads;
  readonly situation: DownloadSituation;
  readonly #startedAt = performance.now();
  readonly #timer: NodeJS.Timeout;
  #tick = 0;
  #reason: string | null = null;
  readonly #opened = { slow: 0, stalled: 0, blocked: 0, overdue: 0 };
  #endedAt = 0;
  #receiveRate = 0;
  #swarmRate = 0;
  #sendRate = 0;
  #sentBefore = 0;
  #receivedBefore = 0;
  #swarmBefore = 0;
  readonly #shares: SourceShares;
  readonly #upload: UploadShare;
  readonly #uploadPace = new Pace();
  #promisedBytesPerSecond = 0;
  state: DownloadState = 'transferring';
  error: Error | undefined;
  onLog: (text: string, detail: object) => void = () => {};
  /** The file is whole, verified, and under its name. */
  onComplete: () => void = () => {};
  onFailure: (error: Error) => void = () => {};

  private constructor(share: Share, lease: OriginLease, situation: DownloadSituation) {
    this.share = share;
    this.situation = situation;
    this.http = new HttpDownloads(share.intake, lease);
    this.http.left = (kind) => this.#leftOf(kind);
    this.#shares = new SourceShares(share.store.file.sizeBytes, [1, 1, 1]);
    this.#upload = new UploadShare(share.core, situation.uplinkBytesPerSecond);
    share.options.uploadPaces.push(this.#uploadPace);
    const { intake, swarm, core } = share;
    intake.onPiece = (piece) => swarm?.announce(piece);
    intake.onComplete = () => void this.#finish();
    intake.onFailure = (error) => this.#fail(error);
    share.store.onFailure = (error) => this.#fail(error);
    this.http.onChanged = (problem) => this.#fail(new Error(problem));
    this.http.onLog = (text, detail) => this.onLog(text, detail);
    this.http.onNothingFree = () => swarm?.releaseSlow(slowMilliseconds);
    if (swarm !== null) swarm.onLog = (text, detail) => this.onLog(text, detail);
    if (situation.expectedMilliseconds < Infinity) core.expect(Math.max(1, Math.round(situation.expectedMilliseconds)));
    if (situation.isBlocked || swarm === null) core.blocked();
    this.#situate();
    this.#countShares();
    this.#timer = setInterval(() => this.#second(), 1000);
    if (share.store.isComplete) void this.#finish();
    else this.#steer();
  }

  static async open(options: ShareOptions, lease: OriginLease, situation: DownloadSituation): Promise<Download> {
    return new Download(await Share.open(options), lease, situation);
  }

  useSources(sources: HttpSource[]): void {
    this.http.use(sources);
    this.#steer();
  }

  /** What is there is kept; nothing is transferred until `resume`. */
  pause(): void {
    if (this.state !== 'transferring' && this.state !== 'seeding') return;
    this.state = 'paused';
    if (this.share.swarm !== null) this.share.swarm.asks = 'nobody';
    this.#steer();
  }

  resume(): void {
    if (this.state !== 'paused') return;
    this.state = this.share.store.isCommitted ? 'seeding' : 'transferring';
    if (this.share.swarm !== null) this.share.swarm.asks = 'everybody';
    this.#steer();
  }

  summary(): DownloadSummary {
    const { store, intake, swarm } = this.share;
    const endedAt = this.#endedAt === 0 ? performance.now() : this.#endedAt;
    return {
      state: this.state,
      sizeBytes: store.file.sizeBytes,
      verifiedBytes: store.heldBytes,
      counts: intake.counts,
      sentBytes: swarm?.uploads.sentBytes ?? 0,
      peers: swarm?.peerCount ?? 0,
      httpConnections: this.http.connections,
      fallback: this.#reason,
      fallbackOpened: this.#opened,
      elapsedMilliseconds: Math.round(endedAt - this.#startedAt),
      firstByteMilliseconds:
        intake.firstBytesAt === undefined ? null : Math.round(intake.firstBytesAt - this.#startedAt),
      receiveBytesPerSecond: Math.round(this.#receiveRate),
      bittorrentBytesPerSecond: Math.round(this.#swarmRate),
      sendBytesPerSecond: Math.round(this.#sendRate),
    };
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    if (this.state !== 'failed') this.state = 'closed';
    await this.http.close();
    await this.share.close();
  }

  /** Stops and deletes what is not a whole verified file. */
  async discard(): Promise<void> {
    await this.close().catch(() => {});
    await this.share.store.discard();
  }

  get isEnded(): boolean {
    return this.state === 'failed' || this.state === 'closed';
  }

  #second(): void {
    const { intake, swarm, store, core } = this.share;
    const { origin, relay, peer } = intake.counts.received;
    const received = origin + relay + peer;
    const swarmBytes = swarm?.receivedBytes ?? 0;
    this.#receiveRate += meanWeight * (received - this.#receivedBefore - this.#receiveRate);
    this.#swarmRate += meanWeight * (swarmBytes - this.#swarmBefore - this.#swarmRate);
    const sent = swarm?.uploads.sentBytes ?? 0;
    this.#sendRate += meanWeight * (sent - this.#sentBefore - this.#sendRate);
    this.#sentBefore = sent;
    this.#receivedBefore = received;
    this.#swarmBefore = swarmBytes;
    this.#upload.second(sent, this.state === 'seeding', performance.now());
    this.#uploadPace.limit(this.#upload.bytesPerSecond);
    this.#countShares();
    if (this.state !== 'transferring') return;
    // The grid is the download's own clock: seconds that the process slept through are looked at together.
    const tick = Math.max(this.#tick + 1, Math.floor((performance.now() - this.#startedAt) / 1000));
    this.#tick = tick;
    if (tick % 10 === 0) this.#situate();
    this.#heed(core.look(tick, swarmBytes, Math.min(store.heldBytes, store.file.sizeBytes)));
    this.#steer();
  }

  #heed(decision: Decision | null): void {
    if (decision?.kind !== 'fallback') return;
    const { reason } = decision;
    this.onLog(reason === 'recovered' ? 'HTTP stops helping' : 'HTTP helps', decision);
    this.#reason = reason === 'recovered' ? null : reason;
    if (reason !== 'recovered' && reason !== 'no-change') this.#opened[reason]++;
  }

  /** What has come since, by source: what a source that is at its share may still bring follows. */
  #countShares(): void {
    const { shareMax } = this.situation;
    const { received } = this.share.intake.counts;
    for (const [index, kind] of sourceKinds.entries()) {
      this.#shares.capRatio[index] = shareMax[kind];
      this.#shares.deliver(index, Math.max(0, received[kind] - this.#shares.deliveredBytes[index]!));
    }
    if (this.share.swarm !== null && this.state === 'transferring') {
      this.share.swarm.asks = this.#shareBrake('peer') > 0 ? 'everybody' : 'relays';
    }
  }

  #shareBrake(kind: SourceKind): number {
    const floor = this.situation.speedFloorBytesPerSecond;
    return this.#shares.brake(sourceKinds.indexOf(kind), this.#receiveRate, floor);
  }

  /** What a source may still bring of the whole file: its share, unless the promised speed needs more of it. */
  #leftOf(kind: 'origin' | 'relay'): number {
    const { shareMax, speedFloorBytesPerSecond } = this.situation;
    const cap = shareMax[kind];
    if (cap === 1 || (cap > 0 && this.#receiveRate < speedFloorBytesPerSecond)) return Infinity;
    const { store, intake } = this.share;
    return Math.max(0, cap * store.file.sizeBytes - intake.counts.received[kind]);
  }

  #situate(): void {
    const { clientCount, network, cohort, speedFloorBytesPerSecond } = this.situation;
    if (speedFloorBytesPerSecond !== this.#promisedBytesPerSecond) {
      this.#promisedBytesPerSecond = speedFloorBytesPerSecond;
      this.share.core.promise(speedFloorBytesPerSecond);
    }
    this.share.core.situate({
      fileBytes: this.share.store.file.sizeBytes,
      network,
      clients: clientCount,
      cohortFirstQuartile: cohort.firstQuartileBytesPerSecond,
      cohortSize: cohort.size,
    });
  }

  /** How fast HTTP is to be from now on. */
  #steer(): void {
    const { core } = this.share;
    const { when } = this.share.options.policy.http;
    const isOpen = when === 'always' || this.share.swarm === null || core.isHttpOpen;
    if (this.state !== 'transferring' || when === 'never' || !isOpen) return this.http.wish(0);
    const { downlinkBytesPerSecond, deadlineLeftMilliseconds } = this.situation;
    const brake = this.situation.brake * this.#shareBrake(this.http.hasRelays ? 'relay' : 'origin');
    // Until a downlink is known, as fast as it comes: the sender's side and the brake limit it.
    const free = Math.max(0, Math.min(downlinkBytesPerSecond, unknownDownlink) - this.#swarmRate);
    const rate = core.isHttpOpen ? core.httpRate(deadlineLeftMilliseconds(), free, brake) : brake * free;
    this.http.wish(Math.floor(rate));
  }

  async #finish(): Promise<void> {
    if (this.state === 'verifying' || this.isEnded) return;
    this.state = 'verifying';
    this.http.wish(0);
    try {
      await this.share.settled();
      if (this.isEnded) return;
      await this.share.store.commit();
    } catch (error) {
      return this.#fail(error as Error);
    }
    this.#endedAt = performance.now();
    this.#reason = null;
    this.state = 'seeding';
    this.share.completed();
    this.onComplete();
  }

  #fail(error: Error): void {
    if (this.isEnded) return;
    this.state = 'failed';
    this.error = error;
    this.#endedAt = performance.now();
    this.http.wish(0);
    if (this.share.swarm !== null) this.share.swarm.asks = 'nobody';
    this.onFailure(error);
  }
}

/** What a peer would take longer to bring than this, HTTP brings where it helps. */
const slowMilliseconds = 10_000;
/** Past any link that a client has. */
const unknownDownlink = 100_000_000_000;

/** Runs the operator's command with the file as its argument; the answer says how it ended. */
export function runHook(command: string, path: string, environment: Record<string, string>): Promise<string> {
  return new Promise((resolve) => {
    execFile(command, [path], { env: { ...process.env, ...environment }, timeout: 600_000 }, (error) =>
      resolve(error === null ? 'ended well' : error.message),
    );
  });
}
