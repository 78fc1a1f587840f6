import { fallbackDefaults, httpDefaults, relayDefaults, swarmDefaults } from './limits.ts';
import type { Policy } from './policy.ts';

/**
 * The specification: BitTorrent first, HTTP helps by four triggers, relays serve while they pull, and nobody
 * touches the origin without a lease. The baselines in `sim/policies/` override its knobs.
 */
export const hybrid: Policy = {
  name: 'hybrid',
  contract: true,
  swarm: swarmDefaults,
  http: httpDefaults,
  fallback: fallbackDefaults,
  relay: relayDefaults,
};
