import { hybrid } from '#core/policies.ts';
import type { Policy } from '#core/policy.ts';

/** A central scheduler names each peer's parents, as Dragonfly 2 does; the constants are its published defaults. */
export const dragonflyLike: Policy = {
  ...hybrid,
  name: 'dragonfly-like',
  contract: false,
  swarm: {
    ...hybrid.swarm,
    graph: 'scheduled',
    candidates: 15, // scheduler: filterParentLimit
    parents: 3, // the best of them that it hands out
    choking: 'none',
    uploadSlots: 50, // dfdaemon: concurrentUploadLimit of a peer
    requestsInFlight: 8, // pieces that one peer downloads at once
    picker: 'sequential', // a child takes pieces in the order in which its parents announce them
    endgame: { ...hybrid.swarm.endgame, budget: 0 },
  },
  http: {
    ...hybrid.http,
    when: 'orphan',
    sources: ['origin'],
    originClients: 200, // scheduler: backToSourceCount, per task
    parentTries: 4, // scheduler: retryBackToSourceLimit
    parentRetry: 500, // scheduler: retryInterval, milliseconds
    directBelow: 4 * 1024 * 1024, // a file of one piece of 4 MiB goes straight to the origin
    hedge: 0,
  },
  fallback: { ...hybrid.fallback, triggers: [], adaptive: false },
  relay: { ...hybrid.relay, exchange: false },
};
