/** What is kept, as the program sees it: JSON columns read, truths as booleans. */

import type { TargetFile, TaskState } from '#nodes/protocol/assignment.ts';
import type { Hello, Progress, Role } from '#nodes/protocol/from-node.ts';
import type { Instruction } from '#nodes/protocol/instruction.ts';
import type { ContractText } from '#scenarios/format/configuration.ts';

/** What the bearer of a token may do. */
export const permits = ['operate', 'view', 'relay', 'client', 'enrol-relay', 'enrol-client'] as const;
export type Permit = (typeof permits)[number];

export interface TokenRecord {
  /** SHA-256 of the token: the token itself is never kept. */
  hash: string;
  permits: Permit;
  /** Name of the operator, of the node, or of the fleet. */
  holder: string;
  groups: string[];
  /** Absent: as often as one likes. */
  usesLeft?: number;
  expiresAtMilliseconds?: number;
}

export interface NodeRecord {
  name: string;
  role: Role;
  /** Given at enrolment; those of its hello come on top. */
  groups: string[];
  hello?: Hello;
  seenAtMilliseconds?: number;
  /** A relay: what clients saw of it. */
  observed?: Observed;
}

/** Running means over what clients of each region reported of a relay. */
export interface Observed {
  bytesPerSecond: number;
  latencyMilliseconds: Record<string, number>;
}

export interface OriginRecord {
  name: string;
  /** In messages of leases. */
  number: number;
  /** Files of this origin begin with it. */
  url: string;
  contract: ContractText;
  reach: OriginReach;
  paused: boolean;
  /** Counts the changes. */
  revision: number;
}

/** How an origin is reached, beside its URL (`originSchema`). The authorization is a secret. */
export interface OriginReach {
  mirrors: string[];
  redirects: string[];
  networks: string[];
  authorization?: string;
}

export interface TaskRecord {
  id: string;
  requestKey?: string;
  origin: string;
  /** Its place among the tasks of its origin: where its shares stand in the contract's tree. */
  sharePosition: number;
  manifest?: string;
  infoHash?: string;
  growing?: GrowingRecord;
  /** Why it ended before its time. */
  problem?: string;
  instruction: Instruction;
  file: TargetFile;
  /** Of a presigned URL: a secret. */
  query?: string;
  estimate: TaskEstimate;
  state: TaskState;
  revision: number;
  createdBy: string;
  createdAtMilliseconds: number;
  finishedAtMilliseconds?: number;
}

/** How the hashes of a file come to be known while it is pulled. */
export interface GrowingRecord {
  swarm: string;
  access: string;
  pieceLengthBytes: number;
  appointments: { relay: string; key: string; firstPiece: number; endPiece: number }[];
  /** Relays that signed what is not so. */
  distrusted: string[];
  /** Control's signature under the whole, in base64. */
  seal?: string;
}

export interface HashBatchRecord {
  task: string;
  swarm: string;
  signer: string;
  sequence: number;
  /** In base64. */
  body: string;
}

export interface TaskEstimate {
  /** Absent: as things are, never. */
  finishMilliseconds?: number;
  /** Of `estimateReasons`. */
  reason: string;
  originBytes: number;
  relayBytes: number;
  peerBytes: number;
  originBytesPerSecond: number;
  /** The fluid bound with nothing lost: what the next estimate learns from. */
  boundMilliseconds?: number;
}

export interface RelayTaskRecord {
  task: string;
  relay: string;
  /** Its number at the owner of the origin's ledger. */
  holder: number;
  firstByte: number;
  endByte: number;
  /** `moved`: another relay has taken over. */
  state: 'wanted' | 'accepted' | 'moved';
  revision: number;
  acceptedRevision: number;
  progress?: Progress;
}

export interface ClientTaskRecord {
  task: string;
  client: string;
  /** Its number at the owner of the origin's ledger. */
  holder: number;
  relay?: string;
  /** When its turn came; absent: it has not been told yet. */
  releasedAtMilliseconds?: number;
  state: Progress['state'];
  revision: number;
  acceptedRevision: number;
  progress?: Progress;
}
