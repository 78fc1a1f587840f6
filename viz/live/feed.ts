/** The line to control: the newest state, whether it is stale, and a new line when the old one breaks. */
import { type LiveState, readState } from './state.ts';

/** Control speaks once a second; after this long without a word the state is stale. */
const staleMilliseconds = 4000;
const waitFirstMilliseconds = 500;
const waitMostMilliseconds = 5000;

export interface FeedStatus {
  isLive: boolean;
  /** Since the last state; `null` before the first. */
  silentMilliseconds: number | null;
}

export class Feed {
  onState: (state: LiveState) => void = () => {};
  onStatus: (status: FeedStatus) => void = () => {};
  readonly #url: string;
  #newest: LiveState | null = null;
  #heardAt: number | null = null;
  #waitMilliseconds = waitFirstMilliseconds;
  #isQueued = false;

  constructor(path: string) {
    const url = new URL(path, location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    this.#url = url.href;
  }

  start(): void {
    this.#connect();
    setInterval(() => this.#tellStatus(), 500);
  }

  #connect(): void {
    const socket = new WebSocket(this.#url);
    // A line may hang without ever closing.
    const watch = setInterval(() => {
      if (this.#heardAt !== null && performance.now() - this.#heardAt > 3 * staleMilliseconds) socket.close();
    }, staleMilliseconds);
    socket.addEventListener('message', ({ data }) => {
      const state = typeof data === 'string' ? readState(data) : null;
      if (state === null) return;
      this.#waitMilliseconds = waitFirstMilliseconds;
      this.#heardAt = performance.now();
      this.#newest = state;
      this.#queue();
    });
    socket.addEventListener('close', () => {
      clearInterval(watch);
      this.#tellStatus();
      setTimeout(() => this.#connect(), this.#waitMilliseconds);
      this.#waitMilliseconds = Math.min(waitMostMilliseconds, this.#waitMilliseconds * 2);
    });
  }

  /** However many states arrive, one is drawn a frame: each is the whole. */
  #queue(): void {
    if (this.#isQueued) return;
    this.#isQueued = true;
    requestAnimationFrame(() => {
      this.#isQueued = false;
      if (this.#newest !== null) this.onState(this.#newest);
      this.#tellStatus();
    });
  }

  #tellStatus(): void {
    const silentMilliseconds = this.#heardAt === null ? null : performance.now() - this.#heardAt;
    this.onStatus({
      isLive: silentMilliseconds !== null && silentMilliseconds < staleMilliseconds,
      silentMilliseconds,
    });
  }
}

/** An order to control; throws what it answers if it refuses. */
export async function order(method: string, path: string, body?: unknown): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      ...(body !== undefined && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
  } catch {
    throw new Error('The server does not answer.');
  }
  const text = await response.text();
  if (response.ok) return text === '' ? null : JSON.parse(text);
  throw new Error(refusalIn(text) ?? `Refused (${response.status}).`);
}

function refusalIn(text: string): string | null {
  try {
    const told = JSON.parse(text) as { error?: unknown };
    // Control's refusal is an object, that of the way to it a sentence.
    if (typeof told.error === 'string') return told.error;
    const { message, path } = (told.error ?? {}) as { message?: unknown; path?: unknown };
    const words = typeof message === 'string' ? message : null;
    return words === null ? null : typeof path === 'string' && path !== '' ? `${path}: ${words}` : words;
  } catch {
    return null;
  }
}
