/** One run of a pilot: the task is published, clients arrive and leave, things break as the scenario says. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { millisecondsPerSecond } from '#core/units.ts';
import type { Fault } from '#scenarios/format/scenario.ts';
import { ask } from './http-answer.ts';
import type { ClientMachine } from './machines.ts';
import type { ClientState, Measured, MeasuredClient, OriginAudit } from './measured.ts';
import { type ClientKind, type OtherKind, otherClientCommand } from './other-clients.ts';
import type { Running } from './processes.ts';
import { readRecord } from './records.ts';
import type { Site } from './site.ts';
import { Watch } from './watch.ts';

interface Course {
  machine: ClientMachine;
  running: Running | undefined;
  /** Milliseconds of the process's clock. */
  completedAt: number | undefined;
  firstByteAt: number | undefined;
  state: ClientState;
}

const lookMilliseconds = 1000;
/** How exactly it is known when another program is done. */
const doneMilliseconds = 20;

export class PilotRun {
  readonly #site: Site;
  readonly #signal: AbortSignal;
  readonly #clients: Course[];
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #troubles: Error[] = [];
  #startedAt = 0;
  #wake: () => void = () => {};

  readonly #kind: ClientKind;
  #torrent = '';

  constructor(site: Site, signal: AbortSignal, kind: ClientKind = 'sluice') {
    this.#site = site;
    this.#kind = kind;
    this.#signal = signal;
    this.#clients = site.machines.clients.map((machine) => ({
      machine,
      running: undefined,
      completedAt: undefined,
      firstByteAt: undefined,
      state: 'unfinished',
    }));
  }

  async run(): Promise<Measured> {
    const site = this.#site;
    const early = this.#clients.filter(({ machine }) => machine.arriveSeconds === 0);
    if (this.#kind === 'sluice') {
      for (const client of early) this.#start(client);
      await site.clientsConnected(early.length, this.#signal);
    }
    const watch = new Watch(site.network);
    this.#startedAt = performance.now();
    try {
      const task = await site.publish();
      if (this.#kind !== 'sluice') {
        this.#torrent = await site.fetchTorrent(task);
        for (const client of early) this.#start(client);
      }
      for (const client of this.#clients) {
        if (client.machine.arriveSeconds > 0) this.#at(client.machine.arriveSeconds, () => this.#start(client));
      }
      for (const [index, fault] of site.scenario.faults.entries()) this.#schedule(fault, index);
      await this.#untilOver(task);
      const cpuBusyShare = watch.cpuBusyShare();
      const seconds = this.#secondsOf(performance.now());
      await watch.stop();
      return await this.#measured(task, { watch, seconds, cpuBusyShare });
    } finally {
      for (const timer of this.#timers) clearTimeout(timer);
      await watch.stop();
    }
  }

  #start(client: Course): void {
    if (client.state === 'left') return;
    if (this.#kind !== 'sluice') return this.#startOther(client, this.#kind);
    const running = this.#site.startClient(client.machine);
    client.running = running;
    running.onLine = (line) => this.#heed(client, line);
    void running.ended.then(() => this.#wake());
  }

  #startOther(client: Course, kind: OtherKind): void {
    const { machine } = client;
    const site = this.#site;
    const address = site.network.addressOf(machine);
    const directory = join(site.directory, machine.name);
    const { command, done } = otherClientCommand(kind, { directory, torrent: this.#torrent, address });
    client.running = site.processes.start(machine, command);
    void client.running.ended.then(() => this.#wake());
    const look = setInterval(() => {
      if (!existsSync(done)) return;
      clearInterval(look);
      client.completedAt = performance.now();
      client.state = 'completed';
      this.#wake();
    }, doneMilliseconds);
    this.#timers.add(look);
  }

  /** A client says once that it has the whole file. */
  #heed(client: Course, line: string): void {
    if (client.completedAt !== undefined || !line.startsWith('{')) return;
    const said = JSON.parse(line) as { elapsedMilliseconds: number; firstByteMilliseconds: number | null };
    client.completedAt = performance.now();
    client.state = 'completed';
    const { elapsedMilliseconds, firstByteMilliseconds } = said;
    if (firstByteMilliseconds !== null && firstByteMilliseconds !== undefined) {
      client.firstByteAt = client.completedAt - elapsedMilliseconds + firstByteMilliseconds;
    }
    const { leaveAfterSeconds } = client.machine;
    if (leaveAfterSeconds < Infinity) {
      this.#at(this.#secondsOf(client.completedAt) + leaveAfterSeconds, () => client.running?.signal('SIGTERM'));
    }
    this.#wake();
  }

  #secondsOf(at: number): number {
    return (at - this.#startedAt) / millisecondsPerSecond;
  }

  /** `work` at that second of the scenario's clock. What goes wrong in it ends the run. */
  #at(seconds: number, work: () => unknown): void {
    const wait = Math.max(0, this.#startedAt + seconds * millisecondsPerSecond - performance.now());
    if (wait >= 2 ** 31) return;
    const timer = setTimeout(async () => {
      this.#timers.delete(timer);
      try {
        await work();
      } catch (error) {
        this.#troubles.push(error as Error);
      }
      this.#wake();
    }, wait);
    this.#timers.add(timer);
  }

  async #untilOver(task: string): Promise<void> {
    const horizonAt = this.#startedAt + this.#site.scenario.horizonMilliseconds;
    for (let lookAt = 0; ; ) {
      this.#signal.throwIfAborted();
      if (this.#troubles.length > 0) throw this.#troubles[0]!;
      if (this.#clients.every(({ state }) => state !== 'unfinished')) return;
      const now = performance.now();
      if (now >= horizonAt) return;
      if (now >= lookAt) {
        lookAt = now + lookMilliseconds;
        await this.#noteFailures(task);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(lookMilliseconds, horizonAt - now));
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async #noteFailures(task: string): Promise<void> {
    // Control may be down, as the scenario says.
    const rows = await this.#site.control.clients(task).catch(() => []);
    for (const { client: name, state } of rows) {
      const client = this.#clients.find(({ machine }) => machine.name === name);
      if (client?.state === 'unfinished' && state === 'failed') client.state = 'failed';
    }
  }

  #schedule(fault: Fault, index: number): void {
    const from = fault.atMilliseconds / millisecondsPerSecond;
    const until = fault.untilMilliseconds / millisecondsPerSecond;
    const site = this.#site;
    const { origin, relays } = site.machines;
    const both = (begin: () => unknown, end: () => unknown) => {
      this.#at(from, begin);
      if (until < Infinity) this.#at(until, end);
    };
    const hit = () => this.#clients.filter(({ machine }) => machine.faults.includes(index));
    switch (fault.kind) {
      case 'relay-down': {
        const relay = relays[fault.relay]!;
        return both(
          () => site.relay(relay)?.signal('SIGKILL'),
          () => site.startRelay(relay),
        );
      }
      case 'origin-slow':
        return both(
          () => site.network.setUplink(origin, origin.uplinkBytesPerSecond * fault.factor),
          () => site.network.setUplink(origin, origin.uplinkBytesPerSecond),
        );
      case 'origin-down':
        return both(
          () => site.network.setCut(origin, true),
          () => site.network.setCut(origin, false),
        );
      case 'contract':
        return both(
          () => site.putContract(fault.contract),
          () => site.putContract(site.scenario.origin.contract),
        );
      case 'control-down':
        return both(
          () => site.controlProcess?.signal('SIGKILL'),
          () => site.startControl(),
        );
      case 'clients-crash':
        return both(
          () => signalAll(hit(), 'SIGKILL'),
          () => hit().map((client) => this.#start(client)),
        );
      case 'clients-suspend':
        return both(
          () => signalAll(hit(), 'SIGSTOP'),
          () => signalAll(hit(), 'SIGCONT'),
        );
      default:
        throw new Error(`a pilot has no fault ${fault.kind}`);
    }
  }

  /** Steps of the run, on its clock. Looking must not count as a use that lasts: the connection is closed at once. */
  async #audit(seconds: number): Promise<OriginAudit> {
    const url = new URL('/.sluice/audit', this.#site.originUrl);
    const { body } = await ask(url);
    const audit = JSON.parse(body.toString('utf8')) as OriginAudit;
    const shift = this.#startedAt - this.#site.originListensSince;
    const steps = audit.steps
      .map((step) => ({ ...step, atMilliseconds: step.atMilliseconds - shift }))
      .filter(({ atMilliseconds }) => atMilliseconds > 0 && atMilliseconds <= seconds * millisecondsPerSecond);
    return { ...audit, steps };
  }

  async #measured(
    task: string,
    { watch, seconds, cpuBusyShare }: { watch: Watch; seconds: number; cpuBusyShare: number | null },
  ): Promise<Measured> {
    const site = this.#site;
    // The last reports are on their way.
    await new Promise((resolve) => setTimeout(resolve, lookMilliseconds + 200));
    const [report, rows, audit] = await Promise.all([
      site.control.report(task),
      site.control.clients(task),
      this.#audit(seconds),
    ]);
    await Promise.all(this.#clients.map(({ running }) => running?.stop()));
    const clients: MeasuredClient[] = [];
    for (const client of this.#clients) {
      const progress = rows.find((row) => row.client === client.machine.name)?.progress ?? null;
      clients.push(await this.#clientOf(client, progress));
    }
    return {
      network: site.network.kind,
      machines: site.machines,
      clients,
      relays: report.relays,
      audit,
      samples: watch.samples,
      seconds,
      cpuBusyShare,
    };
  }

  async #clientOf(
    { machine, state, completedAt, firstByteAt }: Course,
    progress: (MeasuredClient['bytes'] & Pick<MeasuredClient, 'fallbackOpened'>) | null,
  ): Promise<MeasuredClient> {
    const directory = join(this.#site.directory, machine.name);
    const [record] = readdirSync(directory).filter((name) => name.endsWith('.decisions'));
    const found = record === undefined ? undefined : await readRecord(join(directory, record), this.#startedAt);
    return {
      machine,
      state,
      arrivedSeconds: machine.arriveSeconds,
      firstByteSeconds: firstByteAt === undefined ? null : this.#secondsOf(firstByteAt),
      completedSeconds: completedAt === undefined ? null : this.#secondsOf(completedAt),
      bytes: progress ?? {
        received: { origin: 0, relay: 0, peer: 0 },
        duplicateBytes: 0,
        discardedBytes: 0,
        verifiedBytes: 0,
      },
      fallbackOpened: progress?.fallbackOpened ?? { slow: 0, stalled: 0, blocked: 0, overdue: 0 },
      fallback: found?.fallback ?? [],
      ...(found === undefined ? {} : { replay: found.replay }),
    };
  }
}

function signalAll(clients: Course[], signal: NodeJS.Signals): void {
  for (const { running } of clients) running?.signal(signal);
}
