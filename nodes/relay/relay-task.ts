/** One task of a relay under control: the file that it pulls and serves, its lease, and what is reported of it. */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import type { LeaseGrant } from '#core/quota/messages.ts';
import type { Assignment } from '#nodes/protocol/assignment.ts';
import type { FromNode, Progress } from '#nodes/protocol/from-node.ts';
import type { HashesFromControl } from '#nodes/protocol/hash-messages.ts';
import { nextAccount } from '../agent/account.ts';
import { type AssignedFile, assignedFile, kindOfPeer, remoteOrigin } from '../agent/assigned-file.ts';
import { GrowingFile, openGrowth } from '../agent/growing-file.ts';
import { type AgentOptions, CannotTake, type Task } from '../agent/node-agent.ts';
import { newPeerId } from '../client/stand-alone.ts';
import { OriginLease } from '../http/origin-lease.ts';
import { Pace } from '../http/pace.ts';
import type { PeerListener } from '../wire/peer-listener.ts';
import { hex } from '../wire/swarm.ts';
import { FileChanged } from './pull.ts';
import { RelayFile } from './relay-file.ts';
import type { RelayServer } from './relay-server.ts';
import type { SafeShares } from './safe-shares.ts';

/** What all tasks of a relay have in common. */
export interface RelayNode {
  directory: string;
  recordDirectory: string | undefined;
  server: RelayServer;
  listener: PeerListener;
  /** How others reach it. */
  host: string;
  uploadSlots: number;
  /** Instead of what control says. */
  bufferBeforeServingBytes: number | undefined;
  /** From origins at most. */
  pullBytesPerSecond: number;
  /** What it may take of origins while control cannot be reached, all its tasks together. */
  safeShares: SafeShares;
  /** Frees this much on the disk, if it may; false: it cannot. */
  makeRoom(bytes: number): Promise<boolean>;
  onLog(text: string, detail: object): void;
}

/** What a relay asks for while nothing is known of its link: 10 Gbit/s; the contract decides what it gets. */
const unknownDemandBytesPerSecond = 1_250_000_000;

export async function openRelayTask(
  assignment: Assignment,
  node: RelayNode,
  agent: Pick<AgentOptions, 'link' | 'stateDirectory'>,
  tell: (message: FromNode) => boolean,
): Promise<RelayTask> {
  if (assignment.role !== 'relay') throw new CannotTake('unsupported', 'this node is a relay');
  const file = await assignedFile(assignment, agent.link, agent.stateDirectory);
  const task = new RelayTask(assignment, file, node, agent, tell);
  await task.apply(assignment);
  return task;
}

export class RelayTask implements Task {
  readonly #file: AssignedFile;
  readonly #node: RelayNode;
  readonly #agent: Pick<AgentOptions, 'link' | 'stateDirectory'>;
  readonly #tell: (message: FromNode) => boolean;
  readonly #lease = new OriginLease();
  readonly #pullPace = new Pace();
  readonly #sendPace = new Pace();
  readonly #timer: NodeJS.Timeout;
  #assignment: Assignment;
  #relayFile: RelayFile | undefined;
  #growing: GrowingFile | undefined;
  #isOver = false;
  #receiveRate = 0;
  #sendRate = 0;
  #receivedBefore = 0;
  #sentBefore = 0;

  constructor(
    assignment: Assignment,
    file: AssignedFile,
    node: RelayNode,
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
    this.#timer = setInterval(() => this.#second(), 1000);
  }

  async apply(assignment: Assignment): Promise<void> {
    this.#assignment = assignment;
    const { state, limits, relays } = assignment;
    this.#sendPace.limit(limits.sendBytesPerSecondMax ?? Infinity);
    const pull = Math.min(this.#node.pullBytesPerSecond, limits.receiveBytesPerSecondMax ?? Infinity);
    this.#pullPace.limit(pull);
    if (assignment.role === 'relay') {
      this.#lease.safe = this.#node.safeShares.of(assignment.lease.origin, assignment.safeShare);
    }
    if (state === 'complete') return await this.#end();
    if (state === 'waiting' && this.#relayFile === undefined) return;
    this.#relayFile ??= await this.#open();
    const file = this.#relayFile;
    file.pause(state !== 'active');
    for (const { peer } of relays) if (peer !== undefined) file.share.swarm?.know(peer.host, peer.port);
    this.#second();
  }

  get signer(): string | undefined {
    return this.#growing?.growth.key;
  }

  async follow(assignment: Assignment): Promise<'goes on' | 'again' | 'outdated'> {
    const { link, stateDirectory } = this.#agent;
    const how = (await this.#growing?.follow(assignment, link, stateDirectory)) ?? 'goes on';
    // A relay that has failed is told again: what lies on the disk, unless outdated, is taken up where it was left.
    return how === 'goes on' && this.#state() === 'failed' ? 'again' : how;
  }

  online(): void {
    this.#growing?.online();
  }

  hashes(message: HashesFromControl): void {
    this.#growing?.hashes(message);
  }

  heed(): void {
    // φ scales what clients ask of relays and the origin; a relay's own pull is what the contract grants.
  }

  grant(grant: LeaseGrant): void {
    this.#lease.receive(grant);
  }

  /** Everybody has the file: it may be evicted. */
  get isOver(): boolean {
    return this.#isOver;
  }

  get lastServedAt(): number {
    return this.#relayFile?.lastServedAt ?? 0;
  }

  get file(): RelayFile | undefined {
    return this.#relayFile;
  }

  progress(): Omit<Progress, 'kind' | 'task'> {
    const file = this.#relayFile;
    const counts = file?.share.intake.counts;
    const error = file?.error?.message.slice(0, 1000);
    return {
      state: this.#state(),
      verifiedBytes: file?.share.store.heldBytes ?? 0,
      received: { ...(counts?.received ?? { origin: 0, relay: 0, peer: 0 }) },
      duplicateBytes: counts?.duplicateBytes ?? 0,
      discardedBytes: counts?.discardedBytes ?? 0,
      sent: { http: file?.sentBytes ?? 0, bittorrent: file?.share.swarm?.uploads.sentBytes ?? 0 },
      receiveBytesPerSecond: Math.round(this.#receiveRate),
      bittorrentBytesPerSecond: 0,
      sendBytesPerSecond: Math.round(this.#sendRate),
      peers: file?.share.swarm?.peerCount ?? 0,
      fallbackOpened: { slow: 0, stalled: 0, blocked: 0, overdue: 0 },
      elapsedMilliseconds: file?.elapsedMilliseconds ?? 0,
      ...(error === undefined ? {} : { error }),
      ...(file?.error instanceof FileChanged ? { changed: true } : {}),
    };
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#growing?.close();
    this.#leaveServer();
    await this.#relayFile?.close();
    await this.#lease.close();
  }

  async discard(): Promise<void> {
    clearInterval(this.#timer);
    this.#growing?.close();
    this.#leaveServer();
    await this.#relayFile?.discard();
    await this.#lease.close();
  }

  #state(): Progress['state'] {
    if (this.#isOver) return 'complete';
    const state = this.#relayFile?.state;
    return state === undefined ? 'waiting' : state === 'closed' ? 'paused' : state;
  }

  #second(): void {
    const file = this.#relayFile;
    if (file === undefined) return;
    const { origin, relay, peer } = file.share.intake.counts.received;
    const received = origin + relay + peer;
    const sent = file.sentBytes + (file.share.swarm?.uploads.sentBytes ?? 0);
    this.#receiveRate += 0.2 * (received - this.#receivedBefore - this.#receiveRate);
    this.#sendRate += 0.2 * (sent - this.#sentBefore - this.#sendRate);
    this.#receivedBefore = received;
    this.#sentBefore = sent;
    if (this.#assignment.role !== 'relay') return;
    const isPulling = file.state === 'transferring';
    const demand = Math.min(this.#pullPace.bytesPerSecond, unknownDemandBytesPerSecond);
    this.#lease.want(isPulling ? this.#assignment.pullConnections : 0, isPulling ? demand : 0);
  }

  async #end(): Promise<void> {
    this.#isOver = true;
    this.#lease.want(0, 0);
  }

  async #open(): Promise<RelayFile> {
    const { stored, metainfo, policy } = this.#file;
    const assignment = this.#assignment;
    const node = this.#node;
    if (assignment.role !== 'relay') throw new CannotTake('unsupported', 'this node is a relay');
    const { task } = assignment;
    const directory = join(node.directory, task);
    if (!(await node.makeRoom(stored.sizeBytes))) {
      throw new CannotTake('no-space', `there is no room for ${stored.sizeBytes} bytes`);
    }
    const growth = await openGrowth(assignment, stored, directory);
    const share = {
      directory,
      file: stored,
      metainfo,
      growth,
      access: assignment.growing?.access,
      policy,
      seed: randomInt(2 ** 31),
      priorityPieces: [],
      sourcesMax: 1,
      recordPath: node.recordDirectory && join(node.recordDirectory, `${task}.decisions`),
      listener: node.listener,
      peerId: newPeerId(),
      uploadPaces: [this.#sendPace, node.server.pace],
      uploadSlots: node.uploadSlots,
      optimisticSlots: 0,
      kindOf: (host: string, port: number) => kindOfPeer(this.#assignment, host, port),
    };
    const options = {
      share,
      remote: remoteOrigin(assignment),
      hasOthers: () => this.#assignment.relays.some(({ peer }) => peer !== undefined),
      pull: { connections: assignment.pullConnections, part: assignment.part, pace: this.#pullPace },
      bufferBeforeServingBytes: node.bufferBeforeServingBytes ?? assignment.bufferBeforeServingBytes,
    };
    const file = await RelayFile.open(options, this.#lease);
    file.onLog = (text, detail) => node.onLog(text, { task, ...detail });
    file.onChange = () => {
      // What was pulled of another file is of no use, here or anywhere.
      if (file.error instanceof FileChanged) void this.discard().catch(() => {});
    };
    node.server.add(task, file);
    this.#beTracker(file);
    if (growth === undefined) return file;
    this.#growing = new GrowingFile(file.share, assignment, this.#tell, () => this.#beTracker(file));
    return file;
  }

  #beTracker(file: RelayFile): void {
    const { server, host, listener } = this.#node;
    const { infoHash, isGrowing, options } = file.share;
    const own = { host, port: listener.port };
    if (infoHash === null) return;
    server.tracker.add(hex(infoHash), () => (file.isServing ? [own] : []), isGrowing ? options.access : undefined);
  }

  #leaveServer(): void {
    this.#node.server.remove(this.#assignment.task);
    const options = this.#relayFile?.share.options;
    for (const infoHash of [options?.metainfo?.infoHash, options?.growth?.manifest.swarm]) {
      if (infoHash !== undefined) this.#node.server.tracker.remove(hex(infoHash));
    }
  }
}
