/** Torrent files (BEP 3) and magnet links (BEP 9), of one file each: what sluice distributes. */
import { createHash } from 'node:crypto';
import { fileProblem, type Manifest, pieceCountOf, UnusableManifest } from '../files/manifest.ts';
import { sha1Length } from '../files/piece-hashes.ts';
import {
  type BencodeDictionary,
  type BencodeValue,
  bytesAt,
  decodeDictionary,
  encodeBencode,
  integerAt,
  MalformedInput,
  rawEntry,
  utf8,
} from './bencode.ts';

/** What a torrent says. The info-hash is the hash of `info` as it stood in the file. */
export interface Metainfo {
  infoHash: Uint8Array;
  info: Uint8Array;
  name: string;
  sizeBytes: number;
  pieceLengthBytes: number;
  /** SHA-1 of all pieces, 20 bytes each. */
  sha1: Uint8Array;
  trackers: string[];
  /** URLs of the file by HTTP (BEP 19). */
  webSeeds: string[];
}

export interface Magnet {
  infoHash: Uint8Array;
  name: string | undefined;
  trackers: string[];
  webSeeds: string[];
  /** `host:port` (`x.pe`). */
  peers: string[];
}

/** Trackers and web seeds past these are left out. */
const listMax = 64;

/** The bencoded info dictionary of a v1 torrent. */
export function infoOf(manifest: Manifest): Uint8Array {
  return encodeBencode({
    length: manifest.sizeBytes,
    name: manifest.name,
    'piece length': manifest.pieceLengthBytes,
    pieces: manifest.sha1,
  });
}

export function infoHashOf(info: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha1').update(info).digest());
}

/** BEP 27: peers are known from the tracker alone. */
export function isPrivate({ info }: Pick<Metainfo, 'info'>): boolean {
  return integerAt(decodeDictionary(info), 'private', 1, 1) === 1;
}

export function metainfoOf(manifest: Manifest, trackers: string[] = [], webSeeds: string[] = []): Metainfo {
  const info = infoOf(manifest);
  return { ...parseInfo(info), trackers, webSeeds };
}

/** A `.torrent` file. The info dictionary stands in it as it is, so that its hash stays. */
export function printTorrent({ info, trackers, webSeeds }: Metainfo): Uint8Array {
  const parts: [string, unknown][] = [];
  if (trackers.length > 0) parts.push(['announce', trackers[0]]);
  if (trackers.length > 1) parts.push(['announce-list', trackers.map((tracker) => [tracker])]);
  parts.push(['created by', 'sluice']);
  const tail: [string, unknown][] = webSeeds.length > 0 ? [['url-list', webSeeds]] : [];
  const entry = ([key, value]: [string, unknown]) => [encodeBencode(key), encodeBencode(value)];
  const text = (value: string) => Buffer.from(value, 'latin1');
  // The order of the keys is that of their bytes: announce, created by, info, url-list.
  return Buffer.concat([
    text('d'),
    ...parts.flatMap(entry),
    encodeBencode('info'),
    info,
    ...tail.flatMap(entry),
    text('e'),
  ]);
}

/** Reads a `.torrent` file; `UnusableManifest` says what is wrong or not supported. */
export function parseTorrent(bytes: Uint8Array): Metainfo {
  try {
    const torrent = decodeDictionary(bytes);
    const info = rawEntry(bytes, 'info');
    if (info === undefined) throw new UnusableManifest('a torrent without an info dictionary');
    const tiers = torrent.get('announce-list');
    const listed = Array.isArray(tiers) ? tiers.flatMap((tier) => texts(tier)) : [];
    const trackers = [...new Set([...texts(torrent.get('announce')), ...listed])].filter(isHttp).slice(0, listMax);
    const webSeeds = texts(torrent.get('url-list')).filter(isHttp).slice(0, listMax);
    return { ...parseInfo(new Uint8Array(info)), trackers, webSeeds };
  } catch (error) {
    if (error instanceof MalformedInput) throw new UnusableManifest(`not a torrent: ${error.message}`);
    throw error;
  }
}

/** Reads an info dictionary, as a torrent holds it and ut_metadata brings it. */
export function parseInfo(info: Uint8Array): Metainfo {
  let dictionary: BencodeDictionary;
  try {
    dictionary = decodeDictionary(info);
  } catch (error) {
    throw new UnusableManifest(`not an info dictionary: ${(error as Error).message}`);
  }
  if (dictionary.has('files')) throw new UnusableManifest('a torrent of several files; sluice distributes one file');
  const name = bytesAt(dictionary, 'name');
  const sha1 = bytesAt(dictionary, 'pieces');
  const sizeBytes = dictionary.get('length');
  const pieceLengthBytes = dictionary.get('piece length');
  if (name === undefined) throw new UnusableManifest('a torrent without a name');
  if (sha1 === undefined) throw new UnusableManifest('a torrent without the SHA-1 of its pieces (v2 only)');
  if (typeof sizeBytes !== 'number') throw new UnusableManifest('a torrent without a length');
  if (typeof pieceLengthBytes !== 'number') throw new UnusableManifest('a torrent without a piece length');
  const file = { name: utf8(name), sizeBytes, pieceLengthBytes };
  const problem = fileProblem(file);
  if (problem !== undefined) throw new UnusableManifest(problem);
  if (sha1.length !== pieceCountOf(file) * sha1Length) {
    throw new UnusableManifest(`${sha1.length} bytes of hashes, and ${pieceCountOf(file)} pieces need 20 each`);
  }
  return { infoHash: infoHashOf(info), info, ...file, sha1, trackers: [], webSeeds: [] };
}

function texts(value: BencodeValue | undefined): string[] {
  if (value instanceof Uint8Array) return [utf8(value)];
  return Array.isArray(value) ? value.flatMap((one) => (one instanceof Uint8Array ? [utf8(one)] : [])) : [];
}

function isHttp(url: string): boolean {
  return /^https?:\/\//i.test(url) && URL.canParse(url);
}

export function printMagnet(magnet: Magnet): string {
  const list = (key: string, values: string[]) => values.map((value) => `&${key}=${encodeURIComponent(value)}`);
  return [
    `magnet:?xt=urn:btih:${Buffer.from(magnet.infoHash).toString('hex')}`,
    ...(magnet.name === undefined ? [] : list('dn', [magnet.name])),
    ...list('tr', magnet.trackers),
    ...list('ws', magnet.webSeeds),
    ...list('x.pe', magnet.peers),
  ].join('');
}

/** Reads a magnet link with a v1 info-hash, in hexadecimal or base32. */
export function parseMagnet(text: string): Magnet {
  if (!/^magnet:\?/i.test(text)) throw new UnusableManifest('not a magnet link: it must begin with "magnet:?"');
  const given = new URLSearchParams(text.slice(text.indexOf('?') + 1));
  const topic = given.getAll('xt').find((xt) => /^urn:btih:/i.test(xt));
  if (topic === undefined) throw new UnusableManifest('a magnet link without xt=urn:btih:…');
  return {
    infoHash: infoHashFrom(topic.slice('urn:btih:'.length)),
    name: given.get('dn') ?? undefined,
    trackers: given.getAll('tr').filter(isHttp).slice(0, listMax),
    webSeeds: given.getAll('ws').filter(isHttp).slice(0, listMax),
    peers: given.getAll('x.pe').slice(0, listMax),
  };
}

function infoHashFrom(text: string): Uint8Array {
  if (/^[0-9a-f]{40}$/i.test(text)) return new Uint8Array(Buffer.from(text, 'hex'));
  if (!/^[a-z2-7]{32}$/i.test(text)) throw new UnusableManifest(`"${text.slice(0, 60)}" is not an info-hash`);
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
  const bits = [...text.toLowerCase()].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Uint8Array.from({ length: sha1Length }, (_, index) =>
    Number.parseInt(bits.slice(index * 8, index * 8 + 8), 2),
  );
}
