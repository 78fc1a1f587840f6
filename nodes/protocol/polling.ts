/**
 * The same messages over plain HTTP. The first poll carries `hello` and no session; its answer names one. Each poll
 * brings what the node has to say and takes what control has. A poll that fails, is lost or comes out of turn ends
 * the session: the node says hello again, and control sends again what the node does not hold.
 */
import type * as Type from 'typebox';
import { count, identity, list, milliseconds, name, object, optional, text } from './fields.ts';
import { fromControl } from './from-control.ts';
import { fromNode } from './from-node.ts';
import { pollMessagesMax } from './limits.ts';

export const pollRequest = object({
  session: optional(identity()),
  /** Counts up from 1 with each poll of the session. */
  poll: count(),
  messages: list(fromNode, pollMessagesMax),
});
export const pollResponse = object({
  session: identity(),
  messages: list(fromControl, pollMessagesMax),
  /** Not sooner than this. */
  pollAfterMilliseconds: milliseconds(),
});

/** A machine of a fleet makes itself known: its token from now on is the answer's. */
export const enrolRequest = object({ name: optional(name()) });
export const enrolResponse = object({ node: name(), token: text(256) });

export type PollRequest = Type.Static<typeof pollRequest>;
export type PollResponse = Type.Static<typeof pollResponse>;
export type EnrolResponse = Type.Static<typeof enrolResponse>;
