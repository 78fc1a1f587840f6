/** Small multiples: the same quantiles for each class of clients, a row per policy. */
import { scaleLinear, select } from 'd3';
import { formatSeconds } from '#scenarios/format/units.ts';
import { colourOf, shapeOf } from '#viz/appearance.ts';
import { type Group, niceScale, type Scale, shortTime, ticksOf } from '#viz/axes.ts';
import type { Dataset } from '#viz/data/dataset.ts';
import { pointsWhere } from '#viz/data/decision.ts';
import { plural } from '#viz/format.ts';
import { make, onResize } from '#viz/panel.ts';
import type { Store } from '#viz/store.ts';

interface Row {
  name: string;
  p50: number;
  p95: number;
  p99: number;
}

const rowPixels = 20;

export class ClassStrips {
  readonly #element: HTMLElement;
  readonly #data: Dataset;
  readonly #store: Store;

  constructor(element: HTMLElement, data: Dataset, store: Store) {
    this.#element = element;
    this.#data = data;
    this.#store = store;
    onResize(element, () => this.update());
  }

  update(): void {
    const data = this.#data;
    const classes = data.runs[0]!.result.byClass;
    const shown = pointsWhere(data, (point) => this.#store.isShown(point));
    const tables = classes.map(({ name, clients }) => ({
      name,
      total: clients.total,
      rows: shown.map((point) => this.#row(point, name)),
    }));
    const all = tables.flatMap(({ rows }) => rows.flatMap(({ p50, p99, p95 }) => [p50, p95, p99]));
    this.#element.replaceChildren(...tables.map(({ name, total, rows }) => this.#strip(name, total, rows, all)));
  }

  /** Means over the seeds. */
  #row(point: number, name: string): Row {
    const data = this.#data;
    const found = data.runsOf[point]!.map((index) =>
      data.runs[index]!.result.byClass.find((each) => each.name === name),
    );
    const mean = (quantile: 'p50' | 'p95' | 'p99') =>
      found.reduce((sum, each) => sum + (each?.completionSeconds[quantile] ?? Number.NaN), 0) / found.length;
    return { name: data.labels[point]!, p50: mean('p50'), p95: mean('p95'), p99: mean('p99') };
  }

  #strip(name: string, total: number, rows: Row[], all: number[]): HTMLElement {
    const element = make('figure', 'strip');
    const caption = make('figcaption');
    caption.append(make('b', '', name), ` ${plural(total, 'client')}`);
    element.append(caption);
    const columns = Math.max(1, Math.min(3, Math.floor(this.#element.clientWidth / 320)));
    const width = Math.floor((this.#element.clientWidth - (columns - 1) * 28) / columns);
    const height = rows.length * rowPixels + 26;
    const left = 8 + Math.max(...rows.map((row) => row.name.length)) * 6.6;
    const known = all.filter(Number.isFinite);
    const range: [number, number] = [left + 8, width - 50];
    const nice = niceScale(known, range);
    const x: Scale = 'base' in nice ? nice : scaleLinear([0, Math.max(...known, 0) || 1], range);
    const svg = select(element).append('svg').attr('width', width).attr('height', height).attr('role', 'img');
    const spoken = rows.map((row) => `${row.name} p50 ${formatSeconds(row.p50)}, p99 ${formatSeconds(row.p99)}`);
    svg.attr('aria-label', `${name}: ${spoken.join('; ')}`);
    const ticks = ticksOf(x, 4, true);
    const axis = svg.append('g').attr('class', 'axis');
    axis
      .selectAll('line')
      .data(ticks)
      .join('line')
      .attr('x1', x)
      .attr('x2', x)
      .attr('y1', 0)
      .attr('y2', height - 22);
    axis
      .selectAll('text')
      .data(ticks)
      .join('text')
      .attr('class', 'tick')
      .attr('x', x)
      .attr('y', height - 8)
      .attr('text-anchor', 'middle')
      .text(shortTime);
    drawRows(svg.append('g'), rows, x, left);
    return element;
  }
}

/** Median as the policy's shape, a line up to p99, which is written at its end. */
function drawRows(group: Group, rows: Row[], x: Scale, left: number): void {
  const lines = group
    .selectAll('g.row')
    .data(rows)
    .join('g')
    .attr('class', 'row')
    .attr('transform', (_, index) => `translate(0,${index * rowPixels + 11})`);
  lines
    .append('text')
    .attr('class', 'strip-name')
    .attr('x', left)
    .attr('dy', '0.35em')
    .attr('text-anchor', 'end')
    .text((row) => row.name);
  const last = x.range()[1]!;
  const end = (row: Row) => (Number.isFinite(row.p99) ? x(row.p99) : last);
  const known = lines.filter((row) => Number.isFinite(row.p50));
  known
    .append('path')
    .attr('stroke', (row) => colourOf(row.name))
    .attr('stroke-width', 2)
    .attr('opacity', 0.5)
    .attr('d', (row) => `M${x(row.p50)},0H${end(row)}`);
  known
    .append('path')
    .attr('d', (row) => shapeOf(row.name, 46))
    .attr('fill', (row) => colourOf(row.name))
    .attr('transform', (row) => `translate(${x(row.p50)},0)`);
  known
    .filter((row) => Number.isFinite(row.p99))
    .append('path')
    .attr('stroke', (row) => colourOf(row.name))
    .attr('stroke-width', 2)
    .attr('d', (row) => `M${x(row.p99)},-5V5`);
  lines
    .append('text')
    .attr('class', 'strip-value')
    .attr('x', (row) => (Number.isFinite(row.p50) ? end(row) + 9 : left + 10))
    .attr('dy', '0.35em')
    .text((row) => (Number.isFinite(row.p99) ? formatSeconds(row.p99) : 'not all finish'));
}
