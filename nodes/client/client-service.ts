/** What a client shows of itself where its operator asks for it: `/healthz`, `/readyz`, `/metrics`. No peer is named. */
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Progress } from '#nodes/protocol/from-node.ts';
import { progressStates } from '#nodes/protocol/from-node.ts';
import { drain, httpServer, type ListenAddress, listen, pathOf, sendJson, sendStatus } from '../http/http-service.ts';

export interface ClientFigures {
  isDraining: boolean;
  isConnected: boolean;
  tasks: Omit<Progress, 'kind' | 'task'>[];
}

const sources = ['origin', 'relay', 'peer'] as const;
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
    const read = this.#read;
    const registers = [this.#registry];
    const sum = (of: (task: ClientFigures['tasks'][number]) => number) => () =>
      read().tasks.reduce((total, task) => total + of(task), 0);
    const gauge = (name: string, help: string, value: () => number) => {
      const made: Gauge = new Gauge({ name, help, registers, collect: () => made.set(value()) });
    };
    const labelled = (
      name: string,
      help: string,
      label: string,
      names: readonly string[],
      of: (name: string) => number,
    ) => {
      const made: Gauge = new Gauge({
        name,
        help,
        labelNames: [label],
        registers,
        collect() {
          for (const one of names) made.set({ [label]: one }, of(one));
        },
      });
    };
    gauge('sluice_client_control_connected', 'Whether its line to control is up', () => Number(read().isConnected));
    labelled('sluice_client_tasks', 'Its tasks by state', 'state', progressStates, (state) =>
      sum((task) => Number(task.state === state))(),
    );
    labelled('sluice_client_received_bytes', 'Payload by who sent it', 'source', sources, (source) =>
      sum(({ received }) => received[source as (typeof sources)[number]])(),
    );
    labelled('sluice_client_fallback_opened', 'How often each trigger opened HTTP', 'reason', reasons, (reason) =>
      sum(({ fallbackOpened }) => fallbackOpened[reason as (typeof reasons)[number]])(),
    );
    gauge(
      'sluice_client_verified_bytes',
      'Of its files, verified',
      sum(({ verifiedBytes }) => verifiedBytes),
    );
    gauge(
      'sluice_client_sent_bytes',
      'To peers',
      sum(({ sent }) => sent.bittorrent),
    );
    gauge(
      'sluice_client_duplicate_bytes',
      'Received twice',
      sum(({ duplicateBytes }) => duplicateBytes),
    );
    gauge(
      'sluice_client_discarded_bytes',
      'Received and of no use',
      sum(({ discardedBytes }) => discardedBytes),
    );
    gauge(
      'sluice_client_peers',
      'BitTorrent connections',
      sum(({ peers }) => peers),
    );
    gauge(
      'sluice_client_receive_bytes_per_second',
      'Mean over 5 s',
      sum((task) => task.receiveBytesPerSecond),
    );
    gauge(
      'sluice_client_send_bytes_per_second',
      'Mean over 5 s',
      sum((task) => task.sendBytesPerSecond),
    );
  }
}
