import { hybrid } from '#core/policies.ts';
import type { Policy } from '#core/policy.ts';

/** Every client downloads from its nearest relay by HTTP; each relay fetches the file for itself. */
export const cdn: Policy = {
  ...hybrid,
  name: 'cdn',
  contract: false,
  swarm: { ...hybrid.swarm, enabled: false, originSeeds: false, relaysSeed: false },
  http: { ...hybrid.http, when: 'always', sources: ['relay'], connections: 1, hedge: 0 },
  fallback: { ...hybrid.fallback, triggers: [], adaptive: false },
  relay: { ...hybrid.relay, choice: 'latency', exchange: false },
};
