/** The running fleet: tasks and their progress, origins against their contracts, relays; and orders to control. */
import { formatRate, formatSeconds } from '#scenarios/format/units.ts';
import { formatCount, formatPercent, plural } from '#viz/format.ts';
import { Feed, type FeedStatus, order } from '#viz/live/feed.ts';
import type { LiveState } from '#viz/live/state.ts';
import { make, type Panel, panel } from '#viz/panel.ts';
import { distributionForm } from './fleet-form.ts';
import { OriginCards } from './fleet-origins.ts';
import { relayTable } from './fleet-relays.ts';
import { TaskTable } from './fleet-tasks.ts';

export function fleet(element: HTMLElement, path: string): void {
  new Fleet(element, new Feed(path)).start();
}

class Fleet {
  readonly #panel: Panel;
  readonly #feed: Feed;
  readonly #status = make('span', 'pill', 'connecting');
  readonly #message = make('p', 'order-message');
  readonly #relays = make('div', 'table-place');
  readonly #tasks: TaskTable;
  readonly #origins: OriginCards;
  readonly #element: HTMLElement;
  #state: LiveState | null = null;

  constructor(element: HTMLElement, feed: Feed) {
    this.#element = element;
    this.#feed = feed;
    this.#panel = panel(element, 'Fleet');
    this.#status.setAttribute('role', 'status');
    this.#message.setAttribute('role', 'alert');
    this.#panel.controls.append(this.#status);
    this.#tasks = new TaskTable((method, path, body) => this.#order(method, path, body));
    this.#origins = new OriginCards((method, path, body) => this.#order(method, path, body));
    const form = distributionForm((body) => this.#order('POST', 'api/tasks', body));
    const lower = make('div', 'fleet-lower');
    const [left, right] = [make('div'), make('div')];
    left.append(make('h3', 'sub', 'Origins against their contracts'), this.#origins.element);
    right.append(make('h3', 'sub', 'Relays'), this.#relays);
    lower.append(left, right);
    this.#panel.body.append(this.#message, this.#tasks.element, lower, form);
    feed.onState = (state) => this.#show(state);
    feed.onStatus = (status) => this.#showStatus(status);
  }

  start(): void {
    this.#feed.start();
  }

  #show(state: LiveState): void {
    this.#state = state;
    this.#panel.say(sentence(state));
    this.#tasks.show(state);
    this.#origins.show(state);
    this.#relays.replaceChildren(relayTable(state.relays));
    this.#panel.table(() => ({
      head: ['task', 'state', 'clients', 'done', 'rate'],
      rows: state.tasks.map(({ name, state: word, clients, receiveBytesPerSecond }) => [
        name,
        word,
        formatCount(clients.total),
        formatCount(clients.complete + clients.seeding),
        formatRate(receiveBytesPerSecond.total),
      ]),
    }));
  }

  /** An old state stays to be read, but nobody may take it for a new one. */
  #showStatus({ isLive, silentMilliseconds }: FeedStatus): void {
    this.#element.classList.toggle('stale', !isLive && this.#state !== null);
    this.#status.className = `pill ${isLive ? 'good' : 'bad'}`;
    const since = silentMilliseconds === null ? '' : ` for ${formatSeconds(Math.floor(silentMilliseconds / 1000))}`;
    const text = isLive ? 'live' : this.#state === null ? 'not connected' : `stale: no word from control${since}`;
    if (this.#status.textContent !== text) this.#status.textContent = text;
  }

  async #order(method: string, path: string, body?: unknown): Promise<boolean> {
    this.#message.textContent = '';
    try {
      await order(method, path, body);
      return true;
    } catch (error) {
      this.#message.textContent = `Control refuses: ${(error as Error).message}`;
      return false;
    }
  }
}

export type Order = (method: string, path: string, body?: unknown) => Promise<boolean>;

function sentence({ nodes, tasks, origins }: LiveState): string {
  const parts = nodes.map(
    ({ role, enrolled, connected }) =>
      `${formatCount(connected)} of ${plural(enrolled, role)} ${connected === 1 ? 'is' : 'are'} connected`,
  );
  const active = tasks.filter(({ state }) => state === 'active').length;
  const used = origins.map(({ origin, used: { bytesPerSecond }, limit }) => {
    const share =
      limit.bytesPerSecond === undefined
        ? ''
        : ` (${formatPercent(bytesPerSecond / limit.bytesPerSecond)} of its contract)`;
    return `${origin} gives ${formatRate(bytesPerSecond)}${share}`;
  });
  const given = used.length === 0 ? '' : ` ${used.slice(0, 3).join('; ')}.`;
  return `${parts.join(', ')}; ${plural(active, 'task')} ${active === 1 ? 'runs' : 'run'}.${given}`;
}
