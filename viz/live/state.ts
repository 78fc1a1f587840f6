/** What control says of its fleet once a second over `/api/live`; `nodes/protocol/live.ts` is where it is written. */
import type { SourceKind } from '#core/record.ts';

interface Windows {
  windowMilliseconds: number;
  bytes: number;
}

export interface LiveTask {
  task: string;
  name: string;
  state: string;
  origin: string;
  sizeBytes: number;
  createdAtMilliseconds: number;
  /** Since the start. */
  estimatedFinishMilliseconds?: number;
  deadlineAtMilliseconds?: number;
  clients: Record<
    'total' | 'waiting' | 'transferring' | 'verifying' | 'seeding' | 'paused' | 'complete' | 'cancelled' | 'failed',
    number
  >;
  relays: number;
  verifiedBytes: number;
  received: Record<SourceKind, number>;
  originToRelayBytes: number;
  receiveBytesPerSecond: { total: number; bittorrent: number };
  fallbackOpen: Record<'slow' | 'stalled' | 'blocked' | 'overdue', number>;
}

export interface LiveRelay {
  relay: string;
  region?: string;
  connected: boolean;
  draining: boolean;
  loadRatio: number;
  connections: number;
  connectionsMax: number;
  sendBytesPerSecond: number;
  tasks: number;
}

export interface LiveOrigin {
  origin: string;
  limit: { connections?: number; bytesPerSecond?: number; windows: Windows[] };
  granted: { connections: number; bytesPerSecond: number; windows: Windows[] };
  used: { bytesPerSecond: number; windows: Windows[]; totalBytes: number };
  holders: number;
  paused: boolean;
}

export interface LiveState {
  kind: 'state';
  version: 1;
  atMilliseconds: number;
  nodes: { role: 'relay' | 'client'; enrolled: number; connected: number }[];
  tasks: LiveTask[];
  relays: LiveRelay[];
  origins: LiveOrigin[];
}

/** `null`: not a state that this page reads. */
export function readState(text: string): LiveState | null {
  let value: Partial<LiveState>;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null || value.kind !== 'state' || value.version !== 1) return null;
  const { nodes, tasks, relays, origins } = value;
  return [nodes, tasks, relays, origins].every(Array.isArray) ? (value as LiveState) : null;
}
