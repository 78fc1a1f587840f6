import { hybrid } from '#core/policies.ts';
import type { Policy } from '#core/policy.ts';

/** BitTorrent only: the origin is the first seed, there are no relays and no leases. */
export const p2p: Policy = {
  ...hybrid,
  name: 'p2p',
  contract: false,
  swarm: { ...hybrid.swarm, originSeeds: true, relaysSeed: false },
  http: { ...hybrid.http, when: 'never', sources: [], hedge: 0 },
  fallback: { ...hybrid.fallback, triggers: [], adaptive: false },
  relay: { ...hybrid.relay, used: false, exchange: false },
};
