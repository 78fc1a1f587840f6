import { hybrid } from '#core/policies.ts';
import type { Policy } from '#core/policy.ts';
import { cdn } from './cdn.ts';
import { deliveryOptimizationLike } from './delivery-optimization-like.ts';
import { dragonflyLike } from './dragonfly-like.ts';
import { httpOrigin } from './http-origin.ts';
import { krakenLike } from './kraken-like.ts';
import { p2p } from './p2p.ts';
import { p2pCdn } from './p2p-cdn.ts';

const listed = [httpOrigin, cdn, p2p, p2pCdn, hybrid, dragonflyLike, krakenLike, deliveryOptimizationLike];

/** Every policy that a scenario can name, in the order in which a comparison shows them. */
export const policies: Readonly<Record<string, Policy>> = Object.fromEntries(listed.map((p) => [p.name, p]));
