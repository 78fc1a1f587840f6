import { hybrid } from '#core/policies.ts';
import type { Policy } from '#core/policy.ts';

/** Peers alone for a while, then HTTP tops them up to a floor, as Windows Delivery Optimization's policies say. */
export const deliveryOptimizationLike: Policy = {
  ...hybrid,
  name: 'delivery-optimization-like',
  contract: false,
  http: { ...hybrid.http, sources: ['relay'], hedge: 0 },
  fallback: {
    ...hybrid.fallback,
    triggers: ['slow', 'blocked'], // whoever has no peers downloads over HTTP alone
    delay: 60_000, // DODelayForegroundDownloadFromHttp as its documentation recommends: 60 s
    threshold: 500_000, // DOMinBackgroundQos: 500 KB/s
    hold: 0,
    fill: 'deficit',
    adaptive: false,
  },
  relay: { ...hybrid.relay, exchange: false },
};
