/** The site of a pilot: machines in their network, the file at the origin, and processes that wait for a task. */
import { randomFillSync } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Configuration } from '#scenarios/format/configuration.ts';
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import type { LoadedScenario } from '#scenarios/format/load.ts';
import type { Contract, Scenario } from '#scenarios/format/scenario.ts';
import { printQuantity } from '#scenarios/format/units.ts';
import { ControlAccess } from './control-access.ts';
import { ask } from './http-answer.ts';
import { type ClientMachine, type Machine, type Machines, machinesOf, type RelayMachine } from './machines.ts';
import { Loopback, Namespaces, type Network, peerPort } from './network.ts';
import { launcher, Processes, type Running } from './processes.ts';
import type { Workplace } from './workplace.ts';

const httpPort = 8080;
const controlPort = 7070;
const readyMilliseconds = 60_000;
const fileName = 'file.bin';

export class Site {
  readonly scenario: Scenario;
  readonly machines: Machines;
  readonly network: Network;
  readonly directory: string;
  readonly processes: Processes;
  readonly #configuration: Configuration;
  #control: ControlAccess | undefined;
  #controlUrl = '';
  #originUrl = '';
  /** On the clock of `performance.now()`; the origin's audit counts from there. */
  originListensSince = 0;
  readonly relayUrls = new Map<string, string>();
  readonly #relays = new Map<string, Running>();
  #controlProcess: Running | undefined;

  constructor({ scenario, configuration }: LoadedScenario, workplace: Workplace, kind: Network['kind']) {
    this.scenario = scenario;
    this.#configuration = configuration;
    this.directory = workplace.directory;
    this.machines = machinesOf(scenario);
    this.network = kind === 'loopback' ? new Loopback() : new Namespaces(workplace.id, this.all());
    this.processes = new Processes(this.network, this.directory);
  }

  all(): Machine[] {
    const { origin, control, relays, clients } = this.machines;
    return [origin, control, ...relays, ...clients];
  }

  get control(): ControlAccess {
    if (this.#control === undefined) throw new Error('the site has not been opened');
    return this.#control;
  }

  get originUrl(): string {
    return this.#originUrl;
  }

  /** Everything runs but the clients; nothing is distributed yet. */
  async open(signal: AbortSignal): Promise<void> {
    await this.#makeFile();
    signal.throwIfAborted();
    const { origin } = this.machines;
    const [{ line: originUrl }] = await Promise.all([
      this.processes
        .startListening(origin, [launcher, 'origin', 'origin', ...this.#originOptions(origin)])
        .then((listening) => {
          this.originListensSince = performance.now();
          return listening;
        }),
      this.startControl(),
    ]);
    this.#originUrl = originUrl;
    const token = readFileSync(join(this.directory, 'control', 'operator.token'), 'utf8').trim();
    this.#control = new ControlAccess(this.#controlUrl, token);
    const { policy } = this.scenario;
    await this.putContract(policy.contract ? this.scenario.origin.contract : undefined);
    const { relays, clients } = this.machines;
    await Promise.all([...relays, ...clients].map((machine) => this.#enrol(machine)));
    await Promise.all(relays.map((relay) => this.startRelay(relay)));
    await this.#connected('relay', relays.length, signal);
  }

  async startControl(): Promise<void> {
    const { control } = this.machines;
    const { reportEveryMilliseconds, leaseMilliseconds, dispatchPerSecond } = this.scenario.control;
    const options = [
      ...['--report-every', printQuantity('time', reportEveryMilliseconds)],
      ...['--lease', printQuantity('time', leaseMilliseconds)],
      ...['--dispatch', printQuantity('frequency', dispatchPerSecond / 1000)],
    ];
    // After a restart nodes must find it where it was.
    const port = this.#controlUrl === '' ? this.#portOf(controlPort) : Number(new URL(this.#controlUrl).port);
    const listen = ['--listen', `${this.network.addressOf(control)}:${port}`];
    const given = [launcher, 'control', '--data', 'control', '--driver', 'node', ...listen, ...options];
    const { running, line } = await this.processes.startListening(control, given);
    this.#controlProcess = running;
    this.#controlUrl = line;
  }

  /** What the origin's owner is promised from now on; undefined: nothing is limited. */
  async putContract(contract: Contract | undefined): Promise<void> {
    await this.control.putOrigin(this.#originUrl.replace(/\/$/, ''), contract === undefined ? {} : printed(contract));
  }

  /** On the clock of the machine: when it was ordered. Answers the task's name. */
  publish(): Promise<string> {
    const { policy, distribution } = this.#configuration;
    const { extends: _, ...knobs } = policy as { extends: string };
    return this.control.publish({
      url: `${this.#originUrl}${fileName}`,
      policy: { extends: 'hybrid', ...knobs },
      distribution,
      relays: Math.max(1, this.machines.relays.length),
    });
  }

  /** The task's torrent, as its first relay hands it out: a path. */
  async fetchTorrent(task: string): Promise<string> {
    const url = `${this.relayUrls.get(this.machines.relays[0]?.name ?? '')}/files/${task}.torrent`;
    const until = performance.now() + readyMilliseconds;
    for (;;) {
      const answer = await ask(url).catch(() => undefined);
      if (answer?.status === 200) {
        const path = join(this.directory, `${task}.torrent`);
        writeFileSync(path, answer.body);
        return path;
      }
      if (performance.now() > until) throw new Stop(exitCodes.failure, `${url}: status ${answer?.status ?? 'none'}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async startRelay(relay: RelayMachine): Promise<void> {
    const address = this.network.addressOf(relay);
    const limited = this.network.kind === 'loopback';
    const url = this.relayUrls.get(relay.name);
    const port = url === undefined ? this.#portOf(httpPort) : Number(new URL(url).port);
    const { running, line } = await this.processes.startListening(relay, [
      ...[launcher, 'relay', '--control', this.#controlUrl, '--token-file', `${relay.name}.token`],
      ...['--dir', relay.name, '--record', relay.name, '--region', relay.region],
      ...['--listen', `${address}:${port}`, '--listen-peers', `${address}:${this.#portOf(peerPort)}`],
      ...['--upload-slots', String(relay.uploadSlots)],
      ...['--buffer-before-serving', printQuantity('size', relay.bufferBeforeServingBytes)],
      ...(relay.connectionsMax === Infinity ? [] : ['--connections', String(relay.connectionsMax)]),
      ...(limited ? rateOptions('--bandwidth', relay.uplinkBytesPerSecond) : []),
      ...(limited ? rateOptions('--origin-bandwidth', relay.downlinkBytesPerSecond) : []),
    ]);
    this.relayUrls.set(relay.name, line);
    this.#relays.set(relay.name, running);
  }

  relay({ name }: RelayMachine): Running | undefined {
    return this.#relays.get(name);
  }

  get controlProcess(): Running | undefined {
    return this.#controlProcess;
  }

  startClient(client: ClientMachine): Running {
    const address = this.network.addressOf(client);
    const limited = this.network.kind === 'loopback';
    return this.processes.start(client, [
      ...[launcher, 'client', '--control', this.#controlUrl, '--token-file', `${client.name}.token`],
      ...['--dir', client.name, '--record', client.name, '--region', client.region, '--json'],
      ...['--listen-peers', `${address}:${this.#portOf(peerPort)}`],
      ...(client.peerToPeer === 'blocked' ? ['--blocked'] : []),
      ...(limited ? rateOptions('--upload-max', client.uplinkBytesPerSecond) : []),
      ...(limited ? rateOptions('--downlink', client.downlinkBytesPerSecond) : []),
    ]);
  }

  clientsConnected(count: number, signal: AbortSignal): Promise<void> {
    return this.#connected('client', count, signal);
  }

  async #connected(role: 'relay' | 'client', count: number, signal: AbortSignal): Promise<void> {
    const until = performance.now() + readyMilliseconds;
    for (;;) {
      signal.throwIfAborted();
      const { nodes } = await this.control.state();
      const connected = nodes.find((node) => node.role === role)?.connected ?? 0;
      if (connected >= count) return;
      if (performance.now() > until) {
        throw new Stop(exitCodes.failure, `only ${connected} of ${count} ${role}s have come to the pilot's control`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async #enrol(machine: Machine): Promise<void> {
    const token = await this.control.makeToken(machine.role as 'relay' | 'client', machine.name);
    writeFileSync(join(this.directory, `${machine.name}.token`), `${token}\n`, { mode: 0o600 });
    mkdirSync(join(this.directory, machine.name));
  }

  /** In namespaces everybody has ports of his own; on loopback the system names free ones. */
  #portOf(port: number): number {
    return this.network.kind === 'loopback' ? 0 : port;
  }

  #originOptions(origin: Machine): string[] {
    const { connectionsMax } = this.scenario.origin;
    return [
      ...['--listen', `${this.network.addressOf(origin)}:${this.#portOf(httpPort)}`],
      ...(connectionsMax === Infinity ? [] : ['--connections', String(connectionsMax)]),
      ...(this.network.kind === 'loopback' ? rateOptions('--bandwidth', origin.uplinkBytesPerSecond) : []),
    ];
  }

  async #makeFile(): Promise<void> {
    const { sizeBytes, pieceLengthBytes } = this.scenario.tasks[0]!.file;
    mkdirSync(join(this.directory, 'origin'));
    const path = join(this.directory, 'origin', fileName);
    const file = openSync(path, 'w');
    const chunk = new Uint8Array(4 * 1024 * 1024);
    for (let left = sizeBytes; left > 0; left -= chunk.length) {
      randomFillSync(chunk);
      writeSync(file, chunk.subarray(0, Math.min(left, chunk.length)));
    }
    closeSync(file);
    const length = ['--piece-length', printQuantity('size', pieceLengthBytes)];
    await this.processes.startListening(this.machines.origin, [launcher, 'manifest', path, ...length]);
  }
}

function printed({ connectionsMax, bytesPerSecondMax, burstBytes, traffic }: Contract) {
  return {
    ...(connectionsMax === Infinity ? {} : { connections: connectionsMax }),
    ...(bytesPerSecondMax === Infinity ? {} : { bandwidth: printQuantity('rate', bytesPerSecondMax) }),
    ...(burstBytes === Infinity ? {} : { burst: printQuantity('size', burstBytes) }),
    traffic: Object.fromEntries(traffic.map(({ name, bytesMax }) => [name, printQuantity('size', bytesMax)])),
  };
}

function rateOptions(option: string, bytesPerSecond: number): string[] {
  return bytesPerSecond === Infinity ? [] : [option, printQuantity('rate', bytesPerSecond)];
}
