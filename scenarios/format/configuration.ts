import type { Fidelity } from './scenario.ts';

/**
 * The canonical text form of a scenario: what the schema describes, with every default explicit, every shorthand
 * written out and every quantity in one spelling. Itself a valid scenario file. Texts below are quantities with
 * units unless said otherwise.
 */
export interface Configuration {
  version: 1;
  name: string;
  description: string;
  seed: number;
  horizon: string;
  file: FileText;
  origin: { region: string; uplink: string; connections: CountText; contract: ContractText };
  regions: string[];
  /** Every pair, `a-b`, the earlier region first. */
  latency: Record<string, string>;
  links: { between: [string, string]; capacity: string }[];
  relays: RelayText[];
  clients: ClientText[];
  prices: PricesText;
  policy: PolicyText;
  fidelity: Fidelity;
  tasks: TaskText[];
  distribution: DistributionText;
  control: ControlText;
  messages: MessagesText;
  /** Absent: what the simulator leaves out stays out. */
  model?: {
    overhead: string;
    controlKnowsLinks: boolean;
    requestAhead: string;
    taskDelay: string;
    processStart: string;
  };
  faults: FaultText[];
  expect: string[];
  published: { metric: string; value: number; source: string }[];
}

export type CountText = number | 'unlimited';

export interface FileText {
  size: string;
  pieceLength: string;
}

export interface ContractText {
  connections: CountText;
  bandwidth: string;
  burst: string;
  traffic: Record<string, string>;
}

export interface RelayText {
  name: string;
  region: string;
  count: number;
  uplink: string;
  downlink: string;
  connections: CountText;
  bufferBeforeServing: string;
  holds: 'none' | 'all';
}

export interface ClientText {
  name: string;
  region: string;
  count: number;
  uplink: { mean: string; spread: string };
  downlink: { mean: string; spread: string };
  peerToPeer: 'allowed' | 'outgoing-only' | 'blocked';
  arrive: ArriveText;
  leave: LeaveText;
  abandon: { rate: string };
  clockDrift: string;
}

export type ArriveText =
  | { at: string; over?: never; poisson?: never; seconds?: never }
  | { at: string; over: string; poisson?: never; seconds?: never }
  | { at: string; poisson: string; over?: never; seconds?: never }
  | { seconds: number[]; at?: never; over?: never; poisson?: never };

export type LeaveText =
  | 'never'
  | { aborts: string }
  | { after: string; distribution: 'fixed' | 'exponential' }
  | { after: string; distribution: 'lognormal'; sigma: number };

/** `extends` and every knob of `knobs.ts`. */
export interface PolicyText {
  extends: string;
  [group: string]: unknown;
}

export interface TaskText {
  name: string;
  /** Only where it is not the scenario's. */
  file?: FileText;
  start: string;
  deadline: string;
  clients: string[];
  band: number;
  weight: number;
  floor: string;
  ceiling: string;
  policy?: PolicyText;
}

export interface DistributionText {
  originConnections: number;
  peerConnections: CountText;
  speedMax: string;
  window: [string, string];
  retries: number;
  timeout: string;
  priorityPieces: string[];
  protocols: ('bittorrent' | 'http')[];
  relayChoice: 'policy' | 'geography' | 'latency' | 'load' | 'history' | 'combined';
  share: { origin: string; relay: string; peer: string };
  speedFloor: string;
}

export interface ControlText {
  count: number;
  region: string;
  dispatch: string;
  reportEvery: string;
  lease: string;
  slack: string;
  driftMax: string;
}

export interface MessagesText {
  loss: string;
  duplicate: string;
  reorder: string;
  delay: string;
}

export interface PricesText {
  currency: string;
  origin: string;
  relay: string;
  peer: string;
  relayHour: string;
  originPeak: { price: string; percentile: number };
  between: Record<string, string>;
}

/** What stands in it says which fault it is. */
export interface FaultText {
  at: string;
  relay?: string;
  origin?: 'main';
  control?: number;
  regions?: [string, string];
  clients?: string;
  share?: string;
  messages?: MessagesText;
  contract?: ContractText;
  slow?: string;
  down?: string;
  for?: string;
  ledger?: 'kept' | 'lost';
  claims?: string;
  partition?: string;
  crash?: string;
  suspend?: string;
  clockStep?: string;
}
