/**
 * What was decided, when, upon which inputs, and why: one format for the simulator, the nodes and the page.
 *
 * The rule: a decision module answers with a small number (hot), its meaning is the position in one of the closed
 * lists below; what is stored, sent or drawn is the tagged record at the end. Lists only grow at their end, because
 * a stored record names a reason by its text and a trace by its number.
 * Rejected: free text (nobody can count it), one list for all decisions (an impossible pair would type-check).
 */
import type { RequestReason } from './host.ts';
import type { unchokeReasons } from './swarm/choker.ts';

/** Answer of the fallback policy: 0 nothing changed, 1..4 HTTP opens, 5 HTTP closes (M19–M22). */
export const fallbackReasons = ['no-change', 'slow', 'stalled', 'blocked', 'overdue', 'recovered'] as const;
/** What made the threshold what it is (M25). */
export const thresholdReasons = ['base', 'adapted', 'bounded', 'cohort', 'promised'] as const;
/** Why this HTTP source, or none now (M23, M24). */
export const sourceReasons = ['best-relay', 'other-relay', 'origin', 'backing-off', 'no-lease', 'no-source'] as const;
/** Why a second source may be asked for what a first is slow to send, or not (M23). */
export const hedgeReasons = ['hedged', 'over-budget', 'no-gain'] as const;
/** Why this relay, or none (M8). */
export const relayReasons = [
  'geography',
  'latency',
  'load',
  'history',
  'combined',
  'only-one',
  'all-down',
  'all-full',
  'none-given',
] as const;
/** Which term of the fluid bound decides the finish (M6). */
export const estimateReasons = ['source', 'downlink', 'swarm'] as const;
/** Why the pace of dispatch is what it is (M7). */
export const dispatchReasons = ['pace', 'load-high', 'load-full'] as const;
/** Why the upload share moved (M26). */
export const uploadReasons = ['start', 'probe', 'back-off', 'floor', 'ceiling', 'steady'] as const;
/** Why a source is braked or not (M35). */
export const shareReasons = ['free', 'near-cap', 'at-cap', 'speed-floor', 'forbidden'] as const;
/** Why a holder was granted what it was (M27, M28, M30). */
export const grantReasons = [
  'no-demand',
  'met',
  'fair-share',
  'floor',
  'no-slot',
  'no-capacity',
  'not-yet-free',
] as const;

export type FallbackReason = (typeof fallbackReasons)[number];
export type ThresholdReason = (typeof thresholdReasons)[number];
export type SourceReason = (typeof sourceReasons)[number];
export type HedgeReason = (typeof hedgeReasons)[number];
export type RelayReason = (typeof relayReasons)[number];
export type EstimateReason = (typeof estimateReasons)[number];
export type DispatchReason = (typeof dispatchReasons)[number];
export type UploadReason = (typeof uploadReasons)[number];
export type ShareReason = (typeof shareReasons)[number];
export type GrantReason = (typeof grantReasons)[number];

/** Why HTTP asks for these pieces (M23): nobody holds them, nobody brings them, or somebody brings them slowly. */
export const rangeReasons = ['unavailable', 'missing', 'slow'] as const;
export type RangeReason = (typeof rangeReasons)[number];

/** Who sends a byte; the order is that of every array indexed by source. */
export const sourceKinds = ['origin', 'relay', 'peer'] as const;
export type SourceKind = (typeof sourceKinds)[number];

/** The inputs and the answer of one decision. Rates are bytes per second, times milliseconds, shares of 1. */
export type Decision =
  | { kind: 'request'; reason: RequestReason; source: number; piece: number; requestBytes: number }
  | { kind: 'range'; reason: RangeReason; firstPiece: number; pieceCount: number; requestBytes: number }
  | { kind: 'unchoke'; reason: (typeof unchokeReasons)[number]; endpoint: number; candidates: number }
  | {
      kind: 'fallback';
      reason: FallbackReason;
      tick: number;
      shortBytesPerSecond: number;
      longBytesPerSecond: number;
      thresholdBytesPerSecond: number;
      progressBytes: number;
    }
  | {
      kind: 'threshold';
      reason: ThresholdReason;
      baseBytesPerSecond: number;
      thresholdBytesPerSecond: number;
      fileBytes: number;
      clientCount: number;
      cohortFirstQuartileBytesPerSecond: number;
    }
  | {
      kind: 'source';
      reason: SourceReason;
      source: number;
      predictedMilliseconds: number;
      failureCount: number;
    }
  | { kind: 'hedge'; reason: HedgeReason; source: number; hedgedBytes: number; requestBytes: number }
  | { kind: 'relay'; reason: RelayReason; relay: number; region: number; loadRatio: number }
  | { kind: 'estimate'; reason: EstimateReason; finishMilliseconds: number; efficiencyRatio: number }
  | {
      kind: 'dispatch';
      reason: DispatchReason;
      position: number;
      perSecond: number;
      delayMilliseconds: number;
    }
  | { kind: 'upload'; reason: UploadReason; uploadBytesPerSecond: number; freeBytesPerSecond: number }
  | { kind: 'share'; reason: ShareReason; source: SourceKind; shareRatio: number; brakeRatio: number }
  | {
      kind: 'grant';
      reason: GrantReason;
      holder: number;
      epoch: number;
      sequence: number;
      slots: number;
      bytesPerSecond: number;
      demandBytesPerSecond: number;
    };

/** One decision as it is written: when, for which row, under which version of the policy. */
export interface DecisionRecord {
  atMilliseconds: number;
  row: number;
  policyVersion: string;
  decision: Decision;
}

/** Whether two records say the same, field by field (what `sluice replay` compares; numbers bit for bit). */
export function sameDecision(left: DecisionRecord, right: DecisionRecord): boolean {
  if (!Object.is(left.atMilliseconds, right.atMilliseconds)) return false;
  if (left.row !== right.row || left.policyVersion !== right.policyVersion) return false;
  const leftFields = Object.entries(left.decision);
  const rightFields = new Map<string, unknown>(Object.entries(right.decision));
  if (leftFields.length !== rightFields.size) return false;
  return leftFields.every(([name, value]) => rightFields.has(name) && Object.is(value, rightFields.get(name)));
}

/** The opening of a line for people: time in seconds, row, kind and reason. */
export function describeDecision(record: DecisionRecord): string {
  const { decision } = record;
  return `${record.atMilliseconds / 1000} s  #${record.row}  ${decision.kind}: ${decision.reason}`;
}
