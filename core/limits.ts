import type { EndgamePolicy, FallbackPolicy, HttpPolicy, RelayPolicy, SwarmPolicy } from './policy.ts';

/**
 * Every default and every upper bound, each with its reason. Times are milliseconds, sizes bytes, rates bytes per
 * second, shares parts of 1. "Specification" is the document the features are numbered after; a value without
 * a source there is ours, and a sweep may find a better one.
 */

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;

const endgame: EndgamePolicy = {
  // As many as one client asks for at a time: earlier, duplicates would compete with pieces nobody asked for yet.
  pieces: 8,
  // A third source hardly ever wins against the better of two, and costs as many bytes.
  sources: 2,
  // Ten pieces of a file of 512; the tail of a swarm needs a handful.
  budget: 0.02,
};

/** Defaults of `Policy.swarm`. */
export const swarmDefaults: SwarmPolicy = {
  enabled: true,
  originSeeds: false,
  relaysSeed: true,
  graph: 'tracker',
  // One tracker reply (BEP 3: up to 50 peers).
  peerConnections: 50,
  // Used by `scheduled` graphs only: what Dragonfly publishes.
  candidates: 15,
  parents: 3,
  choking: 'tit-for-tat',
  // Four and one optimistic, choked anew every 10 s, the optimistic one every 30 s: BEP 3.
  uploadSlots: 4,
  optimisticSlots: 1,
  chokeInterval: 10 * second,
  optimisticInterval: 30 * second,
  // One piece of 4 MiB a second: slower slots only make more peers wait for a piece they cannot yet pass on.
  relaySlotRate: 4 * mebibyte,
  // Thrice the 5 slots that a client holds at others on average: senders that crawl must not keep others out.
  requestsInFlight: 16,
  picker: 'rarest',
  // A piece of 4 MiB at 14 kB/s: whoever is slower than that is not worth waiting for.
  pieceTimeout: 5 * minute,
  endgame,
};

/** Defaults of `Policy.http`. */
export const httpDefaults: HttpPolicy = {
  when: 'fallback',
  // Specification S106: from a relay first, then from the origin.
  sources: ['relay', 'origin'],
  // Enough to fill a long link in spite of round trips, few enough to leave the contract's slots to others.
  connections: 4,
  // 32 MiB of 4 MiB pieces: the round trip in front of a range is then small against the range.
  rangePieces: 8,
  originClients: 0,
  // Used by `orphan` only: what Dragonfly publishes.
  parentTries: 4,
  parentRetry: 500,
  directBelow: 0,
  // A relay answers 503 while it waits for bytes: the first retry soon, the last within half a minute.
  backoffFirst: second,
  backoffMax: 30 * second,
  // Share of bytes that may be asked for twice: beyond it, racing costs more origin than it saves time.
  hedge: 0.05,
};

/** Defaults of `Policy.fallback`. */
export const fallbackDefaults: FallbackPolicy = {
  triggers: ['slow', 'stalled', 'blocked', 'overdue'],
  // `hold` already keeps a start from counting as slow.
  delay: 0,
  // Specification S106 (1): 1 MB/s for 30 s.
  threshold: 1_000_000,
  hold: 30 * second,
  // Specification S106 (2): 1 % in 5 min.
  stallProgress: 0.01,
  stallPeriod: 5 * minute,
  // Where 30 % of the peers can be reached, 20 failures in a row happen to one client in a thousand by accident.
  blockedAttempts: 20,
  // Specification S106 (4): 150 % of the expected time.
  overdue: 1.5,
  // Hysteresis: a rate that swings by a third of the threshold must not open and close in turn.
  closeRatio: 1.3,
  closeHold: 10 * second,
  fill: 'deficit',
  adaptive: true,
};

/** Defaults of `Policy.relay`. */
export const relayDefaults: RelayPolicy = {
  used: true,
  choice: 'combined',
  // As a client: enough to fill a long link.
  pullConnections: 4,
  exchange: true,
  completeFirst: false,
};

/** Defaults of a scenario's `distribution`. */
export const distributionDefaults = {
  // Specification: at most 100 connections of one client to the origin.
  originConnections: 100,
  retries: 5,
  timeoutMilliseconds: 30 * second,
};

/** Defaults of a scenario's `control`. */
export const controlDefaults = {
  count: 1,
  // What one process that writes each grant before it sends it sustains.
  dispatchPerSecond: 2000,
  reportEveryMilliseconds: 10 * second,
  // Short enough to win a dead holder's share back soon, long enough for 10^4 holders at a third of it.
  leaseMilliseconds: 10 * second,
  slackMilliseconds: 200,
  // Ordinary quartz drifts 20–100 ppm; a hot virtual machine several hundred.
  driftMax: 500e-6,
};

/** What control assumes of nodes that have not said what line they have. */
export const assumedLinks = {
  // An ordinary line of 100 Mbit/s down and 20 up.
  downlinkBytesPerSecond: 12_500_000,
  uplinkBytesPerSecond: 2_500_000,
  // A server's of 1 Gbit/s.
  serverBytesPerSecond: 125_000_000,
};

/** Defaults of the rest of a scenario. */
export const scenarioDefaults = {
  seed: 1,
  // Longer than any sensible distribution; it ends runs in which somebody can never finish.
  horizonMilliseconds: 24 * hour,
  pieceLengthBytes: 4 * mebibyte,
  // One way, where a scenario names none: inside a metropolitan region, and between two continents.
  latencyWithinMilliseconds: 10,
  latencyBetweenMilliseconds: 80,
  // Four pieces: the first requests then hardly ever wait for the origin.
  bufferBeforeServingBytes: 16 * mebibyte,
  // The allocator speaks once a second, so a second's worth of the rate may pass between two of its words.
  burstSeconds: 1,
  // Session lengths in BitTorrent traces fit a lognormal with this sigma.
  leaveSigma: 1.5,
  // What transit is billed by.
  originPeakPercentile: 95,
};

/** What a scenario may ask for at most: each keeps a typing error from eating the machine. */
export const scenarioLimits = {
  // Thousand times the longest scenario at hand.
  fileBytesMax: 16 * mebibyte,
  // Some million lines.
  arrivalFileBytesMax: 64 * mebibyte,
  // Of YAML aliases, which can multiply without bound.
  aliasValuesMax: 100_000,
  depthMax: 64,
  // About 500 bytes each: 25 GB.
  clientsMax: 50_000_000,
  relaysMax: 100_000,
  // A row of latencies per region.
  regionsMax: 256,
  classesMax: 10_000,
  // One bit per client and piece.
  piecesMax: 1_000_000,
  // Exact in a double.
  bytesMax: Number.MAX_SAFE_INTEGER,
  // The engine's clock is integer microseconds in a double: 285 years.
  millisecondsMax: Math.floor(Number.MAX_SAFE_INTEGER / 1000),
};
