/**
 * Oracle 4: a BitTorrent swarm in equilibrium, after Qiu and Srikant, *Modeling and performance analysis of
 * BitTorrent-like peer-to-peer networks* (SIGCOMM 2004). Clients arrive at λ, upload μ and download c files a second,
 * stay as seeds for 1/γ on average, and use a share η of what they could upload:
 *
 *     mean time to download  T = max(1/c, (1/η) · (1/μ − 1/γ))
 *
 * With many pieces η comes close to 1; the theory counts whole files as sent bit by bit, a simulation by pieces.
 */
import { run } from './scenario-text.ts';

const fileBytes = 64_000_000;
const uplink = 1_000_000;

export interface SteadySwarm {
  fidelity: 'reference' | 'standard' | 'scale';
  arrivalsPerSecond: number;
  pieces: number;
  /** Bytes per second. */
  downlink: number;
  seedSeconds: number;
  seed?: number;
}

export interface SteadyState {
  /** By the theory, with η = 1. */
  expectedSeconds: number;
  meanSeconds: number;
  /** λT: clients that download at a time. */
  downloaders: number;
}

export function steadyState(swarm: SteadySwarm): SteadyState {
  const { arrivalsPerSecond, pieces, downlink, seedSeconds, fidelity, seed = 1 } = swarm;
  const expectedSeconds = Math.max(fileBytes / downlink, fileBytes / uplink - seedSeconds);
  // Whoever is measured arrives in a full swarm and leaves one behind.
  const warmSeconds = 10 * expectedSeconds + 100;
  const during = (name: string, from: number, seconds: number) => ({
    name,
    count: Math.round(arrivalsPerSecond * seconds),
    uplink: `${uplink}B/s`,
    downlink: `${downlink}B/s`,
    arrive: { at: `${from}s`, poisson: `${arrivalsPerSecond}/s` },
    leave: { mean: `${seedSeconds}s` },
  });
  const { byClass } = run({
    fidelity,
    seed,
    policy: 'p2p',
    horizon: `${warmSeconds + 300}s`,
    latency: { 'main-main': '10ms' },
    file: { size: `${fileBytes}B`, pieceLength: `${fileBytes / pieces}B` },
    // Enough to begin with, little against a thousand clients.
    origin: { uplink: '10MB/s' },
    clients: [
      during('first', 0, warmSeconds),
      during('measured', warmSeconds, 100),
      during('last', warmSeconds + 100, 200),
    ],
  });
  const meanSeconds = byClass[1]!.completionSeconds.mean ?? Infinity;
  return { expectedSeconds, meanSeconds, downloaders: arrivalsPerSecond * expectedSeconds };
}
