/** `sluice relay`. */
import { randomInt } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { hybrid } from '#core/policies.ts';
import { parseQuantity } from '#scenarios/format/units.ts';
import { type ControlOptions, linkOptions } from '../agent/link-options.ts';
import { hostAndPort, newPeerId } from '../client/stand-alone.ts';
import { type Manifest, parseManifest, pieceLengthFor, UnusableManifest } from '../files/manifest.ts';
import type { ShareOptions } from '../files/share.ts';
import { hostPort, listen, parseListen } from '../http/http-service.ts';
import { OriginLease } from '../http/origin-lease.ts';
import { Pace } from '../http/pace.ts';
import { probe, type RemoteFile } from '../http/range-client.ts';
import { readTls, type TlsFiles, trustAuthority } from '../http/tls-files.ts';
import { untilStopped } from '../http/until-stopped.ts';
import { nodeLog } from '../log.ts';
import { rateOption } from '../origin/command.ts';
import { infoOf, type Metainfo, parseInfo, printMagnet } from '../wire/metainfo.ts';
import { PeerListener } from '../wire/peer-listener.ts';
import { hex } from '../wire/swarm.ts';
import { FileChanged } from './pull.ts';
import { RelayFile } from './relay-file.ts';
import { RelayServer } from './relay-server.ts';
import { runUnderControl } from './under-control.ts';

export interface RelayCommandOptions extends ControlOptions, TlsFiles {
  dir: string;
  listen: string;
  listenPeers: string;
  /** How others reach it, if not by what it listens on. */
  advertise?: string;
  pull?: string;
  manifest?: string;
  originConnections?: number;
  originBandwidth?: string;
  connections?: number;
  connectionsPerAddress?: number;
  bandwidth?: string;
  bandwidthEach?: string;
  uploadSlots?: number;
  bufferBeforeServing?: string;
  peer: string[];
  record?: string;
  diskBudget?: string;
  region?: string;
  group: string[];
  logLevel: string;
}

const drainMilliseconds = 5000;
const uploadSlotsDefault = 64;

export async function relayCommand(options: RelayCommandOptions): Promise<number> {
  if ((options.pull === undefined) === (options.control === undefined)) {
    throw Object.assign(new Error('it takes --control, or --pull to work without it'), { exitCode: 2 });
  }
  const link = options.control === undefined ? undefined : linkOptions(options);
  const stopped = untilStopped();
  const connectionsMax = options.connections ?? Infinity;
  const sendBytesPerSecondMax = rateOption(options.bandwidth);
  const bytesPerSecondEach = rateOption(options.bandwidthEach);
  const pullBytesPerSecond = rateOption(options.originBandwidth);
  trustAuthority(options.authority);
  const tls = readTls(options);
  const limits = { connectionsMax, bytesPerSecondEach, tls, connectionsPerAddress: options.connectionsPerAddress };
  const server = new RelayServer(limits, new Pace(sendBytesPerSecondMax));
  const listener = new PeerListener();
  await mkdir(options.dir, { recursive: true });
  await listener.listen(parseListen(options.listenPeers));
  const address = await listen(server.server, parseListen(options.listen));
  const host = options.advertise ?? hostPort(address).replace(/:\d+$/, '');
  server.baseUrl = `${tls === undefined ? 'http' : 'https'}://${host}:${address.port}`;
  if (link === undefined) return await pullAlone(options, server, listener, host, stopped);
  process.stdout.write(`${server.baseUrl}\n`);
  const node = {
    directory: options.dir,
    recordDirectory: options.record,
    server,
    listener,
    host,
    uploadSlots: options.uploadSlots ?? uploadSlotsDefault,
    pullBytesPerSecond,
    bufferBeforeServingBytes: bufferOf(options),
    onLog: nodeLog(options.logLevel),
  };
  const diskBudgetBytes = options.diskBudget === undefined ? Infinity : parseQuantity('size', options.diskBudget);
  const { region, group: groups } = options;
  const uplinkBytesPerSecond = sendBytesPerSecondMax;
  const relay = { node, connectionsMax, sendBytesPerSecondMax, diskBudgetBytes, region, groups, uplinkBytesPerSecond };
  return await runUnderControl(relay, link, stopped);
}

async function pullAlone(
  options: RelayCommandOptions,
  server: RelayServer,
  listener: PeerListener,
  host: string,
  stopped: Promise<unknown>,
): Promise<number> {
  const lease = new OriginLease();
  lease.stand(options.originConnections ?? hybrid.relay.pullConnections, rateOption(options.originBandwidth));
  const file = await openPull(options.pull!, options, lease, listener, server);
  announce(file, server, host, listener.port);
  process.stdout.write(said(file, server, `${host}:${listener.port}`));
  const failed = new Promise<'failed'>((resolve) => {
    file.onChange = () => {
      if (file.state === 'failed') resolve('failed');
    };
  });
  const how = await Promise.race([stopped, failed]);
  await server.close(how === 'failed' ? 0 : drainMilliseconds);
  if (file.error instanceof FileChanged) await file.discard();
  else await file.close();
  await lease.close();
  listener.close();
  if (file.error !== undefined) throw Object.assign(file.error, { exitCode: 1 });
  return 0;
}

async function openPull(
  url: string,
  options: RelayCommandOptions,
  lease: OriginLease,
  listener: PeerListener,
  server: RelayServer,
): Promise<RelayFile> {
  const remote = await probe(url).catch((error: Error) => {
    throw Object.assign(new Error(`cannot reach ${url}: ${error.message}`), { exitCode: 6 });
  });
  const manifest = await manifestFrom(options.manifest);
  if (manifest !== undefined && manifest.sizeBytes !== remote.sizeBytes) {
    throw new UnusableManifest(
      `${options.manifest} is of a file of ${manifest.sizeBytes} bytes, and ${url} has ${remote.sizeBytes}`,
    );
  }
  const metainfo = manifest === undefined ? null : parseInfo(infoOf(manifest));
  const share: ShareOptions = {
    directory: options.dir,
    file: storedFile(url, remote, manifest, metainfo),
    metainfo,
    policy: hybrid,
    seed: randomInt(2 ** 31),
    priorityPieces: [],
    sourcesMax: 1,
    recordPath: options.record && join(options.record, 'relay.decisions'),
    listener,
    peerId: newPeerId(),
    uploadPaces: [server.pace],
    uploadSlots: options.uploadSlots ?? uploadSlotsDefault,
    optimisticSlots: 0,
    kindOf: (host, port) => (options.peer.includes(`${host}:${port}`) ? 'relay' : 'peer'),
  };
  const relayOptions = {
    share,
    remote,
    pull: {
      connections: options.originConnections ?? hybrid.relay.pullConnections,
      part: { firstByte: 0, endByte: remote.sizeBytes },
      pace: new Pace(),
    },
    bufferBeforeServingBytes: bufferOf(options) ?? 0,
  };
  const file = await RelayFile.open(relayOptions, lease);
  file.onLog = (text, detail) => process.stderr.write(`sluice: ${text} ${JSON.stringify(detail)}\n`);
  for (const { host, port } of options.peer.map(hostAndPort)) file.share.swarm?.know(host, port);
  return file;
}

function bufferOf({ bufferBeforeServing: text }: RelayCommandOptions): number | undefined {
  return text === undefined ? undefined : parseQuantity('size', text);
}

/** Without a manifest pieces are verified against nothing but the file's validator. */
function storedFile(url: string, remote: RemoteFile, manifest: Manifest | undefined, metainfo: Metainfo | null) {
  if (manifest !== undefined && metainfo !== null) {
    return {
      name: manifest.name,
      sizeBytes: manifest.sizeBytes,
      pieceLengthBytes: manifest.pieceLengthBytes,
      hashes: { sha1: manifest.sha1, sha256: manifest.sha256 },
      digest: manifest.digest,
      identity: hex(metainfo.infoHash),
    };
  }
  return {
    name: basename(decodeURIComponent(new URL(url).pathname)) || 'file',
    sizeBytes: remote.sizeBytes,
    pieceLengthBytes: pieceLengthFor(remote.sizeBytes),
    identity: JSON.stringify([url, remote.sizeBytes, remote.etag ?? remote.lastModified ?? '']),
  };
}

function announce(file: RelayFile, server: RelayServer, host: string, port: number): void {
  server.add('file', file);
  const { metainfo } = file.share.options;
  if (metainfo !== null) server.tracker.add(hex(metainfo.infoHash), () => (file.isServing ? [{ host, port }] : []));
}

function said(file: RelayFile, server: RelayServer, peer: string): string {
  const { metainfo } = file.share.options;
  const lines = [`${server.baseUrl}/files/file`];
  if (metainfo !== null) {
    const trackers = [`${server.baseUrl}/announce`];
    const magnet = { infoHash: metainfo.infoHash, name: metainfo.name, trackers, webSeeds: [], peers: [peer] };
    lines.push(`${server.baseUrl}/files/file.torrent`, printMagnet(magnet));
  }
  return `${lines.join('\n')}\n`;
}

async function manifestFrom(path: string | undefined): Promise<Manifest | undefined> {
  if (path === undefined) return undefined;
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw Object.assign(new Error(`${path}: ${error.message}`), { exitCode: 2 });
  });
  return parseManifest(text);
}
