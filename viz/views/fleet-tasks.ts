/** A row per task: how far its clients are, who sent the bytes, and what can be done about it. */
import { formatBytes, formatRate, formatSeconds } from '#scenarios/format/units.ts';
import { sources } from '#viz/appearance.ts';
import { formatCount, formatPercent } from '#viz/format.ts';
import type { LiveState, LiveTask } from '#viz/live/state.ts';
import { button, make } from '#viz/panel.ts';
import type { Order } from './fleet.ts';

/** Rows keep their elements from state to state, so that a button does not vanish under the pointer. */
interface Row {
  element: HTMLElement;
  cells: HTMLElement[];
  buttons: Record<'pause' | 'resume' | 'cancel', HTMLButtonElement>;
}

const heads = ['Task', 'Clients', 'Bytes by source', 'Rate', 'HTTP open', 'Finish', ''];

export class TaskTable {
  readonly element = make('div', 'table-scroll');
  readonly #body = make('tbody');
  readonly #empty = make('p', 'chart-note', 'No task yet: start a distribution below.');
  readonly #rows = new Map<string, Row>();
  readonly #order: Order;

  constructor(order: Order) {
    this.#order = order;
    const table = make('table', 'fleet-table task-table');
    const head = make('tr');
    head.append(...heads.map((text) => make('th', '', text)));
    const top = make('thead');
    top.append(head);
    table.append(top, this.#body);
    this.element.append(table, this.#empty);
  }

  show({ tasks, atMilliseconds }: LiveState): void {
    this.#empty.hidden = tasks.length > 0;
    const present = new Set(tasks.map(({ task }) => task));
    for (const [task, { element }] of this.#rows) {
      if (present.has(task)) continue;
      element.remove();
      this.#rows.delete(task);
    }
    for (const task of tasks) {
      let row = this.#rows.get(task.task);
      if (row === undefined) {
        row = this.#row(task);
        this.#rows.set(task.task, row);
        this.#body.append(row.element);
      }
      fill(row, task, atMilliseconds);
    }
  }

  #row({ task, name }: LiveTask): Row {
    const element = make('tr');
    // Where there is no room for columns, each cell says what it is.
    const cells = heads.map((text) => {
      const cell = make('td');
      cell.dataset.head = text;
      return cell;
    });
    element.append(...cells);
    const act = (verb: 'pause' | 'resume' | 'cancel', label: string) =>
      button(label, '', () => {
        if (verb === 'cancel' && !confirm(`Cancel ${name}? Clients stop and nobody starts it again.`)) return;
        void this.#order('POST', `api/tasks/${encodeURIComponent(task)}/${verb}`);
      });
    const buttons = { pause: act('pause', 'Pause'), resume: act('resume', 'Resume'), cancel: act('cancel', 'Cancel') };
    const ceiling = button('Limit …', 'Origin bandwidth at most', () => {
      const given = prompt(`Origin bandwidth for ${name} at most, such as 100Mbps, or unlimited:`);
      if (given !== null) void this.#order('PATCH', `api/tasks/${encodeURIComponent(task)}`, { ceiling: given.trim() });
    });
    const bar = make('div', 'controls');
    bar.append(buttons.pause, buttons.resume, buttons.cancel, ceiling);
    cells.at(-1)!.append(bar);
    return { element, cells, buttons };
  }
}

function fill({ cells, buttons }: Row, task: LiveTask, now: number): void {
  const [name, clients, bytes, rate, open, finish] = cells as [
    HTMLElement,
    HTMLElement,
    HTMLElement,
    HTMLElement,
    HTMLElement,
    HTMLElement,
  ];
  const { state, sizeBytes } = task;
  name.replaceChildren(
    make('b', '', task.name),
    make('div', 'interval', `${state} · ${formatBytes(sizeBytes)} · ${task.origin}`),
  );
  clients.replaceChildren(...clientBar(task));
  bytes.replaceChildren(...sourceBar(task));
  const { total, bittorrent } = task.receiveBytesPerSecond;
  const share = total === 0 ? '' : `${formatPercent(bittorrent / total)} BitTorrent`;
  rate.replaceChildren(formatRate(total), make('div', 'interval', share));
  const { slow, stalled, blocked, overdue } = task.fallbackOpen;
  const reasons = Object.entries({ slow, stalled, blocked, overdue }).filter(([, count]) => count > 0);
  const why = reasons.map(([reason, count]) => `${formatCount(count)} ${reason}`).join(', ');
  open.replaceChildren(formatCount(slow + stalled + blocked + overdue), make('div', 'interval', why));
  finish.replaceChildren(...finishText(task, now));
  buttons.pause.hidden = state !== 'active';
  buttons.resume.hidden = state !== 'paused';
  buttons.cancel.hidden = state !== 'active' && state !== 'paused';
}

function clientBar({ clients }: LiveTask): HTMLElement[] {
  const done = clients.complete + clients.seeding;
  const parts = [
    { name: 'done', count: done },
    { name: 'transferring', count: clients.transferring + clients.verifying },
    { name: 'waiting', count: clients.waiting + clients.paused },
    { name: 'failed', count: clients.failed + clients.cancelled },
  ];
  const bar = make('div', 'state-bar');
  bar.append(
    ...parts.map(({ name, count }) => {
      const part = make('span', name);
      part.style.width = `${(count / Math.max(1, clients.total)) * 100}%`;
      return part;
    }),
  );
  const words = parts
    .slice(1)
    .filter(({ count }) => count > 0)
    .map(({ name, count }) => `${formatCount(count)} ${name}`);
  const title = make('div', '', `${formatCount(done)} of ${formatCount(clients.total)} done`);
  return [title, bar, make('div', 'interval', words.join(', '))];
}

function sourceBar({ received }: LiveTask): HTMLElement[] {
  const all = received.origin + received.relay + received.peer;
  const bar = make('div', 'total-bar');
  bar.append(
    ...sources.map(({ name, colour }) => {
      const share = all === 0 ? 0 : received[name] / all;
      const part = make('span', '', share > 0.22 ? formatPercent(share) : '');
      part.dataset.source = name;
      part.style.width = `${share * 100}%`;
      part.style.background = colour;
      return part;
    }),
  );
  const words = sources.map(({ name, label }) => `${label.toLowerCase()} ${formatBytes(received[name])}`);
  return [make('div', '', formatBytes(all)), bar, make('div', 'interval', words.join(', '))];
}

function finishText(task: LiveTask, now: number): (string | HTMLElement)[] {
  const { createdAtMilliseconds, estimatedFinishMilliseconds, deadlineAtMilliseconds, state } = task;
  const passed = formatSeconds((now - createdAtMilliseconds) / 1000);
  if (state !== 'active') return ['–', make('div', 'interval', `started ${passed} ago`)];
  const rest = (createdAtMilliseconds + (estimatedFinishMilliseconds ?? Number.NaN) - now) / 1000;
  const text = Number.isNaN(rest) ? 'not known' : rest <= 0 ? 'past the estimate' : `in about ${formatSeconds(rest)}`;
  const deadline =
    deadlineAtMilliseconds === undefined ? '' : `, due in ${formatSeconds((deadlineAtMilliseconds - now) / 1000)}`;
  return [text, make('div', 'interval', `running for ${passed}${deadline}`)];
}
