/** All policies in order, each against the baseline in words; or the Pareto set of a study. */
import { colourOf } from '#viz/appearance.ts';
import { niceScale } from '#viz/axes.ts';
import type { Dataset } from '#viz/data/dataset.ts';
import { inWords, pointsWhere, qualifies, ranking } from '#viz/data/decision.ts';
import { metricKind } from '#viz/data/metrics.ts';
import { button, make } from '#viz/panel.ts';
import type { Store } from '#viz/store.ts';
import { frontOf } from './decision.ts';
import { mark, withSpread } from './decision-answers.ts';
import { stateOf } from './decision-scatter.ts';

const rowsMax = 12;

/** Of a policy how it served; of a trial, whose name says nothing, its knobs. */
function noteOf(data: Dataset, point: number): string {
  if (data.study === null) return stateOf(data, point);
  const knobs = data.study.knobs.map(({ path, texts }) => `${path.split('.').at(-1)} ${texts[point]}`);
  return knobs.slice(0, 4).join(', ');
}

export class Ranking {
  readonly #table = make('table', 'ranking');
  readonly #title = make('h3');
  readonly #data: Dataset;
  readonly #store: Store;
  readonly #hover: (point: number) => void;

  constructor(element: HTMLElement, data: Dataset, store: Store, hover: (point: number) => void) {
    this.#data = data;
    this.#store = store;
    this.#hover = hover;
    const head = make('div', 'ranking-head');
    const clear = button('Show all again', '', () => store.set({ selection: null }));
    clear.className = 'quiet-button clear-brush';
    head.append(this.#title, clear);
    element.append(head, this.#table);
  }

  update(): void {
    const { x, y, selection } = this.#store.state;
    const data = this.#data;
    const isStudy = data.policies === null;
    const shown = pointsWhere(data, (point) => this.#store.isShown(point));
    const points = isStudy ? frontOf(data, this.#store) : ranking(data, shown, x, y);
    const base = data.baseline >= 0 && data.count > 1 ? data.labels[data.baseline] : undefined;
    const scope = selection === null ? '' : ` · ${shown.length} of ${data.count} inside the brush`;
    this.#title.textContent = (isStudy ? `Pareto set: ${points.length}` : 'Ranking') + scope;
    this.#table.parentElement!.querySelector<HTMLElement>('.clear-brush')!.hidden = selection === null;
    const head = make('thead');
    const line = make('tr');
    const unit = (key: string) =>
      metricKind(key).unit === 'money' && data.currency !== '' ? `, ${data.currency}` : '';
    const names = ['', ...[x, y].map((key) => metricKind(key).noun + unit(key))];
    line.append(...names.map((name) => make('th', '', name)));
    if (base !== undefined) line.append(make('th', 'against', `against ${base}`));
    line.append(make('th'));
    head.append(line);
    const body = make('tbody');
    const means = points.slice(0, rowsMax).map((point) => data.column(x).mean[point]!);
    const bar = niceScale(means, [0, 1], true);
    body.append(...points.slice(0, rowsMax).map((point) => this.#row(point, bar, base !== undefined)));
    this.#table.replaceChildren(head, body);
    this.#table.setAttribute('aria-label', `${this.#title.textContent}`);
  }

  #row(point: number, bar: (value: number) => number, hasBaseline: boolean): HTMLElement {
    const data = this.#data;
    const { x, y, focus, pinned } = this.#store.state;
    const row = make('tr', point === focus && data.count > 1 ? 'focused' : '');
    row.style.setProperty('--colour', colourOf(data.policies?.[point]));
    const name = make('th');
    name.scope = 'row';
    const link = button(data.labels[point]!, 'Show its runs below', () => this.#store.set({ focus: point, seed: 0 }));
    link.className = 'name';
    link.prepend(mark(data.policies?.[point], !qualifies(data, point)));
    name.append(link, make('div', `state${qualifies(data, point) ? '' : ' bad'}`, noteOf(data, point)));
    const across = make('td');
    const track = make('div', 'bar');
    const value = data.column(x).mean[point]!;
    track.style.setProperty('--share', String(Number.isNaN(value) ? 0 : Math.max(0, bar(value))));
    across.append(withSpread(data, point, metricKind(x), ''), track);
    row.append(name, across, make('td', '', withSpread(data, point, metricKind(y), '')));
    if (hasBaseline) row.append(this.#difference(point));
    const isPinned = pinned.includes(point);
    const pin = button(isPinned ? '★' : '☆', isPinned ? 'Unpin' : 'Pin, to compare', () =>
      this.#store.togglePin(point),
    );
    pin.className = 'pin';
    pin.setAttribute('aria-pressed', String(isPinned));
    pin.setAttribute('aria-label', `Pin ${data.labels[point]}`);
    const end = make('td');
    end.append(pin);
    row.append(end);
    row.addEventListener('pointerenter', () => this.#hover(point));
    row.addEventListener('pointerleave', () => this.#hover(-1));
    return row;
  }

  #difference(point: number): HTMLElement {
    const data = this.#data;
    const cell = make('td', 'against');
    if (point === data.baseline) {
      cell.append(make('span', 'faint-text', 'the baseline'));
      return cell;
    }
    for (const key of [this.#store.state.x, this.#store.state.y]) {
      const kind = metricKind(key);
      const { text, range, better } = inWords(data, point, data.baseline, kind);
      const line = make(
        'div',
        better === 0 ? 'even' : better > 0 ? 'better' : 'worse',
        better === 0 ? `${kind.noun}: ${text}` : text,
      );
      if (range !== '') line.title = `95 % interval of the paired difference: ${range}`;
      cell.append(line);
    }
    return cell;
  }
}
