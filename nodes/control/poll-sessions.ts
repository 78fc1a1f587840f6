/** Nodes that poll: the same messages, kept between two polls (see nodes/protocol/polling.ts). */
import type { FromControl, Refusal } from '#nodes/protocol/from-control.ts';
import { pollMessagesMax, pollMilliseconds, pollSessionMilliseconds } from '#nodes/protocol/limits.ts';
import type { PollRequest, PollResponse } from '#nodes/protocol/polling.ts';
import type { FleetNode, Session } from './fleet.ts';
import type { NodeDesk } from './node-desk.ts';
import { Refused } from './refusal.ts';
import { newIdentity } from './tokens.ts';

class PollSession implements Session {
  readonly identity = newIdentity('poll');
  readonly node: FleetNode;
  outbox: FromControl[] = [];
  poll = 1;
  heardAt = performance.now();
  hasEnded = false;

  constructor(node: FleetNode) {
    this.node = node;
  }

  send(message: FromControl): void {
    // Whoever has not fetched so many is away: it will say hello and be told what counts then.
    if (this.outbox.length < pollMessagesMax) this.outbox.push(message);
    else this.hasEnded = true;
  }

  end(_reason: Refusal['reason'], _detail: string): void {
    this.hasEnded = true;
  }
}

export class PollSessions {
  readonly #sessions = new Map<string, PollSession>();
  readonly #desk: NodeDesk;
  /** Sends what a hello or a report has made due, before the answer leaves. */
  readonly #settle: () => Promise<void>;

  constructor(desk: NodeDesk, settle: () => Promise<void>) {
    this.#desk = desk;
    this.#settle = settle;
  }

  get count(): number {
    return this.#sessions.size;
  }

  async answer(node: FleetNode, request: PollRequest): Promise<PollResponse> {
    const session = request.session === undefined ? this.#begin(node, request) : this.#continue(node, request);
    for (const message of request.messages) {
      if (message.kind === 'hello') continue;
      const problem = this.#desk.receive(node, message);
      if (problem !== undefined) session.send({ kind: 'refusal', reason: 'unknown-task', detail: problem });
    }
    await this.#settle();
    const messages = session.outbox.splice(0);
    return { session: session.identity, messages, pollAfterMilliseconds: pollMilliseconds };
  }

  /** Once a second: forgets who has not polled for long. */
  look(): void {
    for (const session of this.#sessions.values()) {
      const isSilent = performance.now() - session.heardAt > pollSessionMilliseconds;
      if (isSilent || session.hasEnded) this.#forget(session);
    }
  }

  #begin(node: FleetNode, { poll, messages }: PollRequest): PollSession {
    const [hello] = messages;
    if (hello?.kind !== 'hello' || poll !== 1) throw new Refused('conflict', 'a session begins with poll 1 and hello');
    const session = new PollSession(node);
    const problem = this.#desk.welcome(node, session, hello, Date.now());
    if (problem !== undefined) throw new Refused('invalid', problem);
    this.#sessions.set(session.identity, session);
    return session;
  }

  #continue(node: FleetNode, { session: identity, poll, messages }: PollRequest): PollSession {
    const session = this.#sessions.get(identity!);
    const isNext = session !== undefined && session.node === node && poll === session.poll + 1;
    if (!isNext || session.hasEnded || messages.some(({ kind }) => kind === 'hello')) {
      if (session !== undefined && session.node === node) this.#forget(session);
      throw new Refused('conflict', 'the session has ended: say hello');
    }
    session.poll = poll;
    session.heardAt = performance.now();
    return session;
  }

  #forget(session: PollSession): void {
    this.#sessions.delete(session.identity);
    this.#desk.gone(session.node, session, Date.now());
  }
}
