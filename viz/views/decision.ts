/** The first screen: who is ahead in what, by how much, how sure, and whether the origin's contract held. */
import type { Dataset } from '#viz/data/dataset.ts';
import { paretoSet, pointsWhere, qualifies } from '#viz/data/decision.ts';
import { metricKind, metricKinds } from '#viz/data/metrics.ts';
import { formatCount, listed, plural } from '#viz/format.ts';
import { make, type Panel, panel, select, type View } from '#viz/panel.ts';
import type { Store } from '#viz/store.ts';
import { answers, headline } from './decision-answers.ts';
import { PinnedPoints } from './decision-pinned.ts';
import { Ranking } from './decision-ranking.ts';
import { Scatter, svgPointsMax } from './decision-scatter.ts';

export const decision: View = (element, { data }, store) => {
  const frame = panel(element, data.title);
  element.classList.add('decision');
  frame.say(data.subtitle);
  const title = make('p', 'headline');
  title.setAttribute('role', 'heading');
  title.setAttribute('aria-level', '3');
  const tiles = make('div', 'answers');
  const verdict = make('p', 'verdict', data.verdict);
  const grid = make('div', 'decision-grid');
  const chart = make('div', 'decision-chart');
  const side = make('div', 'decision-side');
  const pins = make('div', 'pins');
  grid.append(chart, side);
  frame.body.append(title, tiles, grid, pins);
  const note = make('p', 'chart-note');
  const controls = axisControls(data, store);
  const scatter = new Scatter(chart, data, store);
  chart.prepend(controls.element);
  chart.append(note);
  const ranks = new Ranking(side, data, store, (point) => scatter.show(point));
  if (data.verdict !== '') side.append(verdict);
  const pinned = new PinnedPoints(pins, data, store);
  const update = (changed: ReadonlySet<string>) => {
    const isData = ['x', 'y', 'selection', 'theme'].some((name) => changed.has(name));
    if (isData) {
      const { x, y } = store.state;
      const shown = pointsWhere(data, (point) => store.isShown(point));
      title.textContent = headline(data, shown, x, y);
      tiles.replaceChildren(...answers(data, shown, x, y));
      note.textContent = noteOf(data, store);
      controls.show();
      tableOf(frame, data, store);
    }
    scatter.update(changed);
    if (isData || changed.has('focus') || changed.has('pinned')) ranks.update();
    if (isData || changed.has('pinned')) pinned.update();
  };
  update(new Set(['x']));
  return update;
};

/** Policies or trials that stand for election in the Pareto line. */
export function electable(data: Dataset): { points: number[]; who: string } {
  const sound = pointsWhere(data, (point) => qualifies(data, point));
  const what = data.policies === null ? 'trials' : 'policies';
  if (sound.length > 1 || data.policies === null) {
    const how =
      data.policies === null
        ? 'keep every constraint'
        : data.contract === null
          ? 'serve every client'
          : 'serve every client and keep the contract';
    return { points: sound, who: `${what} that ${how}` };
  }
  return { points: pointsWhere(data, (point) => data.unserved[point] === 0), who: `${what} that serve every client` };
}

export function frontOf(data: Dataset, store: Store): number[] {
  const { x, y } = store.state;
  return paretoSet(
    data,
    electable(data).points.filter((point) => store.isShown(point)),
    x,
    y,
  );
}

function noteOf(data: Dataset, store: Store): string {
  const { x, y } = store.state;
  const missing = pointsWhere(
    data,
    (point) =>
      store.isShown(point) && (Number.isNaN(data.column(x).mean[point]!) || Number.isNaN(data.column(y).mean[point]!)),
  );
  const broke = data.policies === null ? 'a constraint broke' : 'clients were left unserved or the contract was broken';
  const parts = [`Hollow: ${broke}.`];
  if (data.count > 1) parts.push(`Line: the ${electable(data).who} and that no other of them beats in both.`);
  if (data.seeds > 1 && data.count <= svgPointsMax)
    parts.push(`Whiskers: 95 % interval of the mean of ${data.seeds} seeds.`);
  if (missing.length > 0 && missing.length <= 4) {
    const names = listed(missing.map((point) => data.labels[point]!));
    parts.push(`Not drawn: ${names}, ${missing.length === 1 ? 'which has' : 'which have'} no such value.`);
  } else if (missing.length > 4) {
    parts.push(`Not drawn: ${plural(missing.length, 'point')} without such a value.`);
  }
  return parts.join(' ');
}

function axisControls(data: Dataset, store: Store): { element: HTMLElement; show(): void } {
  const element = make('div', 'controls');
  const keys = data.study === null ? metricKinds.map(({ key }) => key) : [...data.study.metrics.keys()];
  const options = keys.map((value) => ({ value, text: metricKind(value).label }));
  const across = select('Across', options, (x) => store.set({ x }));
  const up = select('Up', options, (y) => store.set({ y }));
  element.append(across.element, up.element);
  return {
    element,
    show: () => {
      across.show(store.state.x);
      up.show(store.state.y);
    },
  };
}

function tableOf(frame: Panel, data: Dataset, store: Store): void {
  frame.table(() => {
    const { x, y } = store.state;
    const kinds = [metricKind(x), metricKind(y)];
    const cells = (point: number) =>
      kinds.flatMap(({ key, show }) => {
        const { mean, low, high } = data.column(key);
        return [mean, low, high].map((column) => (Number.isNaN(column[point]!) ? '–' : show(column[point]!)));
      });
    return {
      head: ['', ...kinds.flatMap(({ noun }) => [noun, '95 % low', 'high']), 'unserved', 'violated'],
      rows: pointsWhere(data, (point) => store.isShown(point)).map((point) => [
        data.labels[point]!,
        ...cells(point),
        formatCount(data.unserved[point]!),
        formatCount(data.broken[point]!),
      ]),
    };
  });
}
