import { hybrid } from '#core/policies.ts';
import type { Policy } from '#core/policy.ts';

/** A random regular graph without choking, as Uber's Kraken builds it; the constants are its published defaults. */
export const krakenLike: Policy = {
  ...hybrid,
  name: 'kraken-like',
  contract: false,
  swarm: {
    ...hybrid.swarm,
    graph: 'regular',
    peerConnections: 10, // connections per torrent
    choking: 'none',
    uploadSlots: 10, // it serves all its connections
    requestsInFlight: 30, // a pipeline of 3 on each
    picker: 'rarest',
    pieceTimeout: 16_000, // 4 s per MB, and its pieces are 4 MB
    endgame: { ...hybrid.swarm.endgame, pieces: 3 }, // begins at 3 or fewer missing
  },
  http: { ...hybrid.http, when: 'never', sources: [], hedge: 0 },
  fallback: { ...hybrid.fallback, triggers: [], adaptive: false },
  relay: { ...hybrid.relay, exchange: false, completeFirst: true }, // its origins hold the whole blob before they seed
};
