/** Small charts of a study: one knob against the objective, and how the best found came down trial by trial. */
import { scaleLinear, scaleLog, select } from 'd3';
import { resolved } from '#viz/appearance.ts';
import { drawX, drawY, type Frame, niceScale, type Scale } from '#viz/axes.ts';
import { contextOf, inSlices, stamp } from '#viz/canvas.ts';
import type { Dataset } from '#viz/data/dataset.ts';
import { metricKind } from '#viz/data/metrics.ts';
import type { Knob } from '#viz/data/study.ts';
import { formatCount } from '#viz/format.ts';
import { make } from '#viz/panel.ts';
import type { Store } from '#viz/store.ts';

const frameOf = (width: number, height: number): Frame => ({ width, height, top: 26, right: 8, bottom: 40, left: 56 });

export function sliceChart(data: Dataset, store: Store, knob: Knob, metric: string, width: number): HTMLElement {
  const frame = frameOf(width, 200);
  const kind = metricKind(metric);
  const { mean } = data.column(metric);
  const element = make('div', 'slice');
  const canvas = make('canvas');
  element.append(canvas);
  const y = niceScale([...mean], [frame.height - frame.bottom, frame.top]);
  const x = knobScale(knob, [frame.left + 6, width - frame.right - 6]);
  const svg = select(element).append('svg').attr('width', width).attr('height', frame.height).attr('role', 'img');
  svg.attr('aria-label', `${kind.label} against ${knob.path}`);
  const axes = svg.append('g');
  const texts = new Map([...knob.values].map((value, row) => [value, knob.texts[row]!]));
  const distinct = [...texts.keys()].filter(Number.isFinite).sort((left, right) => left - right);
  const ticks: number[] = [];
  for (const value of distinct) if (ticks.length === 0 || x(value) - x(ticks.at(-1)!) > 64) ticks.push(value);
  const show = (value: number) => (texts.get(value) ?? '').replace(/(\d\.\d)\d+/, '$1');
  drawX(axes, x, frame, { title: knob.path, show, ticks });
  const isTime = kind.unit === 'time';
  drawY(axes, y, frame, { title: kind.noun, show: kind.show, isTime });
  const context = contextOf(canvas, width, frame.height);
  const dot = stamp(context, data.count > 300 ? 2 : 3.5, resolved('var(--trial)'));
  const alpha = Math.max(0.12, Math.min(0.7, 400 / data.count));
  inSlices(canvas, data.count, (trial) => {
    context.globalAlpha = store.isShown(trial) ? alpha : 0.02;
    dot(x(knob.values[trial]!), y(mean[trial]!));
  });
  return element;
}

function knobScale({ values, isNumeric }: Knob, range: [number, number]): Scale {
  const known = [...values].filter(Number.isFinite);
  const low = known.reduce((least, value) => Math.min(least, value), Infinity);
  const high = known.reduce((most, value) => Math.max(most, value), -Infinity);
  if (isNumeric && low > 0 && high / low > 5) return scaleLog([low, high], range);
  return scaleLinear(low === high ? [low - 1, high + 1] : [low, high], range);
}

/** Best feasible value of the first objective after each trial. */
export function bestSoFar(data: Dataset): { trial: number; value: number }[] {
  const { metric, goal } = data.study!.objectives[0]!;
  const { mean } = data.column(metric);
  const steps: { trial: number; value: number }[] = [];
  let best = Infinity;
  const sign = goal === 'maximize' ? -1 : 1;
  for (let trial = 0; trial < data.count; trial++) {
    if (trial === data.baseline || data.broken[trial] !== 0 || !(sign * mean[trial]! < best)) continue;
    best = sign * mean[trial]!;
    steps.push({ trial, value: mean[trial]! });
  }
  return steps;
}

export function convergenceChart(data: Dataset, width: number): HTMLElement {
  const element = make('div');
  const steps = bestSoFar(data);
  const kind = metricKind(data.study!.objectives[0]!.metric);
  const last = steps.at(-1);
  const said =
    last === undefined
      ? 'no trial keeps every constraint'
      : `the best so far was last improved by ${data.labels[last.trial]} of ${formatCount(data.study!.trialCount)}`;
  element.append(make('div', 'legend-title', `Convergence: ${said}`));
  if (last === undefined || width < 100) return element;
  const frame = frameOf(width, 220);
  const x = scaleLinear([0, data.count], [frame.left, width - frame.right]);
  const y = niceScale(
    steps.map(({ value }) => value),
    [frame.height - frame.bottom, frame.top],
  );
  const svg = select(element).append('svg').attr('width', width).attr('height', frame.height).attr('role', 'img');
  svg.attr('aria-label', `Best ${kind.noun} by trial: ${said}`);
  const axes = svg.append('g');
  drawX(axes, x, frame, { title: 'Trials', show: formatCount, ticks: x.ticks(10).filter(Number.isInteger) });
  drawY(axes, y, frame, { title: `Best ${kind.noun} so far`, show: kind.show, isTime: kind.unit === 'time' });
  const path = steps.map(({ trial, value }, index) =>
    index === 0 ? `M${x(trial)},${y(value)}` : `H${x(trial)}V${y(value)}`,
  );
  svg
    .append('path')
    .attr('class', 'curve')
    .attr('stroke', 'var(--trial)')
    .attr('d', `${path.join('')}H${x(data.count)}`);
  svg
    .selectAll('circle')
    .data(steps)
    .join('circle')
    .attr('r', 3)
    .attr('fill', 'var(--trial)')
    .attr('cx', ({ trial }) => x(trial))
    .attr('cy', ({ value }) => y(value));
  return element;
}
