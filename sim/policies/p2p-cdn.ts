import { hybrid } from '#core/policies.ts';
import type { Policy } from '#core/policy.ts';

/** Today's hybrid CDN: relays are peers for whoever can reach them, and an always-open web seed for everyone. */
export const p2pCdn: Policy = {
  ...hybrid,
  name: 'p2p-cdn',
  contract: false,
  http: { ...hybrid.http, when: 'always', sources: ['relay'], hedge: 0 },
  fallback: { ...hybrid.fallback, triggers: [], adaptive: false, fill: 'rest' },
  relay: { ...hybrid.relay, choice: 'latency', exchange: false },
};
