/** When clients turn to HTTP: how many have it open, for which reasons, and one client's speed with its threshold. */
import { max } from 'd3';
import { colourOf } from '#viz/appearance.ts';
import type { Dataset, Run } from '#viz/data/dataset.ts';
import { pointsWhere } from '#viz/data/decision.ts';
import { formatCount, plural } from '#viz/format.ts';
import { button, make, onResize, type Panel, panel, type Sources, type View } from '#viz/panel.ts';
import type { Store } from '#viz/store.ts';
import { mark } from './decision-answers.ts';
import { ClientSpeed } from './fallback-client.ts';
import { focusControls, focusedRun, runName } from './focus.ts';
import { endOf, rowAt, stepArea, TimeChart } from './time-chart.ts';

export const fallback: View = (element, sources, store) => new Fallback(element, sources, store).update;

const reasons = ['slow', 'stalled', 'blocked', 'overdue'] as const;
const meanings = {
  slow: 'under the threshold for the hold',
  stalled: 'no progress',
  blocked: 'network without peer-to-peer',
  overdue: 'past the expected time',
};

class Fallback {
  readonly #panel: Panel;
  readonly #data: Dataset;
  readonly #store: Store;
  readonly #chart: TimeChart;
  readonly #client: ClientSpeed | null;
  readonly #readout = make('div', 'readout');
  readonly #side = make('div');
  readonly #showFocus: () => void;

  constructor(element: HTMLElement, { data, trace }: Sources, store: Store) {
    this.#data = data;
    this.#store = store;
    this.#panel = panel(element, 'Fallback to HTTP');
    this.#showFocus = focusControls(this.#panel.controls, data, store);
    const grid = make('div', 'chart-and-side');
    const left = make('div');
    this.#chart = new TimeChart(left, {
      label: 'Clients with HTTP open over time. Arrow keys move the time cursor.',
      height: 230,
      yTitle: 'Clients with HTTP open',
      yShow: formatCount,
      xTitle: 'Time since the start of the scenario',
      store,
    });
    left.append(this.#readout);
    grid.append(left, this.#side);
    this.#panel.body.append(grid);
    const place = make('div', 'client-speed');
    this.#panel.body.append(place);
    this.#client = trace === null ? null : new ClientSpeed(place, trace, store);
    if (trace === null) {
      place.append(
        make(
          'p',
          'chart-note',
          'One client’s speed, its threshold and its decisions: sluice run … --trace FILE, then drop FILE here.',
        ),
      );
    }
    onResize(left, () => this.#draw());
    this.#draw();
  }

  readonly update = (changed: ReadonlySet<string>): void => {
    if (['focus', 'seed', 'selection', 'theme'].some((name) => changed.has(name))) this.#draw();
    else if (changed.has('cursorSeconds')) this.#read();
    this.#client?.update(changed);
  };

  #draw(): void {
    const run = focusedRun(this.#data, this.#store);
    const open = run.series.fallbackOpen;
    this.#showFocus();
    this.#chart.scale(endOf(run), Math.max(1, (max(open) ?? 0) * 1.1));
    this.#chart.plot
      .selectAll('path.load')
      .data([open])
      .join('path')
      .attr('class', 'load soft')
      .attr('fill', colourOf(run.name))
      .attr(
        'd',
        stepArea(run.series.time, new Float64Array(open.length), open, endOf(run), this.#chart.x, this.#chart.y),
      );
    this.#drawReasons(run);
    this.#read();
    this.#panel.say(sentence(run));
    this.#panel.table(() => ({
      head: ['policy', 'opened', ...reasons],
      rows: this.#data.labels.map((name, point) => [
        name,
        ...['opened', ...reasons.map((reason) => `byReason.${reason}`)].map((key) =>
          formatCount(this.#data.column(`fallback.${key}`).mean[point]!),
        ),
      ]),
    }));
  }

  #drawReasons(run: Run): void {
    const data = this.#data;
    const { byReason, opened } = run.result.summary.fallback;
    const most = Math.max(1, ...reasons.map((reason) => byReason[reason]));
    const bars = reasons.map((reason) => {
      const row = make('div', 'use');
      const line = make('div', 'use-line');
      line.append(
        make('span', '', `${reason[0]!.toUpperCase()}${reason.slice(1)}`),
        make('b', '', formatCount(byReason[reason])),
      );
      const track = make('div', 'use-track');
      const fill = make('span', 'plain');
      fill.style.width = `${(byReason[reason] / most) * 100}%`;
      fill.style.background = colourOf(run.name);
      fill.dataset.reason = reason;
      track.append(fill);
      row.append(line, track, make('span', 'use-share', meanings[reason]));
      return row;
    });
    this.#side.replaceChildren(make('div', 'legend-title', `Why HTTP opened, ${formatCount(opened)} times`), ...bars);
    const shown = pointsWhere(data, (point) => this.#store.isShown(point));
    if (shown.length < 2) return;
    const title = make('div', 'legend-title');
    title.append(make('span', '', 'By policy'), make('span', '', 'openings'));
    const openings = data.column('fallback.opened').mean;
    const rows = shown.map((point) => {
      const row = make('div', 'pressure-row two');
      const name = button(data.labels[point]!, 'Show its runs', () => this.#store.set({ focus: point, seed: 0 }));
      name.prepend(mark(data.policies?.[point]));
      row.append(name, make('span', '', formatCount(openings[point]!)));
      return row;
    });
    const list = make('div', 'pressures two');
    list.append(title, ...rows);
    this.#side.append(list);
  }

  #read(): void {
    const { cursorSeconds } = this.#store.state;
    const { series } = focusedRun(this.#data, this.#store);
    this.#chart.cursor(cursorSeconds);
    if (cursorSeconds === null) {
      this.#readout.textContent = 'Point at a time to read it.';
      return;
    }
    const open = series.fallbackOpen[rowAt(series.time, cursorSeconds)] ?? 0;
    const part = make('span');
    part.append(make('b', '', formatCount(open)), ` ${open === 1 ? 'client has' : 'clients have'} HTTP open`);
    this.#readout.replaceChildren(make('b', '', `${Number(cursorSeconds.toPrecision(3))} s`), part);
  }
}

function sentence(run: Run): string {
  const { opened, byReason, openSeconds } = run.result.summary.fallback;
  const { total } = run.result.summary.clients;
  if (opened === 0) {
    const open = max(run.series.fallbackOpen) ?? 0;
    if (open === 0) return `${runName(run)}: no client opened HTTP.`;
    return `${runName(run)}: HTTP is open without a trigger, by up to ${plural(open, 'client')} at a time.`;
  }
  const named = reasons
    .filter((reason) => byReason[reason] > 0)
    .map((reason) => `${formatCount(byReason[reason])} ${reason}`);
  const often = `${plural(opened, 'time')} among ${plural(total, 'client')} (${named.join(', ')})`;
  return `${runName(run)}: HTTP opened ${often} and stayed open for ${formatCount(openSeconds / opened)} s on average.`;
}
