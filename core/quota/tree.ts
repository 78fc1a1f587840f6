/**
 * How is a contract divided? Origin → band → node (a task's relays, a task's clients) → holder. (M28, M30)
 *
 * Bands are promises: a lower number comes first. Nodes and holders share within their band by weight, above what
 * their floors assure them, up to their ceilings.
 */
import { assert } from '../assert.ts';
import { quotaBytesMax } from './contract.ts';
import { quotaWeightMax } from './water-filling.ts';

/** Band 0 is served first. */
export const quotaBandCount = 16;

export interface ShareNode {
  band: number;
  weight: number;
  floorBytesPerSecond: number;
  /** Infinity = none. */
  ceilingBytesPerSecond: number;
  /** Of each of its holders. */
  holderFloorBytesPerSecond: number;
  holderCeilingBytesPerSecond: number;
}

/** A node with nothing special about it. */
export function shareNode(band: number, changes: Partial<ShareNode> = {}): ShareNode {
  return {
    band,
    weight: 1,
    floorBytesPerSecond: 0,
    ceilingBytesPerSecond: Infinity,
    holderFloorBytesPerSecond: 0,
    holderCeilingBytesPerSecond: Infinity,
    ...changes,
  };
}

/** Stops on a node by which the allocator could not share exactly. */
export function assertNode(node: ShareNode): void {
  assert(Number.isInteger(node.band) && node.band >= 0 && node.band < quotaBandCount, 'a band is 0 to 15');
  assert(Number.isInteger(node.weight) && node.weight >= 1 && node.weight <= quotaWeightMax, 'weights are 1 to 1000');
  for (const bytes of [node.floorBytesPerSecond, node.holderFloorBytesPerSecond]) {
    assert(Number.isInteger(bytes) && bytes >= 0 && bytes <= quotaBytesMax, 'a floor is whole');
  }
  for (const bytes of [node.ceilingBytesPerSecond, node.holderCeilingBytesPerSecond]) {
    assert(bytes === Infinity || (Number.isInteger(bytes) && bytes >= 0), 'a ceiling is whole');
  }
}
