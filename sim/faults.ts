/** What goes wrong, when: each fault of a scenario begins, lasts and heals. */
import { microsecondsPerMillisecond } from '#core/units.ts';
import type { Fault, Scenario } from '#scenarios/format/scenario.ts';
import { isHit } from './population.ts';
import { event, eventKind, status } from './state.ts';
import type { TaskRun } from './task-run.ts';
import type { World } from './world.ts';

export class Faults {
  readonly #world: World;
  readonly #scenario: Scenario;
  readonly #faults: Fault[];

  constructor(world: World) {
    this.#world = world;
    const { scenario, queue } = world.state;
    this.#scenario = scenario;
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
        return this.#world.origin.setContract(this.#scenario.origin.contract);
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
    for (const { task, client } of this.#clientsOf(clientClass)) {
      const is = task.state.status[client];
      if (is !== status.downloading && is !== status.complete) continue;
      if (isHit(this.#scenario.seed, client, share, fault)) task.suspend(client);
    }
  }

  #restart(fault: number, clientClass: number, share: number): void {
    for (const { task, client } of this.#clientsOf(clientClass)) {
      if (task.state.status[client] === status.down && isHit(this.#scenario.seed, client, share, fault))
        task.resumeClient(client);
    }
  }

  *#clientsOf(clientClass: number): Generator<{ task: TaskRun; client: number }> {
    for (const task of this.#world.tasks) {
      for (const client of task.state.clients()) {
        if (task.state.population.classOf[client] === clientClass) yield { task, client };
      }
    }
  }

  #takeRelayDown(relay: number): void {
    const { relayCount } = this.#world.state.population;
    for (const task of this.#world.tasks) {
      task.suspend(relay);
      // What it was to bring, others pull.
      for (let other = 1; other <= relayCount; other++) task.pulls.pump(other);
    }
  }

  /** What was on its disk is there again. */
  #bringRelayUp(relay: number): void {
    this.#world.origin.wake();
    for (const task of this.#world.tasks) if (task.state.policy.relay.used) task.resumeRelay(relay);
  }

  #setOriginFactor(factor: number): void {
    const { network, population } = this.#world.state;
    network.setCapacity(network.uplink(0), population.uplinkBytesPerSecond[0] * factor);
  }

  #takeControlDown(): void {
    this.#world.controlUpCount--;
    if (this.#world.controlUpCount === 0) this.#world.origin.loseControl();
  }

  #bringControlUp(): void {
    this.#world.controlUpCount++;
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
    for (const task of this.#world.tasks) task.wakeEverybody();
  }
}
