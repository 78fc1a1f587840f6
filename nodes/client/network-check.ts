/** How this machine stands in the network, as relays see it (M18): behind address translation, reachable for peers. */
import { networkInterfaces } from 'node:os';
import { request } from 'undici';

export interface NetworkCheck {
  /** `none`: the address that relays see is this machine's own; `symmetric`: each relay sees another one. */
  nat: 'none' | 'translated' | 'symmetric' | 'unknown';
  /** Whether a relay could connect to the port on which peers connect to us. */
  reachable: boolean | undefined;
}

const milliseconds = 5000;
/** Two are enough to see whether they see the same. */
const relaysAsked = 2;
const replyBytesMax = 1000;

/** Asks relays, by their base URLs. What none of them answers is unknown. */
export async function checkNetwork(relayUrls: string[], port: number): Promise<NetworkCheck> {
  const asked = await Promise.all(relayUrls.slice(0, relaysAsked).map((url) => ask(url, port)));
  const answers = asked.filter((answer) => answer !== undefined);
  if (answers.length === 0) return { nat: 'unknown', reachable: undefined };
  const own = ownAddresses();
  const addresses = new Set(answers.map(({ address }) => address));
  const isOwn = [...addresses].every((address) => own.includes(address));
  const nat = isOwn ? 'none' : addresses.size > 1 ? 'symmetric' : 'translated';
  return { nat, reachable: answers.some(({ reachable }) => reachable) };
}

/** A system that keeps them from us leaves it at what relays see. */
function ownAddresses(): string[] {
  try {
    return Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
  } catch {
    return [];
  }
}

async function ask(url: string, port: number): Promise<{ address: string; reachable: boolean } | undefined> {
  try {
    const { statusCode, headers, body } = await request(`${url.replace(/\/$/, '')}/reach?port=${port}`, {
      signal: AbortSignal.timeout(milliseconds),
    });
    if (statusCode !== 200 || !(Number(headers['content-length']) <= replyBytesMax)) {
      await body.dump();
      return undefined;
    }
    const { address, reachable } = (await body.json()) as Record<string, unknown>;
    return typeof address === 'string' && typeof reachable === 'boolean' ? { address, reachable } : undefined;
  } catch {
    return undefined;
  }
}
