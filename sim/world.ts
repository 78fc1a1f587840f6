/**
 * One run: the tasks, what they share, and what each event means to them. Everything that happens in the world goes
 * through here once.
 */
import { assert } from '#core/assert.ts';
import { microsecondsPerMillisecond } from '#core/units.ts';
import type { Scenario } from '#scenarios/format/scenario.ts';
import type { ClientRecord } from './client-record.ts';
import { Faults } from './faults.ts';
import { Gauges } from './gauges.ts';
import { Mail } from './mail.ts';
import { OriginControl, quotaTermsOf } from './origin-control.ts';
import { OriginHolders } from './origin-holders.ts';
import { OriginWatch } from './origin-watch.ts';
import type { QuotaLog } from './quota-log.ts';
import { readAhead } from './read-ahead.ts';
import { event, eventKind, indexOfEvent, kindOfEvent, State } from './state.ts';
import { TaskRun } from './task-run.ts';
import type { Trace } from './trace.ts';

export class World {
  /** In the order of the scenario. */
  readonly tasks: TaskRun[];
  /** State of the first task: what all tasks share is the same in each. */
  readonly state: State;
  readonly mail: Mail;
  readonly holders: OriginHolders;
  readonly origin: OriginControl;
  readonly gauges = new Gauges();
  readonly watch: OriginWatch;
  readonly faults: Faults;
  readonly trace: Trace | null;
  /** What one client decides, where somebody wants to know. */
  readonly record: ClientRecord | null;
  /** Who holds what over time, where somebody wants to know. */
  quotaLog: QuotaLog | null = null;
  /** When control may tell the next client of its task. */
  readonly dispatchPace = { nextAt: 0 };
  completedCount = 0;
  /** Clients that still may finish: the run ends when there are none. */
  pendingCount = 0;
  /** Task of each endpoint; relays and the origin stand with the first. */
  readonly #taskOf: Uint8Array;

  constructor(scenario: Scenario, trace: Trace | null, record: ClientRecord | null = null) {
    this.trace = trace;
    this.record = record;
    const first = new State(scenario, 0, null);
    this.state = first;
    const states = scenario.tasks.map((_, index) => (index === 0 ? first : new State(scenario, index, first)));
    // A contract that somebody was never held to is not promised.
    const isPromised = states.every((state) => state.policy.contract);
    this.watch = new OriginWatch(scenario.origin.contract, isPromised, this.gauges.originConnections);
    this.mail = new Mail(first);
    const terms = quotaTermsOf(scenario);
    this.holders = new OriginHolders(first, this.mail, terms);
    this.origin = new OriginControl(first, this.mail, this.holders, this.watch, terms);
    this.holders.connect(this.origin);
    this.tasks = states.map((state) => new TaskRun(this, state));
    this.#taskOf = new Uint8Array(first.population.endpointCount);
    for (const { state } of this.tasks) {
      for (const client of state.clients()) {
        this.#taskOf[client] = state.taskIndex;
        this.pendingCount++;
      }
    }
    const { swarmRates } = first.network;
    if (swarmRates !== null && this.tasks.length > 1)
      swarmRates.beforeChange = (client) => this.taskOf(client).fallback?.beforeChange(client);
    this.faults = new Faults(this);
    if (first.detail.isCoarse) readAhead(first);
    for (const task of this.tasks) task.start();
    first.queue.push(this.#reportEvery(), event(eventKind.control, 1));
    for (const { state } of this.tasks) {
      for (const client of state.clients()) first.queue.push(first.knownAt(client), event(eventKind.arrive, client));
    }
  }

  taskOf(client: number): TaskRun {
    return this.tasks[this.#taskOf[client]];
  }

  statusOf(client: number): number {
    return this.taskOf(client).state.status[client];
  }

  /** A client holds the whole file. */
  completed(): void {
    this.completedCount++;
    this.pendingCount--;
    this.gauges.completed.set(this.state.now, this.completedCount);
  }

  /** Ends a transfer, whatever its task and protocol. */
  breakOff(transfer: number): void {
    this.#taskOfTransfer(transfer).breakOff(transfer);
  }

  #taskOfTransfer(transfer: number): TaskRun {
    return this.tasks[this.state.network.taskOf(transfer)];
  }

  #flushFallbacks(): void {
    for (let task = 0; task < this.tasks.length; task++) this.tasks[task].fallback?.flush();
  }

  /** Runs until everybody is done, nothing can happen any more, or the horizon. */
  run(): void {
    const { state, watch } = this;
    const { queue, network } = state;
    const uplink = network.uplink(0);
    while (this.pendingCount > 0) {
      if (network.isStale && queue.peek() > state.now) {
        network.solve();
        watch.observe(state.now, network.allocated(uplink), network.transferCount(uplink));
        this.#flushFallbacks();
      }
      if (!queue.pop()) break;
      this.quotaLog?.passTo(this, queue.time);
      network.now = queue.time;
      this.#handle(queue.payload, queue.sequence);
      network.flush();
      if (!network.isStale) watch.observe(state.now, network.allocated(uplink), network.transferCount(uplink));
      this.#flushFallbacks();
    }
    if (this.pendingCount > 0) network.now = state.horizon;
    watch.advance(state.now);
    for (const { fallback } of this.tasks) fallback?.finish();
  }

  #handle(payload: number, sequence: number): void {
    const index = indexOfEvent(payload);
    switch (kindOfEvent(payload)) {
      case eventKind.transfer:
        return this.#taskOfTransfer(index).transferEvent(index, sequence);
      case eventKind.link:
        return this.state.network.shareNow(index);
      case eventKind.arrive:
        return this.taskOf(index).arrive(index);
      case eventKind.announce:
        return this.taskOf(index).announce(index);
      case eventKind.depart:
        return this.taskOf(index).depart(index);
      case eventKind.abandon:
        return this.taskOf(index).abandon(index);
      case eventKind.httpRetry:
        return this.taskOf(index).http.retry(index);
      case eventKind.fallback:
        return this.taskOf(index).fallback?.wake(index);
      case eventKind.control:
        return this.#report();
      case eventKind.message:
        return this.mail.arrive(index);
      case eventKind.lease:
        return this.holders.wake(index);
      case eventKind.quota:
        return this.origin.round(index);
      case eventKind.faultBegin:
        return this.faults.begin(index);
      case eventKind.faultEnd:
        return this.faults.end(index);
      case eventKind.pull:
        for (const { pulls } of this.tasks) pulls.pump(index);
        return;
      case eventKind.schedule:
        return this.taskOf(index).scheduler?.look(index);
      case eventKind.timeout:
        return this.#taskOfTransfer(index).timeout(index);
      default:
        assert(false, `no such event: ${payload}`);
    }
  }

  #reportEvery(): number {
    const { reportEveryMilliseconds } = this.state.scenario.control;
    return Math.max(1, reportEveryMilliseconds) * microsecondsPerMillisecond;
  }

  /** Clients of every task report to control. */
  #report(): void {
    for (const { control, fallback } of this.tasks) control.report(fallback, this.origin.isUp);
    this.state.queue.push(this.state.now + this.#reportEvery(), event(eventKind.control, 1));
  }
}
