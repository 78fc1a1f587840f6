/** Announces a torrent to its HTTP trackers, as often as they ask for, and learns peers from them. */
import { request } from 'undici';
import { type BencodeValue, bytesAt, decodeDictionary, integerAt, utf8 } from './bencode.ts';
import { type PeerAddress, unpackAddresses } from './compact-peers.ts';
import { accessProof } from './tracker.ts';

export interface Announced {
  infoHash: Uint8Array;
  peerId: Uint8Array;
  port: number;
  /** Of a private swarm: proves that control knows this node. */
  access?: string;
  /** Asked anew before each announce. */
  progress: () => { uploaded: number; downloaded: number; left: number; wantsPeers: boolean };
}

type TrackerEvent = 'started' | 'completed' | 'stopped' | '';

const timeoutMilliseconds = 15_000;
const replyBytesMax = 256 * 1024;
/** While nobody is known: a swarm that is just beginning changes within seconds. */
const eagerSeconds = 10;
const intervalSecondsMax = 1800;
const failureSecondsFirst = 5;

export class TrackerClient {
  readonly #url: string;
  readonly #announced: Announced;
  readonly #onPeers: (peers: PeerAddress[]) => void;
  #timer: NodeJS.Timeout | undefined;
  #isStarted = false;
  #isStopped = false;
  #failures = 0;
  #id: string | undefined;

  constructor(url: string, announced: Announced, onPeers: (peers: PeerAddress[]) => void) {
    this.#url = url;
    this.#announced = announced;
    this.#onPeers = onPeers;
    this.#plan(0);
  }

  /** The download is whole. */
  completed(): void {
    this.#announce('completed').catch(() => {});
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    if (this.#isStarted) await this.#announce('stopped').catch(() => {});
  }

  #plan(seconds: number): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.#announce(this.#isStarted ? '' : 'started').then(
        (next) => this.#plan(next),
        () => this.#plan(Math.min(intervalSecondsMax, failureSecondsFirst * 2 ** Math.min(this.#failures++, 8))),
      );
    }, seconds * 1000);
  }

  /** Returns after how many seconds to announce again. */
  async #announce(event: TrackerEvent): Promise<number> {
    const { progress } = this.#announced;
    const answer = await this.#ask(event, progress());
    const reply = decodeDictionary(answer);
    const failure = bytesAt(reply, 'failure reason');
    if (failure !== undefined) throw new Error(`tracker: ${utf8(failure).slice(0, 200)}`);
    this.#isStarted = true;
    this.#failures = 0;
    const id = bytesAt(reply, 'tracker id');
    if (id !== undefined) this.#id = Buffer.from(id).toString('latin1');
    const peers = peersOf(reply.get('peers'), reply.get('peers6'));
    if (event !== 'stopped') this.#onPeers(peers);
    const interval = integerAt(reply, 'interval', 1, Number.MAX_SAFE_INTEGER) ?? intervalSecondsMax;
    const least = integerAt(reply, 'min interval', 1, Number.MAX_SAFE_INTEGER) ?? 1;
    const eager = progress().wantsPeers ? Math.max(least, eagerSeconds) : interval;
    return Math.min(intervalSecondsMax, Math.max(5, Math.min(interval, eager)));
  }

  async #ask(
    event: TrackerEvent,
    { uploaded, downloaded, left, wantsPeers }: ReturnType<Announced['progress']>,
  ): Promise<Uint8Array> {
    const { infoHash, peerId, port, access } = this.#announced;
    const query = [
      `info_hash=${escaped(infoHash)}`,
      `peer_id=${escaped(peerId)}`,
      `port=${port}&uploaded=${uploaded}&downloaded=${downloaded}&left=${left}&compact=1`,
      `numwant=${wantsPeers ? 50 : 0}`,
      ...(event === '' ? [] : [`event=${event}`]),
      ...(access === undefined ? [] : [`proof=${accessProof(access, infoHash, peerId, port)}`]),
      ...(this.#id === undefined ? [] : [`trackerid=${escaped(Buffer.from(this.#id, 'latin1'))}`]),
    ].join('&');
    const url = `${this.#url}${this.#url.includes('?') ? '&' : '?'}${query}`;
    const { statusCode, body } = await request(url, { signal: AbortSignal.timeout(timeoutMilliseconds) });
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of body) {
      length += (chunk as Uint8Array).length;
      if (length > replyBytesMax) throw new Error('tracker: its reply is too long');
      chunks.push(chunk as Uint8Array);
    }
    if (statusCode !== 200) throw new Error(`tracker: status ${statusCode}`);
    return Buffer.concat(chunks);
  }
}

function peersOf(peers: BencodeValue | undefined, peers6: BencodeValue | undefined): PeerAddress[] {
  const found: PeerAddress[] = [];
  if (peers instanceof Uint8Array) found.push(...unpackAddresses(peers, 4));
  if (peers6 instanceof Uint8Array) found.push(...unpackAddresses(peers6, 16));
  if (Array.isArray(peers)) {
    for (const peer of peers) {
      if (!(peer instanceof Map)) continue;
      const host = bytesAt(peer, 'ip');
      const port = integerAt(peer, 'port', 1, 65_535);
      if (host !== undefined && port !== undefined) found.push({ host: utf8(host), port });
    }
  }
  return found.filter(({ port }) => port > 0);
}

/** Every byte as %XX. */
function escaped(bytes: Uint8Array): string {
  return [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
}
