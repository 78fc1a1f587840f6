/** What goes wrong, when: each fault of a scenario begins, lasts and heals. */
import { microsecondsPerMillisecond } from '#core/units.ts';
import type { Fault, Scenario } from '#scenarios/format/scenario.ts';
import { isHit } from './population.ts';
import { event, eventKind, status } from './state.ts';
import type { TaskRun } from './task-run.ts';
import type { World } from './world.ts';

type ClientFault = Extract<Fault, { kind: 'clients-crash' | 'clients-suspend' }>;

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
        return this.#world.origin.takeDown(fault.control, fault.ledgerLost);
      case 'partition':
        return this.#partition(fault.regions, true);
      case 'clients-crash':
      case 'clients-suspend':
        return this.#takeDown(index, fault);
      case 'control-claims':
        return this.#world.origin.claim(fault.control);
      case 'clock-step':
        return this.#stepClocks(index, fault);
      case 'messages':
        return this.#world.mail.setFaults(fault.messages);
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
        return this.#world.origin.bringUp(fault.control);
      case 'partition':
        return this.#partition(fault.regions, false);
      case 'clients-crash':
      case 'clients-suspend':
        return this.#bringUp(index, fault);
      case 'control-claims':
        return this.#world.origin.endClaim(fault.control);
      case 'clock-step':
        return;
      case 'messages':
        return this.#world.mail.setFaults(this.#scenario.messages);
      default:
        fault satisfies never;
    }
  }

  #takeDown(index: number, { kind, clientClass, share }: ClientFault): void {
    for (const { task, client } of this.#clientsOf(index, clientClass, share)) {
      const is = task.state.status[client];
      if (is !== status.downloading && is !== status.complete) continue;
      if (kind === 'clients-suspend') this.#world.holders.suspend(task.origin, client);
      task.takeDown(client);
      if (kind === 'clients-crash') task.origin.crashed(client);
    }
  }

  #bringUp(index: number, { kind, clientClass, share, atMilliseconds, untilMilliseconds }: ClientFault): void {
    for (const { task, client } of this.#clientsOf(index, clientClass, share)) {
      if (task.state.status[client] !== status.down) continue;
      if (kind === 'clients-suspend')
        this.#world.holders.resume(task.origin, client, untilMilliseconds - atMilliseconds);
      task.resumeClient(client);
    }
  }

  #stepClocks(index: number, fault: Extract<Fault, { kind: 'clock-step' }>): void {
    for (const { client } of this.#clientsOf(index, fault.clientClass, fault.share))
      this.#world.holders.stepClock(client, fault.stepMilliseconds);
  }

  /** Clients of the class that a fault hits. */
  *#clientsOf(fault: number, clientClass: number, share: number): Generator<{ task: TaskRun; client: number }> {
    for (const task of this.#world.tasks) {
      for (const client of task.state.clients()) {
        if (task.state.population.classOf[client] !== clientClass) continue;
        if (isHit(this.#scenario.seed, client, share, fault)) yield { task, client };
      }
    }
  }

  #takeRelayDown(relay: number): void {
    const { relayCount } = this.#world.state.population;
    for (const task of this.#world.tasks) {
      task.takeDown(relay);
      task.origin.crashed(relay);
      // What it was to bring, others pull.
      for (let other = 1; other <= relayCount; other++) task.pulls.pump(other);
    }
  }

  /** What was on its disk is there again. */
  #bringRelayUp(relay: number): void {
    for (const task of this.#world.tasks) if (task.state.policy.relay.used) task.resumeRelay(relay);
  }

  #setOriginFactor(factor: number): void {
    const { state } = this.#world;
    const { network, population } = state;
    network.setCapacity(network.uplink(0), state.payloadRate(population.uplinkBytesPerSecond[0]) * factor);
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
