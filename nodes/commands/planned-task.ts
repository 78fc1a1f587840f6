/** A task of a running fleet in the words of a scenario, so that it can be simulated: `sluice plan TASK`. */

import { assumedLinks } from '#core/limits.ts';
import type { Instruction } from '#nodes/protocol/instruction.ts';
import type { LiveTask } from '#nodes/protocol/live.ts';
import type { ContractText } from '#scenarios/format/configuration.ts';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import { printQuantity } from '#scenarios/format/units.ts';
import { pieceLengthFor } from '../files/manifest.ts';
import { type ControlAddress, withControl } from './control-client.ts';

interface AskedTask extends LiveTask {
  instruction: Instruction;
}

interface AskedNode {
  node: string;
  role: 'relay' | 'client';
  peerToPeer: string | null;
  uplinkBytesPerSecond: number | null;
  downlinkBytesPerSecond: number | null;
}

interface AskedClient {
  client: string;
}

export interface PlannedTask {
  /** A scenario, as JSON. */
  text: string;
  notes: string[];
}

const pageMax = 1000;

export async function plannedTask(id: string, address: ControlAddress): Promise<PlannedTask> {
  let planned: PlannedTask | undefined;
  await withControl(address, async (control) => {
    const path = `/api/tasks/${encodeURIComponent(id)}`;
    const task = await control.ask<AskedTask>('GET', path);
    const nodes = await control.ask<AskedNode[]>('GET', '/api/nodes');
    const origins = await control.ask<{ name: string; contract: ContractText }[]>('GET', '/api/origins');
    const clients: AskedClient[] = [];
    for (let after = ''; ; ) {
      const page = await control.ask<AskedClient[]>('GET', `${path}/clients?after=${encodeURIComponent(after)}`);
      clients.push(...page);
      if (page.length < pageMax) break;
      after = page.at(-1)!.client;
    }
    const origin = origins.find(({ name }) => name === task.origin);
    if (origin === undefined) throw new Stop(exitCodes.failure, `control has no origin "${task.origin}" any more`);
    planned = scenarioOf(task, nodes, clients, origin.contract);
  });
  return planned!;
}

function scenarioOf(task: AskedTask, nodes: AskedNode[], clients: AskedClient[], contract: ContractText): PlannedTask {
  const byName = new Map(nodes.map((node) => [node.node, node]));
  const relays = nodes.filter(({ role }) => role === 'relay').slice(0, Math.max(1, task.relays));
  const classes = classesOf(clients.map(({ client }) => byName.get(client)));
  if (classes.length === 0) throw new Stop(exitCodes.invalid, `${task.task} has no clients: there is nothing to plan`);
  const { serverBytesPerSecond } = assumedLinks;
  const { instruction } = task;
  const { bandwidth } = contract;
  const uplink = bandwidth === 'unlimited' ? printRate(serverBytesPerSecond) : bandwidth;
  const scenario = {
    version: 1,
    name: task.task,
    description: `${task.name}, as it was ordered`,
    file: {
      size: printQuantity('size', task.sizeBytes),
      pieceLength: printQuantity('size', pieceLengthFor(task.sizeBytes)),
    },
    origin: { uplink, contract },
    relays: relays.map(({ node, uplinkBytesPerSecond, downlinkBytesPerSecond }) => ({
      name: node,
      uplink: printRate(uplinkBytesPerSecond ?? serverBytesPerSecond),
      downlink: printRate(downlinkBytesPerSecond ?? serverBytesPerSecond),
    })),
    clients: classes,
    policy: instruction.policy,
    distribution: { ...instruction.distribution, window: ['0s', 'never'], protocols: ['bittorrent', 'http'] },
    model: { controlKnowsLinks: false },
  };
  const unknown = nodes.filter((node) => node.uplinkBytesPerSecond === null).length;
  const notes = [
    `${task.state}, ordered ${new Date(task.createdAtMilliseconds).toISOString()}; planned from its start, as a whole`,
    ...(unknown === 0 ? [] : [`${unknown} of ${nodes.length} nodes have not said what line they have: assumed`]),
    ...(bandwidth === 'unlimited' ? ['the origin has no contract for its bandwidth: 1 Gbit/s assumed'] : []),
  ];
  return { text: JSON.stringify(scenario), notes };
}

/** Clients of equal lines are one class. */
function classesOf(clients: (AskedNode | undefined)[]) {
  const { uplinkBytesPerSecond, downlinkBytesPerSecond } = assumedLinks;
  const classes = new Map<
    string,
    { name: string; count: number; uplink: string; downlink: string; peerToPeer: string }
  >();
  for (const client of clients) {
    const uplink = printRate(client?.uplinkBytesPerSecond ?? uplinkBytesPerSecond);
    const downlink = printRate(client?.downlinkBytesPerSecond ?? downlinkBytesPerSecond);
    const said = client?.peerToPeer;
    const peerToPeer = said === 'blocked' || said === 'outgoing-only' ? said : 'allowed';
    const key = [uplink, downlink, peerToPeer].join();
    const known = classes.get(key);
    if (known === undefined) {
      classes.set(key, { name: `clients-${classes.size + 1}`, count: 1, uplink, downlink, peerToPeer });
    } else known.count++;
  }
  return [...classes.values()];
}

const printRate = (bytesPerSecond: number): string => printQuantity('rate', Math.round(bytesPerSecond));
