/** `sluice client`. */
import { formatBytes, formatRate, formatSeconds, parseQuantity } from '#scenarios/format/units.ts';
import type { ControlOptions } from '../agent/link-options.ts';
import { parseListen } from '../http/http-service.ts';
import { trustAuthority } from '../http/tls-files.ts';
import { untilStopped } from '../http/until-stopped.ts';
import { rateOption } from '../origin/command.ts';
import { PeerListener } from '../wire/peer-listener.ts';
import { type Download, type DownloadSummary, runHook } from './download.ts';
import { policyFrom } from './policy-options.ts';
import type { ClientSettings } from './settings.ts';
import { openStandAlone } from './stand-alone.ts';
import { runUnderControl } from './under-control.ts';
import { cardBytesPerSecond } from './upload-share.ts';

export interface ClientCommandOptions extends ControlOptions {
  dir: string;
  torrent?: string;
  magnet?: string;
  manifest?: string;
  relay: string[];
  peer: string[];
  tracker: string[];
  listenPeers: string;
  set: string[];
  record?: string;
  uploadMax?: string;
  downlink?: string;
  uplink?: string;
  expect?: string;
  network?: 'wired' | 'mobile' | 'unknown';
  blocked?: boolean;
  peerExchange?: boolean;
  seed?: string;
  onComplete?: string;
  json?: boolean;
  /** Under control: for its health and its figures. */
  listen?: string;
  logLevel: string;
  /** Under control: where assignments are kept, and what control chooses clients by. */
  state?: string;
  region?: string;
  group: string[];
}

export async function clientCommand(options: ClientCommandOptions): Promise<number> {
  trustAuthority(options.authority);
  const settings = settingsFrom(options);
  const isAlone = [options.torrent, options.magnet, options.manifest].some((one) => one !== undefined);
  if (isAlone === (options.control !== undefined)) {
    throw Object.assign(new Error('it takes --control, or one of --torrent, --magnet, --manifest'), { exitCode: 2 });
  }
  const listener = new PeerListener();
  await listener.listen(parseListen(options.listenPeers));
  const stopped = untilStopped();
  if (!isAlone) return await runUnderControl(options, settings, listener, stopped);
  const standAlone = {
    torrent: options.torrent,
    magnet: options.magnet,
    manifest: options.manifest,
    relays: options.relay,
    peers: options.peer,
    trackers: options.tracker,
  };
  const opened = await Promise.race([openStandAlone(standAlone, settings, listener), stopped]);
  if (typeof opened === 'string') return interrupted(listener);
  const { download, lease } = opened;
  const ended = await Promise.race([outcomeOf(download), stopped]);
  if (ended === 'complete') {
    say(download, options.json === true);
    if (options.onComplete !== undefined) {
      const path = download.share.store.path;
      process.stderr.write(`sluice: ${options.onComplete} ${await runHook(options.onComplete, path, {})}\n`);
    }
    await seed(options, stopped);
  }
  const failure = download.error;
  await download.close();
  await lease.close();
  listener.close();
  if (failure !== undefined) throw Object.assign(failure, { exitCode: 1 });
  return ended === 'complete' ? 0 : 130;
}

function interrupted(listener: PeerListener): number {
  listener.close();
  return 130;
}

function settingsFrom(options: ClientCommandOptions): ClientSettings {
  return {
    directory: options.dir,
    recordDirectory: options.record,
    policy: policyFrom(options.set),
    priorityPieces: [],
    uploadBytesPerSecond: rateOption(options.uploadMax),
    downlinkBytesPerSecond: rateOption(options.downlink),
    uplinkBytesPerSecond: options.uplink === undefined ? cardBytesPerSecond() : rateOption(options.uplink),
    expectedMilliseconds: options.expect === undefined ? Infinity : parseQuantity('time', options.expect),
    network: options.network ?? 'unknown',
    isBlocked: options.blocked === true,
    exchangesPeers: options.peerExchange === true,
  };
}

function outcomeOf(download: Download): Promise<'complete' | 'failed'> {
  download.onLog = (text, detail) => process.stderr.write(`sluice: ${text} ${JSON.stringify(detail)}\n`);
  if (download.state === 'seeding') return Promise.resolve('complete');
  const progress = process.stderr.isTTY ? setInterval(() => showProgress(download), 1000) : undefined;
  return new Promise((resolve) => {
    const end = (how: 'complete' | 'failed') => {
      clearInterval(progress);
      resolve(how);
    };
    download.onComplete = () => end('complete');
    download.onFailure = () => end('failed');
    if (download.error !== undefined) end('failed');
  });
}

async function seed({ seed: time = '0s' }: ClientCommandOptions, stopped: Promise<unknown>): Promise<void> {
  const milliseconds = parseQuantity('time', time, { endless: 'forever' });
  if (milliseconds === 0) return;
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    if (milliseconds < Infinity) timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([stopped, over]);
  clearTimeout(timer);
}

function showProgress(download: Download): void {
  const { verifiedBytes, sizeBytes, receiveBytesPerSecond, peers, fallback } = download.summary();
  const share = ((100 * verifiedBytes) / sizeBytes).toFixed(1);
  const left = (sizeBytes - verifiedBytes) / receiveBytesPerSecond;
  const eta = Number.isFinite(left) ? `, ${formatSeconds(left)} left` : '';
  const http = fallback === null ? '' : `, HTTP helps (${fallback})`;
  process.stderr.write(`\r\x1b[K${share} %, ${formatRate(receiveBytesPerSecond)}, ${peers} peers${http}${eta}`);
}

/** Where the bytes came from. */
function say(download: Download, json: boolean): void {
  const summary = download.summary();
  const { path } = download.share.store;
  if (json) {
    process.stdout.write(`${JSON.stringify({ path, ...summary })}\n`);
    return;
  }
  process.stdout.write(printSummary(path, summary));
}

export function printSummary(path: string, summary: DownloadSummary): string {
  const { sizeBytes, elapsedMilliseconds, counts, sentBytes, fallbackOpened } = summary;
  const { origin, relay, peer } = counts.received;
  const all = origin + relay + peer;
  const share = (bytes: number) => `${formatBytes(bytes)} (${all === 0 ? 0 : Math.round((100 * bytes) / all)} %)`;
  const opened = Object.entries(fallbackOpened).filter(([, count]) => count > 0);
  return [
    `${path}  ${formatBytes(sizeBytes)} in ${formatSeconds(elapsedMilliseconds / 1000)}, verified`,
    `  from peers ${share(peer)}, relays ${share(relay)}, the origin ${share(origin)}`,
    `  twice ${formatBytes(counts.duplicateBytes)}, of no use ${formatBytes(counts.discardedBytes)}`,
    `  sent ${formatBytes(sentBytes)} to peers`,
    ...(opened.length > 0 ? [`  HTTP helped: ${opened.map(([why, count]) => `${why} ${count}×`).join(', ')}`] : []),
    '',
  ].join('\n');
}
