/** One task of a client under control: the download, its lease, and what is reported of it. */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import type { LeaseGrant } from '#core/quota/messages.ts';
import type { Assignment } from '#nodes/protocol/assignment.ts';
import type { Brake } from '#nodes/protocol/from-control.ts';
import type { FromNode, Progress } from '#nodes/protocol/from-node.ts';
import type { HashesFromControl } from '#nodes/protocol/hash-messages.ts';
import { nextAccount } from '../agent/account.ts';
import { type AssignedFile, assignedFile, kindOfPeer, remoteOrigin } from '../agent/assigned-file.ts';
import { GrowingFile, openGrowth } from '../agent/growing-file.ts';
import type { AgentOptions, Task } from '../agent/node-agent.ts';
import { OriginLease } from '../http/origin-lease.ts';
import { Pace } from '../http/pace.ts';
import { Download, runHook } from './download.ts';
import type { HttpSource } from './http-downloads.ts';
import type { ClientNode } from './settings.ts';
import { newPeerId } from './stand-alone.ts';

const sourcesMax = 16;

export async function openClientTask(
  assignment: Assignment,
  node: ClientNode,
  agent: Pick<AgentOptions, 'link' | 'stateDirectory'>,
  tell: (message: FromNode) => boolean,
): Promise<ClientTask> {
  const file = await assignedFile(assignment, agent.link, agent.stateDirectory);
  const task = new ClientTask(assignment, file, node, agent, tell);
  await task.apply(assignment);
  return task;
}

export class ClientTask implements Task {
  #file: AssignedFile;
  readonly #node: ClientNode;
  readonly #agent: Pick<AgentOptions, 'link' | 'stateDirectory'>;
  readonly #tell: (message: FromNode) => boolean;
  readonly #lease = new OriginLease();
  readonly #pace = new Pace();
  #assignment: Assignment;
  #download: Download | undefined;
  #growing: GrowingFile | undefined;
  #isOver = false;

  constructor(
    assignment: Assignment,
    file: AssignedFile,
    node: ClientNode,
    agent: Pick<AgentOptions, 'link' | 'stateDirectory'>,
    tell: (message: FromNode) => boolean,
  ) {
    this.#assignment = assignment;
    this.#file = file;
    this.#node = node;
    this.#agent = agent;
    this.#tell = tell;
    const account = nextAccount(agent.stateDirectory);
    this.#lease.connect(assignment.lease, (message) => void tell({ kind: 'lease', message }), account);
  }

  async apply(assignment: Assignment): Promise<void> {
    const isNews = assignment.revision > this.#assignment.revision;
    this.#assignment = assignment;
    const { state, limits } = assignment;
    this.#pace.limit(limits.sendBytesPerSecondMax ?? Infinity);
    if (state === 'complete' || state === 'cancelled') return await this.#end();
    if (state === 'waiting' && this.#download === undefined) return;
    if (state === 'active' && isNews && this.#download?.state === 'failed') {
      // Told again after a failure: begun anew, with what is there.
      await this.#download.close().catch(() => {});
      this.#download = undefined;
      this.#growing?.close();
      this.#growing = undefined;
      // Its hashes may have become complete since.
      const { link, stateDirectory } = this.#agent;
      this.#file = await assignedFile(assignment, link, stateDirectory);
    }
    this.#download ??= await this.#open();
    const download = this.#download;
    if (state === 'active') download.resume();
    else download.pause();
    const { situation } = download;
    situation.clientCount = assignment.clientCount;
    situation.downlinkBytesPerSecond = Math.min(
      this.#node.downlinkBytesPerSecond,
      limits.receiveBytesPerSecondMax ?? Infinity,
    );
    Object.assign(situation, this.#promises());
    download.http.originConnections = limits.originConnections ?? Infinity;
    download.http.timeoutMilliseconds = Math.max(1, limits.timeoutMilliseconds);
    download.http.retries = limits.retries;
    download.useSources(this.#sources());
    for (const { peer } of assignment.relays) if (peer !== undefined) download.share.swarm?.know(peer.host, peer.port);
    download.share.track(assignment.trackers);
    this.#node.onRelays(assignment.relays.map(({ httpUrl }) => httpUrl));
  }

  async follow(assignment: Assignment): Promise<'goes on' | 'again' | 'outdated'> {
    const { link, stateDirectory } = this.#agent;
    return (await this.#growing?.follow(assignment, link, stateDirectory)) ?? 'goes on';
  }

  online(): void {
    this.#growing?.online();
  }

  hashes(message: HashesFromControl): void {
    this.#growing?.hashes(message);
  }

  heed({ ratio, cohortFirstQuartileBytesPerSecond, cohortSize }: Brake): void {
    if (this.#download === undefined) return;
    const { situation } = this.#download;
    situation.brake = ratio;
    situation.cohort = { firstQuartileBytesPerSecond: cohortFirstQuartileBytesPerSecond, size: cohortSize };
  }

  grant(grant: LeaseGrant): void {
    this.#lease.receive(grant);
  }

  progress(): Omit<Progress, 'kind' | 'task'> {
    const summary = this.#download?.summary();
    const observed = this.#download?.http.observed;
    const fallback = summary?.fallback as Progress['fallback'] | null | undefined;
    const error = this.#download?.error?.message.slice(0, 1000);
    return {
      state: this.#state(),
      verifiedBytes: summary?.verifiedBytes ?? 0,
      received: summary?.counts.received ?? { origin: 0, relay: 0, peer: 0 },
      duplicateBytes: summary?.counts.duplicateBytes ?? 0,
      discardedBytes: summary?.counts.discardedBytes ?? 0,
      sent: { http: 0, bittorrent: summary?.sentBytes ?? 0 },
      receiveBytesPerSecond: summary?.receiveBytesPerSecond ?? 0,
      bittorrentBytesPerSecond: summary?.bittorrentBytesPerSecond ?? 0,
      sendBytesPerSecond: summary?.sendBytesPerSecond ?? 0,
      peers: summary?.peers ?? 0,
      ...(fallback === null || fallback === undefined ? {} : { fallback }),
      fallbackOpened: { ...(summary?.fallbackOpened ?? { slow: 0, stalled: 0, blocked: 0, overdue: 0 }) },
      elapsedMilliseconds: summary?.elapsedMilliseconds ?? 0,
      ...(observed === undefined
        ? {}
        : {
            relayObserved: {
              relay: observed.name,
              latencyMilliseconds: Math.max(0, Math.round(observed.latencyMilliseconds)),
              bytesPerSecond: observed.bytesPerSecond,
            },
          }),
      ...(error === undefined ? {} : { error }),
    };
  }

  async close(): Promise<void> {
    this.#growing?.close();
    await this.#download?.close();
    await this.#lease.close();
  }

  async discard(): Promise<void> {
    this.#growing?.close();
    await this.#download?.discard();
    await this.#lease.close();
  }

  /** What the instruction promises the user and caps for the payer (M35). */
  #promises() {
    const { shareMax, speedFloorBytesPerSecond = 0 } = this.#assignment.limits;
    return { shareMax, speedFloorBytesPerSecond };
  }

  #state(): Progress['state'] {
    if (this.#isOver) return this.#assignment.state === 'cancelled' ? 'cancelled' : 'complete';
    const state = this.#download?.state;
    if (state === undefined) return 'waiting';
    return state === 'closed' ? 'paused' : state;
  }

  /** Everybody has it: seeding ends. One that is not there yet goes on. */
  async #end(): Promise<void> {
    if (this.#assignment.state === 'complete' && this.#download?.share.store.isCommitted !== true) return;
    this.#isOver = true;
    await this.#download?.close();
    await this.#lease.close();
  }

  async #open(): Promise<Download> {
    const { stored, metainfo, policy } = this.#file;
    const { task, limits, estimate } = this.#assignment;
    const node = this.#node;
    const growth = await openGrowth(this.#assignment, stored, node.directory);
    const share = {
      directory: node.directory,
      file: stored,
      metainfo,
      growth,
      access: this.#assignment.growing?.access,
      policy,
      seed: randomInt(2 ** 31),
      priorityPieces: limits.priorityPieces,
      sourcesMax,
      recordPath: node.recordDirectory && join(node.recordDirectory, `${task}.decisions`),
      listener: node.listener,
      peerId: newPeerId(),
      uploadPaces: [node.uploadPace, this.#pace],
      uploadSlots: policy.swarm.uploadSlots,
      optimisticSlots: policy.swarm.optimisticSlots,
      kindOf: (host: string, port: number) => kindOfPeer(this.#assignment, host, port),
      exchangesPeers: node.exchangesPeers,
    };
    const download = await Download.open(share, this.#lease, {
      clientCount: this.#assignment.clientCount,
      network: node.network,
      // A download of a few seconds is not overdue before a slow one would be slow.
      expectedMilliseconds: Math.max(estimate.finishMilliseconds ?? Infinity, policy.fallback.hold),
      deadlineLeftMilliseconds: () => (this.#assignment.deadlineAtMilliseconds ?? Infinity) - Date.now(),
      downlinkBytesPerSecond: node.downlinkBytesPerSecond,
      cohort: { firstQuartileBytesPerSecond: 0, size: 0 },
      brake: 1,
      isBlocked: node.isBlocked,
      uplinkBytesPerSecond: node.uplinkBytesPerSecond,
      ...this.#promises(),
    });
    if (growth !== undefined) this.#growing = new GrowingFile(download.share, this.#assignment, this.#tell, () => {});
    download.onLog = (text, detail) => node.onLog(text, { task, ...detail });
    download.onFailure = (error) => node.onLog('a download failed', { task, problem: error.message });
    const complete = () => this.#complete(download);
    download.onComplete = complete;
    if (download.state === 'seeding') complete();
    return download;
  }

  #complete(download: Download): void {
    const node = this.#node;
    const { task, file } = this.#assignment;
    const { path } = download.share.store;
    node.onComplete(path, download.summary());
    if (node.hook === undefined) return;
    const environment = { SLUICE_TASK: task, SLUICE_NAME: file.name, SLUICE_VERSION: file.version ?? '' };
    void runHook(node.hook, path, environment).then((how) => node.onLog('the hook ended', { task, how }));
  }

  #sources(): HttpSource[] {
    const { task, relays } = this.#assignment;
    const origin = remoteOrigin(this.#assignment);
    const { sizeBytes, etag, lastModified } = origin;
    // One slot is the origin's.
    const sources: HttpSource[] = relays.slice(0, sourcesMax - 1).map(({ relay, httpUrl }) => ({
      kind: 'relay',
      name: relay,
      file: { sizeBytes, etag, lastModified, url: `${httpUrl.replace(/\/$/, '')}/files/${task}` },
    }));
    // What no relay has signed could not be verified, so it is of no use that it comes from the origin.
    if (this.#download?.share.isGrowing === true) return sources;
    return [...sources, { kind: 'origin', name: this.#assignment.origin, file: origin }];
  }
}
