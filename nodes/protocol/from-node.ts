/** What a node tells control. Counters count from the start of the task on this node and never run back. */
import * as Type from 'typebox';
import {
  bySource,
  bytes,
  bytesPerSecond,
  choice,
  count,
  identity,
  list,
  milliseconds,
  name,
  object,
  optional,
  peerAddress,
  ratio,
  revision,
  sha256,
  text,
  url,
} from './fields.ts';
import { hashesFromNode } from './hash-messages.ts';
import { leaseFromNode } from './lease-messages.ts';
import { tasksMax, trackersMax } from './limits.ts';

export const roles = ['relay', 'client'] as const;
export type Role = (typeof roles)[number];

/** Where a relay can be reached and what it can bear. */
const relayCapacity = object({
  httpUrl: url(),
  peer: optional(peerAddress()),
  trackers: list(url(), trackersMax),
  connectionsMax: count(),
  sendBytesPerSecondMax: optional(bytesPerSecond()),
});

/** The first message of every connection and of every polling session. */
export const hello = object({
  kind: Type.Literal('hello'),
  protocol: count(),
  role: choice(roles),
  /** Drawn when the process starts: a node that restarted holds no lease, whatever it held before. */
  incarnation: identity(),
  software: text(64),
  region: optional(name()),
  /** What targets of an instruction name (`group:office`). */
  groups: list(name(), 16),
  network: choice(['wired', 'mobile', 'unknown']),
  peerToPeer: choice(['allowed', 'outgoing-only', 'blocked', 'unknown']),
  uplinkBytesPerSecond: optional(bytesPerSecond()),
  downlinkBytesPerSecond: optional(bytesPerSecond()),
  relay: optional(relayCapacity),
  /** What it holds; control sends what differs. */
  tasks: list(object({ task: identity(), revision: revision() }), tasksMax),
});

/** Every assignment is answered, a repeated one again. A relay that refuses is replaced. */
export const acknowledge = object({
  kind: Type.Literal('acknowledge'),
  task: identity(),
  revision: revision(),
  accepted: Type.Boolean(),
  /** Why not. */
  reason: optional(choice(['overloaded', 'no-space', 'unsupported', 'draining', 'fault'])),
  detail: optional(text()),
  /** Of a relay that is to sign hashes: its public key for this task. */
  signer: optional(sha256()),
});

export const progressStates = [
  'waiting',
  'transferring',
  'verifying',
  'seeding',
  'paused',
  'complete',
  'cancelled',
  'failed',
] as const;
export type ProgressState = (typeof progressStates)[number];

/** Sent every `reportEveryMilliseconds` of the welcome, at each change of state, and once more at the end (M32). */
export const progress = object({
  kind: Type.Literal('progress'),
  task: identity(),
  state: choice(progressStates),
  /** Unique and verified. A relay: what it holds. */
  verifiedBytes: bytes(),
  /** What it received, by source; what became of it beside the verified. */
  received: bySource(),
  duplicateBytes: bytes(),
  discardedBytes: bytes(),
  /** To clients and other relays. */
  sent: object({ http: bytes(), bittorrent: bytes() }),
  /** Means over about 5 s. */
  receiveBytesPerSecond: bytesPerSecond(),
  bittorrentBytesPerSecond: bytesPerSecond(),
  sendBytesPerSecond: bytesPerSecond(),
  peers: count(1_000_000),
  /** Why HTTP helps now (of `fallbackReasons` of core/record.ts); absent: it does not. */
  fallback: optional(choice(['slow', 'stalled', 'blocked', 'overdue'])),
  /** How often each trigger has opened HTTP so far. */
  fallbackOpened: object({ slow: count(), stalled: count(), blocked: count(), overdue: count() }),
  /** Since the task began on this node. */
  elapsedMilliseconds: milliseconds(),
  /** The relay that serves it, as it measured it: what relay choice learns from (M8). */
  relayObserved: optional(
    object({ relay: name(), latencyMilliseconds: milliseconds(), bytesPerSecond: bytesPerSecond() }),
  ),
  /** With `failed`: what and where. */
  error: optional(text()),
  /** With `failed`: the origin has another file under the URL now. */
  changed: optional(Type.Boolean()),
});
export type Progress = Type.Static<typeof progress>;

/** A relay's load, with every report (M9). */
export const relayStatus = object({
  kind: Type.Literal('relay-status'),
  connections: count(),
  sendBytesPerSecond: bytesPerSecond(),
  /** The highest of its loads: connections, bandwidth, disk, processor. Over 0.9 control sends it nobody new. */
  loadRatio: ratio(),
  diskFreeBytes: bytes(),
  /** It is being shut down: give its clients another relay. */
  draining: Type.Boolean(),
});
export type RelayStatus = Type.Static<typeof relayStatus>;

export const fromNode = Type.Union([hello, acknowledge, progress, relayStatus, hashesFromNode, leaseFromNode]);
export type Hello = Type.Static<typeof hello>;
export type Acknowledge = Type.Static<typeof acknowledge>;
export type FromNode = Type.Static<typeof fromNode>;
