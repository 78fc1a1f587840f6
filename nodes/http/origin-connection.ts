/**
 * One connection to an origin: asks for a file as the origin wants to be asked, with its credentials and along its
 * redirects. Never more than one connection is open, whatever host the origin sends us to; it is closed before the
 * next one is opened.
 */
import { Client, type Dispatcher } from 'undici';
import { AddressRule } from './address-rule.ts';

/** How an origin is reached, as its operator says. Query and authorization are secrets: never logged, never shown. */
export interface OriginAccess {
  /** Of a presigned URL, without the question mark. */
  query?: string | undefined;
  /** Value of the header of that name; it goes to the file's own host alone. */
  authorization?: string | undefined;
  /** Where a redirect may lead, beside the file's own host: `https://host[:port]`. */
  redirects?: readonly string[] | undefined;
  /** Networks that names may resolve to although they are not public. */
  networks?: readonly string[] | undefined;
}

/** What is asked of: an origin along its redirects, or a relay. */
export interface ByteSource {
  ask(url: string, headers: Record<string, string>, signal: AbortSignal): Promise<Dispatcher.ResponseData>;
}

/** The origin sends us where we do not go; trying again changes nothing. */
export class RedirectRefused extends Error {
  override name = 'RedirectRefused';
}

const redirectsMax = 5;
/** Where a redirect led is asked directly for this long: it may have been signed for minutes only. */
const rememberMilliseconds = 60_000;
const headersMilliseconds = 20_000;
/** A server that sends nothing for this long has lost us. */
const bodyMilliseconds = 30_000;
const connectMilliseconds = 5000;
const redirectStatus = new Set([301, 302, 303, 307, 308]);

export class OriginConnection implements ByteSource {
  readonly #access: OriginAccess;
  readonly #rule: AddressRule;
  #client: Client | undefined;
  #clientOrigin = '';
  /** Where the last redirects led, from which URL, until when. */
  #led: { from: string; to: URL; until: number } | undefined;
  #isDestroyed = false;

  constructor(access: OriginAccess = {}) {
    this.#access = access;
    this.#rule = new AddressRule(access.networks);
  }

  async ask(
    url: string,
    headers: Record<string, string>,
    signal: AbortSignal,
    method: 'GET' | 'HEAD' = 'GET',
  ): Promise<Dispatcher.ResponseData> {
    const led = this.#led?.from === url && performance.now() < this.#led.until ? this.#led.to : undefined;
    const answer = await this.#follow(url, led, headers, signal, method);
    if (led === undefined || answer.statusCode < 400 || answer.statusCode === 416) return answer;
    // What the redirect led to has run out: from the beginning.
    this.#led = undefined;
    await discard(answer);
    return await this.#follow(url, undefined, headers, signal, method);
  }

  async destroy(): Promise<void> {
    this.#isDestroyed = true;
    await this.#client?.destroy();
  }

  async #follow(
    url: string,
    led: URL | undefined,
    headers: Record<string, string>,
    signal: AbortSignal,
    method: 'GET' | 'HEAD',
  ): Promise<Dispatcher.ResponseData> {
    const home = this.#homeOf(url);
    let target = led ?? home;
    for (let hops = 0; hops <= redirectsMax; hops++) {
      const client = await this.#clientFor(target.origin);
      const { authorization } = this.#access;
      const own = authorization === undefined || target.origin !== home.origin ? {} : { authorization };
      const path = target.pathname + target.search;
      const answer = await client.request({ path, method, headers: { ...headers, ...own }, signal });
      if (!redirectStatus.has(answer.statusCode)) {
        if (target !== home && led === undefined) {
          this.#led = { from: url, to: target, until: performance.now() + rememberMilliseconds };
        }
        return answer;
      }
      await discard(answer);
      target = this.#redirected(target, home, answer.headers.location);
    }
    throw new RedirectRefused(`more than ${redirectsMax} redirects`);
  }

  #homeOf(url: string): URL {
    const { query } = this.#access;
    return new URL(query === undefined ? url : `${url}?${query}`);
  }

  /** The texts name hosts alone: what follows them may be signed. */
  #redirected(from: URL, home: URL, location: string | string[] | undefined): URL {
    const text = String(location ?? '');
    const to = text !== '' && URL.canParse(text, from.href) ? new URL(text, from.href) : undefined;
    if (to === undefined || !/^https?:$/.test(to.protocol)) throw new RedirectRefused('a redirect to no URL of HTTP');
    if (to.username !== '' || to.password !== '') throw new RedirectRefused('a redirect with a password in its URL');
    const allowed = [home.origin, ...(this.#access.redirects ?? []).map((one) => new URL(one).origin)];
    if (allowed.includes(to.origin)) return to;
    throw new RedirectRefused(`a redirect to ${to.origin}, which the operator has not allowed`);
  }

  async #clientFor(origin: string): Promise<Client> {
    if (this.#isDestroyed) throw new Error('the connection is closed');
    if (this.#client !== undefined && this.#clientOrigin === origin && !this.#client.destroyed) return this.#client;
    await this.#client?.destroy();
    this.#clientOrigin = origin;
    this.#client = new Client(origin, {
      pipelining: 1,
      headersTimeout: headersMilliseconds,
      bodyTimeout: bodyMilliseconds,
      connect: { timeout: connectMilliseconds, lookup: this.#rule.lookup },
    });
    return this.#client;
  }
}

/** The answer is of no use. A short rest is read, so that the connection stays; a long one ends it. */
export async function discard({ body }: Dispatcher.ResponseData): Promise<void> {
  await body.dump({ limit: 64 * 1024 }).catch(() => {});
}
