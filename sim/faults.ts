/** What goes wrong, when: each fault of a scenario begins, lasts and heals. */
import { microsecondsPerMillisecond } from '#core/units.ts';
import type { Fault } from '#scenarios/format/scenario.ts';
import { isHit } from './population.ts';
import { event, eventKind, status } from './state.ts';
import type { World } from './world.ts';

export class Faults {
  readonly #world: World;
  readonly #faults: Fault[];

  constructor(world: World) {
    this.#world = world;
    const { scenario, queue } = world.state;
    this.#faults = scenario.faults;
    this.#faults.forEach((fault, index) => {
      queue.push(fault.atMilliseconds * microsecondsPerMillisecond, event(eventKind.faultBegin, index));
      const until = fault.untilMilliseconds * microsecondsPerMillisecond;
      if (until < Infinity) queue.push(until, event(eventKind.faultEnd, index));
    });
  }

  begin(index: number): void {
    const fault = this.#faults[index];
    switch (fault.kind) {
      case 'relay-down':
        return this.#takeRelayDown(1 + fault.relay);
      case 'origin-slow':
        return this.#setOriginFactor(fault.factor);
      case 'origin-down':
        return this.#setOriginFactor(0);
      case 'contract':
        return this.#world.origin.setContract(fault.contract);
      case 'control-down':
        return this.#takeControlDown();
      case 'partition':
        return this.#partition(fault.regions, true);
      case 'clients-crash':
      case 'clients-suspend':
        return this.#crash(index, fault.clientClass, fault.share);
      case 'control-claims':
      case 'clock-step':
      case 'messages':
        return;
      default:
        fault satisfies never;
    }
  }

  end(index: number): void {
    const fault = this.#faults[index];
    switch (fault.kind) {
      case 'relay-down':
        return this.#bringRelayUp(1 + fault.relay);
      case 'origin-slow':
      case 'origin-down':
        return this.#setOriginFactor(1);
      case 'contract':
        return this.#world.origin.setContract(this.#world.state.scenario.origin.contract);
      case 'control-down':
        return this.#bringControlUp();
      case 'partition':
        return this.#partition(fault.regions, false);
      case 'clients-crash':
      case 'clients-suspend':
        return this.#restart(index, fault.clientClass, fault.share);
      case 'control-claims':
      case 'clock-step':
      case 'messages':
        return;
      default:
        fault satisfies never;
    }
  }

  #crash(fault: number, clientClass: number, share: number): void {
    const { state } = this.#world;
    for (const client of this.#clientsOf(clientClass)) {
      const is = state.status[client];
      if (is !== status.downloading && is !== status.complete) continue;
      if (isHit(state.scenario.seed, client, share, fault)) this.#suspend(client);
    }
  }

  #restart(fault: number, clientClass: number, share: number): void {
    const { state } = this.#world;
    for (const client of this.#clientsOf(clientClass)) {
      if (state.status[client] === status.down && isHit(state.scenario.seed, client, share, fault))
        this.#resume(client);
    }
  }

  *#clientsOf(clientClass: number): Generator<number> {
    const { population } = this.#world.state;
    for (let client = population.clientsFrom; client < population.endpointCount; client++) {
      if (population.classOf[client] === clientClass) yield client;
    }
  }

  #takeRelayDown(relay: number): void {
    const { state } = this.#world;
    const partial = this.#world.disconnect(relay);
    state.accounts.discarded(relay, partial);
    this.#world.http.dropHeld(relay);
    // What it was to bring, others pull.
    for (let other = 1; other <= state.population.relayCount; other++) this.#world.pulls.pump(other);
  }

  /** What was on its disk is there again. */
  #bringRelayUp(relay: number): void {
    const { state } = this.#world;
    state.status[relay] = state.sets.isComplete(relay) ? status.complete : status.downloading;
    this.#world.openRelay(relay);
    this.#world.origin.wake();
    this.#world.pulls.pump(relay);
    this.#world.swarm.fillSlots(relay);
  }

  #setOriginFactor(factor: number): void {
    const { network, population } = this.#world.state;
    network.setCapacity(network.uplink(0), population.uplinkBytesPerSecond[0] * factor);
  }

  #takeControlDown(): void {
    this.#world.control.upCount--;
    if (this.#world.control.upCount === 0) this.#world.origin.loseControl();
  }

  #bringControlUp(): void {
    this.#world.control.upCount++;
    this.#world.origin.regainControl();
  }

  #partition([one, other]: [number, number], isCut: boolean): void {
    const { state } = this.#world;
    const count = state.scenario.regions.length;
    state.partitioned[one * count + other] = isCut ? 1 : 0;
    state.partitioned[other * count + one] = isCut ? 1 : 0;
    const { network } = state;
    for (let transfer = 0; isCut && transfer < network.transfersUsed; transfer++) {
      if (network.isActive(transfer) && !state.canReach(network.source(transfer), network.target(transfer)))
        this.#world.breakOff(transfer);
    }
    this.#wakeEverybody();
  }

  #suspend(client: number): void {
    this.#world.state.accounts.discarded(client, this.#world.disconnect(client));
  }

  #resume(client: number): void {
    const { state } = this.#world;
    const isComplete = state.sets.isComplete(client);
    state.status[client] = isComplete ? status.complete : status.downloading;
    if (this.#world.isPeer(client)) {
      state.serves[client] = 1;
      this.#world.swarm.fillSlots(client);
      this.#world.swarm.seek(client);
    }
    if (isComplete) return;
    this.#world.fallback?.begin(client, this.#world.control.estimateMilliseconds(client));
    if (state.policy.http.when === 'always' || this.#world.goesDirect())
      this.#world.http.open(client, state.scenario.distribution.speedMaxBytesPerSecond);
    this.#world.scheduler?.orphaned(client);
  }

  /** After a cut or its healing: everybody looks again for what can be reached. */
  #wakeEverybody(): void {
    const { state } = this.#world;
    const { clientsFrom, endpointCount } = state.population;
    for (let relay = 1; relay < clientsFrom; relay++) this.#world.pulls.pump(relay);
    for (let client = clientsFrom; client < endpointCount; client++) {
      if (state.status[client] !== status.downloading) continue;
      this.#world.swarm.seek(client);
      this.#world.http.pump(client);
    }
    for (let endpoint = 0; endpoint < endpointCount; endpoint++) this.#world.swarm.fillSlots(endpoint);
  }
}
