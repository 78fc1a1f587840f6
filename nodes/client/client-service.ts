/** What a client shows of itself, if its operator asks for it: `/healthz`, `/readyz`, `/metrics`. No peer is named. */
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { sourceKinds } from '#core/record.ts';
import type { Progress } from '#nodes/protocol/from-node.ts';
import { progressStates } from '#nodes/protocol/from-node.ts';
import { drain, httpServer, type ListenAddress, listen, pathOf, sendJson, sendStatus } from '../http/http-service.ts';

type Task = Omit<Progress, 'kind' | 'task'>;

export interface ClientFigures {
  isDraining: boolean;
  isConnected: boolean;
  tasks: Task[];
}

const reasons = ['slow', 'stalled', 'blocked', 'overdue'] as const;

export class ClientService {
  readonly #registry = new Registry();
  readonly #server;
  readonly #read: () => ClientFigures;

  constructor(read: () => ClientFigures) {
    this.#read = read;
    collectDefaultMetrics({ register: this.#registry });
    this.#addGauges();
    this.#server = httpServer(async (request, response) => {
      const path = pathOf(request);
      if (request.method !== 'GET') return sendStatus(response, 405, { allow: 'GET' });
      if (path === '/healthz') return sendJson(response, { ok: true });
      const { isDraining } = this.#read();
      if (path === '/readyz') return sendJson(response, { ready: !isDraining }, isDraining ? 503 : 200);
      if (path !== '/metrics') return sendStatus(response, 404);
      const body = Buffer.from(await this.#registry.metrics());
      response.writeHead(200, { 'content-type': this.#registry.contentType, 'content-length': body.length }).end(body);
    });
  }

  listen(address: ListenAddress): Promise<AddressInfo> {
    return listen(this.#server, address);
  }

  async close(): Promise<void> {
    await drain(this.#server, 1000);
  }

  #addGauges(): void {
    const sum = (of: (task: Task) => number) => this.#read().tasks.reduce((total, task) => total + of(task), 0);
    this.#figure('control_connected', 'Whether its line to control is up', () => Number(this.#read().isConnected));
    const ofState = (state: string) => sum((task) => Number(task.state === state));
    this.#figures('tasks', 'Its tasks by state', 'state', progressStates, ofState);
    this.#figures('received_bytes', 'Payload by who sent it', 'source', sourceKinds, (source) =>
      sum(({ received }) => received[source]),
    );
    this.#figures('fallback_opened', 'How often each trigger opened HTTP', 'reason', reasons, (reason) =>
      sum(({ fallbackOpened }) => fallbackOpened[reason]),
    );
    const sums: [name: string, help: string, of: (task: Task) => number][] = [
      ['verified_bytes', 'Of its files, verified', (task) => task.verifiedBytes],
      ['sent_bytes', 'To peers', (task) => task.sent.bittorrent],
      ['duplicate_bytes', 'Received twice', (task) => task.duplicateBytes],
      ['discarded_bytes', 'Received and of no use', (task) => task.discardedBytes],
      ['peers', 'BitTorrent connections', (task) => task.peers],
      ['receive_bytes_per_second', 'Mean over 5 s', (task) => task.receiveBytesPerSecond],
      ['send_bytes_per_second', 'Mean over 5 s', (task) => task.sendBytesPerSecond],
    ];
    for (const [name, help, of] of sums) this.#figure(name, help, () => sum(of));
  }

  #figure(name: string, help: string, value: () => number): void {
    const registers = [this.#registry];
    const made: Gauge = new Gauge({
      name: `sluice_client_${name}`,
      help,
      registers,
      collect: () => made.set(value()),
    });
  }

  #figures<Name extends string>(
    name: string,
    help: string,
    label: string,
    names: readonly Name[],
    of: (name: Name) => number,
  ): void {
    const made: Gauge = new Gauge({
      name: `sluice_client_${name}`,
      help,
      labelNames: [label],
      registers: [this.#registry],
      collect() {
        for (const one of names) made.set({ [label]: one }, of(one));
      },
    });
  }
}
