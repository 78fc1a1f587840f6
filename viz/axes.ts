/** Axes with units and few words: ticks at values that people use, hairline grids, a title at each end. */
import { type ScaleContinuousNumeric, type Selection, scaleLinear, scaleLog } from 'd3';

export type Group = Selection<SVGGElement, unknown, null, undefined>;
export type Scale = ScaleContinuousNumeric<number, number>;

export interface Frame {
  width: number;
  height: number;
  top: number;
  right: number;
  bottom: number;
  left: number;
}

const timeSteps = [
  1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200,
  10_800, 21_600, 43_200, 86_400, 172_800, 432_000, 864_000,
];

/** Multiples of a step that clocks know. */
export function timeTicks([from, to]: readonly number[], count: number): number[] {
  const step = timeSteps.find((each) => (to! - from!) / each <= count) ?? 864_000;
  const first = Math.ceil(from! / step - 1e-9);
  const last = Math.floor(to! / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => (first + index) * step);
}

/** "0", "30 s", "5 min", "1.5 h": shorter than a time in a sentence. */
export function shortTime(seconds: number): string {
  if (seconds === 0) return '0';
  const [unit, size] =
    seconds < 1
      ? ['ms', 1e-3]
      : seconds < 120
        ? ['s', 1]
        : seconds < 7200
          ? ['min', 60]
          : seconds < 172_800
            ? ['h', 3600]
            : ['d', 86_400];
  return `${Number((seconds / (size as number)).toPrecision(3))} ${unit}`;
}

/** Logarithmic where the values span more than a factor of twelve and none is zero. */
export function niceScale(values: readonly number[], range: [number, number], fromZero = false): Scale {
  const known = values.filter(Number.isFinite);
  const low = Math.min(...known);
  const high = Math.max(...known);
  if (known.length === 0) return scaleLinear([0, 1], range);
  if (!fromZero && low > 0 && high / low > 12) return scaleLog([low / 1.25, high * 1.25], range);
  const margin = (high - low || Math.abs(high) || 1) * 0.09;
  return scaleLinear(
    [fromZero ? Math.min(0, low) : Math.max(low >= 0 ? 0 : -Infinity, low - margin), high + margin],
    range,
  );
}

export function ticksOf(scale: Scale, count: number, isTime: boolean): number[] {
  const domain = scale.domain();
  if ('base' in scale) return logTicks(domain, count, isTime);
  return isTime ? timeTicks(domain, count) : scale.ticks(count);
}

function logTicks([from, to]: number[], count: number, isTime: boolean): number[] {
  const all = isTime ? timeSteps.filter((step) => step !== 900 && step !== 172_800) : decades(from!, to!, [1, 2, 5]);
  const inside = all.filter((value) => value >= from! && value <= to!);
  if (inside.length <= count) return inside;
  const tens = isTime ? [] : decades(from!, to!, [1]).filter((value) => value >= from! && value <= to!);
  if (tens.length >= 2) return tens;
  const every = Math.ceil(inside.length / count);
  return inside.filter((_, index) => index % every === 0);
}

function decades(from: number, to: number, digits: number[]): number[] {
  const first = Math.floor(Math.log10(from));
  const powers = Array.from({ length: Math.ceil(Math.log10(to)) - first + 1 }, (_, index) => first + index);
  return powers.flatMap((power) => digits.map((digit) => digit * 10 ** power));
}

export interface AxisOptions {
  title: string;
  show(value: number): string;
  isTime?: boolean;
  ticks?: number[];
}

export function drawX(group: Group, scale: Scale, frame: Frame, options: AxisOptions): void {
  const count = Math.max(3, Math.floor((frame.width - frame.left - frame.right) / 74));
  const ticks = options.ticks ?? ticksOf(scale, count, options.isTime ?? false);
  const bottom = frame.height - frame.bottom;
  const axis = group.selectAll<SVGGElement, null>('g.x-axis').data([null]).join('g').attr('class', 'axis x-axis');
  axis.attr('aria-hidden', 'true');
  axis
    .selectAll('line')
    .data(ticks)
    .join('line')
    .attr('x1', scale)
    .attr('x2', scale)
    .attr('y1', frame.top)
    .attr('y2', bottom);
  const edge = (value: number) => frame.width - scale(value) < 14;
  axis
    .selectAll<SVGTextElement, number>('text.tick')
    .data(ticks)
    .join('text')
    .attr('class', 'tick')
    .attr('x', (value) => (edge(value) ? frame.width - 1 : scale(value)))
    .attr('y', bottom + 17)
    .attr('text-anchor', (value) => (edge(value) ? 'end' : 'middle'))
    .text(options.isTime ? shortTime : options.show);
  axis
    .selectAll('text.title')
    .data([options.title])
    .join('text')
    .attr('class', 'title')
    .attr('x', frame.width - frame.right)
    .attr('y', bottom + 35)
    .attr('text-anchor', 'end')
    .text((title) => (title === '' ? '' : `${title} →`));
}

export function drawY(group: Group, scale: Scale, frame: Frame, options: AxisOptions): void {
  const count = Math.max(3, Math.floor((frame.height - frame.top - frame.bottom) / 46));
  const ticks = options.ticks ?? ticksOf(scale, count, options.isTime ?? false);
  const axis = group.selectAll<SVGGElement, null>('g.y-axis').data([null]).join('g').attr('class', 'axis y-axis');
  axis.attr('aria-hidden', 'true');
  axis
    .selectAll('line')
    .data(ticks)
    .join('line')
    .attr('x1', frame.left)
    .attr('x2', frame.width - frame.right)
    .attr('y1', scale)
    .attr('y2', scale);
  axis
    .selectAll<SVGTextElement, number>('text.tick')
    .data(ticks)
    .join('text')
    .attr('class', 'tick')
    .attr('x', frame.left - 8)
    .attr('y', scale)
    .attr('dy', '0.32em')
    .attr('text-anchor', 'end')
    .text(options.isTime ? shortTime : options.show);
  axis
    .selectAll('text.title')
    .data([options.title])
    .join('text')
    .attr('class', 'title')
    .attr('x', 0)
    .attr('y', frame.top - 12)
    .text((title) => (title === '' ? '' : `↑ ${title}`));
}
