/** What goes wrong, when: each fault of a scenario begins, lasts and heals. */
import { microsecondsPerMillisecond } from '#core/units.ts';
import type { Fault } from '#scenarios/format/scenario.ts';
import { isHit } from './population.ts';
import { event, eventKind, status } from './state.ts';
import type { World } from './world.ts';

/** Faults that the origin contract's protocol will answer; a scenario that names one is refused before it runs. */
export const faultsNotSimulated: ReadonlySet<Fault['kind']> = new Set(['control-claims', 'clock-step', 'messages']);

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
        return this.#world.takeRelayDown(1 + fault.relay);
      case 'origin-slow':
        return this.#world.setOriginFactor(fault.factor);
      case 'origin-down':
        return this.#world.setOriginFactor(0);
      case 'contract':
        return this.#world.origin.setContract(fault.contract);
      case 'control-down':
        return this.#world.takeControlDown();
      case 'partition':
        return this.#world.partition(fault.regions, true);
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
        return this.#world.bringRelayUp(1 + fault.relay);
      case 'origin-slow':
      case 'origin-down':
        return this.#world.setOriginFactor(1);
      case 'contract':
        return this.#world.origin.setContract(this.#world.state.scenario.origin.contract);
      case 'control-down':
        return this.#world.bringControlUp();
      case 'partition':
        return this.#world.partition(fault.regions, false);
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
      if (isHit(state.scenario.seed, client, share, fault)) this.#world.suspend(client);
    }
  }

  #restart(fault: number, clientClass: number, share: number): void {
    const { state } = this.#world;
    for (const client of this.#clientsOf(clientClass)) {
      if (state.status[client] === status.down && isHit(state.scenario.seed, client, share, fault))
        this.#world.resume(client);
    }
  }

  *#clientsOf(clientClass: number): Generator<number> {
    const { population } = this.#world.state;
    for (let client = population.clientsFrom; client < population.endpointCount; client++) {
      if (population.classOf[client] === clientClass) yield client;
    }
  }
}
