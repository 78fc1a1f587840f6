/**
 * What control wants of one node for one task: the whole of it, never a change to it.
 *
 * Pause, cancel, another relay, a new limit, another tracker or estimate are all the same message with a higher
 * `revision`: a node that missed five of them needs only the last, and a repeated one changes nothing. A node keeps
 * the last assignment of each task on its disk and goes on with it while control cannot be reached.
 */
import * as Type from 'typebox';
import {
  bytes,
  bytesPerSecond,
  choice,
  count,
  identity,
  infoHash,
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
import { appointmentsMax } from './hash-messages.ts';
import { mirrorsMax, networksMax, redirectsMax, relaysMax, secretLengthMax, trackersMax } from './limits.ts';

/** The file as the instruction found it at the origin. Bytes that do not carry this validator are another file's. */
export const targetFile = object({
  name: text(255),
  url: url(),
  sizeBytes: bytes(),
  /** Strong ETag as the origin sent it, quotes included. */
  etag: optional(text()),
  /** As the origin sent it. */
  lastModified: optional(text()),
  /** Of the whole file, where the instruction names it. */
  sha256: optional(sha256()),
  /** A label for people. */
  version: optional(text()),
  /** Where the same bytes are too, under the same contract; each with validators of its own. */
  mirrors: optional(list(object({ url: url(), etag: optional(text()), lastModified: optional(text()) }), mirrorsMax)),
  /** The origin answers no ranges: it sends the whole file or nothing. */
  wholeOnly: optional(Type.Boolean()),
});
export type TargetFile = Type.Static<typeof targetFile>;

/** How the origin wants to be asked (`OriginAccess` of nodes/http). Query and authorization are secrets. */
export const originAccess = object({
  query: optional(text(secretLengthMax)),
  authorization: optional(text(secretLengthMax)),
  redirects: list(url(), redirectsMax),
  networks: list(text(64), networksMax),
});

/** A relay as a client or another relay reaches it. */
export const relayAddress = object({
  relay: name(),
  /** Base: the file is at `<httpUrl>/files/<task>`. */
  httpUrl: url(),
  peer: optional(peerAddress()),
});
export type RelayAddress = Type.Static<typeof relayAddress>;

/** Limits that the instruction sets, whatever the policy (M4). Absent: not limited. */
export const limits = object({
  /** Connections of one client to the origin. */
  originConnections: optional(count()),
  peerConnections: optional(count()),
  /** What a client receives, or a relay pulls, at most. */
  receiveBytesPerSecondMax: optional(bytesPerSecond()),
  sendBytesPerSecondMax: optional(bytesPerSecond()),
  /** A client should receive at least this (M35). */
  speedFloorBytesPerSecond: optional(bytesPerSecond()),
  retries: count(1_000_000),
  timeoutMilliseconds: milliseconds(),
  /** First and last piece of each range that is asked for first. */
  priorityPieces: list(Type.Tuple([count(), count()]), 1024),
  /** The preferred first. */
  protocols: Type.Array(choice(['bittorrent', 'http']), { minItems: 1, maxItems: 2 }),
  /** Shares of what a client receives, at most. */
  shareMax: object({ origin: ratio(), relay: ratio(), peer: ratio() }),
});
export type Limits = Type.Static<typeof limits>;

/** What control reckons when it dispatches (M6). */
export const estimate = object({
  /** From the start of the task; absent: nothing can serve it as things are. */
  finishMilliseconds: optional(milliseconds()),
  /** Of `estimateReasons` of core/record.ts. */
  reason: text(32),
});

/**
 * No hashes were known beforehand: relays sign them while they pull. Another `swarm` than before is another epoch:
 * nothing of the earlier one is of use.
 */
export const growing = object({
  /** Info-hash of the private swarm, never announced where standard clients would see it. */
  swarm: infoHash(),
  /** Proves to the trackers of that swarm that control knows the node; never sent itself. */
  access: identity(),
  pieceLengthBytes: bytes(),
  /** Ed25519, as all keys here; 32 bytes in hexadecimal. */
  controlKey: sha256(),
  /** Who signs which pieces [first, end): only ever added to. */
  appointments: list(object({ relay: name(), key: sha256(), firstPiece: count(), endPiece: count() }), appointmentsMax),
  /** Control's signature under the complete manifest, in base64; then `manifest` and `infoHash` are there too. */
  seal: optional(Type.String({ pattern: '^[A-Za-z0-9+/]{187}=$' })),
});
export type GrowingTask = Type.Static<typeof growing>;

export const taskStates = ['waiting', 'active', 'paused', 'cancelled', 'complete'] as const;
export type TaskState = (typeof taskStates)[number];

const everyAssignment = {
  task: identity(),
  revision: revision(),
  /**
   * `waiting`: know it, transfer nothing yet; `paused`: keep what is there, transfer nothing;
   * `cancelled`: stop and delete what is not a whole verified file; `complete`: everybody has it, seeding may end.
   */
  state: choice(taskStates),
  file: targetFile,
  origin: name(),
  /** Absent: as anybody may ask. */
  access: optional(originAccess),
  /** Under which numbers this node asks for leases of the origin for this task (lease-messages.ts). */
  lease: object({ origin: count(), holder: count(), node: count() }),
  /**
   * Piece hashes, where they are known: control's copy, at `paths.manifests` + this digest of its bytes.
   * Absent: see `growing`; where that is absent too, HTTP only.
   */
  manifest: optional(sha256()),
  growing: optional(growing),
  /** Of the v1 torrent that the manifest makes. */
  infoHash: optional(infoHash()),
  trackers: list(url(), trackersMax),
  /** For a client: the preferred first. For a relay: the others that pull the same file. */
  relays: list(relayAddress, relaysMax),
  /** For how many clients: thresholds adapt to it. */
  clientCount: count(),
  /**
   * `{ extends: hybrid, fallback: { … } }` as in a scenario, every knob explicit: `readPolicy` of
   * scenarios/format/policy-text.ts reads it. A node that does not know a knob refuses the task as `unsupported`.
   */
  policy: Type.Record(Type.String({ maxLength: 64 }), Type.Unknown()),
  limits,
  estimate,
  /** Wall clock of control, milliseconds since 1970; absent: none. For people and for `overdue`; never for leases. */
  deadlineAtMilliseconds: optional(milliseconds()),
  /** Of the task at the origin: 0 comes first. */
  band: count(15),
};

export const clientAssignment = object({ role: Type.Literal('client'), ...everyAssignment });
export const relayAssignment = object({
  role: Type.Literal('relay'),
  ...everyAssignment,
  /** The part that this relay fetches from the origin before it helps with the others': [first byte, end). */
  part: object({ firstByte: bytes(), endByte: bytes() }),
  pullConnections: count(1024),
  /** What it may take from the origin while control cannot be reached (M31); absent: nothing. */
  safeShare: optional(
    object({
      connections: count(1024),
      bytesPerSecond: bytesPerSecond(),
      burstBytes: bytes(),
      windows: list(object({ windowMilliseconds: milliseconds(), bytes: bytes() }), 16),
    }),
  ),
  /** Serving begins once this much is there (M13). */
  bufferBeforeServingBytes: bytes(),
});
export const assignment = Type.Union([clientAssignment, relayAssignment]);
export type Assignment = Type.Static<typeof assignment>;
