/**
 * One task of a run: a file, its clients and their policy, with the parts that decide and act for them. Tasks share
 * links, relays and the origin; each has a swarm and tables of its own. What happens in a task goes through here
 * once: a piece gained, a client done, somebody gone.
 */
import type { RequestReason } from '#core/host.ts';
import { type Availability, ExactAvailability, SwarmAvailability } from '#core/swarm/availability.ts';
import { Downloads } from '#core/swarm/downloads.ts';
import { PiecePicker } from '#core/swarm/piece-picker.ts';
import { none } from '#core/units.ts';
import { type ClientRecord, WatchedAvailability, WatchedDownloads } from './client-record.ts';
import { Control } from './control.ts';
import { FallbackWatch } from './fallback-watch.ts';
import { HttpDownloads } from './http-downloads.ts';
import { OriginDoor } from './origin-door.ts';
import { ParentScheduler } from './policies/parent-scheduler.ts';
import { abandonDelay, abortProgress, departureDelay, reach } from './population.ts';
import { RelayPulls } from './relay-pulls.ts';
import { event, eventKind, type State, status } from './state.ts';
import { Swarm } from './swarm.ts';
import { Tracker } from './tracker.ts';
import { transferFlag } from './transfer-table.ts';
import type { World } from './world.ts';

export class TaskRun {
  readonly state: State;
  readonly availability: Availability;
  readonly downloads: Downloads;
  readonly tracker: Tracker;
  readonly swarm: Swarm;
  readonly http: HttpDownloads;
  readonly origin: OriginDoor;
  readonly pulls: RelayPulls;
  readonly control: Control;
  readonly fallback: FallbackWatch | null;
  readonly scheduler: ParentScheduler | null;
  /** Of one of its clients, where somebody wants to know. */
  readonly #record: ClientRecord | null;
  readonly #world: World;

  constructor(world: World, state: State) {
    this.#world = world;
    this.state = state;
    const { trace } = world;
    const { endpointCount } = state.population;
    const { swarm } = state.policy;
    const record = world.record?.follow(state) === true ? world.record : null;
    this.#record = record;
    const rows = swarm.enabled ? endpointCount : 0;
    if (record !== null) this.availability = new WatchedAvailability(rows, state.pieceCount, record);
    else if (state.detail.availability === 'exact') this.availability = new ExactAvailability(rows, state.pieceCount);
    else this.availability = new SwarmAvailability(state.pieceCount);
    const picker = new PiecePicker(state.sets, this.availability, {
      order: swarm.picker,
      endgame: swarm.endgame,
      window: state.detail.pickWindow,
      priorityPieces: state.scenario.distribution.priorityPieces,
    });
    const listener = {
      gained: (endpoint: number, piece: number, source: number) => this.#gained(endpoint, piece, source),
      began: (client: number, at: number) => {
        state.firstByteAt[client] = at;
      },
      requested: (client: number, source: number, piece: number, reason: RequestReason | 'range') =>
        trace?.requested(state.now, client, source, piece, reason),
      anotherRelay: (client: number) => this.control.anotherRelay(client),
    };
    this.swarm = new Swarm(state, this.availability, listener);
    this.downloads =
      record === null
        ? new Downloads(state.sets, picker, this.swarm, state.scenario.seed, state.task.file)
        : new WatchedDownloads(state, picker, this.swarm, record);
    this.tracker = new Tracker(state, this.availability, this.downloads);
    this.swarm.connect(this.downloads, this.tracker);
    this.swarm.slots.record = record;
    this.swarm.onCancel = (transfer) => this.breakOff(transfer);
    this.origin = new OriginDoor(state, world.holders, this);
    this.http = new HttpDownloads(state, this.downloads, this.origin, listener);
    this.pulls = new RelayPulls(state, this.downloads, this.origin);
    this.pulls.onGained = (holder, piece) => this.#gained(holder, piece, 0);
    this.control = new Control(state, this.http, this.tracker, world.dispatchPace);
    this.fallback =
      state.swarmRates === null
        ? null
        : new FallbackWatch(state, state.swarmRates, this.http, this.downloads, world.gauges.fallbackOpen);
    if (this.fallback !== null) this.fallback.record = record;
    if (this.fallback !== null && trace !== null)
      this.fallback.onDecision = (client, reason) => trace.decided(state.now, client, reason);
    this.scheduler =
      swarm.graph === 'scheduled' ? new ParentScheduler(state, this.tracker, this.swarm, this.http) : null;
  }

  transferEvent(transfer: number, sequence: number): void {
    const { network } = this.state;
    if (!network.hasFinished(transfer, sequence)) {
      if (network.isOwnEvent) this.swarm.watch(transfer);
      return;
    }
    network.arriving = transfer;
    const client = network.target(transfer);
    if (network.has(transfer, transferFlag.pull)) this.pulls.arrived(transfer);
    else if (network.has(transfer, transferFlag.http)) {
      this.http.arrived(transfer);
      // What came over HTTP is passed on like any other piece.
      if (this.state.policy.swarm.enabled) this.swarm.fillSlots(client);
    } else {
      this.swarm.arrived(transfer);
      // A race that BitTorrent won has closed a connection.
      this.http.pump(client);
    }
    network.arriving = none;
  }

  timeout(transfer: number): void {
    const client = this.swarm.timedOut(transfer);
    if (client !== none) this.http.pump(client);
  }

  arrive(client: number): void {
    const { state } = this;
    if (state.status[client] !== status.absent) return;
    const begins = this.control.dispatchAt(state.now);
    if (begins > state.now) state.queue.push(begins, event(eventKind.announce, client));
    else this.#begin(client);
  }

  /** A client learns of its task, or asks the tracker again. */
  announce(client: number): void {
    const { state } = this;
    if (state.status[client] === status.absent) return this.#begin(client);
    this.tracker.announce(client);
    this.swarm.seek(client);
    this.swarm.fillSlots(client);
  }

  #begin(client: number): void {
    const { state } = this;
    const { policy, scenario, population } = state;
    const each = scenario.clients[population.classOf[client]];
    state.status[client] = status.downloading;
    state.relayOf[client] = this.control.relayFor(client);
    const abandonAfter = abandonDelay(scenario.seed, client, each.abandonPerMillisecond);
    if (abandonAfter < Infinity) state.queue.push(state.now + abandonAfter, event(eventKind.abandon, client));
    if (this.isPeer(client)) {
      state.serves[client] = 1;
      this.tracker.join(client);
      if (this.scheduler === null) state.queue.push(state.now, event(eventKind.announce, client));
    }
    this.fallback?.begin(client, this.control.estimateMilliseconds(client));
    if (this.scheduler !== null && !this.goesDirect()) this.scheduler.begin(client);
    else if (policy.http.when === 'always' || this.goesDirect())
      this.http.open(client, scenario.distribution.speedMaxBytesPerSecond);
  }

  isPeer(client: number): boolean {
    const { policy, population } = this.state;
    return policy.swarm.enabled && population.reach[client] !== reach.blocked && !this.goesDirect();
  }

  /** A file so small that the policy does not bother the swarm with it. */
  goesDirect(): boolean {
    return this.state.task.file.sizeBytes <= this.state.policy.http.directBelow;
  }

  /** `endpoint` holds one more piece, which `source` sent: tells whoever waits for it. */
  #gained(endpoint: number, piece: number, source: number): void {
    const { state } = this;
    this.#world.trace?.gained(state.now, endpoint, piece, source);
    this.#record?.announces(endpoint);
    if (state.policy.swarm.enabled) this.swarm.announceHave(endpoint, piece);
    if (state.isRelay(endpoint)) {
      this.#relayGained(endpoint);
      return;
    }
    if (state.sets.isComplete(endpoint)) this.#completed(endpoint);
    else this.#abortIfItsTime(endpoint);
  }

  #relayGained(relay: number): void {
    const { state } = this;
    if (state.sets.isComplete(relay)) state.status[relay] = status.complete;
    this.openRelay(relay);
    if (state.serves[relay] !== 0) this.swarm.fillSlots(relay);
    this.http.wakeHeld(relay);
  }

  /** A relay serves from the moment its buffer has reached the set amount (M13). */
  openRelay(relay: number): void {
    const { state } = this;
    if (!state.policy.swarm.relaysSeed || state.serves[relay] !== 0) return;
    const { bufferBeforeServingBytes } = state.scenario.relays[state.population.classOf[relay]];
    const buffer = state.policy.relay.completeFirst ? Infinity : bufferBeforeServingBytes;
    const held = this.downloads.heldBytes(relay);
    // Where the rest comes from other relays, waiting for more would be waiting for each other.
    const isPartDone = state.policy.relay.exchange && held > 0 && this.pulls.hasNothingToPull(relay);
    if (state.sets.isComplete(relay) || held >= buffer || isPartDone) state.serves[relay] = 1;
  }

  #completed(client: number): void {
    const { state } = this;
    const each = state.scenario.clients[state.population.classOf[client]];
    state.status[client] = status.complete;
    state.completedAt[client] = state.now;
    this.#world.completed();
    this.http.close(client);
    this.fallback?.end(client);
    this.#stopIncoming(client);
    const delay = departureDelay(state.scenario.seed, client, each.leave);
    if (delay < Infinity) state.queue.push(state.now + delay, event(eventKind.depart, client));
  }

  #abortIfItsTime(client: number): void {
    const { state } = this;
    const each = state.scenario.clients[state.population.classOf[client]];
    if (each.leave.kind !== 'aborts') return;
    const progress = state.sets.heldCount(client) / state.pieceCount;
    if (progress >= abortProgress(state.scenario.seed, client, each.leave)) this.goAway(client, status.left);
  }

  abandon(client: number): void {
    const at = this.state.status[client];
    if (at === status.downloading || at === status.absent) this.goAway(client, status.left);
  }

  depart(client: number): void {
    if (this.state.status[client] === status.complete) this.goAway(client, status.left);
  }

  /** `client` leaves for good: what it sent and took ends, those who were served look elsewhere. */
  goAway(client: number, as: number): void {
    const { state } = this;
    const wasPending = state.status[client] !== status.complete;
    state.accounts.discarded(client, this.disconnect(client));
    this.tracker.leave(client);
    this.availability.left(client, state.sets);
    state.status[client] = as;
    if (wasPending) this.#world.pendingCount--;
  }

  /** Ends all transfers of an endpoint; returns the bytes of a begun piece, which are lost if it does not come back. */
  disconnect(endpoint: number): number {
    const { state } = this;
    this.#record?.ended(endpoint);
    const { network } = state;
    state.serves[endpoint] = 0;
    state.status[endpoint] = status.down;
    this.http.close(endpoint);
    if (state.isClient(endpoint)) this.fallback?.end(endpoint);
    this.#stopIncoming(endpoint);
    const orphans: number[] = [];
    for (let transfer = network.firstTransfer(network.uplink(endpoint)); transfer !== none; ) {
      const next = network.nextOut(transfer);
      if (state.owns(transfer)) {
        orphans.push(network.target(transfer));
        this.breakOff(transfer);
      }
      transfer = next;
    }
    for (const orphan of orphans) {
      if (state.isRelay(orphan)) this.pulls.pump(orphan);
      else {
        this.swarm.seek(orphan);
        this.http.pump(orphan);
        this.scheduler?.orphaned(orphan);
      }
    }
    return this.downloads.dropPartial(endpoint);
  }

  /** A client or relay goes down for a time; what it had begun is lost, what it holds is not. */
  takeDown(endpoint: number): void {
    this.state.accounts.discarded(endpoint, this.disconnect(endpoint));
    if (this.state.isRelay(endpoint)) this.http.dropHeld(endpoint);
  }

  resumeRelay(relay: number): void {
    const { state } = this;
    state.status[relay] = state.sets.isComplete(relay) ? status.complete : status.downloading;
    this.openRelay(relay);
    this.pulls.pump(relay);
    this.swarm.fillSlots(relay);
  }

  resumeClient(client: number): void {
    const { state } = this;
    const isComplete = state.sets.isComplete(client);
    state.status[client] = isComplete ? status.complete : status.downloading;
    if (this.isPeer(client)) {
      state.serves[client] = 1;
      this.swarm.fillSlots(client);
      this.swarm.seek(client);
    }
    if (isComplete) return;
    this.fallback?.begin(client, this.control.estimateMilliseconds(client));
    if (state.policy.http.when === 'always' || this.goesDirect())
      this.http.open(client, state.scenario.distribution.speedMaxBytesPerSecond);
    this.scheduler?.orphaned(client);
  }

  /** After a cut or its healing: everybody looks again for what can be reached. */
  wakeEverybody(): void {
    const { state } = this;
    const { clientsFrom, endpointCount } = state.population;
    for (let relay = 1; relay < clientsFrom; relay++) this.pulls.pump(relay);
    for (const client of state.clients()) {
      if (state.status[client] !== status.downloading) continue;
      this.swarm.seek(client);
      this.http.pump(client);
    }
    for (let endpoint = 0; endpoint < endpointCount; endpoint++) this.swarm.fillSlots(endpoint);
  }

  #stopIncoming(endpoint: number): void {
    const { network } = this.state;
    for (let transfer = network.firstTransfer(network.downlink(endpoint)); transfer !== none; ) {
      const next = network.nextIn(transfer);
      const source = network.source(transfer);
      if (transfer !== network.arriving && this.state.owns(transfer)) {
        this.breakOff(transfer);
        this.swarm.fillSlots(source);
      }
      transfer = next;
    }
  }

  /** Ends a transfer, whatever its protocol; its whole blocks are kept. */
  breakOff(transfer: number): void {
    const { network } = this.state;
    if (!network.has(transfer, transferFlag.http)) {
      this.swarm.breakOff(transfer);
      return;
    }
    network.settle(transfer);
    this.swarm.loseProgress(transfer, network.target(transfer), network.source(transfer), network.piece(transfer));
    if (network.has(transfer, transferFlag.pull)) this.pulls.release(transfer);
    else this.http.release(transfer);
  }

  /** Relays and the origin take their places; relays pull from the start of the task on. */
  start(): void {
    if (this.state.policy.relay.used) this.#startRelays();
    this.#startOrigin();
  }

  #startRelays(): void {
    const { state } = this;
    const { relayCount } = state.population;
    for (let relay = 1; relay <= relayCount; relay++) {
      const each = state.scenario.relays[state.population.classOf[relay]];
      const holdsAll = each.holdsAll;
      state.status[relay] = holdsAll ? status.complete : status.downloading;
      if (holdsAll) {
        state.sets.holdAll(relay);
        this.availability.joined(relay, state.sets);
      }
      if (state.policy.swarm.enabled && state.policy.swarm.relaysSeed) {
        this.tracker.join(relay);
        for (let other = 1; other < relay; other++) if (state.policy.relay.exchange) this.tracker.connect(relay, other);
      }
      this.openRelay(relay);
      state.queue.push(state.beginsAt, event(eventKind.pull, relay));
    }
  }

  #startOrigin(): void {
    const { state } = this;
    state.sets.holdAll(0);
    state.status[0] = status.complete;
    if (state.policy.swarm.enabled && state.policy.swarm.originSeeds) {
      this.availability.joined(0, state.sets);
      this.tracker.join(0);
      state.serves[0] = 1;
    }
  }
}
