/**
 * One client's policies together: what a production node decides with. The same classes that the simulator drives,
 * with one row that decides (the client's own, row 0) and one row per neighbour that only copies what it announced.
 *
 * Every method of `clientInputs` is one input: what happened in, what was decided out, all plain numbers and texts.
 * Nothing else changes the state, so a node that writes down its inputs has a record that runs again identically.
 * Ticks are seconds of the client's own clock, from 0; milliseconds are whole.
 */
import { assert } from './assert.ts';
import { PieceSets } from './bitset.ts';
import { deficit } from './fallback/deficit.ts';
import { evaluate } from './fallback/fallback-policy.ts';
import {
  begin,
  closed,
  FallbackStates,
  markBlocked,
  noChange,
  openBlocked,
  recordHandshake,
  setEstimate,
  setThreshold,
} from './fallback/fallback-states.ts';
import { type ChosenRange, chooseRaced, chooseRange } from './fallback/range-choice.ts';
import {
  assignSource,
  chooseSource,
  mayHedge,
  predictMilliseconds,
  recordFailure,
  recordSuccess,
  SourceStates,
  sourceNone,
  sourceOrigin,
  sourceReason,
  sourceRelay,
} from './fallback/source-choice.ts';
import { SpeedMeters } from './fallback/speed-meter.ts';
import { adaptThreshold, type ThresholdSituation, thresholdReason } from './fallback/threshold.ts';
import type { Host, RequestReason } from './host.ts';
import type { Policy } from './policy.ts';
import {
  type Decision,
  fallbackReasons,
  hedgeReasons,
  rangeReasons,
  sourceReasons,
  thresholdReasons,
  uploadReasons,
} from './record.ts';
import { ExactAvailability } from './swarm/availability.ts';
import { chooseUnchoked, slotKind, UnchokeCandidates } from './swarm/choker.ts';
import { Downloads } from './swarm/downloads.ts';
import { PiecePicker } from './swarm/piece-picker.ts';
import { nextUpload, type UploadLimits, uploadReason } from './swarm/upload-share.ts';
import { none } from './units.ts';

export interface ClientOptions {
  seed: number;
  file: { sizeBytes: number; pieceLengthBytes: number };
  policy: Policy;
  /** Neighbours at one time, and HTTP sources. */
  neighboursMax: number;
  sourcesMax: number;
  priorityPieces: [number, number][];
  /** Whose stream of chance it draws from: a client's number in a simulated population; absent: 0. */
  stream?: number;
}

/** The client's own row; neighbours have rows from 1 on. */
const own = 0;
const tickMilliseconds = 1000;
/** Windows of the speed meters: 5 s decide, 30 s are calm. */
const shortTicks = 5;
const longTicks = 30;

export class ClientCore implements Host {
  readonly options: ClientOptions;
  readonly sets: PieceSets;
  readonly availability: ExactAvailability;
  readonly downloads: Downloads;
  readonly meters: SpeedMeters;
  readonly states: FallbackStates;
  readonly sources: SourceStates;
  readonly #candidates: UnchokeCandidates;
  readonly #range: ChosenRange = { firstPiece: none, pieceCount: 0, reason: 0 };
  #asked: Decision | null = null;
  #isRaceOver = false;
  /** Spent on races so far. */
  hedgedBytes = 0;
  /** The user is promised at least this (M35). */
  speedFloorBytesPerSecond = 0;
  /** What HTTP tops up to: the threshold without regard to the cohort, or one that gets nothing would get nothing. */
  targetBytesPerSecond: number;

  constructor(options: ClientOptions) {
    const { file, policy, neighboursMax, sourcesMax } = options;
    this.options = options;
    const pieceCount = Math.ceil(file.sizeBytes / file.pieceLengthBytes);
    this.sets = new PieceSets(1 + neighboursMax, pieceCount);
    this.availability = new ExactAvailability(1, pieceCount);
    const picker = new PiecePicker(this.sets, this.availability, {
      order: policy.swarm.picker,
      endgame: policy.swarm.endgame,
      window: Infinity,
      priorityPieces: options.priorityPieces,
    });
    this.downloads = new Downloads(this.sets, picker, this, options.seed, file, options.stream);
    this.targetBytesPerSecond = policy.fallback.threshold;
    this.meters = new SpeedMeters(1, tickMilliseconds, shortTicks, longTicks);
    this.states = new FallbackStates(1, policy.fallback, tickMilliseconds);
    this.sources = new SourceStates(1, sourcesMax);
    this.#candidates = new UnchokeCandidates(neighboursMax);
  }

  // ---- Host: what the core's parts ask for while an input is under way ---------------------------------------

  requestPiece(_client: number, source: number, piece: number, requestBytes: number, reason: RequestReason): void {
    this.#asked = { kind: 'request', reason, source, piece, requestBytes };
  }

  cancelPiece(_client: number, _piece: number): void {
    this.#isRaceOver = true;
  }

  // ---- Inputs: pieces and neighbours -------------------------------------------------------------------------

  /** The download begins now (tick 0), with these pieces already on disk. */
  start(pieces: number[]): void {
    for (const piece of pieces) this.sets.hold(own, piece);
    const { fileBytes } = this.downloads;
    begin(this.states, this.meters, own, 0, this.downloads.heldBytes(own), fileBytes);
  }

  /** A neighbour connected: row `neighbour` is its, and it holds nothing yet. */
  join(neighbour: number): void {
    assert(neighbour > own && neighbour < this.sets.endpointCount, 'a neighbour has a row');
    this.sets.dropAll(neighbour);
  }

  /** It announced pieces. */
  heard(neighbour: number, pieces: number[]): void {
    for (const piece of pieces) {
      if (this.sets.hold(neighbour, piece)) this.availability.heard(own, piece);
    }
  }

  /** It announced that it holds all. */
  heardAll(neighbour: number): void {
    this.availability.parted(own, neighbour, this.sets);
    this.sets.holdAll(neighbour);
    this.availability.connected(own, neighbour, this.sets);
  }

  part(neighbour: number): void {
    this.availability.parted(own, neighbour, this.sets);
    this.sets.dropAll(neighbour);
  }

  /** The neighbour would serve us: which piece is it asked for? */
  ask(neighbour: number): Decision | null {
    this.#asked = null;
    this.downloads.askNext(own, neighbour);
    return this.#asked;
  }

  /** A piece is whole and verified. `isRaceOver`: another source was asked for it too and may stop. */
  arrived(piece: number, bytes: number): { isNew: boolean; isRaceOver: boolean } {
    this.#isRaceOver = false;
    const isNew = this.downloads.received(own, piece, bytes);
    return { isNew, isRaceOver: this.#isRaceOver };
  }

  /** A request for a piece ended before the piece was whole. */
  brokenOff(piece: number, bytes: number): number {
    return this.downloads.brokenOff(own, piece, bytes);
  }

  /** Who gets this slot? Neighbours that are interested, and what each sends us; null without any. */
  unchoke(isOptimistic: boolean, neighbours: number[], bytesPerSecond: number[]): Decision | null {
    const isSeed = this.sets.isComplete(own) || this.options.policy.swarm.choking === 'none';
    const candidates = this.#candidates;
    candidates.clear();
    for (const [index, neighbour] of neighbours.entries()) {
      if (!candidates.isFull()) candidates.add(neighbour, bytesPerSecond[index]);
    }
    const kind = isOptimistic ? slotKind.optimistic : slotKind.regular;
    const chosen = chooseUnchoked(candidates, kind, isSeed, this.downloads.draw(own));
    if (chosen === -1) return null;
    const reason = isSeed ? 'seed-rotation' : isOptimistic ? 'optimistic' : 'reciprocates';
    return { kind: 'unchoke', reason, endpoint: candidates.endpoint[chosen], candidates: candidates.count };
  }

  // ---- Inputs: when HTTP helps -------------------------------------------------------------------------------

  /** A handshake with a peer came to an end. */
  handshake(succeeded: boolean): void {
    recordHandshake(this.states, own, succeeded);
  }

  /** The network is known to block peer-to-peer. */
  blocked(): void {
    markBlocked(this.states, own);
  }

  /** How long the whole download is expected to take, from tick 0 on. */
  expect(milliseconds: number): void {
    setEstimate(this.states, this.meters, own, milliseconds);
  }

  /** The user is promised at least this speed: no threshold is below it. */
  promise(speedFloorBytesPerSecond: number): void {
    this.speedFloorBytesPerSecond = speedFloorBytesPerSecond;
    const raised = Math.max(this.states.thresholdBytesPerSecond[own], speedFloorBytesPerSecond);
    setThreshold(this.states, own, raised);
    this.targetBytesPerSecond = Math.max(this.targetBytesPerSecond, speedFloorBytesPerSecond);
  }

  /** The threshold follows from the situation, where the policy lets it. */
  situate(situation: ThresholdSituation): Decision {
    const { adaptive, threshold } = this.options.policy.fallback;
    const floor = this.speedFloorBytesPerSecond;
    const adapted = adaptive ? adaptThreshold(threshold, situation) : threshold;
    const thresholdBytesPerSecond = Math.max(floor, adapted);
    setThreshold(this.states, own, thresholdBytesPerSecond);
    const alone = adaptive ? adaptThreshold(threshold, { ...situation, cohortSize: 0 }) : threshold;
    this.targetBytesPerSecond = Math.max(floor, alone);
    const reason =
      adapted < floor ? 'promised' : thresholdReasons[adaptive ? thresholdReason(threshold, situation) : 0];
    return {
      kind: 'threshold',
      reason,
      baseBytesPerSecond: threshold,
      thresholdBytesPerSecond,
      fileBytes: situation.fileBytes,
      clientCount: situation.clients,
      cohortFirstQuartileBytesPerSecond: situation.cohortFirstQuartile,
    };
  }

  /** Once per tick: BitTorrent has brought `swarmBytes` since tick 0, and `progressBytes` of the file are there. */
  look(tick: number, swarmBytes: number, progressBytes: number): Decision | null {
    const answer = evaluate(this.states, this.meters, own, tick, swarmBytes, 0, progressBytes, 0);
    if (answer === noChange) return null;
    return {
      kind: 'fallback',
      reason: fallbackReasons[answer],
      tick,
      shortBytesPerSecond: this.meters.rateShort(own),
      longBytesPerSecond: this.meters.rateLong(own),
      thresholdBytesPerSecond: this.states.thresholdBytesPerSecond[own],
      progressBytes,
    };
  }

  get isHttpOpen(): boolean {
    return this.states.openReason[own] !== closed;
  }

  /** Bytes per second that HTTP should bring now. `deadlineLeft`: `Infinity` without a deadline. */
  httpRate(deadlineLeftMilliseconds: number, freeDownlinkBytesPerSecond: number, brake: number): number {
    const reason = this.states.openReason[own];
    const forecast = reason === openBlocked ? 0 : this.meters.forecast(own);
    const remaining = this.downloads.fileBytes - this.downloads.heldBytes(own);
    const { fill } = this.options.policy.fallback;
    const threshold = this.targetBytesPerSecond;
    const free = freeDownlinkBytesPerSecond;
    return deficit(fill, reason, threshold, remaining, deadlineLeftMilliseconds, forecast, free, brake);
  }

  /** The world drew this many numbers of the client's stream for itself: what it draws next comes after them. */
  drawn(count: number): void {
    for (let draw = 0; draw < count; draw++) this.sets.nextDraw(own);
  }

  // ---- Inputs: from whom HTTP fetches, and what --------------------------------------------------------------

  /** Slot `slot` is this source from now on. */
  assign(slot: number, source: number, isOrigin: boolean, expectedBytesPerSecond: number, latency: number): void {
    const kind = isOrigin ? sourceOrigin : sourceRelay;
    assignSource(this.sources, own, slot, source, kind, expectedBytesPerSecond, latency);
  }

  /** The slot to ask now (`source`), or `none` and why. Relays are left out once they have brought their share. */
  choose(nowMilliseconds: number, isOriginLeased: boolean, requestBytes: number, mayUseRelays = true): Decision {
    const { sources } = this.options.policy.http;
    const ofRelays = mayUseRelays ? sourceRelay : sourceNone;
    const kinds = sources.map((kind) => (kind === 'origin' ? sourceOrigin : ofRelays));
    const [first, second] = [kinds[0] ?? sourceNone, kinds[1] ?? sourceNone];
    const slot = chooseSource(this.sources, own, first, second, isOriginLeased, nowMilliseconds, requestBytes);
    return {
      kind: 'source',
      reason: sourceReasons[sourceReason(this.sources, own, slot, isOriginLeased)],
      source: slot,
      predictedMilliseconds: slot === none ? 0 : predictMilliseconds(this.sources, own, slot, requestBytes),
      failureCount: slot === none ? 0 : this.sources.failureCount[slot],
    };
  }

  succeeded(slot: number, bytesPerSecond: number): void {
    recordSuccess(this.sources, own, slot, bytesPerSecond);
  }

  /** Returns the millisecond from which on it may be asked again. */
  failed(slot: number, nowMilliseconds: number, retryAfterMilliseconds: number): number {
    const { backoffFirst, backoffMax } = this.options.policy.http;
    const draw = this.downloads.draw(own);
    recordFailure(this.sources, own, slot, nowMilliseconds, backoffFirst, backoffMax, retryAfterMilliseconds, draw);
    return this.sources.readyAtMilliseconds[slot];
  }

  /** Pieces for one request over HTTP; they count as asked for. Null when all that is missing is asked for. */
  takeRange(piecesMax: number): Decision | null {
    chooseRange(this.sets, this.availability.counts, own, piecesMax, this.downloads.draw(own), this.#range);
    const { firstPiece, pieceCount, reason } = this.#range;
    if (firstPiece === none) return null;
    let requestBytes = 0;
    for (let piece = firstPiece; piece < firstPiece + pieceCount; piece++) {
      this.downloads.claim(own, piece);
      requestBytes += this.downloads.pieceBytes(piece);
    }
    return { kind: 'range', reason: rangeReasons[reason], firstPiece, pieceCount, requestBytes };
  }

  /** The run of pieces that are missing and not asked for, from the first of them at or after `from` on. */
  takeFrom(from: number, piecesMax: number): Decision | null {
    const firstPiece = this.sets.nextMissing(own, from);
    if (firstPiece === none) return null;
    let [pieceCount, requestBytes] = [0, 0];
    for (let piece = firstPiece; pieceCount < piecesMax && piece < this.sets.pieceCount; piece++) {
      if (this.sets.holds(own, piece) || this.sets.isRequested(own, piece)) break;
      this.downloads.claim(own, piece);
      requestBytes += this.downloads.pieceBytes(piece);
      pieceCount++;
    }
    return { kind: 'range', reason: 'missing', firstPiece, pieceCount, requestBytes };
  }

  /** A piece that another source is slow to bring, if a race for it is worth its bytes; it counts as asked for. */
  takeRaced(slot: number, firstLeftMilliseconds: number): Decision | null {
    const piece = chooseRaced(this.sets, own, this.downloads.draw(own));
    if (piece === none) return null;
    const { fileBytes } = this.downloads;
    const requestBytes = this.downloads.pieceBytes(piece);
    const second = predictMilliseconds(this.sources, own, slot, requestBytes);
    const { hedge } = this.options.policy.http;
    const answer = mayHedge(this.hedgedBytes, requestBytes, fileBytes, hedge, firstLeftMilliseconds, second);
    if (hedgeReasons[answer] !== 'hedged') {
      return {
        kind: 'hedge',
        reason: hedgeReasons[answer],
        source: slot,
        hedgedBytes: this.hedgedBytes,
        requestBytes,
      };
    }
    this.hedgedBytes += requestBytes;
    this.downloads.claim(own, piece);
    return { kind: 'range', reason: 'slow', firstPiece: piece, pieceCount: 1, requestBytes };
  }

  // ---- Inputs: how much of the uplink others get -------------------------------------------------------------

  upload(
    uploadBytesPerSecond: number,
    uplinkBytesPerSecond: number,
    ownBytesPerSecond: number,
    limits: UploadLimits,
  ): Decision {
    const next = nextUpload(uploadBytesPerSecond, uplinkBytesPerSecond, ownBytesPerSecond, limits);
    return {
      kind: 'upload',
      reason: uploadReasons[uploadReason(uploadBytesPerSecond, next, uplinkBytesPerSecond, limits)],
      uploadBytesPerSecond: next,
      freeBytesPerSecond: Math.max(0, uplinkBytesPerSecond - ownBytesPerSecond),
    };
  }
}
