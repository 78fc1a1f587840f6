/** Up to four pinned points side by side, each with the command that repeats it. */
import type { Dataset } from '#viz/data/dataset.ts';
import { metricKind, metricKinds } from '#viz/data/metrics.ts';
import { button, make } from '#viz/panel.ts';
import { pinnedMax, type Store } from '#viz/store.ts';
import { mark, withSpread } from './decision-answers.ts';

export class PinnedPoints {
  readonly #element: HTMLElement;
  readonly #data: Dataset;
  readonly #store: Store;

  constructor(element: HTMLElement, data: Dataset, store: Store) {
    this.#element = element;
    this.#data = data;
    this.#store = store;
  }

  update(): void {
    const { pinned } = this.#store.state;
    if (pinned.length === 0) {
      this.#element.replaceChildren();
      return;
    }
    const data = this.#data;
    const keys = data.study === null ? metricKinds.map(({ key }) => key) : [...data.study.metrics.keys()];
    const table = make('table', 'pinned');
    const head = make('tr');
    head.append(make('th', '', `Pinned (up to ${pinnedMax})`), ...pinned.map((point) => this.#head(point)));
    const rows = keys.map((key) => {
      const row = make('tr');
      const kind = metricKind(key);
      const cells = pinned.map((point) => make('td', '', withSpread(data, point, kind)));
      row.append(make('th', '', kind.label), ...cells);
      return row;
    });
    const knobs = (data.study?.knobs ?? []).map(({ path, texts }) => {
      const row = make('tr');
      row.append(make('th', '', path), ...pinned.map((point) => make('td', '', texts[point])));
      return row;
    });
    table.append(head, ...rows, ...knobs);
    this.#element.replaceChildren(table);
  }

  #head(point: number): HTMLElement {
    const cell = make('th');
    const name = make('div', 'pinned-name', this.#data.labels[point]!);
    name.prepend(mark(this.#data.policies?.[point]));
    const command = repeatCommand(this.#data, point);
    const copy = button('Copy command', command, () => {
      // Not every browser lets a page of a file write there; then the words are there to be selected.
      const done = navigator.clipboard?.writeText(command) ?? Promise.reject();
      done.then(() => (copy.textContent = 'Copied')).catch(() => (copy.textContent = command));
    });
    copy.className = 'quiet-button';
    copy.dataset.command = command;
    cell.append(
      name,
      copy,
      button('×', 'Unpin', () => this.#store.togglePin(point)),
    );
    return cell;
  }
}

/** What repeats a point: a run of a policy with its first seed, or of a trial with its knobs. */
export function repeatCommand(data: Dataset, point: number): string {
  if (data.study !== null) {
    const sets = data.study.knobs.map(({ path, texts }) => `--set ${quoted(`${path}=${texts[point]}`)}`);
    return ['sluice run', data.study.scenario, ...sets].join(' ');
  }
  const { result, seed } = data.runs[data.runsOf[point]![0]!]!;
  return `sluice run ${result.manifest.scenario} --policy ${result.manifest.policy} --seed ${seed}`;
}

function quoted(text: string): string {
  return /^[\w.=/%-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
