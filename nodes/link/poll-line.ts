import { Agent, fetch as fetchFrom } from 'undici';
import type { FromNode } from '#nodes/protocol/from-node.ts';
import { paths, pollBytesMax, pollMessagesMax } from '#nodes/protocol/limits.ts';
import { readPollResponse } from '#nodes/protocol/reading.ts';
import type { Line, LineEvents, LinkOptions } from './control-link.ts';

const answerMilliseconds = 15_000;

/** One poll at a time; what is to be said cuts the wait for the next one short. */
export class PollLine implements Line {
  readonly #options: LinkOptions;
  readonly #events: LineEvents;
  readonly #agent: Agent;
  readonly #end = new AbortController();
  #outbox: FromNode[] = [];
  #say: (() => void) | undefined;
  #session: string | undefined;
  #poll = 0;

  constructor(options: LinkOptions, events: LineEvents) {
    this.#options = options;
    this.#events = events;
    const { authority } = options;
    this.#agent = new Agent(authority === undefined ? {} : { connect: { ca: authority } });
    this.#outbox.push(options.hello());
    void this.#run();
  }

  send(message: FromNode): boolean {
    if (this.#outbox.length >= pollMessagesMax) return false;
    this.#outbox.push(message);
    this.#say?.();
    return true;
  }

  close(): void {
    this.#end.abort();
  }

  async #run(): Promise<void> {
    let why = 'closed';
    try {
      while (!this.#end.signal.aborted) await this.#pollOnce();
    } catch (error) {
      why = (error as Error).message;
    }
    await this.#agent.destroy();
    this.#events.onEnd(why);
  }

  async #pollOnce(): Promise<void> {
    const messages = this.#outbox.splice(0, pollMessagesMax);
    this.#poll++;
    const { control, token } = this.#options;
    const answer = await fetchFrom(new URL(paths.poll, control), {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ session: this.#session, poll: this.#poll, messages }),
      signal: AbortSignal.any([this.#end.signal, AbortSignal.timeout(answerMilliseconds)]),
      dispatcher: this.#agent,
      redirect: 'error',
    });
    const text = await boundedText(answer.body, pollBytesMax);
    if (!answer.ok) throw new Error(`control answers ${answer.status}: ${text.slice(0, 200)}`);
    const reading = readPollResponse(text);
    if ('problem' in reading) throw new Error(`control said what this version does not understand: ${reading.problem}`);
    this.#session = reading.message.session;
    for (const message of reading.message.messages) this.#events.onMessage(message);
    await this.#pause(reading.message.pollAfterMilliseconds);
  }

  /** Until the next poll is due or there is something to say. */
  #pause(milliseconds: number): Promise<void> {
    if (this.#outbox.length > 0) return Promise.resolve();
    return new Promise((done) => {
      const over = () => {
        clearTimeout(timer);
        this.#say = undefined;
        this.#end.signal.removeEventListener('abort', over);
        done();
      };
      const timer = setTimeout(over, milliseconds);
      this.#say = over;
      this.#end.signal.addEventListener('abort', over);
    });
  }
}

async function boundedText(body: AsyncIterable<Uint8Array> | null, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.byteLength;
    if (length > bytesMax) throw new Error(`control's answer is longer than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
