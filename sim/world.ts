/**
 * One run: the parts of the simulator put together, and what each event means to them. Everything that happens in
 * the world goes through here once: a piece gained, a client done, somebody gone.
 */
import { assert } from '#core/assert.ts';
import type { RequestReason } from '#core/host.ts';
import { type Availability, ExactAvailability, SwarmAvailability } from '#core/swarm/availability.ts';
import { Downloads } from '#core/swarm/downloads.ts';
import { PiecePicker } from '#core/swarm/piece-picker.ts';
import { none } from '#core/units.ts';
import type { Scenario } from '#scenarios/format/scenario.ts';
import { Control } from './control.ts';
import { FallbackWatch } from './fallback-watch.ts';
import { Faults } from './faults.ts';
import { Gauges } from './gauges.ts';
import { HttpDownloads } from './http-downloads.ts';
import { OriginAccess } from './origin-access.ts';
import { OriginWatch } from './origin-watch.ts';
import { ParentScheduler } from './policies/parent-scheduler.ts';
import { abandonDelay, abortProgress, departureDelay, reach } from './population.ts';
import { readAhead } from './read-ahead.ts';
import { RelayPulls } from './relay-pulls.ts';
import { event, eventKind, indexOfEvent, kindOfEvent, State, status } from './state.ts';
import { Swarm } from './swarm.ts';
import type { Trace } from './trace.ts';
import { Tracker } from './tracker.ts';
import { transferFlag } from './transfer-table.ts';

export class World {
  readonly state: State;
  readonly availability: Availability;
  readonly downloads: Downloads;
  readonly tracker: Tracker;
  readonly swarm: Swarm;
  readonly http: HttpDownloads;
  readonly origin: OriginAccess;
  readonly pulls: RelayPulls;
  readonly control: Control;
  readonly fallback: FallbackWatch | null;
  readonly scheduler: ParentScheduler | null;
  readonly gauges = new Gauges();
  readonly watch: OriginWatch;
  readonly faults: Faults;
  readonly #trace: Trace | null;
  completedCount = 0;
  /** Clients that still may finish: the run ends when there are none. */
  pendingCount: number;

  constructor(scenario: Scenario, trace: Trace | null) {
    const state = new State(scenario);
    this.state = state;
    this.#trace = trace;
    const { endpointCount, clientsFrom } = state.population;
    const { swarm, relay } = state.policy;
    this.availability =
      state.detail.availability === 'exact'
        ? new ExactAvailability(swarm.enabled ? endpointCount : 0, state.pieceCount)
        : new SwarmAvailability(state.pieceCount);
    const picker = new PiecePicker(state.sets, this.availability, {
      order: swarm.picker,
      endgame: swarm.endgame,
      window: state.detail.pickWindow,
      priorityPieces: scenario.distribution.priorityPieces,
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
    this.downloads = new Downloads(state.sets, picker, this.swarm, scenario.seed, state.task.file);
    this.tracker = new Tracker(state, this.availability, this.downloads);
    this.swarm.connect(this.downloads, this.tracker);
    this.swarm.onCancel = (transfer) => this.breakOff(transfer);
    this.watch = new OriginWatch(scenario.origin.contract, state.policy.contract, this.gauges.originConnections);
    this.origin = new OriginAccess(state, this.watch);
    this.http = new HttpDownloads(state, this.downloads, this.origin, listener);
    this.pulls = new RelayPulls(state, this.downloads, this.origin);
    this.pulls.onGained = (holder, piece) => this.#gained(holder, piece, 0);
    this.control = new Control(state, this.http, this.tracker);
    this.fallback =
      state.swarmRates === null
        ? null
        : new FallbackWatch(state, state.swarmRates, this.http, this.downloads, this.gauges.fallbackOpen);
    if (this.fallback !== null && trace !== null)
      this.fallback.onDecision = (client, reason) => trace.decided(state.now, client, reason);
    this.scheduler =
      swarm.graph === 'scheduled' ? new ParentScheduler(state, this.tracker, this.swarm, this.http) : null;
    this.origin.connect(this.pulls, this.http);
    this.origin.onRevoke = (transfer) => this.breakOff(transfer);
    this.faults = new Faults(this);
    this.pendingCount = endpointCount - clientsFrom;
    if (state.detail.isCoarse) readAhead(state);
    if (relay.used) this.#startRelays();
    this.#startOrigin();
    for (let client = clientsFrom; client < endpointCount; client++) {
      state.queue.push(state.population.arriveAt[client], event(eventKind.arrive, client));
    }
  }

  /** Runs until everybody is done, nothing can happen any more, or the horizon. */
  run(): void {
    const { state, watch } = this;
    const { queue, network } = state;
    const uplink = network.uplink(0);
    while (this.pendingCount > 0) {
      if (network.isStale && queue.peek() > state.now) {
        network.solve();
        watch.observe(state.now, network.allocated(uplink), network.transferCount(uplink));
        this.fallback?.flush();
      }
      if (!queue.pop()) break;
      state.now = queue.time;
      network.now = queue.time;
      this.#handle(queue.payload, queue.sequence);
      network.flush();
      if (!network.isStale) watch.observe(state.now, network.allocated(uplink), network.transferCount(uplink));
      this.fallback?.flush();
    }
    if (this.pendingCount > 0) network.now = state.now = state.horizon;
    watch.advance(state.now);
    this.fallback?.finish();
  }

  #handle(payload: number, sequence: number): void {
    const index = indexOfEvent(payload);
    switch (kindOfEvent(payload)) {
      case eventKind.transfer:
        return this.#transferEvent(index, sequence);
      case eventKind.link:
        return this.state.network.shareNow(index);
      case eventKind.arrive:
        return this.#arrive(index);
      case eventKind.announce:
        return this.#announce(index);
      case eventKind.depart:
        return this.#depart(index);
      case eventKind.abandon:
        return this.#abandon(index);
      case eventKind.httpRetry:
        return this.http.retry(index);
      case eventKind.fallback:
        return this.fallback?.wake(index);
      case eventKind.control:
        if (index === 0) return this.origin.tick();
        if (index === 2) return this.origin.expire();
        return this.control.report(this.fallback);
      case eventKind.faultBegin:
        return this.faults.begin(index);
      case eventKind.faultEnd:
        return this.faults.end(index);
      case eventKind.pull:
        return this.pulls.pump(index);
      case eventKind.schedule:
        return this.scheduler?.look(index);
      case eventKind.timeout:
        return this.#timeout(index);
      default:
        assert(false, `no such event: ${payload}`);
    }
  }

  #transferEvent(transfer: number, sequence: number): void {
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

  #timeout(transfer: number): void {
    const client = this.swarm.timedOut(transfer);
    if (client !== none) this.http.pump(client);
  }

  #arrive(client: number): void {
    const { state } = this;
    if (state.status[client] !== status.absent) return;
    const begins = this.control.dispatchAt(state.now);
    if (begins > state.now) state.queue.push(begins, event(eventKind.announce, client));
    else this.#begin(client);
  }

  /** A client learns of its task, or asks the tracker again. */
  #announce(client: number): void {
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
    this.#trace?.gained(state.now, endpoint, piece, source);
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
    this.completedCount++;
    this.pendingCount--;
    this.gauges.completed.set(state.now, this.completedCount);
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

  #abandon(client: number): void {
    const at = this.state.status[client];
    if (at === status.downloading || at === status.absent) this.goAway(client, status.left);
  }

  #depart(client: number): void {
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
    if (wasPending) this.pendingCount--;
  }

  /** Ends all transfers of an endpoint; returns the bytes of a begun piece, which are lost if it does not come back. */
  disconnect(endpoint: number): number {
    const { state } = this;
    const { network } = state;
    state.serves[endpoint] = 0;
    state.status[endpoint] = status.down;
    this.http.close(endpoint);
    if (state.isClient(endpoint)) this.fallback?.end(endpoint);
    this.#stopIncoming(endpoint);
    const orphans: number[] = [];
    for (let transfer = network.firstTransfer(network.uplink(endpoint)); transfer !== none; ) {
      const next = network.nextOut(transfer);
      orphans.push(network.target(transfer));
      this.breakOff(transfer);
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

  #stopIncoming(endpoint: number): void {
    const { network } = this.state;
    for (let transfer = network.firstTransfer(network.downlink(endpoint)); transfer !== none; ) {
      const next = network.nextIn(transfer);
      const source = network.source(transfer);
      if (transfer !== network.arriving) {
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
      state.queue.push(0, event(eventKind.pull, relay));
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
    this.control.start();
  }
}
