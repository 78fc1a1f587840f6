/**
 * What a relay serves: files by HTTP while they are pulled, their torrents, a tracker, its health and its figures.
 *
 *     /files/<task>            the file (GET, HEAD, Range)
 *     /files/<task>.torrent    where its hashes are known
 *     /announce, /scrape       tracker
 *     /reach?port=N            whether the asker can be reached there
 *     /healthz, /readyz, /metrics
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { ConnectionAudit } from '../http/connection-limits.ts';
import { drain, httpServer, pathOf, sendJson, sendStatus } from '../http/http-service.ts';
import { Pace } from '../http/pace.ts';
import { serveFile } from '../http/range-server.ts';
import type { ServerTls } from '../http/tls-files.ts';
import { printTorrent } from '../wire/metainfo.ts';
import { Tracker } from '../wire/tracker.ts';
import { answerReach } from './reach.ts';
import type { RelayFile } from './relay-file.ts';

export interface RelayLimits {
  connectionsMax: number;
  bytesPerSecondEach: number;
  connectionsPerAddress?: number | undefined;
  tls?: ServerTls | undefined;
}

const retryAfterSeconds = '2';

export class RelayServer {
  readonly server: Server;
  readonly tracker = new Tracker();
  readonly audit: ConnectionAudit;
  /** Of everything that the relay sends, BitTorrent included. */
  readonly pace: Pace;
  readonly #limits: RelayLimits;
  readonly #files = new Map<string, RelayFile>();
  readonly #eachOf = new WeakMap<Socket, Pace>();
  readonly #registry = new Registry();
  readonly #sent: Counter;
  /** Who announces and how peers are told of the relay itself: `http://host:port`. */
  baseUrl = '';
  isDraining = false;
  sentBytes = 0;

  constructor(limits: RelayLimits, pace: Pace) {
    this.#limits = limits;
    this.pace = pace;
    this.server = httpServer((request, response) => this.#answer(request, response), limits);
    this.audit = new ConnectionAudit(this.server, 600);
    collectDefaultMetrics({ register: this.#registry });
    const registers = [this.#registry];
    this.#sent = new Counter({ name: 'sluice_relay_http_sent_bytes', help: 'Payload by HTTP', registers });
    const gauge = (name: string, help: string, read: () => number) => {
      const made: Gauge = new Gauge({ name, help, registers, collect: () => made.set(read()) });
    };
    this.#gauges(gauge);
  }

  add(task: string, file: RelayFile): void {
    this.#files.set(task, file);
  }

  remove(task: string): void {
    this.#files.delete(task);
  }

  get files(): ReadonlyMap<string, RelayFile> {
    return this.#files;
  }

  async close(milliseconds: number): Promise<void> {
    this.isDraining = true;
    await drain(this.server, milliseconds);
  }

  #gauges(gauge: (name: string, help: string, read: () => number) => unknown): void {
    const files = () => [...this.#files.values()];
    const sum = (read: (file: RelayFile) => number) => () => files().reduce((total, file) => total + read(file), 0);
    gauge('sluice_relay_connections', 'Open HTTP connections', () => this.audit.connections);
    gauge('sluice_relay_files', 'Files that it serves', () => this.#files.size);
    gauge(
      'sluice_relay_peers',
      'BitTorrent connections',
      sum((file) => file.share.swarm?.peerCount ?? 0),
    );
    gauge(
      'sluice_relay_held_bytes',
      'Verified bytes on disk',
      sum((file) => file.share.store.heldBytes),
    );
    gauge(
      'sluice_relay_origin_connections',
      'Open connections to origins',
      sum((file) => file.originConnections),
    );
    gauge(
      'sluice_relay_origin_received_bytes',
      'Payload from origins',
      sum((file) => file.share.intake.counts.received.origin),
    );
    gauge(
      'sluice_relay_bittorrent_sent_bytes',
      'Payload by BitTorrent',
      sum((file) => file.share.swarm?.uploads.sentBytes ?? 0),
    );
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = pathOf(request);
    if (path === '/announce') return this.tracker.announce(request, response);
    if (path === '/scrape') return this.tracker.scrape(request, response);
    if (path === '/reach') return await answerReach(request, response);
    if (path === '/healthz') return sendJson(response, { ok: true });
    if (path === '/readyz') return sendJson(response, { ready: !this.isDraining }, this.isDraining ? 503 : 200);
    if (path === '/metrics') return await this.#metrics(response);
    const name = /^\/files\/([A-Za-z0-9_-]{1,64})(\.torrent)?(?:\/[^/]*)?$/.exec(path ?? '');
    const file = name === null ? undefined : this.#files.get(name[1]!);
    if (file === undefined) return sendStatus(response, 404);
    if (name![2] !== undefined) return this.#torrent(name![1]!, file, response);
    if (this.isDraining || this.audit.connections > this.#limits.connectionsMax) {
      return sendStatus(response, 503, { 'retry-after': retryAfterSeconds, connection: 'close' });
    }
    if (file.state === 'failed') return sendStatus(response, 404);
    await serveFile(request, response, file, {
      paces: [this.#paceOf(request.socket), this.pace],
      onSent: (bytes) => {
        file.sentBytes += bytes;
        this.sentBytes += bytes;
        this.#sent.inc(bytes);
      },
    });
  }

  #paceOf(socket: Socket): Pace {
    const pace = this.#eachOf.get(socket) ?? new Pace(this.#limits.bytesPerSecondEach);
    this.#eachOf.set(socket, pace);
    return pace;
  }

  #torrent(task: string, { share }: RelayFile, response: ServerResponse): void {
    const { metainfo } = share.options;
    if (metainfo === null) return sendStatus(response, 404);
    const trackers = [`${this.baseUrl}/announce`];
    const webSeeds = [`${this.baseUrl}/files/${task}`];
    const body = printTorrent({ ...metainfo, trackers, webSeeds });
    response
      .writeHead(200, { 'content-type': 'application/x-bittorrent', 'content-length': body.length })
      .end(Buffer.from(body));
  }

  async #metrics(response: ServerResponse): Promise<void> {
    const body = Buffer.from(await this.#registry.metrics());
    response.writeHead(200, { 'content-type': this.#registry.contentType, 'content-length': body.length }).end(body);
  }
}
