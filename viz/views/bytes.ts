/** Who sent the bytes: over time for one run, and in total for every policy. */
import { max } from 'd3';
import { formatBytes, formatRate } from '#scenarios/format/units.ts';
import { sources } from '#viz/appearance.ts';
import type { Dataset, Run } from '#viz/data/dataset.ts';
import { pointsWhere } from '#viz/data/decision.ts';
import { formatPercent } from '#viz/format.ts';
import { button, choice, make, onResize, type Panel, panel, type View } from '#viz/panel.ts';
import type { Store } from '#viz/store.ts';
import { mark } from './decision-answers.ts';
import { focusControls, focusedRun, runName } from './focus.ts';
import { endOf, rowAt, stepArea, TimeChart } from './time-chart.ts';

const rateNames = ['originBytesPerSecond', 'relayBytesPerSecond', 'peerBytesPerSecond'] as const;

export const bytes: View = (element, { data }, store) => new BytesBySource(element, data, store).update;

class BytesBySource {
  readonly #panel: Panel;
  readonly #data: Dataset;
  readonly #store: Store;
  readonly #chart: TimeChart;
  readonly #readout = make('div', 'readout');
  readonly #totals = make('div', 'totals');
  readonly #key = make('div', 'key');
  readonly #mode: { element: HTMLElement; show(value: boolean): void };
  readonly #showFocus: () => void;

  constructor(element: HTMLElement, data: Dataset, store: Store) {
    this.#data = data;
    this.#store = store;
    this.#panel = panel(element, 'Bytes by source');
    this.#mode = choice(
      'Show as',
      [
        { value: false, text: 'Rate' },
        { value: true, text: 'Share' },
      ],
      (share) => store.set({ share }),
    );
    this.#showFocus = focusControls(this.#panel.controls, data, store);
    this.#panel.controls.append(this.#mode.element);
    const grid = make('div', 'chart-and-side');
    const left = make('div');
    left.append(this.#key);
    this.#chart = new TimeChart(left, {
      label: 'Bytes per second by source over time. Arrow keys move the time cursor.',
      height: 300,
      yTitle: 'Sent by each source',
      yShow: (value) => (store.state.share ? formatPercent(value) : formatRate(value)),
      xTitle: 'Time since the start of the scenario',
      store,
    });
    left.append(this.#readout);
    grid.append(left, this.#totals);
    this.#panel.body.append(grid);
    onResize(this.#chart.host, () => this.#draw());
    this.#draw();
  }

  readonly update = (changed: ReadonlySet<string>): void => {
    if (['focus', 'seed', 'share', 'source', 'selection', 'theme'].some((name) => changed.has(name))) this.#draw();
    else if (changed.has('cursorSeconds')) this.#read();
  };

  #draw(): void {
    const { share, source } = this.#store.state;
    const run = focusedRun(this.#data, this.#store);
    const layers = stacked(run, share, source);
    const end = endOf(run);
    const top = share ? 1 : (max(layers.at(-1)!.high) ?? 0) * 1.06;
    this.#showFocus();
    this.#mode.show(share);
    this.#chart.scale(end, top);
    this.#chart.plot
      .selectAll('path.source')
      .data(layers)
      .join('path')
      .attr('class', 'source')
      .attr('data-source', ({ place }) => sources[place]!.name)
      .attr('fill', ({ place }) => sources[place]!.colour)
      .attr('d', ({ low, high }) => stepArea(run.series.time, low, high, end, this.#chart.x, this.#chart.y));
    this.#drawKey(run);
    this.#drawTotals();
    this.#read();
    this.#panel.say(sentence(run));
    this.#panel.table(() => ({
      head: ['time', ...sources.map(({ label }) => label)],
      rows: [...run.series.time].map((time, row) => [
        `${time} s`,
        ...rateNames.map((name) => formatRate(run.series[name][row]!)),
      ]),
    }));
  }

  /** Each source is a switch: alone, or with all. */
  #drawKey(run: Run): void {
    const { source } = this.#store.state;
    const { share } = run.result.summary;
    this.#key.replaceChildren(
      ...sources.map(({ name, label, colour }, place) => {
        const element = button('', 'Show this source alone', () =>
          this.#store.set({ source: source === place ? null : place }),
        );
        const swatch = make('span', 'key-swatch');
        swatch.style.background = colour;
        element.append(swatch, `${label} ${formatPercent(share[name])}`);
        element.setAttribute('aria-pressed', String(source === place));
        return element;
      }),
    );
  }

  #drawTotals(): void {
    const data = this.#data;
    const shown = pointsWhere(data, (point) => this.#store.isShown(point));
    const rows = shown.map((point) => {
      const row = make('div', `total${point === this.#store.state.focus ? ' focused' : ''}`);
      const name = button(data.labels[point]!, 'Show its runs', () => this.#store.set({ focus: point, seed: 0 }));
      name.prepend(mark(data.policies?.[point]));
      const bar = make('div', 'total-bar');
      const shares = sources.map((source) => data.column(`share.${source.name}`).mean[point]!);
      bar.setAttribute('role', 'img');
      bar.setAttribute(
        'aria-label',
        sources.map(({ label }, place) => `${label} ${formatPercent(shares[place]!)}`).join(', '),
      );
      bar.append(
        ...sources.map(({ colour, name: source }, place) => {
          const part = make('span', '', shares[place]! >= 0.12 ? formatPercent(shares[place]!) : '');
          part.dataset.source = source;
          part.style.width = `${shares[place]! * 100}%`;
          part.style.background = colour;
          return part;
        }),
      );
      const { mean } = data.column('bytes.originSent');
      row.append(name, bar, make('span', 'total-sent', formatBytes(mean[point]!)));
      return row;
    });
    const title = make('div', 'legend-title');
    title.append(make('span', '', 'In total, by policy'), make('span', 'total-sent', 'origin sent'));
    this.#totals.replaceChildren(title, ...rows);
  }

  #read(): void {
    const { cursorSeconds } = this.#store.state;
    const { series } = focusedRun(this.#data, this.#store);
    this.#chart.cursor(cursorSeconds);
    if (cursorSeconds === null) {
      this.#readout.textContent = 'Point at a time to read it; all charts over time follow.';
      return;
    }
    const row = rowAt(series.time, cursorSeconds);
    const parts = sources.map(({ label }, place) => {
      const part = make('span', '', `${label} `);
      part.append(make('b', '', formatRate(series[rateNames[place]!][row]!)));
      return part;
    });
    this.#readout.replaceChildren(make('b', '', `${Number(cursorSeconds.toPrecision(3))} s`), ...parts);
  }
}

export interface Layer {
  place: number;
  low: Float64Array;
  high: Float64Array;
}

/** From below: origin, relays, peers; one alone if the reader says so. */
export function stacked({ series }: Run, share: boolean, only: number | null): Layer[] {
  const rows = series.time.length;
  const sums = new Float64Array(rows);
  for (const name of rateNames) for (let row = 0; row < rows; row++) sums[row]! += series[name][row]!;
  const places = only === null ? [0, 1, 2] : [only];
  let below = new Float64Array(rows);
  return places.map((place) => {
    const low = below;
    const values = series[rateNames[place]!];
    const high = low.map(
      (value, row) => value + (share ? (sums[row] === 0 ? 0 : values[row]! / sums[row]!) : values[row]!),
    );
    below = high;
    return { place, low, high };
  });
}

function sentence(run: Run): string {
  const { bytes: given, share } = run.result.summary;
  const parts = sources.map(
    ({ name, label }) =>
      `${formatPercent(share[name])} from ${label === 'Origin' ? 'the origin' : label.toLowerCase()}`,
  );
  const pulled = given.originToRelay > 0 ? `, ${formatBytes(given.originToRelay)} of them to fill the relays` : '';
  const received = `clients received ${formatBytes(given.delivered)}: ${parts.join(', ')}`;
  return `${runName(run)}: ${received}. The origin sent ${formatBytes(given.originSent)} in all${pulled}.`;
}
