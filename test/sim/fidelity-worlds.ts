/** Small worlds that every fidelity can run: what `standard` and `scale` leave out is measured on them. */
import type { Outcome } from '#scenarios/format/result.ts';
import { run, type ScenarioText } from './scenario-text.ts';

export const fidelities = ['reference', 'standard', 'scale'] as const;
export type Fidelity = (typeof fidelities)[number];

export const worlds: Record<string, ScenarioText> = {
  office: {
    file: { size: '64MB', pieceLength: '1MB' },
    latency: { 'main-main': '10ms' },
    relays: [{ name: 'relay', uplink: '10MB/s', bufferBeforeServing: '4MB' }],
    clients: [{ name: 'office', count: 80, uplink: '1MB/s', downlink: '4MB/s' }],
  },
  home: {
    file: { size: '96MB', pieceLength: '1MB' },
    regions: ['eu', 'us'],
    latency: { 'eu-eu': '15ms', 'eu-us': '90ms', 'us-us': '20ms' },
    origin: { region: 'eu', uplink: '10MB/s', contract: { bandwidth: '4MB/s', connections: 20 } },
    relays: [
      { name: 'eu-relay', region: 'eu', uplink: '6MB/s', bufferBeforeServing: '4MB' },
      { name: 'us-relay', region: 'us', uplink: '6MB/s', bufferBeforeServing: '4MB' },
    ],
    clients: [
      { name: 'cable', region: 'eu', count: 40, uplink: { mean: '1MB/s', spread: '50%' }, downlink: '5MB/s' },
      { name: 'nat', region: 'us', count: 40, uplink: '500kB/s', downlink: '3MB/s', peerToPeer: 'outgoing-only' },
      { name: 'closed', region: 'us', count: 15, uplink: '500kB/s', downlink: '3MB/s', peerToPeer: 'blocked' },
    ].map((each) => ({ ...each, arrive: { over: '60s' } })),
  },
  crowd: {
    file: { size: '48MB', pieceLength: '500kB' },
    latency: { 'main-main': '20ms' },
    relays: [{ name: 'relay', count: 2, uplink: '5MB/s', bufferBeforeServing: '4MB' }],
    clients: [
      {
        name: 'all',
        count: 250,
        uplink: { mean: '600kB/s', spread: '50%' },
        downlink: { mean: '6MB/s', spread: '50%' },
        arrive: { poisson: '1/s' },
        leave: { after: '60s', distribution: 'exponential' },
      },
    ],
  },
  narrow: {
    file: { size: '48MB', pieceLength: '1MB' },
    regions: ['eu', 'us'],
    latency: { 'eu-eu': '10ms', 'eu-us': '80ms', 'us-us': '10ms' },
    links: [{ between: ['eu', 'us'], capacity: '4MB/s' }],
    origin: { region: 'eu', uplink: '10MB/s' },
    relays: [{ name: 'relay', region: 'eu', uplink: '10MB/s', bufferBeforeServing: '4MB' }],
    clients: [
      { name: 'near', region: 'eu', count: 50, uplink: '1MB/s', downlink: '4MB/s' },
      { name: 'far', region: 'us', count: 30, uplink: '1MB/s', downlink: '4MB/s' },
    ],
  },
};

export interface Seen {
  p50: number;
  p99: number;
  /** Share of the delivered bytes that came from peers. */
  peer: number;
  unfinished: number;
}

/** Means over seeds. */
export function seen(world: string, policy: string, fidelity: Fidelity, seeds: number): Seen {
  const outcomes: Outcome[] = [];
  for (let seed = 1; seed <= seeds; seed++)
    outcomes.push(run({ ...worlds[world], policy, fidelity, seed, horizon: '3h' }));
  const mean = (of: (outcome: Outcome) => number) => outcomes.reduce((sum, one) => sum + of(one), 0) / seeds;
  return {
    p50: mean(({ summary }) => summary.completionSeconds.p50 ?? Infinity),
    p99: mean(({ summary }) => summary.completionSeconds.p99 ?? Infinity),
    peer: mean(({ summary }) => summary.share.peer),
    unfinished: mean(({ summary }) => summary.clients.unfinished),
  };
}
