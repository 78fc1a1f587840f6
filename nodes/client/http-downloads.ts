/**
 * HTTP helps BitTorrent: ranges from relays, then from the origin under a lease, at the rate that the core asks for.
 * The core says when, how much, which pieces and from whom; here that becomes requests, races and back-offs.
 */
import type { ClientCore } from '#core/client.ts';
import type { Decision } from '#core/record.ts';
import { none } from '#core/units.ts';
import type { PieceIntake } from '../files/piece-intake.ts';
import { OriginConnection } from '../http/origin-connection.ts';
import type { OriginLease } from '../http/origin-lease.ts';
import { fetchFromOrigin } from '../http/origin-range.ts';
import { OriginSources } from '../http/origin-sources.ts';
import { monotonicMilliseconds, Pace } from '../http/pace.ts';
import { PieceRange } from '../http/piece-range.ts';
import { fetchRange, type RangeEnd, RelayConnections, type RemoteFile } from '../http/range-client.ts';

export interface HttpSource {
  kind: 'relay' | 'origin';
  /** Of the relay, as control knows it. */
  name: string;
  file: RemoteFile;
}

interface Slot extends HttpSource {
  /** Of an origin. */
  sources: OriginSources;
  /** The last answer, for the choice of relays: time to the first byte, and rate. */
  latencyMilliseconds: number;
  bytesPerSecond: number;
  active: number;
  /** In a row. */
  failures: number;
}

/** Believed of a source until it has been observed. */
const expectedBytesPerSecond = 1_000_000;
const expectedLatencyMilliseconds = 50;
/** What a piece that was asked of a peer may still take before a race is thought of. */
const slowMilliseconds = 30_000;
/** What is asked for at one time comes within this, at the rate that is wanted. */
const aheadSeconds = 2;
/** A source with wrong bytes rests for this long. */
const wrongMilliseconds = 60_000;
/** A source that failed once more than it may be tried again is left alone for so long. */
const leftAloneMilliseconds = 60_000;
/** No relay could be asked within this time: a lease of the origin is wanted. */
const originNeededMilliseconds = 5000;

export class HttpDownloads {
  readonly #intake: PieceIntake;
  readonly #core: ClientCore;
  readonly #lease: OriginLease;
  readonly #pace = new Pace(0);
  readonly #relays: RelayConnections;
  readonly #slots: Slot[] = [];
  readonly #ranges = new Set<PieceRange>();
  /** Bytes per second that are wanted now; 0 = closed. */
  #rate = 0;
  #isClosed = false;
  #originNeededAt = -Infinity;
  /** To the origin at most. */
  originConnections = Infinity;
  /** A request without an answer for so long has failed; absent: the usual patience. */
  timeoutMilliseconds: number | undefined;
  /** How often in a row a source is asked again after it failed. */
  retries = Infinity;
  /** Bytes that may still be asked of these, beside what is on its way; 0: they have brought their share. */
  left: (kind: HttpSource['kind']) => number = () => Infinity;
  readonly #onItsWay = { origin: 0, relay: 0 };
  receivedBytes = 0;
  onLog: (text: string, detail: object) => void = () => {};
  /** The file is another one at its source: nothing of this download is of use any more. */
  onChanged: (problem: string) => void = () => {};
  /** All that is missing is asked for: peers may give back what they are slow to bring. */
  onNothingFree: () => void = () => {};
  readonly #connections: number;

  constructor(intake: PieceIntake, lease: OriginLease) {
    this.#intake = intake;
    this.#core = intake.core;
    this.#lease = lease;
    this.#connections = this.#core.options.policy.http.connections;
    this.#relays = new RelayConnections(this.#connections);
  }

  /** The sources from now on, the preferred first; those that stay keep what was learnt of them. */
  use(sources: HttpSource[]): void {
    for (const [slot, source] of sources.slice(0, this.#core.options.sourcesMax).entries()) {
      const before = this.#slots[slot];
      if (before?.file.url === source.file.url) continue;
      this.#slots[slot] = {
        ...source,
        sources: new OriginSources(source.file),
        latencyMilliseconds: 0,
        bytesPerSecond: 0,
        active: 0,
        failures: 0,
      };
      const isOrigin = source.kind === 'origin';
      this.#core.assign(slot, slot, isOrigin, expectedBytesPerSecond, expectedLatencyMilliseconds);
    }
    this.#slots.length = Math.min(sources.length, this.#core.options.sourcesMax);
  }

  get hasRelays(): boolean {
    return this.#slots.some(({ kind }) => kind === 'relay');
  }

  get connections(): number {
    return this.#ranges.size;
  }

  /** The relay that served last, as it was measured. */
  get observed(): Slot | undefined {
    return this.#slots.find((slot) => slot.kind === 'relay' && slot.bytesPerSecond > 0);
  }

  /** How fast HTTP is to bring bytes from now on. 0: no new request; what is under way ends with its piece. */
  wish(bytesPerSecond: number): void {
    this.#rate = bytesPerSecond;
    // What is under way must come to an end, or it would hold its pieces for ever.
    if (bytesPerSecond > 0) this.#pace.limit(bytesPerSecond);
    else for (const range of this.#ranges) range.stopSoon();
    this.pump();
    const isOriginNeeded = monotonicMilliseconds() - this.#originNeededAt < originNeededMilliseconds;
    const slots = Math.min(this.#connections, this.originConnections);
    if (bytesPerSecond > 0 && isOriginNeeded) this.#lease.want(slots, bytesPerSecond);
    else this.#lease.want(0, 0);
  }

  /** Uses the connections that are free. */
  pump(): void {
    while (!this.#isClosed && this.#rate > 0 && this.#ranges.size < this.#connectionsOfUse && this.#begin()) {
      // One more request has begun.
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const range of this.#ranges) range.abort();
    await this.#relays.destroy();
  }

  /** Pieces that may be on their way by HTTP: more would be kept from BitTorrent for longer than they need. */
  get #piecesOfUse(): number {
    return Math.ceil((this.#rate * aheadSeconds) / this.#intake.store.file.pieceLengthBytes);
  }

  get #connectionsOfUse(): number {
    return Math.min(this.#connections, this.#piecesOfUse);
  }

  #begin(): boolean {
    const { policy } = this.#core.options;
    const pieceBytes = this.#intake.store.file.pieceLengthBytes;
    const each = Math.floor(this.#piecesOfUse / this.#connectionsOfUse);
    const rangePieces = Math.max(1, Math.min(policy.http.rangePieces, each));
    const mayUse = (kind: HttpSource['kind']) => this.left(kind) > this.#onItsWay[kind];
    const isLeased = this.#lease.freeSlots > 0 && mayUse('origin');
    const now = monotonicMilliseconds();
    const choice = this.#core.choose(now, isLeased, pieceBytes * rangePieces, mayUse('relay'));
    if (choice.kind !== 'source') return false;
    const isOriginWanted = choice.reason === 'no-lease' || choice.reason === 'origin';
    if (isOriginWanted && mayUse('origin')) this.#originNeededAt = now;
    if (choice.source === none) return false;
    const slot = this.#slots[choice.source];
    if (slot === undefined) return false;
    const leftPieces = Math.ceil((this.left(slot.kind) - this.#onItsWay[slot.kind]) / pieceBytes);
    const taken = this.#take(choice.source, Math.min(rangePieces, leftPieces));
    if (taken?.kind !== 'range') return false;
    const range = new PieceRange(this.#intake, slot.kind, taken.firstPiece, taken.pieceCount);
    const closeSlot = slot.kind === 'origin' ? this.#lease.openSlot(() => range.abort()) : () => {};
    if (closeSlot === null) {
      range.end();
      return false;
    }
    this.#ranges.add(range);
    slot.active++;
    const rangeBytes = range.endByte - range.startByte;
    this.#onItsWay[slot.kind] += rangeBytes;
    this.#run(choice.source, slot, range)
      .catch((error: unknown) => this.onLog('a range failed', { problem: String(error) }))
      .finally(() => {
        closeSlot();
        slot.active--;
        this.#onItsWay[slot.kind] -= rangeBytes;
        range.end();
        this.#ranges.delete(range);
        this.pump();
      });
    return true;
  }

  /** What is missing; else what peers are slow to bring, taken back from them; else a race. */
  #take(source: number, rangePieces: number): Decision | null {
    const free = this.#core.takeRange(rangePieces);
    if (free !== null) return free;
    this.onNothingFree();
    return this.#core.takeRange(rangePieces) ?? this.#core.takeRaced(source, slowMilliseconds);
  }

  async #run(index: number, slot: Slot, range: PieceRange): Promise<void> {
    const startedAt = monotonicMilliseconds();
    let firstByteAt = 0;
    let bytes = 0;
    const onBytes = async (chunk: Uint8Array, at: number) => {
      if (firstByteAt === 0) firstByteAt = monotonicMilliseconds();
      bytes += chunk.length;
      this.receivedBytes += chunk.length;
      await range.take(chunk, at);
      for (let done = 0; done < chunk.length; done += paceBytes) {
        await this.#pace.take(Math.min(paceBytes, chunk.length - done));
      }
    };
    const end = await (slot.kind === 'origin'
      ? this.#fromOrigin(slot, range, onBytes)
      : this.#from(slot, range, onBytes));
    const seconds = Math.max(1, monotonicMilliseconds() - startedAt) / 1000;
    if (bytes > 0) {
      slot.latencyMilliseconds = firstByteAt - startedAt;
      slot.bytesPerSecond = Math.round(bytes / seconds);
    }
    this.#learn(index, end, range, Math.max(1, Math.round(bytes / seconds)));
  }

  #learn(index: number, end: RangeEnd, range: PieceRange, bytesPerSecond: number): void {
    if (this.#isClosed || this.#slots[index] === undefined) return;
    const now = monotonicMilliseconds();
    const { kind, name: source, file } = this.#slots[index];
    // What the origin has is the file; a relay that has another one is only of no use.
    if (end.kind === 'changed' && kind === 'origin') return this.onChanged(`${file.url}: ${end.problem}`);
    if (range.hasSentWrong || end.kind === 'changed') {
      this.onLog('a source has other bytes than the file', { source });
      this.#core.failed(index, now, wrongMilliseconds);
    } else if (end.kind === 'refused') {
      this.#core.failed(index, now, end.retryAfterMilliseconds);
    } else if (end.kind === 'failed') {
      const slot = this.#slots[index];
      const isLeftAlone = ++slot.failures > this.retries;
      if (isLeftAlone) slot.failures = 0;
      this.onLog('a range failed', { source, problem: end.problem, ...(isLeftAlone ? { leftAlone: true } : {}) });
      this.#core.failed(index, now, isLeftAlone ? leftAloneMilliseconds : 0);
    } else if (end.bytes > 0) {
      this.#slots[index].failures = 0;
      this.#core.succeeded(index, bytesPerSecond);
    }
  }

  /** A relay may answer with less than was asked for: then the rest is asked for again. */
  async #from(
    slot: Slot,
    range: PieceRange,
    onBytes: (bytes: Uint8Array, at: number) => Promise<void>,
  ): Promise<RangeEnd> {
    let total = 0;
    for (let at = range.nextByte(range.startByte); at < range.endByte; ) {
      const patience = this.timeoutMilliseconds;
      const end = await fetchRange(this.#relays, slot.file, at, range.endByte, range.signal, onBytes, patience);
      total += end.bytes;
      if (end.kind !== 'done') return { ...end, bytes: total };
      at = range.nextByte(at + end.bytes);
    }
    return { kind: 'done', bytes: total };
  }

  /** On a connection of its own, which is closed at the end: a connection that idles counts at the origin too. */
  async #fromOrigin(slot: Slot, range: PieceRange, onBytes: (bytes: Uint8Array, at: number) => Promise<void>) {
    const file = slot.sources.current;
    if (file === undefined) return { kind: 'refused' as const, retryAfterMilliseconds: 1000, bytes: 0 };
    const connection = new OriginConnection(file.access);
    try {
      const patience = this.timeoutMilliseconds;
      const end = await fetchFromOrigin(this.#lease, connection, file, range, onBytes, patience);
      const hasChanged = slot.sources.heed(file, end);
      if (end.kind !== 'changed' || hasChanged) return end;
      return { kind: 'failed' as const, problem: `${file.url}: ${end.problem}`, bytes: end.bytes };
    } finally {
      await connection.destroy();
    }
  }
}

const paceBytes = 64 * 1024;
