/** Who asks, and may he? (M2) */
import type { IncomingMessage } from 'node:http';
import { tokenSubprotocol } from '#nodes/protocol/limits.ts';
import type { Permit, TokenRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { Refused } from './refusal.ts';
import { hashOfToken } from './tokens.ts';

export class Rights {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** The token of the request, if it permits one of these; operators may also view. */
  async require(request: IncomingMessage, permits: readonly Permit[]): Promise<TokenRecord> {
    const token = tokenOf(request);
    const found = token === undefined ? undefined : await this.#store.token(hashOfToken(token), Date.now());
    if (found === undefined) {
      const problem = token === undefined ? 'a token is needed: Authorization: Bearer …' : 'the token is not valid';
      throw new Refused('unauthorized', problem);
    }
    const held = found.permits === 'operate' ? ['operate', 'view'] : [found.permits];
    if (permits.some((permit) => held.includes(permit))) return found;
    throw new Refused('forbidden', `the token permits ${found.permits}, not ${permits.join(' or ')}`);
  }
}

function tokenOf({ headers }: IncomingMessage): string | undefined {
  const bearer = /^Bearer ([\w-]{16,128})$/i.exec(headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return bearer;
  const offered = String(headers['sec-websocket-protocol'] ?? '').split(/\s*,\s*/);
  return offered.find((name) => name.startsWith(tokenSubprotocol))?.slice(tokenSubprotocol.length);
}
