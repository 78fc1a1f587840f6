import type { Policy } from '#core/policy.ts';

/**
 * A scenario as the simulator and the nodes take it: validated, every default filled in, every quantity a number in
 * base units (bytes, bytes per second, milliseconds, shares of 1), every name resolved to an index.
 * `Infinity` = unlimited or never. The text form is described in the documentation of the scenario file.
 */
export interface Scenario {
  name: string;
  description: string;
  seed: number;
  horizonMilliseconds: number;
  fidelity: Fidelity;
  /** One way of ordering: index into `regions`. */
  regions: string[];
  /** One way, `[from][to]`, symmetric. */
  latencyMilliseconds: number[][];
  links: RegionLink[];
  origin: Origin;
  relays: RelayClass[];
  clients: ClientClass[];
  /** At least one; a scenario without `tasks` has one named `file` for all classes. */
  tasks: Task[];
  distribution: Distribution;
  control: Control;
  messages: MessageFaults;
  model: Model;
  faults: Fault[];
  prices: Prices;
  policy: Policy;
  /** Texts of the `expect` lines, already parsed once and known to be well formed. */
  expect: string[];
  published: Published[];
}

export type Fidelity = 'reference' | 'standard' | 'scale';

export interface File {
  sizeBytes: number;
  pieceLengthBytes: number;
}

/** A capacity shared by all that flows between two regions, each direction for itself. */
export interface RegionLink {
  regions: [number, number];
  bytesPerSecond: number;
}

export interface Origin {
  region: number;
  uplinkBytesPerSecond: number;
  /** Its own hard limit, then 503. */
  connectionsMax: number;
  contract: Contract;
}

/** What the origin's owner was promised; every limit `Infinity` where absent. */
export interface Contract {
  connectionsMax: number;
  bytesPerSecondMax: number;
  burstBytes: number;
  /** Rolling windows. */
  traffic: { name: string; windowMilliseconds: number; bytesMax: number }[];
}

export interface RelayClass {
  name: string;
  region: number;
  count: number;
  uplinkBytesPerSecond: number;
  downlinkBytesPerSecond: number;
  connectionsMax: number;
  bufferBeforeServingBytes: number;
  /** It holds the whole file from the start. */
  holdsAll: boolean;
}

export interface ClientClass {
  name: string;
  region: number;
  count: number;
  uplink: Spread;
  downlink: Spread;
  peerToPeer: 'allowed' | 'outgoing-only' | 'blocked';
  arrive: Arrival;
  leave: Departure;
  /** Chance per millisecond to give up before the end. */
  abandonPerMillisecond: number;
  clockDrift: number;
}

/** Uniform on mean · (1 ± spread). */
export interface Spread {
  meanBytesPerSecond: number;
  spread: number;
}

export type Arrival =
  | { kind: 'at-once'; atMilliseconds: number }
  | { kind: 'over'; atMilliseconds: number; overMilliseconds: number }
  | { kind: 'poisson'; atMilliseconds: number; perMillisecond: number }
  /** Milliseconds of each arrival, sorted; as many as the class counts. */
  | { kind: 'list'; atMilliseconds: number[] };

export type Departure =
  | { kind: 'never' }
  /** Share of the class that leaves before it has finished, at a progress drawn uniformly. */
  | { kind: 'aborts'; share: number }
  /** Counted from completion. */
  | {
      kind: 'after';
      distribution: 'fixed' | 'exponential' | 'lognormal';
      milliseconds: number;
      sigma: number;
    };

export interface Task {
  name: string;
  file: File;
  startMilliseconds: number;
  deadlineMilliseconds: number;
  /** Indices of client classes. */
  clients: number[];
  band: number;
  weight: number;
  floorBytesPerSecond: number;
  ceilingBytesPerSecond: number;
  /** Absent: the scenario's. */
  policy?: Policy;
}

export interface Distribution {
  /** Of one client to the origin. */
  originConnections: number;
  peerConnections: number;
  speedMaxBytesPerSecond: number;
  windowMilliseconds: [number, number];
  retries: number;
  timeoutMilliseconds: number;
  /** Piece ranges, both ends included. */
  priorityPieces: [number, number][];
  protocols: ('bittorrent' | 'http')[];
  /** Most of the delivered bytes that may come from a source; 1 = no cap. */
  shareMax: { origin: number; relay: number; peer: number };
  speedFloorBytesPerSecond: number;
}

export interface Control {
  count: number;
  region: number;
  dispatchPerSecond: number;
  reportEveryMilliseconds: number;
  leaseMilliseconds: number;
  slackMilliseconds: number;
  driftMax: number;
}

/** What the simulator leaves out unless a scenario says it. */
export interface Model {
  /** Heads of all layers, as a share of the payload that they carry. */
  overhead: number;
  /** Whether control knows the lines of nodes, or assumes ordinary ones. */
  controlKnowsLinks: boolean;
  /** Of what a peer sends, asked for in advance. */
  requestAheadMilliseconds: number;
  taskDelayMilliseconds: number;
  processStartMilliseconds: number;
}

/** Chances and the mean extra delay of a control message. */
export interface MessageFaults {
  loss: number;
  duplicate: number;
  reorder: number;
  delayMilliseconds: number;
}

export type Fault = {
  atMilliseconds: number;
  untilMilliseconds: number;
} /** `relay` = index among all relays, classes in order. */ & (
  | { kind: 'relay-down'; relay: number }
  | { kind: 'origin-slow'; factor: number }
  | { kind: 'origin-down' }
  | { kind: 'contract'; contract: Contract }
  | { kind: 'control-down'; control: number; ledgerLost: boolean }
  | { kind: 'control-claims'; control: number }
  | { kind: 'partition'; regions: [number, number] }
  | { kind: 'clients-crash'; clientClass: number; share: number }
  | { kind: 'clients-suspend'; clientClass: number; share: number }
  | { kind: 'clock-step'; clientClass: number; share: number; stepMilliseconds: number }
  | { kind: 'messages'; messages: MessageFaults }
);

export interface Prices {
  currency: string;
  originPerByte: number;
  relayPerByte: number;
  peerPerByte: number;
  relayPerMillisecond: number;
  /** Per byte per second of the given percentile of the origin's rate. */
  originPeak: { perBytePerSecond: number; percentile: number };
  between: { regions: [number, number]; perByte: number }[];
}

export interface Published {
  metric: string;
  value: number;
  source: string;
}
