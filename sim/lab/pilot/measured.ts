/** What a pilot measured: seconds since the task was published, bytes as the nodes counted them. */
import type { ClientProgress, TaskReport } from './control-access.ts';
import type { ClientMachine, Machines } from './machines.ts';
import type { Network } from './network.ts';
import type { Sample } from './watch.ts';

export type ClientState = 'completed' | 'unfinished' | 'failed' | 'left';

export interface MeasuredClient {
  machine: ClientMachine;
  state: ClientState;
  arrivedSeconds: number;
  firstByteSeconds: number | null;
  completedSeconds: number | null;
  bytes: Pick<ClientProgress, 'received' | 'duplicateBytes' | 'discardedBytes' | 'verifiedBytes'>;
  fallbackOpened: ClientProgress['fallbackOpened'];
  /** When HTTP began and ceased to help. */
  fallback: { seconds: number; isOpen: boolean }[];
  /** What replaying its record came to; absent: it keeps none. */
  replay?: { isIdentical: boolean; says: string };
}

/** The origin's own audit. */
export interface OriginAudit {
  connectionsPeak: number;
  sentBytes: number;
  steps: { atMilliseconds: number; connectionsMax: number; sentBytes: number }[];
}

export interface Measured {
  network: Network['kind'];
  machines: Machines;
  clients: MeasuredClient[];
  relays: TaskReport['relays'];
  /** Its steps are on the clock of the pilot, milliseconds. */
  audit: OriginAudit;
  samples: Sample[];
  seconds: number;
  cpuBusyShare: number | null;
}

/** Of the processors, on average over a run: beyond, the machine and not the network is what was measured. */
export const cpuBusyShareMax = 0.7;
