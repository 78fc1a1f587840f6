/** What the origin has to bear, against the contract's lines: rate, connections, rolling windows, violations. */
import { max } from 'd3';
import { formatBytes, formatRate } from '#scenarios/format/units.ts';
import { sources } from '#viz/appearance.ts';
import type { Contract, Dataset, Run } from '#viz/data/dataset.ts';
import { formatCount, formatPercent, plural } from '#viz/format.ts';
import { button, make, onResize, type Panel, panel, type View } from '#viz/panel.ts';
import type { Store } from '#viz/store.ts';
import { focusControls, focusedRun, runName } from './focus.ts';
import { pressureTable } from './origin-pressure.ts';
import { endOf, rowAt, stepArea, TimeChart } from './time-chart.ts';

export const origin: View = (element, { data }, store) => new Origin(element, data, store).update;

interface Lane {
  chart: TimeChart;
  values(run: Run): Float64Array;
  limit(contract: Contract): number;
  show(value: number): string;
}

class Origin {
  readonly #panel: Panel;
  readonly #data: Dataset;
  readonly #store: Store;
  readonly #lanes: Lane[];
  readonly #readout = make('div', 'readout');
  readonly #side = make('div');
  readonly #jumps = make('div', 'jumps');
  readonly #showFocus: () => void;

  constructor(element: HTMLElement, data: Dataset, store: Store) {
    this.#data = data;
    this.#store = store;
    this.#panel = panel(element, 'Origin pressure');
    this.#showFocus = focusControls(this.#panel.controls, data, store);
    const grid = make('div', 'chart-and-side');
    const left = make('div');
    const lane = (yTitle: string, height: number, yShow: (value: number) => string, xTitle?: string) =>
      new TimeChart(left, {
        label: `${yTitle} over time. Arrow keys move the time cursor.`,
        height,
        yTitle,
        yShow,
        store,
        ...(xTitle && { xTitle }),
      });
    this.#lanes = [
      {
        chart: lane('Sent by the origin', 220, formatRate),
        values: ({ series }) => series.originBytesPerSecond,
        limit: ({ bytesPerSecond }) => bytesPerSecond,
        show: formatRate,
      },
      {
        chart: lane('Connections at the origin', 150, formatCount, 'Time since the start of the scenario'),
        values: ({ series }) => series.originConnections,
        limit: ({ connections }) => connections,
        show: formatCount,
      },
    ];
    left.append(this.#readout, this.#jumps);
    grid.append(left, this.#side);
    this.#panel.body.append(grid);
    onResize(left, () => this.#draw());
    this.#draw();
  }

  readonly update = (changed: ReadonlySet<string>): void => {
    if (['focus', 'seed', 'selection', 'theme'].some((name) => changed.has(name))) this.#draw();
    else if (changed.has('cursorSeconds')) this.#read();
  };

  #draw(): void {
    const run = focusedRun(this.#data, this.#store);
    this.#showFocus();
    for (const lane of this.#lanes) this.#drawLane(lane, run);
    this.#drawViolations(run);
    this.#side.replaceChildren(pressureTable(this.#data, this.#store, run));
    this.#read();
    this.#panel.say(sentence(run, this.#data.contract));
    this.#panel.table(() => ({
      head: ['time', 'rate', 'connections'],
      rows: [...run.series.time].map((time, row) => [
        `${time} s`,
        ...this.#lanes.map(({ values, show }) => show(values(run)[row]!)),
      ]),
    }));
  }

  #drawLane({ chart, values, limit, show }: Lane, run: Run): void {
    const { contract } = this.#data;
    const most = contract === null ? Infinity : limit(contract);
    const column = values(run);
    const peak = max(column) ?? 0;
    const hasLimit = most < Infinity;
    // A limit far above what is used would press the curve flat against the axis.
    const isNear = hasLimit && most <= peak * 8;
    chart.scale(endOf(run), (isNear ? Math.max(peak, most) : peak) * 1.12);
    chart.plot
      .selectAll('path.load')
      .data([column])
      .join('path')
      .attr('class', 'load')
      .attr('fill', sources[0].colour)
      .attr('d', (load) =>
        stepArea(run.series.time, new Float64Array(load.length), load, endOf(run), chart.x, chart.y),
      );
    const y = isNear ? chart.y(most) : chart.frame.top;
    chart.plot
      .selectAll('line.limit')
      .data(isNear ? [most] : [])
      .join('line')
      .attr('class', 'limit')
      .attr('x1', chart.frame.left)
      .attr('x2', chart.frame.width - chart.frame.right)
      .attr('y1', y)
      .attr('y2', y);
    chart.plot
      .selectAll('text.limit-text')
      .data(hasLimit ? [most] : [])
      .join('text')
      .attr('class', 'limit-text halo')
      .attr('x', chart.frame.width - chart.frame.right)
      .attr('y', isNear ? y - 6 : y + 12)
      .attr('text-anchor', 'end')
      .text(`contract ${show(most)}${isNear ? '' : ', beyond this chart'}`);
  }

  #drawViolations(run: Run): void {
    const { violationsAt = [] } = run.result.summary.origin;
    for (const { chart } of this.#lanes) {
      const bottom = chart.frame.height - chart.frame.bottom;
      chart.plot
        .selectAll('path.violation')
        .data(violationsAt)
        .join('path')
        .attr('class', 'violation')
        .attr('d', (at) => `M${chart.x(Math.floor(at))},${bottom}v6h${Math.max(2, chart.x(1) - chart.x(0))}v-6z`);
    }
    this.#jumps.replaceChildren();
    if (violationsAt.length === 0) return;
    const next = (direction: 1 | -1) => () => {
      const now = this.#store.state.cursorSeconds ?? (direction > 0 ? -1 : Infinity);
      const ahead = violationsAt.filter((at) => (direction > 0 ? at > now + 1e-9 : at < now - 1e-9));
      const found = direction > 0 ? ahead[0] : ahead.at(-1);
      this.#store.set({ cursorSeconds: found ?? (direction > 0 ? violationsAt[0]! : violationsAt.at(-1)!) });
    };
    const buttons = [
      button('← violation', 'Previous second beyond the contract', next(-1)),
      button('Next violation →', '', next(1)),
    ];
    for (const each of buttons) each.className = 'quiet-button';
    const all = run.result.summary.origin.violations;
    const listedOnly = all > violationsAt.length ? `, the first ${violationsAt.length} marked` : '';
    this.#jumps.append(
      ...buttons,
      make('span', 'faint-text', `${plural(all, 'second')} beyond the contract${listedOnly}`),
    );
  }

  #read(): void {
    const { cursorSeconds } = this.#store.state;
    const run = focusedRun(this.#data, this.#store);
    for (const { chart } of this.#lanes) chart.cursor(cursorSeconds);
    if (cursorSeconds === null) {
      this.#readout.textContent = 'Point at a time to read it; rates are means over a step.';
      return;
    }
    const row = rowAt(run.series.time, cursorSeconds);
    const parts = this.#lanes.map(({ values, show, limit }) => {
      const value = values(run)[row]!;
      const most = this.#data.contract === null ? Infinity : limit(this.#data.contract);
      const part = make('span');
      part.append(
        make('b', '', show(value)),
        most === Infinity ? '' : ` · ${formatPercent(value / most)} of the contract`,
      );
      return part;
    });
    this.#readout.replaceChildren(make('b', '', `${Number(cursorSeconds.toPrecision(3))} s`), ...parts);
  }
}

function sentence(run: Run, contract: Contract | null): string {
  const { peakBytesPerSecond, peakConnections, violations, violationsAt = [] } = run.result.summary.origin;
  const peak = `the origin peaks at ${formatRate(peakBytesPerSecond)} and ${plural(peakConnections, 'connection')}`;
  const sent = `sends ${formatBytes(run.result.summary.bytes.originSent)}`;
  if (contract === null) return `${runName(run)}: ${peak} and ${sent}. The scenario sets no contract.`;
  const rate =
    contract.bytesPerSecond === Infinity
      ? ''
      : ` (${formatPercent(peakBytesPerSecond / contract.bytesPerSecond)} of the contract’s rate)`;
  const verdict =
    violations === 0
      ? 'The contract held at every second.'
      : `The contract was broken for ${plural(violations, 'second')}, first at ${formatCount(violationsAt[0] ?? 0)} s.`;
  return `${runName(run)}: ${peak}${rate}, and ${sent}. ${verdict}`;
}
