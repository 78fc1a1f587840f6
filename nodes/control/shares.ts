/**
 * Where tasks stand in the contract's tree (M28, M30). Relays are in the first band whatever their task's, since each
 * of their bytes is multiplied by the swarm; clients come in the bands behind. A floor is the relays'.
 */
import { quotaBytesMax } from '#core/quota/contract.ts';
import { quotaBandCount, type ShareNode, shareNode } from '#core/quota/tree.ts';
import { clientsShare, isLive, relaysShare, type TaskEntry } from './task-table.ts';

/** Control itself: it asks what a file is before anybody else may. */
export const controlShare = 0;

/** Of a task's ceiling, what is its relays'; the rest is for clients that nobody else serves. */
const relaysCeilingRatio = 0.8;

/** The tree of one origin; places of tasks that are over get nothing. */
export function shareNodes(tasks: Iterable<TaskEntry>): ShareNode[] {
  const nothing = { ceilingBytesPerSecond: 0, holderCeilingBytesPerSecond: 0 };
  const nodes = [shareNode(0)];
  for (const entry of tasks) {
    const { sharePosition, instruction, state } = entry.record;
    while (nodes.length <= clientsShare(sharePosition)) nodes.push(shareNode(0, nothing));
    if (!isLive(entry) || state !== 'active') continue;
    const { floorBytesPerSecond, ceilingBytesPerSecond, distribution, policy } = entry.compiled;
    const { weight } = instruction;
    const share = policy.relay.used ? relaysCeilingRatio : 0;
    nodes[relaysShare(sharePosition)] = shareNode(0, {
      weight,
      floorBytesPerSecond: Math.min(floorBytesPerSecond, quotaBytesMax),
      ceilingBytesPerSecond: whole(ceilingBytesPerSecond * share),
    });
    nodes[clientsShare(sharePosition)] = shareNode(Math.min(quotaBandCount - 1, 1 + instruction.band), {
      weight,
      ceilingBytesPerSecond: whole(ceilingBytesPerSecond * (1 - share)),
      holderCeilingBytesPerSecond: whole(distribution.speedMaxBytesPerSecond),
    });
  }
  return nodes;
}

function whole(bytesPerSecond: number): number {
  // 0 · Infinity: no relays, and no ceiling.
  if (Number.isNaN(bytesPerSecond)) return 0;
  return bytesPerSecond === Infinity ? Infinity : Math.min(quotaBytesMax, Math.floor(bytesPerSecond));
}
