/** `sluice client` without control: one torrent or magnet link, and relays that the operator names. */
import { randomBytes, randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Manifest, parseManifest, UnusableManifest } from '../files/manifest.ts';
import type { ShareOptions } from '../files/share.ts';
import { OriginLease } from '../http/origin-lease.ts';
import { Pace } from '../http/pace.ts';
import { probe, type RemoteFile } from '../http/range-client.ts';
import { fetchInfo } from '../wire/metadata.ts';
import {
  infoHashOf,
  infoOf,
  type Magnet,
  type Metainfo,
  parseInfo,
  parseMagnet,
  parseTorrent,
} from '../wire/metainfo.ts';
import type { PeerListener } from '../wire/peer-listener.ts';
import { hex } from '../wire/swarm.ts';
import { TrackerClient } from '../wire/tracker-client.ts';
import { Download, type DownloadSituation, freely } from './download.ts';
import type { ClientSettings } from './settings.ts';

const metadataMilliseconds = 20_000;

export interface StandAlone {
  torrent?: string | undefined;
  magnet?: string | undefined;
  manifest?: string | undefined;
  /** URLs of the file at relays. */
  relays: string[];
  /** host:port. */
  peers: string[];
  trackers: string[];
}

/** BEP 20: who we are, then chance. */
export function newPeerId(): Uint8Array {
  return Buffer.concat([Buffer.from('-SL0100-'), randomBytes(12)]);
}

/** Opens the download that the options describe. */
export async function openStandAlone(
  given: StandAlone,
  settings: ClientSettings,
  listener: PeerListener,
): Promise<{ download: Download; lease: OriginLease }> {
  const peerId = newPeerId();
  const manifest = given.manifest === undefined ? undefined : parseManifest(await readText(given.manifest));
  const { metainfo, trackers, webSeeds, peers } = await torrentOf(given, manifest, listener, peerId);
  if (manifest !== undefined && hex(infoHashOf(infoOf(manifest))) !== hex(metainfo.infoHash)) {
    throw new UnusableManifest(`${given.manifest} is not of the torrent`);
  }
  const { name, sizeBytes, pieceLengthBytes } = metainfo;
  const options: ShareOptions = {
    directory: settings.directory,
    file: {
      name,
      sizeBytes,
      pieceLengthBytes,
      hashes: { sha1: metainfo.sha1, sha256: manifest?.sha256 },
      digest: manifest?.digest,
      identity: hex(metainfo.infoHash),
    },
    metainfo,
    policy: settings.policy,
    seed: randomInt(2 ** 31),
    priorityPieces: settings.priorityPieces,
    sourcesMax: 16,
    recordPath: settings.recordDirectory && join(settings.recordDirectory, `${name}.decisions`),
    listener,
    peerId,
    uploadPaces: [new Pace(settings.uploadBytesPerSecond)],
    uploadSlots: settings.policy.swarm.uploadSlots,
    optimisticSlots: settings.policy.swarm.optimisticSlots,
    kindOf: () => 'peer',
    exchangesPeers: settings.exchangesPeers,
  };
  // Without control there is no lease, and so no byte from an origin: what is named here are relays and web seeds.
  const lease = new OriginLease();
  const download = await Download.open(options, lease, situationOf(settings));
  const urls = [...new Set([...given.relays, ...webSeeds])];
  download.useSources(await relaySources(urls, sizeBytes));
  for (const { host, port } of [...given.peers, ...peers].map(hostAndPort)) download.share.swarm?.know(host, port);
  download.share.track([...given.trackers, ...trackers]);
  return { download, lease };
}

function situationOf(settings: ClientSettings): DownloadSituation {
  return {
    clientCount: 1,
    network: settings.network,
    expectedMilliseconds: settings.expectedMilliseconds,
    deadlineLeftMilliseconds: () => Infinity,
    downlinkBytesPerSecond: settings.downlinkBytesPerSecond,
    cohort: { firstQuartileBytesPerSecond: 0, size: 0 },
    brake: 1,
    isBlocked: settings.isBlocked,
    uplinkBytesPerSecond: settings.uplinkBytesPerSecond,
    ...freely,
  };
}

async function relaySources(urls: string[], sizeBytes: number) {
  const found = await Promise.all(
    urls.map(async (url): Promise<RemoteFile> => {
      // One that does not answer now may do so later; it is then asked without a validator, and hashes decide.
      const file = await probe(url).catch(() => ({ url, sizeBytes }));
      return file;
    }),
  );
  return found
    .filter((file) => file.sizeBytes === sizeBytes)
    .map((file) => ({ kind: 'relay' as const, name: new URL(file.url).host, file }));
}

interface Torrent {
  metainfo: Metainfo;
  trackers: string[];
  webSeeds: string[];
  peers: string[];
}

async function torrentOf(
  given: StandAlone,
  manifest: Manifest | undefined,
  listener: PeerListener,
  peerId: Uint8Array,
): Promise<Torrent> {
  if (given.torrent !== undefined) {
    const metainfo = parseTorrent(
      await readFile(given.torrent).catch((error: Error) => unreadable(given.torrent!, error)),
    );
    return { metainfo, trackers: metainfo.trackers, webSeeds: metainfo.webSeeds, peers: [] };
  }
  if (given.magnet === undefined) {
    return { metainfo: parseInfo(infoOf(manifest!)), trackers: [], webSeeds: [], peers: [] };
  }
  const magnet = parseMagnet(given.magnet);
  const info = await infoFromPeers(magnet, given, listener, peerId);
  return { metainfo: parseInfo(info), trackers: magnet.trackers, webSeeds: magnet.webSeeds, peers: magnet.peers };
}

/** Asks peers for the info dictionary, as trackers name them, until one gives it. */
function infoFromPeers(
  magnet: Magnet,
  given: StandAlone,
  listener: PeerListener,
  peerId: Uint8Array,
): Promise<Uint8Array> {
  return new Promise((resolve) => {
    const asked = new Set<string>();
    let isFound = false;
    const ask = async (host: string, port: number) => {
      const key = `${host}:${port}`;
      if (isFound || asked.has(key)) return;
      asked.add(key);
      const info = await fetchInfo(host, port, magnet.infoHash, newPeerId(), metadataMilliseconds);
      asked.delete(key);
      if (info === undefined || isFound) return;
      isFound = true;
      clearInterval(again);
      for (const tracker of trackers) void tracker.stop();
      resolve(info);
    };
    const fixed = [...given.peers, ...magnet.peers].map(hostAndPort);
    const askFixed = () => {
      for (const { host, port } of fixed) void ask(host, port);
    };
    const again = setInterval(askFixed, 3000);
    const progress = () => ({ uploaded: 0, downloaded: 0, left: 1, wantsPeers: true });
    const announced = { infoHash: magnet.infoHash, peerId, port: listener.port, progress };
    const trackers = [...given.trackers, ...magnet.trackers].map(
      (url) =>
        new TrackerClient(url, announced, (peers) => {
          for (const { host, port } of peers) void ask(host, port);
        }),
    );
    askFixed();
  });
}

export function hostAndPort(text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text);
  if (match === null) throw Object.assign(new Error(`"${text}" is not host:port`), { exitCode: 2 });
  return { host: (match[1] ?? match[2])!, port: Number(match[3]) };
}

function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: Error) => unreadable(path, error));
}

function unreadable(path: string, error: Error): never {
  throw Object.assign(new Error(`${path}: ${error.message}`), { exitCode: 2 });
}
