/** The machines of a pilot: the people that the simulator would draw, each with a name and an address. */
import { microsecondsPerSecond } from '#core/units.ts';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import type { Scenario } from '#scenarios/format/scenario.ts';
import { departureDelay, drawPopulation, isHit, reach } from '#sim/population.ts';

export type Role = 'origin' | 'control' | 'relay' | 'client';

export interface Machine {
  name: string;
  role: Role;
  /** Within the pilot's network, from 1. */
  number: number;
  /** `Infinity`: not limited. */
  uplinkBytesPerSecond: number;
  downlinkBytesPerSecond: number;
}

export interface RelayMachine extends Machine {
  connectionsMax: number;
  uploadSlots: number;
  bufferBeforeServingBytes: number;
  region: string;
}

export interface ClientMachine extends Machine {
  className: string;
  region: string;
  peerToPeer: 'allowed' | 'outgoing-only' | 'blocked';
  arriveSeconds: number;
  /** After its completion; `Infinity`: it stays. */
  leaveAfterSeconds: number;
  /** Positions of the faults of the scenario that hit it. */
  faults: number[];
}

export interface Machines {
  origin: Machine;
  control: Machine;
  relays: RelayMachine[];
  clients: ClientMachine[];
}

/** What one machine of two cores carries, and what the addresses of one small network hold. */
export const clientsMax = 30;
const machinesMax = 250;
/** As the simulator has it. */
const relaySlotsMin = 8;

export function machinesOf(scenario: Scenario): Machines {
  const population = drawPopulation(scenario);
  const { clientsFrom, endpointCount, uplinkBytesPerSecond, downlinkBytesPerSecond, classOf } = population;
  const clientCount = endpointCount - clientsFrom;
  if (clientCount > clientsMax || endpointCount > machinesMax) {
    const text = `${clientCount} clients are too many for a pilot: at most ${clientsMax}; --clients brings fewer`;
    throw new Stop(exitCodes.invalid, `${scenario.name}: ${text}`);
  }
  const link = (row: number) => ({
    uplinkBytesPerSecond: uplinkBytesPerSecond[row]!,
    downlinkBytesPerSecond: downlinkBytesPerSecond[row]!,
  });
  const { relaySlotRate } = scenario.policy.swarm;
  const relays = Array.from({ length: clientsFrom - 1 }, (_, index): RelayMachine => {
    const row = index + 1;
    const kind = scenario.relays[classOf[row]!]!;
    return {
      name: `${kind.name}-${index}`,
      role: 'relay',
      number: 3 + index,
      ...link(row),
      connectionsMax: kind.connectionsMax,
      // As the simulator opens them.
      uploadSlots: Math.max(relaySlotsMin, Math.round(kind.uplinkBytesPerSecond / Math.max(1, relaySlotRate))),
      bufferBeforeServingBytes: kind.bufferBeforeServingBytes,
      region: scenario.regions[kind.region]!,
    };
  });
  const clients = Array.from({ length: clientCount }, (_, index): ClientMachine => {
    const row = clientsFrom + index;
    const kind = scenario.clients[classOf[row]!]!;
    const is = population.reach[row];
    return {
      name: `${kind.name}-${index}`,
      role: 'client',
      number: 3 + relays.length + index,
      ...link(row),
      className: kind.name,
      region: scenario.regions[kind.region]!,
      peerToPeer: is === reach.blocked ? 'blocked' : is === reach.outgoingOnly ? 'outgoing-only' : 'allowed',
      arriveSeconds: population.arriveAt[row]! / microsecondsPerSecond,
      leaveAfterSeconds: departureDelay(scenario.seed, row, kind.leave) / microsecondsPerSecond,
      faults: faultsOf(scenario, row, classOf[row]!),
    };
  });
  const origin = { name: 'origin', role: 'origin' as const, number: 1, ...link(0) };
  const unlimited = { uplinkBytesPerSecond: Infinity, downlinkBytesPerSecond: Infinity };
  return { origin, control: { name: 'control', role: 'control', number: 2, ...unlimited }, relays, clients };
}

function faultsOf({ faults, seed }: Scenario, row: number, clientClass: number): number[] {
  return [...faults.keys()].filter((index) => {
    const fault = faults[index]!;
    if (fault.kind !== 'clients-crash' && fault.kind !== 'clients-suspend') return false;
    return fault.clientClass === clientClass && isHit(seed, row, fault.share, index);
  });
}

/** Throws with all that a scenario says and a pilot cannot do. */
export function assertPilotable(scenario: Scenario): void {
  const { tasks, clients, relays, links, messages, faults, control, policy } = scenario;
  const missing: string[] = [];
  if (tasks.length > 1) missing.push('several tasks');
  if (tasks[0]!.startMilliseconds > 0) missing.push('a task that starts later');
  if (links.length > 0) missing.push('links');
  if (control.count > 1) missing.push('several control servers');
  if (messages.loss + messages.duplicate + messages.reorder + messages.delayMilliseconds > 0) missing.push('messages');
  if (relays.some(({ holdsAll }) => holdsAll)) missing.push('relays that hold all');
  if (clients.some(({ leave }) => leave.kind === 'aborts')) missing.push('leave: aborts');
  if (clients.some(({ abandonPerMillisecond }) => abandonPerMillisecond > 0)) missing.push('abandon');
  for (const kind of new Set(faults.map((fault) => fault.kind))) {
    if (['partition', 'control-claims', 'clock-step', 'messages'].includes(kind)) missing.push(`the fault ${kind}`);
  }
  const { swarm, relay } = policy;
  if (swarm.originSeeds || swarm.graph !== 'tracker' || policy.http.when === 'orphan' || !relay.used) {
    missing.push(`the policy ${policy.name}, which only the simulator has (nodes run hybrid, p2p-cdn, cdn)`);
  }
  if (missing.length === 0) return;
  throw new Stop(exitCodes.invalid, `${scenario.name}: a pilot does not have ${missing.join('; ')}`);
}
