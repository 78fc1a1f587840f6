import { hybrid } from '#core/policies.ts';
import type { Policy } from '#core/policy.ts';

/** Every client downloads the whole file from the origin by HTTP: what a plain file server costs. */
export const httpOrigin: Policy = {
  ...hybrid,
  name: 'http-origin',
  contract: false,
  swarm: { ...hybrid.swarm, enabled: false, originSeeds: false, relaysSeed: false },
  http: { ...hybrid.http, when: 'always', sources: ['origin'], connections: 1, hedge: 0 },
  fallback: { ...hybrid.fallback, triggers: [], adaptive: false },
  relay: { ...hybrid.relay, used: false, exchange: false },
};
