/** Parallel coordinates: a line per trial through its knobs and objectives; a brush on an axis keeps what passes it. */
import {
  brushY,
  type D3BrushEvent,
  interpolateRgb,
  type ScaleContinuousNumeric,
  type Selection,
  scaleLinear,
  scaleLog,
  select,
} from 'd3';
import { resolved } from '#viz/appearance.ts';
import { shortTime, ticksOf } from '#viz/axes.ts';
import { contextOf, inSlices } from '#viz/canvas.ts';
import type { Dataset } from '#viz/data/dataset.ts';
import { metricKind } from '#viz/data/metrics.ts';
import type { Study } from '#viz/data/study.ts';
import { make } from '#viz/panel.ts';
import type { Store } from '#viz/store.ts';

interface Axis {
  name: string;
  isObjective: boolean;
  values: Float64Array;
  scale: ScaleContinuousNumeric<number, number>;
  ticks: { value: number; text: string }[];
}

const height = 320;
const top = 34;
const bottom = 14;
const gapMin = 118;

export class ParallelCoordinates {
  readonly #canvas = make('canvas');
  readonly #host = make('div', 'parallel-inner');
  readonly #svg: Selection<SVGSVGElement, unknown, null, undefined>;
  readonly #data: Dataset;
  readonly #store: Store;
  readonly #axes: Axis[];
  readonly #element: HTMLElement;
  /** Kept part of each axis, in values. */
  readonly #kept = new Map<string, [number, number]>();

  constructor(element: HTMLElement, data: Dataset, store: Store) {
    this.#element = element;
    this.#data = data;
    this.#store = store;
    this.#axes = axesOf(data.study!);
    element.append(this.#host);
    this.#host.append(this.#canvas);
    this.#svg = select(this.#host).append('svg').attr('role', 'img');
    this.#svg.attr('aria-label', `Parallel coordinates of ${this.#axes.map(({ name }) => name).join(', ')}`);
  }

  clear(): void {
    this.#kept.clear();
  }

  draw(): void {
    const count = this.#axes.length;
    const width = Math.max(this.#element.clientWidth, count * gapMin);
    const x = (index: number) => 56 + (index * (width - 112)) / Math.max(1, count - 1);
    Object.assign(this.#host.style, { width: `${width}px`, height: `${height}px` });
    this.#lines(width, x);
    this.#svg.attr('width', width).attr('height', height);
    const groups = this.#svg
      .selectAll<SVGGElement, Axis>('g.parallel-axis')
      .data(this.#axes)
      .join((enter) => {
        const group = enter.append('g').attr('class', 'parallel-axis');
        group.append('line');
        group.append('text').attr('class', 'parallel-name');
        group.append('g').attr('class', 'ticks');
        group.append('g').attr('class', 'brush');
        return group;
      });
    groups.attr('transform', (_, index) => `translate(${x(index)},0)`);
    groups
      .select('line')
      .attr('y1', top)
      .attr('y2', height - bottom);
    groups
      .select('.parallel-name')
      .attr('y', 14)
      .attr('text-anchor', 'middle')
      .classed('objective', ({ isObjective }) => isObjective)
      .text(({ name }) => name);
    groups
      .select('g.ticks')
      .selectAll<SVGTextElement, Axis['ticks'][number]>('text')
      .data(({ ticks, scale }) => ticks.map((tick) => ({ ...tick, y: scale(tick.value) })))
      .join('text')
      .attr('class', 'tick halo')
      .attr('x', 7)
      .attr('y', ({ y }) => y)
      .attr('dy', '0.32em')
      .text(({ text }) => text);
    this.#brushes(groups);
  }

  #brushes(groups: Selection<SVGGElement, Axis, SVGSVGElement, unknown>): void {
    const store = this.#store;
    const kept = this.#kept;
    const apply = () => this.#apply();
    groups.each(function draw(axis) {
      const behaviour = brushY<unknown>()
        .extent([
          [-14, top],
          [14, height - bottom],
        ])
        .on('end', (event: D3BrushEvent<unknown>) => {
          if (event.sourceEvent === undefined || event.sourceEvent === null) return;
          const area = event.selection as [number, number] | null;
          if (area === null) kept.delete(axis.name);
          else kept.set(axis.name, [axis.scale.invert(area[1]), axis.scale.invert(area[0])]);
          apply();
        });
      const group = select(this).select<SVGGElement>('g.brush');
      group.call(behaviour);
      if (store.state.selection === null) kept.clear();
      const range = kept.get(axis.name);
      group.call(behaviour.move, range === undefined ? null : [axis.scale(range[1]), axis.scale(range[0])]);
    });
  }

  #apply(): void {
    if (this.#kept.size === 0) {
      this.#store.set({ selection: null });
      return;
    }
    const ranges = this.#axes.flatMap(({ name, values }) => {
      const range = this.#kept.get(name);
      return range === undefined ? [] : [{ values, low: Math.min(...range), high: Math.max(...range) }];
    });
    const inside = new Set<number>();
    for (let trial = 0; trial < this.#data.count; trial++) {
      if (ranges.every(({ values, low, high }) => values[trial]! >= low && values[trial]! <= high)) inside.add(trial);
    }
    this.#store.set({ selection: inside });
  }

  #lines(width: number, x: (index: number) => number): void {
    const context = contextOf(this.#canvas, width, height);
    context.lineWidth = 1;
    const { count, study } = this.#data;
    const objective = this.#axes.findLast(
      ({ isObjective, name }) => isObjective && name === metricKind(study!.objectives[0]!.metric).noun,
    )!;
    const [low, high] = extentOf(objective.values);
    const mix = interpolateRgb(resolved('var(--trial)'), resolved('var(--policy-2)'));
    const { pinned } = this.#store.state;
    const isAll = this.#store.state.selection === null;
    const alpha = Math.max(0.05, Math.min(0.6, 160 / (isAll ? count : this.#store.state.selection!.size + 1)));
    const line = (trial: number, colour: string, opacity: number) => {
      context.globalAlpha = opacity;
      context.strokeStyle = colour;
      context.beginPath();
      this.#axes.forEach(({ values, scale }, index) => {
        context.lineTo(x(index), scale(values[trial]!));
      });
      context.stroke();
    };
    const faint = resolved('var(--faint)');
    const every = Math.ceil(count / 1500);
    // Pinned ones come last, above all others.
    const order = [...(isAll ? [] : this.#indices((trial) => !this.#store.isShown(trial) && trial % every === 0))];
    const shown = this.#indices((trial) => this.#store.isShown(trial));
    inSlices(this.#canvas, order.length + shown.length + pinned.length, (index) => {
      const rest = index - order.length;
      if (rest < 0) {
        line(order[index]!, faint, 0.04);
      } else if (rest < shown.length) {
        const trial = shown[rest]!;
        line(trial, mix((objective.values[trial]! - low) / (high - low || 1)), alpha);
      } else {
        context.lineWidth = 2.5;
        line(pinned[rest - shown.length]!, resolved('var(--ink)'), 1);
      }
    });
  }

  #indices(holds: (trial: number) => boolean): number[] {
    const found: number[] = [];
    for (let trial = 0; trial < this.#data.count; trial++) if (holds(trial)) found.push(trial);
    return found;
  }
}

function extentOf(values: Float64Array): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? [low, high] : [0, 1];
}

function axesOf({ knobs, objectives, metrics }: Study): Axis[] {
  const scaleOf = (values: Float64Array, isNumeric: boolean) => {
    const [low, high] = extentOf(values);
    const range = [height - bottom, top];
    const isWide = isNumeric && low > 0 && high / low > 5;
    return isWide ? scaleLog([low, high], range) : scaleLinear(low === high ? [low - 1, high + 1] : [low, high], range);
  };
  const ofKnobs = knobs.map(({ path, values, texts, isNumeric }) => {
    const distinct = [...new Map([...values].map((value, row) => [value, texts[row]!] as const)).entries()];
    const sorted = distinct.filter(([value]) => Number.isFinite(value)).sort(([left], [right]) => left - right);
    const some =
      sorted.length <= 8
        ? sorted
        : [0, 0.25, 0.5, 0.75, 1].map((share) => sorted[Math.round(share * (sorted.length - 1))]!);
    const ticks = some.map(([value, text]) => ({ value, text: text.replace(/(\d\.\d\d)\d+/, '$1') }));
    const name = path.split('.').slice(-2).join('.');
    return { name, isObjective: false, values, scale: scaleOf(values, isNumeric), ticks };
  });
  const ofObjectives = objectives.map(({ metric }) => {
    const { noun, show, unit } = metricKind(metric);
    const { mean } = metrics.get(metric)!;
    const scale = scaleOf(mean, true);
    const text = unit === 'time' ? shortTime : unit === 'money' ? String : show;
    const ticks = ticksOf(scale, 5, unit === 'time').map((value) => ({ value, text: text(value) }));
    return { name: noun, isObjective: true, values: mean, scale, ticks };
  });
  return [...ofKnobs, ...ofObjectives];
}
