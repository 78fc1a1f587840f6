/** Two results side by side: two policies of one file, or two files, such as a simulated and a measured one. */
import { scaleLinear, select } from 'd3';
import { formatSeconds } from '#scenarios/format/units.ts';
import { holdsZero, type Interval } from '#sim/lab/statistics.ts';
import { drawX, drawY, type Frame } from '#viz/axes.ts';
import type { Dataset } from '#viz/data/dataset.ts';
import { pointsWhere, ranking } from '#viz/data/decision.ts';
import { type MetricKind, metricKinds } from '#viz/data/metrics.ts';
import { formatChange, formatPercent, plural } from '#viz/format.ts';
import { button, make, onResize, panel, type Sources, select as selectOf, type View } from '#viz/panel.ts';
import type { Store } from '#viz/store.ts';
import { configurationDifferences, publishedRows } from './compare-details.ts';
import { type Curve, curveOf } from './completion-curve.ts';
import { withSpread } from './decision-answers.ts';

/** One thing that can be compared. */
export interface Side {
  data: Dataset;
  point: number;
  name: string;
  isMeasured: boolean;
}

export const compare: View = (element, sources, store) => {
  const sides = sidesOf(sources);
  const frame = panel(element, 'Compare');
  const options = sides.map(({ name }, value) => ({ value, text: name }));
  const chosen = () => chosenOf(sides, sources, store);
  const left = selectOf('A', options, (value) => store.set({ left: value, right: chosen()[1] }));
  const right = selectOf('B', options, (value) => store.set({ left: chosen()[0], right: value }));
  const swap = button('Swap', 'A becomes B', () => {
    const [a, b] = chosen();
    store.set({ left: b, right: a });
  });
  frame.controls.append(left.element, right.element, swap);
  const grid = make('div', 'compare-grid');
  const chart = make('div');
  const table = make('div', 'compare-table');
  const below = make('div', 'compare-below');
  grid.append(chart, table);
  frame.body.append(grid, below);
  const draw = () => {
    const [a, b] = chosen();
    const pair = [sides[a]!, sides[b]!] as const;
    left.show(a);
    right.show(b);
    const rows = metricKinds.map((kind) => rowOf(pair[0], pair[1], kind));
    chart.replaceChildren(curves(pair, chart.clientWidth));
    table.replaceChildren(differenceTable(pair, rows));
    below.replaceChildren(configurationDifferences(pair[0], pair[1]), ...publishedRows(pair[0]));
    frame.say(sentence(pair, rows));
    frame.table(() => ({
      head: ['', `A: ${pair[0].name}`, `B: ${pair[1].name}`, 'B against A'],
      rows: rows.map(({ kind, a: left, b: right, change }) => [kind.label, left, right, change]),
    }));
  };
  onResize(chart, draw);
  draw();
  return (changed) => {
    if (['left', 'right', 'theme'].some((name) => changed.has(name))) draw();
  };
};

function sidesOf({ data, other }: Sources): Side[] {
  return [data, other].flatMap((each, file) => {
    if (each === null || each.runs.length === 0) return [];
    return each.labels.map((label, point) => ({
      data: each,
      point,
      name: other === null ? label : `${label} · file ${file + 1}`,
      isMeasured: each.runs[each.runsOf[point]![0]!]!.result.manifest.engine === 'pilot',
    }));
  });
}

/** What the reader chose; else the scenario's own policy beside the other file's, or beside the best rival. */
function chosenOf(sides: Side[], { data, other }: Sources, { state }: Store): [number, number] {
  const valid = (place: number) => place >= 0 && place < sides.length;
  if (valid(state.left) && valid(state.right)) return [state.left, state.right];
  if (other !== null && other.runs.length > 0) return [data.own, data.count + other.own];
  const ranked = ranking(
    data,
    pointsWhere(data, (point) => point !== data.own),
    'p95(completion)',
    'cost.total',
  );
  return [data.own, ranked[0] ?? data.own];
}

interface Row {
  kind: MetricKind;
  a: string;
  b: string;
  change: string;
  /** 1 where B is better beyond doubt, −1 where it is worse. */
  better: number;
  interval: string;
}

function rowOf(left: Side, right: Side, kind: MetricKind): Row {
  const a = left.data.column(kind.key).mean[left.point]!;
  const b = right.data.column(kind.key).mean[right.point]!;
  // Seeds are paired within a file; across files there is only the ratio of the means.
  const paired = left.data === right.data ? left.data.difference(right.point, left.point, kind.key) : null;
  const found: Interval | null =
    paired ?? (a === 0 || Number.isNaN(a) || Number.isNaN(b) ? null : { mean: (b - a) / a, low: null, high: null });
  const shown = { a: withSpread(left.data, left.point, kind), b: withSpread(right.data, right.point, kind) };
  if (found === null) return { kind, ...shown, change: a === b ? 'equal' : '–', better: 0, interval: '' };
  const unclear = found.low !== null && holdsZero(found) && found.mean !== 0;
  const direction = found.mean === 0 || unclear ? 0 : found.mean < 0 === !kind.moreIsBetter ? 1 : -1;
  const interval =
    found.low === null || found.high! - found.low < 1e-3
      ? ''
      : `${formatChange(found.low)} to ${formatChange(found.high!)}`;
  const change = found.mean === 0 ? 'equal' : formatChange(found.mean);
  return {
    kind,
    ...shown,
    change,
    better: direction,
    interval: unclear ? `${interval}: no clear difference` : interval,
  };
}

function sentence([a, b]: readonly [Side, Side], rows: Row[]): string {
  if (a === b) return `${a.name} beside itself: choose another for B.`;
  const better = rows.filter(({ better: each }) => each > 0).length;
  const worse = rows.filter(({ better: each }) => each < 0).length;
  const time = rows.find(({ kind }) => kind.key === 'p95(completion)')!;
  const cost = rows.find(({ kind }) => kind.key === 'cost.total')!;
  const kinds =
    a.isMeasured !== b.isMeasured ? ' Simulated beside measured: the difference is the error of the simulation.' : '';
  const score = `better in ${plural(better, 'figure')}, worse in ${worse}`;
  return `B (${b.name}) against A (${a.name}): p95 ${time.change}, cost ${cost.change}; ${score}.${kinds}`;
}

function differenceTable([a, b]: readonly [Side, Side], rows: Row[]): HTMLElement {
  const table = make('table', 'differences');
  const head = make('tr');
  const nameOf = (side: Side) =>
    `${side.name}${side.isMeasured && !side.name.includes('measured') ? ', measured' : ''}`;
  head.append(
    make('th'),
    make('th', '', `A: ${nameOf(a)}`),
    make('th', '', `B: ${nameOf(b)}`),
    make('th', '', 'B against A'),
  );
  table.append(head);
  for (const { kind, a: left, b: right, change, better, interval } of rows) {
    const row = make('tr');
    const cell = make('td', better > 0 ? 'better' : better < 0 ? 'worse' : 'even', change);
    if (interval !== '') cell.append(make('div', 'interval', interval));
    row.append(make('th', '', kind.label), make('td', '', left), make('td', '', right), cell);
    table.append(row);
  }
  return table;
}

function curves(pair: readonly [Side, Side], width: number): HTMLElement {
  const element = make('div');
  const both = pair.map(({ data, point }) => curveOf(data, point, false)) as [Curve, Curve];
  const end = Math.max(...both.map(({ seconds }) => seconds.at(-1) ?? 0), 1e-9) * 1.04;
  const frame: Frame = { width, height: 330, top: 26, right: 12, bottom: 40, left: 52 };
  const x = scaleLinear([0, end], [frame.left, width - frame.right]);
  const y = scaleLinear([0, 1], [frame.height - frame.bottom, frame.top]);
  const svg = select(element).append('svg').attr('width', width).attr('height', frame.height).attr('role', 'img');
  svg.attr('aria-label', `Completion of A, ${pair[0].name}, and B, ${pair[1].name}`);
  const axes = svg.append('g');
  drawX(axes, x, frame, { title: 'Time since the client’s arrival', show: formatSeconds, isTime: true });
  drawY(axes, y, frame, { title: 'Clients that have the file', show: formatPercent, ticks: [0, 0.25, 0.5, 0.75, 1] });
  const between = svg.append('path').attr('class', 'between');
  const shares = [...both[0].share].filter((share) => both[1].share.includes(share));
  const at = (curve: Curve, share: number) => curve.seconds[curve.share.indexOf(share)]!;
  const there = shares.map((share) => `${x(at(both[0], share))},${y(share)}`);
  const back = shares.map((share) => `${x(at(both[1], share))},${y(share)}`).reverse();
  if (there.length > 0) between.attr('d', `M${[...there, ...back].join('L')}Z`);
  both.forEach((curve, index) => {
    if (curve.share.length === 0) return;
    const points = Array.from(curve.share, (share, row) => `${x(curve.seconds[row]!)},${y(share)}`);
    const line = svg.append('path').attr('class', `curve side-${index === 0 ? 'a' : 'b'}`);
    line.attr('d', `M${x(curve.seconds[0]!)},${y(0)}L${points.join('L')}`);
    const row = Math.floor(curve.share.length * (index === 0 ? 0.62 : 0.38));
    const isRight = at(both[index]!, curve.share[row]!) >= (both[1 - index]!.seconds[row] ?? 0);
    svg
      .append('text')
      .attr('class', `halo side-${index === 0 ? 'a' : 'b'}-text`)
      .attr('x', x(curve.seconds[row]!) + (isRight ? 8 : -8))
      .attr('y', y(curve.share[row]!) + 4)
      .attr('text-anchor', isRight ? 'start' : 'end')
      .text(index === 0 ? 'A' : 'B');
  });
  return element;
}
