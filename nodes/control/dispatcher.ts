/**
 * Who is told next? (M7) The order and the pace are those of core/scheduler/dispatch; this keeps the queue of those
 * whose turn has not come, over all tasks.
 */
import { DispatchOrder, dispatchAtMilliseconds, dispatchWeight, paceUnderLoad } from '#core/scheduler/dispatch.ts';
import type { ClientTaskRecord } from '../store/records.ts';
import type { Fleet } from './fleet.ts';
import { hasFinished, type TaskEntry } from './task-table.ts';

interface Waiting {
  entry: TaskEntry;
  row: ClientTaskRecord;
}

export class Dispatcher {
  readonly #perSecond: number;
  readonly #fleet: Fleet;
  readonly #history: (client: string) => number;
  readonly #order = new DispatchOrder();
  #queue: Waiting[] = [];
  #next = 0;
  #isSorted = true;
  #position = 0;
  #pacePerSecond = 0;
  #paceSinceMilliseconds = 0;

  /** `history`: share of a client's earlier tasks that it finished. */
  constructor(perSecond: number, fleet: Fleet, history: (client: string) => number) {
    this.#perSecond = perSecond;
    this.#fleet = fleet;
    this.#history = history;
  }

  get waitingCount(): number {
    return this.#queue.length - this.#next;
  }

  add(entry: TaskEntry, rows: Iterable<ClientTaskRecord>): void {
    for (const row of rows) {
      if (row.releasedAtMilliseconds === undefined && !hasFinished(row)) this.#queue.push({ entry, row });
    }
    this.#isSorted = false;
  }

  /** Those whose turn has come; the rest keeps waiting. */
  take(nowMilliseconds: number, loadRatio: number): Waiting[] {
    if (!this.#isSorted) this.#sort();
    const pacePerSecond = paceUnderLoad(this.#perSecond, loadRatio);
    if (this.#next === this.#queue.length) {
      // Nobody waits: the pace begins anew with the next one, without a burst for the idle time.
      this.#pacePerSecond = 0;
      return [];
    }
    if (pacePerSecond !== this.#pacePerSecond) {
      this.#pacePerSecond = pacePerSecond;
      this.#paceSinceMilliseconds = nowMilliseconds;
      this.#position = 0;
    }
    const elapsedMilliseconds = nowMilliseconds - this.#paceSinceMilliseconds;
    const taken: Waiting[] = [];
    while (this.#next < this.#queue.length) {
      if (dispatchAtMilliseconds(this.#position, pacePerSecond) > elapsedMilliseconds) break;
      const waiting = this.#queue[this.#next]!;
      this.#next++;
      if (waiting.entry.record.state === 'cancelled' || waiting.entry.record.state === 'complete') continue;
      this.#position++;
      taken.push(waiting);
    }
    return taken;
  }

  #sort(): void {
    const queue = this.#queue.slice(this.#next);
    const order = new Uint32Array(queue.length);
    const bands = Uint8Array.from(queue, ({ entry }) => entry.record.instruction.band);
    const weights = Uint8Array.from(queue, ({ row }) => {
      const hello = this.#fleet.nodes.get(row.client)?.record.hello;
      return dispatchWeight(hello?.network ?? 'unknown', 0, this.#history(row.client));
    });
    this.#order.arrange(order, bands, weights, queue.length);
    this.#queue = Array.from(order, (position) => queue[position]!);
    this.#next = 0;
    this.#isSorted = true;
  }
}
