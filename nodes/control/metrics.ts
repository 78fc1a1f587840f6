/** What Prometheus reads: gauges are taken from the state at the moment of reading. No node is named. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Control } from './control.ts';
import { liveState } from './live-state.ts';

export class Metrics {
  readonly #registry = new Registry();
  readonly #control: Control;
  readonly #gauges = new Map<string, Gauge>();
  readonly #counters = new Map<string, Counter>();

  constructor(control: Control) {
    this.#control = control;
    collectDefaultMetrics({ register: this.#registry });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async read(): Promise<string> {
    const state = liveState(this.#control, Date.now());
    for (const gauge of this.#gauges.values()) gauge.reset();
    for (const { role, enrolled, connected } of state.nodes) {
      this.#set('sluice_nodes_enrolled', 'Nodes that have a token', { role }, enrolled);
      this.#set('sluice_nodes_connected', 'Nodes whose line is up', { role }, connected);
    }
    const { dispatcher, desk } = this.#control;
    this.#set('sluice_dispatch_waiting', 'Clients whose turn has not come', {}, dispatcher.waitingCount);
    for (const [direction, count] of Object.entries(desk.counts)) {
      this.#count('sluice_node_messages_total', 'Messages of nodes', { direction }, count);
    }
    for (const task of state.tasks) {
      const labels = { task: task.task };
      for (const [progress, count] of Object.entries(task.clients)) {
        if (progress === 'total') continue;
        this.#set('sluice_task_clients', 'Clients of a task by state', { ...labels, state: progress }, count);
      }
      for (const [source, bytes] of Object.entries(task.received)) {
        this.#set('sluice_task_received_bytes', 'What clients received', { ...labels, source }, bytes);
      }
      this.#set('sluice_task_origin_to_relay_bytes', 'What relays pulled', labels, task.originToRelayBytes);
    }
    for (const origin of state.origins) {
      const labels = { origin: origin.origin };
      this.#set('sluice_origin_granted_connections', 'Slots that are leased', labels, origin.granted.connections);
      this.#set('sluice_origin_granted_bytes_per_second', 'Rate leased', labels, origin.granted.bytesPerSecond);
      this.#count('sluice_origin_spent_bytes_total', 'Reported as taken', labels, origin.used.totalBytes);
    }
    for (const { origin, grantCount, roundCount } of this.#control.desks.values()) {
      this.#count('sluice_origin_grants_total', 'Grants that have left', { origin: origin.name }, grantCount);
      this.#count('sluice_origin_rounds_total', 'Rounds of the allocator', { origin: origin.name }, roundCount);
    }
    return this.#registry.metrics();
  }

  #set(name: string, help: string, labels: Record<string, string>, value: number): void {
    let gauge = this.#gauges.get(name);
    if (gauge === undefined) {
      gauge = new Gauge({ name, help, labelNames: Object.keys(labels), registers: [this.#registry] });
      this.#gauges.set(name, gauge);
    }
    gauge.set(labels, value);
  }

  /** A total that is kept elsewhere. */
  #count(name: string, help: string, labels: Record<string, string>, total: number): void {
    let counter = this.#counters.get(name);
    if (counter === undefined) {
      counter = new Counter({ name, help, labelNames: Object.keys(labels), registers: [this.#registry] });
      this.#counters.set(name, counter);
    }
    counter.remove(labels);
    counter.inc(labels, total);
  }
}
