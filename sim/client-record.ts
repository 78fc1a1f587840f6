/**
 * The record of one simulated client: what its part of the core was told and what it decided, written as a production
 * client writes its own (`core/client-record.ts`). It listens at the seam between the simulator and the core, on the
 * very calls that the run makes; the core of a node, fed with these inputs, must come to the same decisions.
 *
 * What is decided here as in a node: which piece of whom, endgame, who is unchoked, when HTTP opens and closes and
 * why, the threshold, how fast HTTP is to be, what is kept of a broken-off piece. What is only told: which piece HTTP
 * brings and from whom, as the simulator asks relays by a simpler rule. Between two changes of its rate the simulator
 * looks at a client once, a node at every second: the record has every second, with what the straight line says.
 */

import { assert } from '#core/assert.ts';
import type { ClientOptions } from '#core/client.ts';
import type { ClientInput, LoggedInput } from '#core/client-record.ts';
import { noChange } from '#core/fallback/fallback-states.ts';
import { type ThresholdSituation, thresholdReason } from '#core/fallback/threshold.ts';
import type { Host, RequestReason } from '#core/host.ts';
import { type Decision, fallbackReasons, rangeReasons, thresholdReasons } from '#core/record.ts';
import { ExactAvailability } from '#core/swarm/availability.ts';
import { type SlotKind, slotKind, type UnchokeCandidates } from '#core/swarm/choker.ts';
import { Downloads } from '#core/swarm/downloads.ts';
import type { PiecePicker } from '#core/swarm/piece-picker.ts';
import { microsecondsPerMillisecond } from '#core/units.ts';
import type { State } from './state.ts';

/** Rates of a row at the tick that was looked at, bytes per second. */
interface Look {
  tick: number;
  bytes: number;
  bytesPerTick: number;
  answer: number;
  shortBytesPerSecond: number;
  longBytesPerSecond: number;
  thresholdBytesPerSecond: number;
}

export class ClientRecord {
  /** Which client of the population, from 0. */
  readonly number: number;
  readonly inputs: LoggedInput[] = [];
  /** Its row in the tables; `-1` before the task that it belongs to is set up. */
  client = -1;
  #state: State | null = null;
  #isOver = false;
  /** Row in the record of each neighbour. */
  readonly #rows = new Map<number, number>();
  readonly #freeRows: number[] = [];
  #rowsMax = 0;
  /** Who announces a piece now. */
  #announcing = -1;
  /** Draws of its stream that no recorded input has made. */
  #otherDraws = 0;
  #isAsking = false;
  #cancelled = false;
  #beganAtTick = 0;
  #lookedAtTick = 0;
  #situation: { given: ThresholdSituation; base: number; threshold: number } | null = null;

  constructor(number: number) {
    this.number = number;
  }

  /** The task's tables are there: is the client one of its? */
  follow(state: State): boolean {
    const { clientsFrom, endpointCount } = state.population;
    const client = clientsFrom + this.number;
    if (client >= endpointCount || ![...state.clients()].includes(client)) return false;
    this.client = client;
    this.#state = state;
    return true;
  }

  /** Options of the core that comes to the same decisions. */
  options(): ClientOptions {
    assert(this.#state !== null, 'a record follows a client');
    const { scenario, policy, task } = this.#state;
    return {
      seed: scenario.seed,
      stream: this.client,
      file: { sizeBytes: task.file.sizeBytes, pieceLengthBytes: task.file.pieceLengthBytes },
      policy,
      neighboursMax: Math.max(1, this.#rowsMax),
      sourcesMax: 1,
      priorityPieces: scenario.distribution.priorityPieces,
    };
  }

  // ---- Neighbours and pieces --------------------------------------------------------------------------------

  joined(neighbour: number): void {
    if (this.#isOver) return;
    const row = this.#freeRows.pop() ?? ++this.#rowsMax;
    this.#rows.set(neighbour, row);
    this.#add('join', [row]);
    const { sets, pieceCount } = this.#known;
    const pieces: number[] = [];
    for (let piece = 0; piece < pieceCount; piece++) if (sets.holds(neighbour, piece)) pieces.push(piece);
    if (pieces.length > 0) this.#add('heard', [row, pieces]);
  }

  parted(neighbour: number): void {
    const row = this.#rows.get(neighbour);
    if (this.#isOver || row === undefined) return;
    this.#rows.delete(neighbour);
    this.#freeRows.push(row);
    this.#add('part', [row]);
  }

  /** `endpoint` has a piece more and tells its neighbours. */
  announces(endpoint: number): void {
    this.#announcing = endpoint;
  }

  heard(piece: number): void {
    this.#add('heard', [this.#rowOf(this.#announcing), [piece]]);
  }

  drew(): void {
    if (!this.#isAsking) this.#otherDraws++;
  }

  asked(source: number, ask: () => boolean): boolean {
    if (this.#isOver) return ask();
    this.#settleDraws(0);
    const entry = this.#add('ask', [this.#rowOf(source)], null);
    this.#isAsking = true;
    const isAsked = ask();
    this.#isAsking = false;
    assert(isAsked === (entry.result !== null), 'a request that was made has reached the host');
    return isAsked;
  }

  requested(source: number, piece: number, requestBytes: number, reason: RequestReason): void {
    if (this.#isOver) return;
    const decision: Decision = { kind: 'request', reason, source: this.#rowOf(source), piece, requestBytes };
    this.inputs[this.inputs.length - 1].result = decision;
  }

  /** HTTP asks for a piece: not a decision of the picker, but the picker must know. */
  claimed(piece: number, requestBytes: number): void {
    if (this.#isAsking) return;
    const reason = rangeReasons[1];
    const decision: Decision = { kind: 'range', reason, firstPiece: piece, pieceCount: 1, requestBytes };
    this.#add('takeFrom', [piece, 1], decision);
  }

  received(piece: number, bytes: number, receive: () => boolean): boolean {
    const entry = this.#add('arrived', [piece, bytes]);
    this.#cancelled = false;
    const isNew = receive();
    entry.result = { isNew, isRaceOver: this.#cancelled };
    return isNew;
  }

  raceOver(): void {
    this.#cancelled = true;
  }

  brokenOff(piece: number, bytes: number, lost: number): void {
    this.#add('brokenOff', [piece, bytes], lost);
  }

  // ---- Choking ----------------------------------------------------------------------------------------------

  /** The choker has decided a slot of the client, with one draw. */
  unchoked(kind: SlotKind, isSeed: boolean, candidates: UnchokeCandidates, chosen: number): void {
    this.#settleDraws(1);
    const isOptimistic = kind === slotKind.optimistic;
    const rows = Array.from(candidates.endpoint.subarray(0, candidates.count), (endpoint) => this.#rowOf(endpoint));
    const rates = Array.from(candidates.bytesPerSecond.subarray(0, candidates.count));
    const reason = isSeed ? 'seed-rotation' : isOptimistic ? 'optimistic' : 'reciprocates';
    const decision: Decision | null =
      chosen === -1 ? null : { kind: 'unchoke', reason, endpoint: rows[chosen], candidates: candidates.count };
    this.#add('unchoke', [isOptimistic, rows, rates], decision);
  }

  // ---- When HTTP helps --------------------------------------------------------------------------------------

  /** Its download begins at this tick of its grid. */
  began(tick: number, floorBytesPerSecond: number, estimateMilliseconds: number, isBlocked: boolean): void {
    this.#beganAtTick = tick;
    this.#lookedAtTick = tick;
    if (floorBytesPerSecond > 0) this.#add('promise', [floorBytesPerSecond]);
    if (estimateMilliseconds < Infinity) this.#add('expect', [estimateMilliseconds]);
    if (isBlocked) this.#add('blocked', []);
  }

  /** Control moves the threshold of clients like it; it is told before it looks the next time. */
  situated(given: ThresholdSituation, base: number, threshold: number): void {
    this.#situation = { given, base, threshold };
  }

  looked(look: Look): void {
    this.#settleSituation();
    const { tick, bytes, bytesPerTick, answer } = look;
    for (let at = this.#lookedAtTick + 1; at <= tick; at++) {
      const there = bytes - bytesPerTick * (tick - at);
      const decision: Decision | null =
        at < tick || answer === noChange
          ? null
          : {
              kind: 'fallback',
              reason: fallbackReasons[answer],
              tick: tick - this.#beganAtTick,
              shortBytesPerSecond: look.shortBytesPerSecond,
              longBytesPerSecond: look.longBytesPerSecond,
              thresholdBytesPerSecond: look.thresholdBytesPerSecond,
              progressBytes: bytes,
            };
      this.#add('look', [at - this.#beganAtTick, there, there], decision);
    }
    this.#lookedAtTick = Math.max(this.#lookedAtTick, tick);
  }

  rated(deadlineLeftMilliseconds: number, free: number, brake: number, rate: number): void {
    this.#settleSituation();
    this.#add('httpRate', [deadlineLeftMilliseconds, free, brake], rate);
  }

  /** It goes down or leaves: what comes after would be another record. */
  ended(endpoint: number): void {
    if (endpoint === this.client) this.#isOver = true;
  }

  // ---- Inside -----------------------------------------------------------------------------------------------

  get #known(): State {
    assert(this.#state !== null, 'a record follows a client');
    return this.#state;
  }

  #rowOf(endpoint: number): number {
    const row = this.#rows.get(endpoint);
    assert(row !== undefined || this.#isOver, 'only neighbours are asked and served');
    return row ?? 0;
  }

  #settleDraws(own: number): void {
    const others = this.#otherDraws - own;
    this.#otherDraws = 0;
    if (others > 0) this.#add('drawn', [others]);
  }

  #settleSituation(): void {
    if (this.#situation === null) return;
    const { given, base, threshold } = this.#situation;
    this.#situation = null;
    const decision: Decision = {
      kind: 'threshold',
      reason: thresholdReasons[thresholdReason(base, given)],
      baseBytesPerSecond: base,
      thresholdBytesPerSecond: threshold,
      fileBytes: given.fileBytes,
      clientCount: given.clients,
      cohortFirstQuartileBytesPerSecond: given.cohortFirstQuartile,
    };
    this.#add('situate', [given], decision);
  }

  #add(input: ClientInput, given: unknown[], result?: unknown): LoggedInput {
    const at = Math.floor(this.#known.now / microsecondsPerMillisecond);
    const entry: LoggedInput = { at, input: [input, ...given], ...(result === undefined ? {} : { result }) };
    if (this.#isOver) return entry;
    if (this.inputs.length === 0) this.inputs.push({ at, input: ['start', []] });
    this.inputs.push(entry);
    return entry;
  }
}

/** Exact counters, of which those of one client are told. */
export class WatchedAvailability extends ExactAvailability {
  readonly #record: ClientRecord;

  constructor(clientCount: number, pieceCount: number, record: ClientRecord) {
    super(clientCount, pieceCount);
    this.#record = record;
  }

  override heard(client: number, piece: number): void {
    super.heard(client, piece);
    if (client === this.#record.client) this.#record.heard(piece);
  }

  override connected(...[client, neighbour, sets]: Parameters<ExactAvailability['connected']>): void {
    super.connected(client, neighbour, sets);
    if (client === this.#record.client) this.#record.joined(neighbour);
  }

  override parted(...[client, neighbour, sets]: Parameters<ExactAvailability['parted']>): void {
    super.parted(client, neighbour, sets);
    if (client === this.#record.client) this.#record.parted(neighbour);
  }
}

/** The core's downloads, of which those of one client are told. */
export class WatchedDownloads extends Downloads {
  readonly #record: ClientRecord;

  constructor(state: State, picker: PiecePicker, host: Host, record: ClientRecord) {
    super(state.sets, picker, watchedHost(host, record), state.scenario.seed, state.task.file);
    this.#record = record;
  }

  override draw(client: number): number {
    if (client === this.#record.client) this.#record.drew();
    return super.draw(client);
  }

  override askNext(client: number, source: number): boolean {
    const ask = () => super.askNext(client, source);
    return client === this.#record.client ? this.#record.asked(source, ask) : ask();
  }

  override claim(client: number, piece: number): number {
    if (client === this.#record.client) this.#record.claimed(piece, this.pieceBytes(piece));
    return super.claim(client, piece);
  }

  override received(client: number, piece: number, bytes: number): boolean {
    const receive = () => super.received(client, piece, bytes);
    return client === this.#record.client ? this.#record.received(piece, bytes, receive) : receive();
  }

  override brokenOff(client: number, piece: number, bytes: number): number {
    const lost = super.brokenOff(client, piece, bytes);
    if (client === this.#record.client) this.#record.brokenOff(piece, bytes, lost);
    return lost;
  }
}

/** The simulator's host, and what the core asks of it for one client. */
function watchedHost(host: Host, record: ClientRecord): Host {
  return {
    requestPiece(client, source, piece, bytes, reason) {
      if (client === record.client) record.requested(source, piece, bytes, reason);
      host.requestPiece(client, source, piece, bytes, reason);
    },
    cancelPiece(client, piece) {
      if (client === record.client) record.raceOver();
      host.cancelPiece(client, piece);
    },
  };
}
