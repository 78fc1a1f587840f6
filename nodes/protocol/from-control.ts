/** What control tells a node. */
import * as Type from 'typebox';
import { assignment } from './assignment.ts';
import { bytesPerSecond, choice, count, identity, milliseconds, name, object, ratio, text } from './fields.ts';
import { hashesFromControl } from './hash-messages.ts';
import { leaseFromControl } from './lease-messages.ts';

/** The answer to `hello`. */
export const welcome = object({
  kind: Type.Literal('welcome'),
  protocol: count(),
  /** The name under which control knows the node: its token's. */
  node: name(),
  reportEveryMilliseconds: milliseconds(),
});

/** The wanted state of one task on this node. */
export const task = object({ kind: Type.Literal('task'), assignment });

/**
 * φ: what all deficits of the task are multiplied with while origin or relays are near their limits; and the cohort
 * that the threshold is held against (`ThresholdSituation` of core/fallback/threshold.ts; M25).
 */
export const brake = object({
  kind: Type.Literal('brake'),
  task: identity(),
  ratio: ratio(),
  cohortFirstQuartileBytesPerSecond: bytesPerSecond(),
  cohortSize: count(),
});

/** Control is going: connect again after this time, plus as much again by chance. Assignments and leases stand. */
export const goodbye = object({ kind: Type.Literal('goodbye'), reconnectAfterMilliseconds: milliseconds() });

/** The last message found fault with. Control closes the connection unless it is `unknown-task`. */
export const refusal = object({
  kind: Type.Literal('refusal'),
  reason: choice([
    'malformed',
    'too-large',
    'too-many',
    'hello-first',
    'protocol',
    'replaced',
    'revoked',
    'unknown-task',
  ]),
  detail: text(),
});

export const fromControl = Type.Union([welcome, task, brake, hashesFromControl, leaseFromControl, goodbye, refusal]);
export type Brake = Type.Static<typeof brake>;
export type Refusal = Type.Static<typeof refusal>;
export type FromControl = Type.Static<typeof fromControl>;
