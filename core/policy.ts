/**
 * What a policy is: one composition of the core's parts and a value for each of their knobs. Every policy that
 * sluice compares, our own and the imitated ones, is an object of this shape; none is a second program.
 * Defaults and the reason of each are in `limits.ts`. All rates are bytes per second, all times milliseconds.
 */
export interface Policy {
  name: string;
  /** Whether it asks control for a lease before it touches the origin, and so keeps the origin's contract. */
  contract: boolean;
  swarm: SwarmPolicy;
  http: HttpPolicy;
  fallback: FallbackPolicy;
  relay: RelayPolicy;
}

/** BitTorrent: who is connected, who is served, which piece is asked for. */
export interface SwarmPolicy {
  enabled: boolean;
  /** The origin is a peer and the first seed (what it sends counts as origin). */
  originSeeds: boolean;
  /** Relays are peers of the swarm. */
  relaysSeed: boolean;
  /** `tracker`: random peers; `regular`: a random regular graph; `scheduled`: parents named by a central scheduler. */
  graph: 'tracker' | 'regular' | 'scheduled';
  peerConnections: number;
  /** `scheduled` only: how many candidates the scheduler draws, and how many of them become parents. */
  candidates: number;
  parents: number;
  choking: 'tit-for-tat' | 'none';
  uploadSlots: number;
  optimisticSlots: number;
  chokeInterval: number;
  optimisticInterval: number;
  /** A relay opens one upload slot for each of this many bytes per second of its uplink. */
  relaySlotRate: number;
  /** Pieces one client asks for at a time. */
  requestsInFlight: number;
  picker: 'rarest' | 'random' | 'sequential';
  /** A request without an answer for this long is given up and asked elsewhere; 0 = never. */
  pieceTimeout: number;
  endgame: EndgamePolicy;
}

export interface EndgamePolicy {
  /** The endgame begins when no more than this many pieces are missing and all of them are requested. */
  pieces: number;
  /** Sources at most per block. */
  sources: number;
  /** Duplicate bytes at most, as a share of the file. */
  budget: number;
}

/** HTTP: from whom, and when. */
export interface HttpPolicy {
  /** `always`: from the start; `fallback`: when a trigger opens it; `orphan`: when no parent was found. */
  when: 'never' | 'always' | 'fallback' | 'orphan';
  /** Tried in this order. */
  sources: ('relay' | 'origin')[];
  /** Requests one client has open at a time. */
  connections: number;
  /** Pieces one ranged request covers at most; a client that uses nothing but HTTP asks for the rest of the file. */
  rangePieces: number;
  /** Clients at most that download from the origin at one time; 0 = no limit of the policy's own. */
  originClients: number;
  /** `orphan` only: tries to find a parent before the origin is asked, and the time between them. */
  parentTries: number;
  parentRetry: number;
  /** A file of this many bytes or less goes straight to the last source; 0 = never. */
  directBelow: number;
  /** Back-off after a refusal: first and longest delay, with full jitter. */
  backoffFirst: number;
  backoffMax: number;
  /** Bytes at most spent on asking a second source for what a first is slow to send, as a share of the file. */
  hedge: number;
}

/** When HTTP helps BitTorrent (specification S106). */
export interface FallbackPolicy {
  triggers: FallbackTrigger[];
  /** No trigger is looked at before a client is this old. */
  delay: number;
  /** `slow`: BitTorrent's rate under `threshold` for `hold`. */
  threshold: number;
  hold: number;
  /** `stalled`: progress under `stallProgress` (share of the file) in `stallPeriod`. */
  stallProgress: number;
  stallPeriod: number;
  /** `blocked`: no handshake succeeded in this many attempts, or the network is known to block. */
  blockedAttempts: number;
  /** `overdue`: elapsed time over this multiple of the estimate. */
  overdue: number;
  /** Closes when the rate was over `closeRatio` · threshold for `closeHold`. */
  closeRatio: number;
  closeHold: number;
  /** `deficit`: HTTP brings what is missing to the target rate; `rest`: all that is free. */
  fill: 'deficit' | 'rest';
  /** The threshold adapts to file size, network and scale, and to the cohort (B-c5). */
  adaptive: boolean;
}

export type FallbackTrigger = 'slow' | 'stalled' | 'blocked' | 'overdue';

export interface RelayPolicy {
  used: boolean;
  choice: 'geography' | 'latency' | 'load' | 'history' | 'combined';
  /** Connections with which one relay pulls from the origin. */
  pullConnections: number;
  /** Relays of one file pull disjoint parts first and exchange them. */
  exchange: boolean;
  /** Serve only when the whole file is there. */
  completeFirst: boolean;
}
