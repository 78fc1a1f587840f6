/** An HTTP tracker (BEP 3, compact replies of BEP 23 and 7, scrape of BEP 48) for the torrents that it was told of. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { encodeBencode } from './bencode.ts';
import { type PeerAddress, packAddress } from './compact-peers.ts';

/** Peers come back this often, in seconds: a relay serves swarms that last minutes. */
const intervalSeconds = 60;
const intervalMinSeconds = 10;
/** A peer that has not come back for this long is gone. */
const lostMilliseconds = 3 * intervalSeconds * 1000;
const peersPerReply = 50;
/** Of one torrent; the longest unseen make room. */
const peersMax = 100_000;

interface TrackedPeer extends PeerAddress {
  id: string;
  packed: Uint8Array;
  isSeed: boolean;
  seenAt: number;
}

interface Torrent {
  /** By peer identity, longest unseen first. */
  peers: Map<string, TrackedPeer>;
  completed: number;
  /** Always among the answer: the relay itself. */
  fixed: () => PeerAddress[];
  /** Of a private swarm: without a proof nobody learns that it is there. */
  access: string | undefined;
}

/** What proves that a node may take part: control gives `access` to those it knows, and it is never sent itself. */
export function accessProof(access: string, infoHash: Uint8Array, peerId: Uint8Array, port: number): string {
  return createHmac('sha256', access).update(infoHash).update(peerId).update(String(port)).digest('hex');
}

export class Tracker {
  readonly #torrents = new Map<string, Torrent>();

  /** Keeps track of the torrent from now on. `fixed`: peers that are told to everybody; `access`: it is private. */
  add(infoHash: string, fixed: () => PeerAddress[], access?: string): void {
    this.#torrents.set(infoHash, { peers: new Map(), completed: 0, fixed, access });
  }

  remove(infoHash: string): void {
    this.#torrents.delete(infoHash);
  }

  peerCount(infoHash: string): number {
    return this.#torrents.get(infoHash)?.peers.size ?? 0;
  }

  /** Answers `/announce?…`. */
  announce(request: IncomingMessage, response: ServerResponse): void {
    const query = binaryQuery(request.url ?? '');
    const torrent = this.#torrents.get(Buffer.from(query.get('info_hash') ?? '', 'latin1').toString('hex'));
    if (torrent === undefined || !isAllowed(torrent, query)) {
      return answer(response, { 'failure reason': 'unknown torrent' });
    }
    const id = query.get('peer_id') ?? '';
    const port = Number(query.get('port'));
    if (id.length !== 20) return answer(response, { 'failure reason': 'peer_id must have 20 bytes' });
    if (!Number.isInteger(port) || port < 0 || port > 65_535) {
      return answer(response, { 'failure reason': 'port must be an integer from 0 to 65535' });
    }
    const host = request.socket.remoteAddress ?? '';
    const key = `${id}@${host}`;
    const packed = packAddress({ host, port });
    const event = query.get('event');
    const isSeed = query.get('left') === '0';
    torrent.peers.delete(key);
    if (event === 'completed') torrent.completed++;
    if (event !== 'stopped' && port > 0 && packed !== undefined) {
      torrent.peers.set(key, { id, host, port, packed, isSeed, seenAt: performance.now() });
    }
    this.#forgetLost(torrent);
    const wanted = Number(query.get('numwant') ?? peersPerReply);
    const count = event === 'stopped' ? 0 : Math.min(peersPerReply, wanted >= 0 ? wanted : peersPerReply);
    answer(response, { ...reply(torrent, id, isSeed, count), ...counts(torrent) });
  }

  /** Answers `/scrape?info_hash=…`. */
  scrape(request: IncomingMessage, response: ServerResponse): void {
    const files = new Map<string, object>();
    for (const [name, value] of binaryPairs(request.url ?? '')) {
      const torrent = this.#torrents.get(Buffer.from(value, 'latin1').toString('hex'));
      if (name !== 'info_hash' || torrent === undefined || torrent.access !== undefined || files.size >= 64) continue;
      files.set(value, { ...counts(torrent), downloaded: torrent.completed });
    }
    // Keys are bytes, which the encoder would take for text: written out, in their order.
    const entries = [...files].sort(([left], [right]) => (left < right ? -1 : 1));
    const text = (value: string) => Buffer.from(value, 'latin1');
    send(response, [
      text('d5:filesd'),
      ...entries.flatMap(([hash, count]) => [text(`${hash.length}:${hash}`), encodeBencode(count)]),
      text('ee'),
    ]);
  }

  #forgetLost({ peers }: Torrent): void {
    const now = performance.now();
    for (const [key, peer] of peers) {
      if (peers.size <= peersMax && now - peer.seenAt < lostMilliseconds) return;
      peers.delete(key);
    }
  }
}

function isAllowed({ access }: Torrent, query: Map<string, string>): boolean {
  if (access === undefined) return true;
  const [infoHash, peerId] = ['info_hash', 'peer_id'].map((name) => Buffer.from(query.get(name) ?? '', 'latin1'));
  const wanted = accessProof(access, infoHash!, peerId!, Number(query.get('port')));
  const given = Buffer.from(query.get('proof') ?? '', 'latin1');
  return given.length === wanted.length && timingSafeEqual(given, Buffer.from(wanted));
}

function counts({ peers }: Torrent): { complete: number; incomplete: number } {
  let complete = 0;
  for (const peer of peers.values()) if (peer.isSeed) complete++;
  return { complete, incomplete: peers.size - complete };
}

/** Random peers of those that may be of use, packed. */
function reply(torrent: Torrent, id: string, isSeed: boolean, count: number): object {
  const useful = [...torrent.peers.values()].filter((peer) => peer.id !== id && !(isSeed && peer.isSeed));
  for (let index = 0; index < Math.min(count, useful.length); index++) {
    const other = index + Math.floor(Math.random() * (useful.length - index));
    [useful[index], useful[other]] = [useful[other]!, useful[index]!];
  }
  const fixed = torrent.fixed().map(packAddress);
  const packed = [...fixed, ...useful.slice(0, count).map((peer) => peer.packed)].filter((one) => one !== undefined);
  return {
    interval: intervalSeconds,
    'min interval': intervalMinSeconds,
    peers: Buffer.concat(packed.filter((one) => one.length === 6)),
    peers6: Buffer.concat(packed.filter((one) => one.length === 18)),
  };
}

function answer(response: ServerResponse, value: object): void {
  send(response, [encodeBencode(value)]);
}

function send(response: ServerResponse, parts: Uint8Array[]): void {
  const body = Buffer.concat(parts);
  response.writeHead(200, { 'content-type': 'text/plain', 'content-length': body.length }).end(body);
}

/** Names and values of a query whose values are bytes, written in latin-1. */
function binaryPairs(url: string): [string, string][] {
  const query = url.slice(url.indexOf('?') + 1);
  return query.split('&').map((pair) => {
    const [name = '', value = ''] = pair.split('=', 2);
    return [
      name,
      value.replace(/%([0-9a-fA-F]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16))),
    ];
  });
}

function binaryQuery(url: string): Map<string, string> {
  return new Map(binaryPairs(url));
}
