/** Each origin: what is used and granted of every limit, the rate of the last minutes, and its switch. */
import { scaleLinear } from 'd3';
import { formatBytes, formatRate } from '#scenarios/format/units.ts';
import { shortTime } from '#viz/axes.ts';
import { formatCount, formatPercent, plural } from '#viz/format.ts';
import type { LiveOrigin, LiveState } from '#viz/live/state.ts';
import { button, make } from '#viz/panel.ts';
import type { Order } from './fleet.ts';

const historyMilliseconds = 300_000;
const chart = { width: 360, height: 70 };

interface Card {
  element: HTMLElement;
  title: HTMLElement;
  uses: HTMLElement;
  path: SVGPathElement;
  limit: SVGLineElement;
  toggle: HTMLButtonElement;
  history: { at: number; rate: number }[];
}

export class OriginCards {
  readonly element = make('div', 'origin-cards');
  readonly #cards = new Map<string, Card>();
  readonly #order: Order;

  constructor(order: Order) {
    this.#order = order;
  }

  show({ origins, atMilliseconds }: LiveState): void {
    for (const origin of origins) {
      let card = this.#cards.get(origin.origin);
      if (card === undefined) {
        card = this.#card(origin);
        this.#cards.set(origin.origin, card);
        this.element.append(card.element);
      }
      fill(card, origin, atMilliseconds);
    }
  }

  #card({ origin }: LiveOrigin): Card {
    const element = make('div', 'origin-card');
    const head = make('div', 'use-line');
    const title = make('b', '', origin);
    const toggle = button('Pause', '', () => {
      const verb = toggle.dataset.paused === 'true' ? 'resume' : 'pause';
      void this.#order('POST', `api/origins/${encodeURIComponent(origin)}/${verb}`);
    });
    toggle.className = 'quiet-button';
    head.append(title, toggle);
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    svg.setAttribute('viewBox', `0 0 ${chart.width} ${chart.height}`);
    svg.setAttribute('class', 'origin-history');
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', `Rate of ${origin} in the last ${shortTime(historyMilliseconds / 1000)}`);
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    const limit = document.createElementNS('http://www.w3.org/2000/svg', 'line');
    path.setAttribute('class', 'load');
    path.setAttribute('fill', 'var(--source-origin)');
    limit.setAttribute('class', 'limit');
    svg.append(path, limit);
    const uses = make('div');
    element.append(head, svg, make('div', 'interval', 'rate, last 5 minutes'), uses);
    return { element, title, uses, path, limit, toggle, history: [] };
  }
}

function fill(card: Card, origin: LiveOrigin, now: number): void {
  const { limit, used, granted, holders, paused } = origin;
  card.title.textContent = `${origin.origin}${paused ? ' (paused)' : ''} · ${plural(holders, 'lease')}`;
  card.toggle.textContent = paused ? 'Resume' : 'Pause';
  card.toggle.dataset.paused = String(paused);
  card.history.push({ at: now, rate: used.bytesPerSecond });
  while (card.history[0]!.at < now - historyMilliseconds) card.history.shift();
  draw(card, limit.bytesPerSecond, now);
  const rows = [
    bar('Rate', used.bytesPerSecond, limit.bytesPerSecond, formatRate, granted.bytesPerSecond),
    bar('Connections, granted', granted.connections, limit.connections, formatCount),
    ...limit.windows.map(({ windowMilliseconds, bytes }, index) =>
      bar(`Within ${shortTime(windowMilliseconds / 1000)}`, used.windows[index]?.bytes ?? 0, bytes, formatBytes),
    ),
  ];
  card.uses.replaceChildren(...rows);
}

function bar(
  name: string,
  used: number,
  limit: number | undefined,
  show: (value: number) => string,
  granted?: number,
): HTMLElement {
  const element = make('div', 'use');
  const line = make('div', 'use-line');
  const most = limit === undefined ? 'unlimited' : `of ${show(limit)}`;
  line.append(make('span', '', name), make('b', '', `${show(used)} ${most}`));
  const track = make('div', 'use-track');
  const span = make('span', limit !== undefined && used > limit ? 'over' : '');
  span.style.width = limit === undefined ? '0' : `${Math.min(1, used / limit) * 100}%`;
  track.append(span);
  const share = limit === undefined ? '' : formatPercent(used / limit);
  const promised = granted === undefined ? '' : `, ${show(granted)} granted`;
  element.append(line, track, make('span', 'use-share', `${share}${promised}`));
  return element;
}

function draw({ path, limit, history }: Card, most: number | undefined, now: number): void {
  const peak = history.reduce((top, { rate }) => Math.max(top, rate), 1);
  const x = scaleLinear([now - historyMilliseconds, now], [0, chart.width]);
  const y = scaleLinear([0, Math.max(peak, most ?? 0) * 1.1], [chart.height, 4]);
  const points = history.map(({ at, rate }) => `L${x(at).toFixed(1)},${y(rate).toFixed(1)}`);
  path.setAttribute('d', `M${x(history[0]!.at).toFixed(1)},${chart.height}${points.join('')}V${chart.height}Z`);
  limit.style.display = most === undefined ? 'none' : '';
  if (most === undefined) return;
  for (const [name, value] of Object.entries({ x1: 0, x2: chart.width, y1: y(most), y2: y(most) })) {
    limit.setAttribute(name, String(value));
  }
}
