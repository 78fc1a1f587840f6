/** A point per policy or trial: whiskers, Pareto line, the baseline's crosshair. Canvas from some hundred points on. */
import { brush, type D3BrushEvent, Delaunay, pointer, type Selection, select } from 'd3';
import { colourOf, resolved, shapeOf } from '#viz/appearance.ts';
import { drawX, drawY, type Frame, type Group, niceScale, type Scale } from '#viz/axes.ts';
import { contextOf, inSlices, stamp } from '#viz/canvas.ts';
import type { Dataset } from '#viz/data/dataset.ts';
import { inWords, qualifies } from '#viz/data/decision.ts';
import { type MetricKind, metricKind } from '#viz/data/metrics.ts';
import { formatPercent } from '#viz/format.ts';
import { make, onResize } from '#viz/panel.ts';
import type { Store } from '#viz/store.ts';
import { frontOf } from './decision.ts';
import { withSpread } from './decision-answers.ts';
import { placeLabels } from './labels.ts';

/** More points are drawn on a canvas, without names and whiskers. */
export const svgPointsMax = 400;
const reachPixels = 40;
/** More names than this would be in each other's way. */
const namedMax = 30;

export class Scatter {
  readonly #host = make('div', 'scatter');
  readonly #canvas = make('canvas');
  readonly #card = make('div', 'card');
  readonly #svg: Selection<SVGSVGElement, unknown, null, undefined>;
  readonly #axes: Group;
  readonly #marks: Group;
  readonly #brush: Group;
  readonly #data: Dataset;
  readonly #store: Store;
  #frame: Frame = { width: 0, height: 0, top: 26, right: 16, bottom: 40, left: 62 };
  #x: Scale = niceScale([], [0, 1]);
  #y: Scale = niceScale([], [0, 1]);
  /** Points that have both values, and how to find the nearest. */
  #drawn: number[] = [];
  #nearest: Delaunay<number> | null = null;
  #hovered = -1;

  constructor(element: HTMLElement, data: Dataset, store: Store) {
    this.#data = data;
    this.#store = store;
    element.append(this.#host);
    this.#host.append(this.#canvas, this.#card);
    this.#card.hidden = true;
    this.#svg = select(this.#host).append('svg');
    this.#svg.attr('role', 'application').attr('tabindex', 0);
    this.#axes = this.#svg.append('g');
    this.#marks = this.#svg.append('g');
    this.#brush = this.#svg.append('g').attr('class', 'brush');
    this.#listen();
    onResize(this.#host, () => this.#draw());
  }

  update(changed: ReadonlySet<string>): void {
    if (['x', 'y', 'selection', 'pinned', 'focus', 'theme'].some((name) => changed.has(name))) this.#draw();
  }

  /** Shows the card of a point, or none. */
  show(point: number): void {
    this.#hovered = point;
    this.#card.hidden = point < 0 || !this.#drawn.includes(point);
    this.#marks.selectAll<SVGGElement, number>('g.point').classed('dim', (each) => point >= 0 && each !== point);
    if (this.#card.hidden) return;
    this.#card.replaceChildren(...this.#cardLines(point));
    const [x, y] = this.#place(point);
    const { offsetWidth, offsetHeight } = this.#card;
    const left = x + 16 + offsetWidth > this.#frame.width ? x - offsetWidth - 16 : x + 16;
    this.#card.style.left = `${Math.max(0, left)}px`;
    this.#card.style.top = `${Math.max(0, Math.min(y - offsetHeight / 2, this.#frame.height - offsetHeight))}px`;
  }

  #place(point: number): [number, number] {
    const { x, y } = this.#store.state;
    return [this.#x(this.#data.column(x).mean[point]!), this.#y(this.#data.column(y).mean[point]!)];
  }

  #draw(): void {
    const { x, y } = this.#store.state;
    const data = this.#data;
    const width = this.#host.clientWidth;
    const height = Math.max(300, Math.min(430, width * 0.62));
    this.#frame = { ...this.#frame, width, height };
    const { top, right, bottom, left } = this.#frame;
    this.#svg.attr('width', width).attr('height', height);
    const extent = (key: string) => {
      const { mean, low, high } = data.column(key);
      return data.count > svgPointsMax ? [...mean] : [...mean, ...low, ...high];
    };
    this.#x = niceScale(extent(x), [left, width - right]);
    this.#y = niceScale(extent(y), [height - bottom, top]);
    const [across, up] = [metricKind(x), metricKind(y)];
    const currency = (unit: string) => (unit === 'money' && data.currency !== '' ? `, ${data.currency}` : '');
    const titled = (kind: typeof across) => ({
      title: kind.label + currency(kind.unit),
      show: tickText(kind),
      isTime: kind.unit === 'time',
    });
    drawX(this.#axes, this.#x, this.#frame, titled(across));
    drawY(this.#axes, this.#y, this.#frame, titled(up));
    this.#drawn = [];
    for (let point = 0; point < data.count; point++) {
      if (this.#place(point).every(Number.isFinite)) this.#drawn.push(point);
    }
    this.#nearest =
      this.#drawn.length === 0
        ? null
        : Delaunay.from(
            this.#drawn,
            (point) => this.#place(point)[0],
            (point) => this.#place(point)[1],
          );
    this.#svg.attr(
      'aria-label',
      `${up.label} against ${across.label}, ${this.#drawn.length} points. Arrow keys walk them, Enter pins.`,
    );
    this.#drawFront();
    if (data.count > svgPointsMax) this.#drawCanvas();
    else this.#drawPoints();
    this.#setBrush();
  }

  #drawFront(): void {
    const front = frontOf(this.#data, this.#store).map((point) => this.#place(point));
    this.#marks
      .selectAll('path.front')
      .data(front.length > 1 ? [front] : [])
      .join('path')
      .attr('class', 'front')
      .attr('d', (places) => `M${places.join('L')}`);
    const { baseline } = this.#data;
    const base = baseline >= 0 && this.#data.count > 1 && this.#drawn.includes(baseline) ? [this.#place(baseline)] : [];
    const { width, height, top, right, bottom, left } = this.#frame;
    this.#marks
      .selectAll('path.crosshair')
      .data(base)
      .join('path')
      .attr('class', 'crosshair')
      .attr('d', ([x, y]) => `M${x},${top}V${height - bottom}M${left},${y}H${width - right}`);
    this.#marks
      .selectAll('text.crosshair-text')
      .data(base)
      .join('text')
      .attr('class', 'crosshair-text faint-text')
      .attr('x', ([x]) => x + 5)
      .attr('y', top + 9)
      .text(width < 480 ? '' : 'baseline');
  }

  #drawPoints(): void {
    const data = this.#data;
    const { focus, pinned, x, y } = this.#store.state;
    const groups = this.#marks
      .selectAll<SVGGElement, number>('g.point')
      .data(this.#drawn, (point) => point)
      .join((enter) => {
        const group = enter.append('g').attr('class', 'point');
        group.append('path').attr('class', 'whisker');
        group.append('path').attr('class', 'symbol');
        group.append('text').attr('class', 'label halo');
        return group;
      })
      .classed('out', (point) => !this.#store.isShown(point))
      .classed('focused', (point) => point === focus && data.count > 1);
    const columns = [data.column(x), data.column(y)] as const;
    groups.select('.whisker').attr('d', (point) => {
      const [cx, cy] = this.#place(point);
      const [across, up] = columns.map(({ low, high }) => [low[point]!, high[point]!]) as [number[], number[]];
      const h = across.every(Number.isFinite) ? `M${this.#x(across[0]!)},${cy}H${this.#x(across[1]!)}` : '';
      const v = up.every(Number.isFinite) ? `M${cx},${this.#y(up[0]!)}V${this.#y(up[1]!)}` : '';
      return h + v;
    });
    groups
      .style('--colour', (point) => colourOf(data.policies?.[point]))
      .select('.symbol')
      .attr('d', (point) => shapeOf(data.policies?.[point], pinned.includes(point) ? 190 : 120))
      .attr('transform', (point) => `translate(${this.#place(point)})`)
      .attr('fill', (point) => (qualifies(data, point) ? 'var(--colour)' : 'var(--ground)'));
    const texts = this.#drawn.map((point) =>
      data.count > namedMax && !pinned.includes(point) ? '' : data.labels[point]!,
    );
    const places = placeLabels(
      this.#drawn.map((point) => this.#place(point)),
      texts,
      this.#frame,
    );
    groups
      .select('.label')
      .data(places)
      .attr('x', (place) => place.x)
      .attr('y', (place) => place.y)
      .attr('text-anchor', (place) => place.anchor)
      .text((_, index) => texts[index]!);
  }

  #drawCanvas(): void {
    const { width, height } = this.#frame;
    const context = contextOf(this.#canvas, width, height);
    const colour = resolved('var(--trial)');
    const dots = [false, true].map((isHollow) => [2.2, 6].map((radius) => stamp(context, radius, colour, isHollow)));
    const { focus, pinned } = this.#store.state;
    inSlices(this.#canvas, this.#drawn.length, (index) => {
      const point = this.#drawn[index]!;
      const isChosen = point === focus || pinned.includes(point);
      context.globalAlpha = !this.#store.isShown(point) ? 0.06 : isChosen ? 1 : 0.45;
      const [x, y] = this.#place(point);
      dots[qualifies(this.#data, point) ? 0 : 1]![isChosen ? 1 : 0]!(x, y);
    });
  }

  #setBrush(): void {
    const { width, height, top, right, bottom, left } = this.#frame;
    const behaviour = brush<unknown>()
      .extent([
        [left, top],
        [width - right, height - bottom],
      ])
      .on('end', (event: D3BrushEvent<unknown>) => {
        if (event.sourceEvent === undefined) return;
        const area = event.selection as [[number, number], [number, number]] | null;
        this.#select(area);
      });
    this.#brush.call(behaviour);
    if (this.#store.state.selection === null) this.#brush.call(behaviour.clear);
  }

  #select(area: [[number, number], [number, number]] | null): void {
    if (area === null) {
      this.#store.set({ selection: null });
      return;
    }
    const [[x0, y0], [x1, y1]] = area;
    const inside = this.#drawn.filter((point) => {
      const [x, y] = this.#place(point);
      return x >= x0 && x <= x1 && y >= y0 && y <= y1;
    });
    this.#store.set({ selection: inside.length === 0 ? null : new Set(inside) });
  }

  #listen(): void {
    const find = (event: PointerEvent): number => {
      const [x, y] = pointer(event, this.#svg.node());
      const found = this.#nearest === null ? -1 : this.#drawn[this.#nearest.find(x, y)]!;
      if (found === -1) return -1;
      const [px, py] = this.#place(found);
      return Math.hypot(px - x, py - y) <= reachPixels ? found : -1;
    };
    this.#svg
      .on('pointermove', (event: PointerEvent) => {
        const found = event.buttons === 0 ? find(event) : -1;
        if (found !== this.#hovered) this.show(found);
      })
      .on('pointerleave', () => this.show(-1))
      .on('click', (event: PointerEvent) => {
        const found = find(event);
        if (found === -1) return;
        this.#store.set({ focus: found, seed: 0 });
        this.#store.togglePin(found);
      })
      .on('keydown', (event: KeyboardEvent) => this.#key(event))
      .on('blur', () => this.show(-1));
  }

  #key(event: KeyboardEvent): void {
    const sorted = this.#drawn.toSorted((left, right) => this.#place(left)[0] - this.#place(right)[0]);
    const step =
      event.key === 'ArrowRight' || event.key === 'ArrowUp'
        ? 1
        : event.key === 'ArrowLeft' || event.key === 'ArrowDown'
          ? -1
          : 0;
    if (step !== 0 && sorted.length > 0) {
      event.preventDefault();
      const place = this.#hovered === -1 ? (step > 0 ? -1 : 0) : sorted.indexOf(this.#hovered);
      this.show(sorted[(place + step + sorted.length) % sorted.length]!);
    } else if (event.key === 'Enter' && this.#hovered >= 0) {
      this.#store.set({ focus: this.#hovered, seed: 0 });
      this.#store.togglePin(this.#hovered);
    } else if (event.key === 'Escape') {
      this.show(-1);
      this.#store.set({ selection: null });
    }
  }

  #cardLines(point: number): HTMLElement[] {
    const data = this.#data;
    const { x, y } = this.#store.state;
    const lines = [x, y].map((key) => {
      const kind = metricKind(key);
      const line = make('div', 'card-line');
      line.append(make('span', '', kind.noun), make('b', '', withSpread(data, point, kind)));
      return line;
    });
    const title = make('div', 'card-title', data.labels[point]!);
    const state = make('div', qualifies(data, point) ? 'card-note' : 'card-note bad', stateOf(data, point));
    const against = data.baseline >= 0 && data.baseline !== point ? [againstBaseline(data, point, [x, y])] : [];
    return [title, ...lines, ...against, state];
  }
}

/** Ticks of money are round numbers, which need no zeros behind. */
function tickText({ unit, show }: MetricKind): (value: number) => string {
  return unit === 'money' || unit === 'factor' ? (value) => String(Number(value.toPrecision(6))) : show;
}

function againstBaseline(data: Dataset, point: number, keys: string[]): HTMLElement {
  const words = keys.map((key) => inWords(data, point, data.baseline, metricKind(key)).text).join(', ');
  return make('div', 'card-note', `against ${data.labels[data.baseline]}: ${words}`);
}

export function stateOf(data: Dataset, point: number): string {
  if (data.policies === null) return data.broken[point] === 0 ? 'keeps every constraint' : 'breaks a constraint';
  const parts: string[] = [];
  if (data.unserved[point]! > 0) parts.push(`${formatPercent(data.unserved[point]!)} of the clients unserved`);
  if (data.broken[point]! > 0) parts.push(`contract broken for ${Number(data.broken[point]!.toPrecision(3))} s`);
  if (parts.length > 0) return parts.join(', ');
  return data.contract === null ? 'serves every client' : 'serves every client, contract held';
}
