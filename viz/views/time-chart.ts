/** A chart over the scenario's clock: its axis, and the time cursor that all such charts share. */
import { bisectRight, pointer, type Selection, scaleLinear, select } from 'd3';
import { drawX, drawY, type Frame, type Group, type Scale } from '#viz/axes.ts';
import { make } from '#viz/panel.ts';
import type { Store } from '#viz/store.ts';

export interface TimeChartOptions {
  /** For those who do not see it. */
  label: string;
  height: number;
  yTitle: string;
  yShow(value: number): string;
  /** Name of the axis of time; empty where another chart below has it. */
  xTitle?: string;
  store: Store;
}

export class TimeChart {
  readonly host = make('div', 'time-chart');
  /** What is drawn between the grid and the cursor. */
  readonly plot: Group;
  readonly svg: Selection<SVGSVGElement, unknown, null, undefined>;
  frame: Frame;
  x: Scale = scaleLinear();
  y: Scale = scaleLinear();
  readonly #options: TimeChartOptions;
  readonly #axes: Group;
  readonly #cursor: Selection<SVGLineElement, unknown, null, undefined>;
  readonly #overlay: Selection<SVGRectElement, unknown, null, undefined>;
  #endSeconds = 1;

  constructor(element: HTMLElement, options: TimeChartOptions) {
    this.#options = options;
    this.frame = {
      width: 0,
      height: options.height,
      top: 26,
      right: 8,
      bottom: options.xTitle === undefined ? 24 : 40,
      left: 66,
    };
    element.append(this.host);
    this.svg = select(this.host)
      .append('svg')
      .attr('tabindex', 0)
      .attr('role', 'img')
      .attr('aria-label', options.label);
    this.#axes = this.svg.append('g');
    this.plot = this.svg.append('g');
    this.#cursor = this.svg.append('line').attr('class', 'cursor').style('display', 'none');
    this.#overlay = this.svg.append('rect').attr('class', 'overlay');
    this.#listen();
  }

  /** Lays out the axes; `yMax` in the unit of the values. */
  scale(endSeconds: number, yMax: number): void {
    const { store, yTitle, yShow, xTitle = '' } = this.#options;
    this.#endSeconds = endSeconds;
    const width = this.host.clientWidth;
    this.frame = { ...this.frame, width };
    const { height, top, right, bottom, left } = this.frame;
    this.svg.attr('width', width).attr('height', height);
    this.x = scaleLinear([0, endSeconds], [left, width - right]);
    this.y = scaleLinear([0, yMax || 1], [height - bottom, top]);
    drawX(this.#axes, this.x, this.frame, { title: xTitle, show: yShow, isTime: true });
    drawY(this.#axes, this.y, this.frame, { title: yTitle, show: yShow });
    this.#overlay
      .attr('x', left)
      .attr('y', top)
      .attr('width', Math.max(0, width - left - right))
      .attr('height', height - top - bottom);
    this.#cursor.attr('y1', top).attr('y2', height - bottom);
    this.cursor(store.state.cursorSeconds);
  }

  cursor(seconds: number | null): void {
    const isShown = seconds !== null && seconds <= this.#endSeconds;
    this.#cursor.style('display', isShown ? 'inline' : 'none');
    if (isShown) this.#cursor.attr('x1', this.x(seconds)).attr('x2', this.x(seconds));
  }

  #listen(): void {
    const { store } = this.#options;
    this.#overlay
      .on('pointermove', (event: PointerEvent) => {
        const [x] = pointer(event, this.svg.node());
        store.set({ cursorSeconds: Math.max(0, Math.min(this.#endSeconds, this.x.invert(x))) });
      })
      .on('pointerleave', () => store.set({ cursorSeconds: null }));
    this.svg.on('keydown', (event: KeyboardEvent) => {
      const direction = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
      if (event.key === 'Escape') store.set({ cursorSeconds: null });
      if (direction === 0) return;
      event.preventDefault();
      const now = store.state.cursorSeconds ?? 0;
      const step = (this.#endSeconds / 100) * (event.shiftKey ? 10 : 1);
      store.set({ cursorSeconds: Math.max(0, Math.min(this.#endSeconds, now + direction * step)) });
    });
  }
}

/** The row of a series in which `seconds` lies. */
export function rowAt(time: Float64Array, seconds: number): number {
  return Math.max(0, bisectRight(time, seconds) - 1);
}

/** The end of the last step. */
export function endOf({ series, stepSeconds }: { series: { time: Float64Array }; stepSeconds: number }): number {
  return (series.time.at(-1) ?? 0) + stepSeconds;
}

/** A path of steps: each value holds from its time to the next. */
export function stepPath(time: Float64Array, values: Float64Array, end: number, x: Scale, y: Scale): string {
  if (time.length === 0) return '';
  let path = '';
  for (let row = 0; row < time.length; row++) {
    path += `${row === 0 ? 'M' : 'H'}${x(time[row]!).toFixed(1)}${row === 0 ? ',' : 'V'}${y(values[row]!).toFixed(1)}`;
  }
  return `${path}H${x(end).toFixed(1)}`;
}

/** Closed down to the axis, or down to `below`. */
export function stepArea(
  time: Float64Array,
  low: Float64Array,
  high: Float64Array,
  end: number,
  x: Scale,
  y: Scale,
): string {
  if (time.length === 0) return '';
  let back = '';
  for (let row = time.length - 1; row >= 0; row--) {
    const right = row === time.length - 1 ? end : time[row + 1]!;
    back += `L${x(right).toFixed(1)},${y(low[row]!).toFixed(1)}H${x(time[row]!).toFixed(1)}`;
  }
  return `${stepPath(time, high, end, x, y)}${back}Z`;
}
