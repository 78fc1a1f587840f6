/**
 * The state of the fleet as control sums it up, once a second to whoever watches (`paths.live`): each message is the
 * whole state, so a watcher that missed some has lost nothing.
 */
import * as Type from 'typebox';
import { taskStates } from './assignment.ts';
import {
  bySource,
  bytes,
  choice,
  count,
  identity,
  milliseconds,
  name,
  object,
  optional,
  ratio,
  text,
} from './fields.ts';
import { roles } from './from-node.ts';

const windows = () => Type.Array(object({ windowMilliseconds: milliseconds(), bytes: bytes() }));

export const liveTask = object({
  task: identity(),
  name: text(255),
  state: choice(taskStates),
  /** Why it ended before its time. */
  problem: optional(text()),
  origin: name(),
  sizeBytes: bytes(),
  createdAtMilliseconds: milliseconds(),
  /** Since the start; absent: cannot be told. */
  estimatedFinishMilliseconds: optional(milliseconds()),
  deadlineAtMilliseconds: optional(milliseconds()),
  /** Counted by state; `total` are all targets, also those that have not connected yet. */
  clients: object({
    total: count(),
    waiting: count(),
    transferring: count(),
    verifying: count(),
    seeding: count(),
    paused: count(),
    complete: count(),
    cancelled: count(),
    failed: count(),
  }),
  relays: count(),
  verifiedBytes: bytes(),
  received: bySource(),
  originToRelayBytes: bytes(),
  receiveBytesPerSecond: object({ total: count(), bittorrent: count() }),
  /** Clients that HTTP helps now, by reason. */
  fallbackOpen: object({ slow: count(), stalled: count(), blocked: count(), overdue: count() }),
  brakeRatio: ratio(),
});

export const liveState = object({
  kind: Type.Literal('state'),
  version: Type.Literal(1),
  atMilliseconds: milliseconds(),
  nodes: Type.Array(object({ role: choice(roles), enrolled: count(), connected: count() })),
  tasks: Type.Array(liveTask),
  relays: Type.Array(
    object({
      relay: name(),
      region: optional(name()),
      connected: Type.Boolean(),
      draining: Type.Boolean(),
      loadRatio: ratio(),
      connections: count(),
      connectionsMax: count(),
      sendBytesPerSecond: count(),
      tasks: count(),
    }),
  ),
  origins: Type.Array(
    object({
      origin: name(),
      /** Absent: not limited. */
      limit: object({ connections: optional(count()), bytesPerSecond: optional(count()), windows: windows() }),
      /** What holders may take now; of windows: what is prepaid and not yet reported as spent. */
      granted: object({ connections: count(), bytesPerSecond: count(), windows: windows() }),
      /** What holders report to have taken: lately, within each window, and since the ledger began. */
      used: object({ bytesPerSecond: count(), windows: windows(), totalBytes: bytes() }),
      holders: count(),
      paused: Type.Boolean(),
    }),
  ),
});
export type LiveState = Type.Static<typeof liveState>;
export type LiveTask = Type.Static<typeof liveTask>;
