/**
 * When HTTP helps: asks the core's fallback policy at the moments that matter. Production asks once a second; here,
 * rates being piecewise constant, it is asked at the last tick before a rate changes and at the tick that the core
 * itself names as the next one at which something would change. Both come to the same decisions.
 */
import { deficit } from '#core/fallback/deficit.ts';
import { evaluate, nextTick } from '#core/fallback/fallback-policy.ts';
import {
  begin,
  closed,
  closeRecovered,
  FallbackStates,
  markBlocked,
  neverTick,
  noChange,
  openBlocked,
  setEstimate,
  setThreshold,
} from '#core/fallback/fallback-states.ts';
import { SpeedMeters } from '#core/fallback/speed-meter.ts';
import type { Downloads } from '#core/swarm/downloads.ts';
import { microsecondsPerMillisecond, microsecondsPerSecond, millisecondsPerSecond, none } from '#core/units.ts';
import type { ClientRecord } from './client-record.ts';
import type { Gauge } from './gauges.ts';
import type { HttpDownloads } from './http-downloads.ts';
import { reach } from './population.ts';
import { event, eventKind, type State, status } from './state.ts';
import type { SwarmRates } from './swarm-rates.ts';

const shortWindowMilliseconds = 5_000;
const longWindowMilliseconds = 30_000;
/** While HTTP is open its rate is set anew this often. */
const adjustMilliseconds = 5_000;

export class FallbackWatch {
  opened = 0;
  readonly #openOverTime: Gauge;
  openCount = 0;
  openSeconds = 0;
  /** By position in the core's list of reasons. */
  readonly byReason = [0, 0, 0, 0, 0, 0];
  /** Threshold of each client class, bytes per second; control moves it. */
  readonly thresholds: Float64Array;
  /** The same without regard to the cohort: what HTTP tops up to, or a cohort that gets nothing would get nothing. */
  readonly #targets: Float64Array;
  readonly #state: State;
  readonly #rates: SwarmRates;
  readonly #http: HttpDownloads;
  readonly #downloads: Downloads;
  readonly #states: FallbackStates;
  readonly #meters: SpeedMeters;
  readonly #clientsFrom: number;
  readonly #tickMicroseconds: number;
  /** Whoever is slower than this may be about to stall, however low the threshold. */
  readonly #stallBytesPerSecond: number;
  /** Tick of the wake-up that is queued; `neverTick` = none. */
  readonly #wakeTick: Int32Array;
  readonly #isTouched: Uint8Array;
  #touched = new Int32Array(256);
  #touchedCount = 0;
  /** Set by the world: a decision was made (for the record). */
  onDecision: (client: number, reason: number) => void = () => {};
  /** Told of the decisions of its client. */
  record: ClientRecord | null = null;

  constructor(state: State, rates: SwarmRates, http: HttpDownloads, downloads: Downloads, openOverTime: Gauge) {
    this.#openOverTime = openOverTime;
    this.#state = state;
    this.#rates = rates;
    this.#http = http;
    this.#downloads = downloads;
    const { endpointCount, clientsFrom } = state.population;
    const { tickMilliseconds } = state.detail;
    const rows = Math.max(1, endpointCount - clientsFrom);
    this.#clientsFrom = clientsFrom;
    this.#tickMicroseconds = tickMilliseconds * microsecondsPerMillisecond;
    this.#states = new FallbackStates(rows, state.policy.fallback, tickMilliseconds);
    this.#meters = new SpeedMeters(
      rows,
      tickMilliseconds,
      Math.ceil(shortWindowMilliseconds / tickMilliseconds),
      Math.ceil(longWindowMilliseconds / tickMilliseconds),
    );
    const { stallRatio, stallTicks } = this.#states;
    const stallSeconds = (stallTicks * tickMilliseconds) / millisecondsPerSecond;
    this.#stallBytesPerSecond = (stallRatio * state.task.file.sizeBytes) / stallSeconds;
    this.#wakeTick = new Int32Array(rows).fill(neverTick);
    this.#isTouched = new Uint8Array(rows);
    this.thresholds = new Float64Array(state.scenario.clients.length).fill(
      Math.max(state.policy.fallback.threshold, state.scenario.distribution.speedFloorBytesPerSecond),
    );
    rates.beforeChange = (client) => this.beforeChange(client);
    this.#targets = this.thresholds.slice();
    this.setThresholds(this.thresholds, this.thresholds);
  }

  tableBytes(): number {
    const slots = Math.ceil(longWindowMilliseconds / this.#state.detail.tickMilliseconds) + 1;
    return this.#isTouched.length * (43 + 8 + 4 * slots + 5);
  }

  /** Control moves the thresholds of the client classes, bytes per second. */
  setThresholds(thresholds: Float64Array, targets: Float64Array): void {
    this.thresholds.set(thresholds);
    this.#targets.set(targets);
    if (!this.#state.detail.isCoarse || this.#state.scenario.tasks.length > 1) return;
    // At scale a client that is fast before and after a change of its rate is not looked at.
    const recovered = this.#state.policy.fallback.closeRatio * Math.max(...thresholds);
    this.#rates.calmBytesPerSecond = Math.max(recovered, this.#stallBytesPerSecond);
  }

  /** A client begins; `estimateMilliseconds` = how long its download is expected to take. */
  begin(client: number, estimateMilliseconds: number): void {
    const row = client - this.#clientsFrom;
    const held = this.#downloads.heldBytes(client);
    begin(this.#states, this.#meters, row, this.#tickOf(client), held, this.#downloads.fileBytes);
    setThreshold(this.#states, row, this.thresholds[this.#state.population.classOf[client]]);
    if (estimateMilliseconds < Infinity) setEstimate(this.#states, this.#meters, row, estimateMilliseconds);
    const isBlocked = this.#state.population.reach[client] === reach.blocked;
    if (isBlocked) markBlocked(this.#states, row);
    if (this.record !== null && this.record.client === client) {
      const floor = this.#state.scenario.distribution.speedFloorBytesPerSecond;
      this.record.began(this.#tickOf(client), floor, estimateMilliseconds, isBlocked);
    }
    this.#wakeTick[row] = neverTick;
    this.#queueNext(client);
  }

  /** The queued wake-up of `client` is due. */
  wake(client: number): void {
    this.#wakeTick[client - this.#clientsFrom] = neverTick;
    if (this.#state.status[client] !== status.downloading) return;
    this.#look(client, this.#tickOf(client));
    this.#act(client);
    this.#queueNext(client);
  }

  /** The client has finished, or left: what was open is closed. */
  end(client: number): void {
    const row = client - this.#clientsFrom;
    if (this.#states.openReason[row] !== closed) this.#countClose(row, this.#tickOf(client));
    this.#states.openReason[row] = closed;
  }

  /** Called after each event: clients whose BitTorrent rate changed may have to be asked sooner. */
  flush(): void {
    for (let index = 0; index < this.#touchedCount; index++) {
      const client = this.#touched[index];
      const row = client - this.#clientsFrom;
      this.#isTouched[row] = 0;
      if (this.#state.status[client] !== status.downloading) continue;
      // A closed row that is fast enough is not on its way to any trigger but `overdue`, which is queued already.
      const enough = Math.max(this.#states.thresholdBytesPerSecond[row], this.#stallBytesPerSecond);
      const isFast = this.#rates.rate(client) >= enough;
      const isClosed = this.#states.openReason[row] === closed;
      if (isClosed !== (this.#http.isOpen[client] === 0)) this.#act(client);
      if (isClosed && isFast) continue;
      this.#queueNext(client);
    }
    this.#touchedCount = 0;
  }

  /** The run is over: what is still open is counted until now. */
  finish(): void {
    for (let row = 0; row < this.#isTouched.length; row++) {
      if (this.#states.openReason[row] !== closed) this.end(row + this.#clientsFrom);
    }
  }

  /** The rate of `client` is about to change. */
  beforeChange(client: number): void {
    if (this.#state.status[client] !== status.downloading) return;
    const row = client - this.#clientsFrom;
    const tick = this.#tickOf(client);
    if (tick > this.#meters.lastTick[row]) this.#look(client, tick);
    if (this.#isTouched[row] === 0) {
      this.#isTouched[row] = 1;
      if (this.#touchedCount === this.#touched.length) {
        const grown = new Int32Array(2 * this.#touchedCount);
        grown.set(this.#touched);
        this.#touched = grown;
      }
      this.#touched[this.#touchedCount++] = client;
    }
  }

  #look(client: number, tick: number): void {
    const row = client - this.#clientsFrom;
    setThreshold(this.#states, row, this.thresholds[this.#state.population.classOf[client]]);
    const at = this.#timeOf(client, tick);
    const perTick = (this.#rates.rate(client) * this.#tickMicroseconds) / microsecondsPerSecond;
    const bytes = this.#rates.bytesAt(client, at);
    const answer = evaluate(this.#states, this.#meters, row, tick, bytes, perTick, bytes, perTick);
    if (this.record !== null && this.record.client === client) this.#tellRecord(this.record, row, tick, answer);
    if (answer === noChange) return;
    this.onDecision(client, answer);
    if (answer === closeRecovered) {
      this.#countClose(row, tick);
      return;
    }
    this.opened++;
    this.openCount++;
    this.#openOverTime.set(this.#state.now, this.openCount);
    this.byReason[answer]++;
  }

  /** Does what was decided. Never from within a change of rates: it starts transfers and changes rates itself. */
  #act(client: number): void {
    const row = client - this.#clientsFrom;
    const isOpen = this.#states.openReason[row] !== closed;
    if (!isOpen) {
      if (this.#http.isOpen[client] !== 0) this.#http.close(client);
      return;
    }
    const rate = this.#rateFor(client, row);
    if (this.#http.isOpen[client] === 0) this.#http.open(client, rate);
    else {
      this.#http.setRateMax(client, rate);
      this.#http.pump(client);
    }
  }

  #tellRecord(record: ClientRecord, row: number, tick: number, answer: number): void {
    record.looked({
      tick,
      bytes: this.#states.lineBytes,
      bytesPerTick: this.#states.lineBytesPerTick,
      answer,
      shortBytesPerSecond: this.#meters.rateShort(row),
      longBytesPerSecond: this.#meters.rateLong(row),
      thresholdBytesPerSecond: this.#states.thresholdBytesPerSecond[row],
    });
  }

  #rateFor(client: number, row: number): number {
    const state = this.#state;
    const downloads = this.#downloads;
    const reason = this.#states.openReason[row];
    const capacity = state.network.capacity(state.network.downlink(client));
    const free = Math.max(0, capacity - this.#rates.rate(client));
    const remaining = downloads.fileBytes - downloads.heldBytes(client);
    const deadline = state.task.deadlineMilliseconds - state.now / microsecondsPerMillisecond;
    const forecast = reason === openBlocked ? 0 : this.#meters.forecast(row);
    const threshold = this.#targets[state.population.classOf[client]];
    const brake = state.brake(state.relayOf[client] === none ? 0 : state.relayOf[client], client);
    const rate = deficit(state.policy.fallback.fill, reason, threshold, remaining, deadline, forecast, free, brake);
    if (this.record !== null && this.record.client === client) this.record.rated(deadline, free, brake, rate);
    return Math.min(rate, state.scenario.distribution.speedMaxBytesPerSecond);
  }

  #queueNext(client: number): void {
    const row = client - this.#clientsFrom;
    const tick = Math.max(this.#tickOf(client), this.#meters.lastTick[row]);
    const perTick = (this.#rates.rate(client) * this.#tickMicroseconds) / microsecondsPerSecond;
    // The line through the next tick: the last one may lie before the latest change of rate.
    const bytes = this.#rates.bytesAt(client, this.#timeOf(client, tick + 1));
    let next = nextTick(this.#states, this.#meters, row, tick + 1, bytes, perTick, bytes, perTick);
    if (this.#states.openReason[row] !== closed) {
      next = Math.min(next, tick + Math.ceil(adjustMilliseconds / this.#state.detail.tickMilliseconds));
    }
    next = Math.max(next, tick + (this.#timeOf(client, tick) < this.#state.now ? 1 : 0));
    if (next >= this.#wakeTick[row]) return;
    this.#wakeTick[row] = next;
    this.#state.queue.push(Math.max(this.#state.now, this.#timeOf(client, next)), event(eventKind.fallback, client));
  }

  #countClose(row: number, tick: number): void {
    this.openCount--;
    this.#openOverTime.set(this.#state.now, this.openCount);
    const ticks = tick - this.#states.openedAtTick[row];
    this.openSeconds += (ticks * this.#state.detail.tickMilliseconds) / millisecondsPerSecond;
  }

  /** Last tick of the client's own grid that is not in the future. */
  #tickOf(client: number): number {
    return Math.floor((this.#state.now - this.#state.population.arriveAt[client]) / this.#tickMicroseconds);
  }

  #timeOf(client: number, tick: number): number {
    return this.#state.population.arriveAt[client] + tick * this.#tickMicroseconds;
  }
}
