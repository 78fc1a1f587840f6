/** The knobs of a study and what they do: parallel coordinates with brushes, slices, importance, convergence. */
import type { Dataset } from '#viz/data/dataset.ts';
import { metricKind } from '#viz/data/metrics.ts';
import type { Study } from '#viz/data/study.ts';
import { formatCount, formatPercent, listed, plural } from '#viz/format.ts';
import { button, make, onResize, panel, type View } from '#viz/panel.ts';
import { importances } from './parameters-importance.ts';
import { ParallelCoordinates } from './parameters-parallel.ts';
import { convergenceChart, sliceChart } from './parameters-slices.ts';

export const parameters: View = (element, { data }, store) => {
  const study = data.study!;
  const frame = panel(element, 'Parameters');
  const clear = button('Show all again', '', () => {
    parallel.clear();
    store.set({ selection: null });
  });
  frame.controls.append(clear);
  const host = make('div', 'parallel');
  const slices = make('div', 'slices');
  const lower = make('div', 'chart-and-side');
  const course = make('div');
  const side = make('div');
  lower.append(course, side);
  frame.body.append(host, make('h3', 'sub', 'One knob at a time'), slices, lower);
  const parallel = new ParallelCoordinates(host, data, store);
  const shares = importances(study);
  side.append(make('div', 'legend-title', importanceTitle(study)), ...shares.map(importanceBar));
  const draw = () => {
    parallel.draw();
    const { metric } = study.objectives[0]!;
    slices.replaceChildren();
    const columns = Math.max(1, Math.min(4, Math.floor(slices.clientWidth / 260)));
    const width = Math.floor((slices.clientWidth - (columns - 1) * 24) / columns);
    for (const knob of study.knobs) slices.append(sliceChart(data, store, knob, metric, width));
    course.replaceChildren(convergenceChart(data, course.clientWidth));
    clear.hidden = store.state.selection === null;
    frame.say(sentence(data, shares, store.state.selection));
    frame.table(() => tableOf(study, store.state.selection));
  };
  onResize(host, draw);
  draw();
  return (changed) => {
    if (changed.has('selection') || changed.has('theme')) draw();
    else if (changed.has('focus') || changed.has('pinned')) parallel.draw();
  };
};

type Importance = { path: string; share: number };

function importanceTitle({ importance, objectives }: Study): string {
  const { noun } = metricKind(objectives[0]!.metric);
  return importance.length > 0
    ? `Share of the variance of ${noun}`
    : `Share of the variance of ${noun} that a knob alone explains`;
}

function importanceBar({ path, share }: Importance): HTMLElement {
  const row = make('div', 'use');
  const line = make('div', 'use-line');
  line.append(make('span', '', path), make('b', '', formatPercent(share)));
  const track = make('div', 'use-track');
  const fill = make('span', 'plain');
  fill.style.width = `${Math.min(1, share) * 100}%`;
  fill.style.background = 'var(--trial)';
  fill.dataset.knob = path;
  track.append(fill);
  row.append(line, track);
  return row;
}

function sentence({ study, count }: Dataset, shares: Importance[], selection: ReadonlySet<number> | null): string {
  const { knobs, objectives } = study!;
  const scope =
    selection === null ? '' : ` ${formatCount(selection.size)} of ${formatCount(count)} are inside the brush.`;
  const [first] = shares;
  const { noun } = metricKind(objectives[0]!.metric);
  const idle = shares.filter(({ share }) => share < 0.02).map(({ path }) => path);
  const most = first === undefined ? '' : ` ${first.path} matters most for ${noun} (${formatPercent(first.share)}).`;
  const least = idle.length === 0 ? '' : ` ${listed(idle)} hardly ${idle.length === 1 ? 'matters' : 'matter'}.`;
  return `${plural(study!.trialCount, 'trial')} of ${plural(knobs.length, 'knob')}.${most}${least}${scope}`;
}

function tableOf({ knobs, metrics, count, labels }: Study, selection: ReadonlySet<number> | null) {
  const rows: (string | number)[][] = [];
  for (let trial = 0; trial < count; trial++) {
    if (selection !== null && !selection.has(trial)) continue;
    const values = [...metrics].map(([key, { mean }]) => metricKind(key).show(mean[trial]!));
    rows.push([labels[trial]!, ...knobs.map(({ texts }) => texts[trial]!), ...values]);
  }
  return { head: ['', ...knobs.map(({ path }) => path), ...metrics.keys()], rows };
}
