/** How many have the file by when: a curve per policy with the spread of its seeds, and each class of clients. */
import { pointer, type Selection, scaleLinear, select } from 'd3';
import { formatSeconds } from '#scenarios/format/units.ts';
import { colourOf, dashOf } from '#viz/appearance.ts';
import { drawX, drawY, type Frame, type Group, niceScale, type Scale } from '#viz/axes.ts';
import type { Dataset } from '#viz/data/dataset.ts';
import { pointsWhere } from '#viz/data/decision.ts';
import { formatPercent } from '#viz/format.ts';
import { choice, make, onResize, type Panel, panel, type View } from '#viz/panel.ts';
import type { Store } from '#viz/store.ts';
import { ClassStrips } from './completion-classes.ts';
import { type Curve, curveOf, secondsAt } from './completion-curve.ts';
import { mark } from './decision-answers.ts';

export const completion: View = (element, { data }, store) => new Completion(element, data, store).update;

class Completion {
  readonly #panel: Panel;
  readonly #data: Dataset;
  readonly #store: Store;
  readonly #svg: Selection<SVGSVGElement, unknown, null, undefined>;
  readonly #axes: Group;
  readonly #plot: Group;
  readonly #legend = make('div', 'legend');
  readonly #host = make('div');
  readonly #clock: { element: HTMLElement; show(value: boolean): void };
  readonly #classes: ClassStrips;
  #frame: Frame = { width: 0, height: 340, top: 26, right: 14, bottom: 40, left: 52 };
  #x: Scale = scaleLinear();
  #y: Scale = scaleLinear();
  #curves: Curve[] = [];
  /** Share of clients that the reader points at. */
  #shareAtCursor = 0.9;

  constructor(element: HTMLElement, data: Dataset, store: Store) {
    this.#data = data;
    this.#store = store;
    this.#panel = panel(element, 'Completion');
    this.#clock = choice(
      'Start of the count',
      [
        { value: false, text: 'From each arrival' },
        { value: true, text: 'On the scenario’s clock' },
      ],
      (clock) => store.set({ clock }),
    );
    this.#panel.controls.append(this.#clock.element);
    const grid = make('div', 'chart-and-side');
    const side = make('div');
    grid.append(this.#host, side);
    side.append(this.#legend);
    const strips = make('div', 'strips');
    this.#panel.body.append(grid, strips);
    this.#svg = select(this.#host).append('svg').attr('tabindex', 0).attr('role', 'img');
    this.#axes = this.#svg.append('g');
    this.#plot = this.#svg.append('g');
    this.#classes = new ClassStrips(strips, data, store);
    this.#listen();
    onResize(this.#host, () => this.#draw());
    this.#draw();
    this.#classes.update();
  }

  readonly update = (changed: ReadonlySet<string>): void => {
    if (['selection', 'clock', 'theme'].some((name) => changed.has(name))) {
      this.#draw();
      this.#classes.update();
    }
  };

  #draw(): void {
    const { clock } = this.#store.state;
    const shown = pointsWhere(this.#data, (point) => this.#store.isShown(point));
    this.#curves = shown.map((point) => curveOf(this.#data, point, clock));
    this.#clock.show(clock);
    this.#layout();
    this.#lines();
    this.#bounds();
    this.#read();
    this.#panel.say(sentence(this.#curves, this.#data, clock));
    this.#panel.table(() => ({
      head: ['done', ...this.#curves.map(({ name }) => name)],
      rows: [0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1].map((share) => [
        formatPercent(share),
        ...this.#curves.map((curve) => formatSeconds(secondsAt(curve, share))),
      ]),
    }));
  }

  #layout(): void {
    const { clock } = this.#store.state;
    const width = this.#host.clientWidth;
    this.#frame = { ...this.#frame, width };
    const { height, top, right, bottom, left } = this.#frame;
    this.#svg.attr('width', width).attr('height', height);
    const ends = this.#curves
      .flatMap(({ seconds }) => [seconds[0] ?? 0, seconds.at(-1) ?? 0])
      .filter((each) => each > 0);
    const isWide = Math.max(...ends) / Math.min(...ends) > 12;
    this.#x = isWide
      ? niceScale(ends, [left, width - right])
      : scaleLinear([0, Math.max(...ends) * 1.03], [left, width - right]);
    this.#y = scaleLinear([0, 1], [height - bottom, top]);
    const title = clock ? 'Time since the start of the scenario' : 'Time since the client’s arrival';
    drawX(this.#axes, this.#x, this.#frame, { title, show: formatSeconds, isTime: true });
    const percents = { title: 'Clients that have the file', show: formatPercent, ticks: [0, 0.25, 0.5, 0.75, 0.9, 1] };
    drawY(this.#axes, this.#y, this.#frame, percents);
  }

  #lines(): void {
    const from = this.#x.domain()[0]!;
    const end = this.#x.domain()[1]!;
    const x = (seconds: number) => this.#x(Math.max(from, seconds));
    this.#plot
      .selectAll('path.band')
      .data(this.#curves.filter(({ isBand }) => isBand))
      .join('path')
      .attr('class', 'band')
      .attr('fill', ({ name }) => colourOf(name))
      .attr('d', ({ share, low, high }) => {
        const left = Array.from(share, (each, row) => `${x(low[row]!)},${this.#y(each)}`);
        const rightSide = Array.from(share, (each, row) => `${x(high[row]!)},${this.#y(each)}`).reverse();
        return `M${[...left, ...rightSide].join('L')}Z`;
      });
    this.#plot
      .selectAll('path.curve')
      .data(this.#curves)
      .join('path')
      .attr('class', 'curve')
      .attr('data-policy', ({ name }) => name)
      .attr('stroke', ({ name }) => colourOf(name))
      .attr('stroke-dasharray', ({ name }) => dashOf(name))
      .attr('d', ({ share, seconds }) => {
        if (share.length === 0) return '';
        const steps = Array.from(share, (each, row) => `H${x(seconds[row]!).toFixed(1)}V${this.#y(each).toFixed(1)}`);
        const last = share.at(-1)!;
        // Who has not finished stays so to the end.
        return `M${x(seconds[0]!).toFixed(1)},${this.#y(0)}${steps.join('')}${last < 0.9999 ? `H${this.#x(end)}` : ''}`;
      });
  }

  /** The lower bound holds for the scenario's clock; where all arrive at once it is the same. */
  #bounds(): void {
    const [run] = this.#data.runs;
    const isShown = this.#store.state.clock || allAtOnce(this.#data);
    const { at } = run!.result.summary.bound;
    const shares = { p50: 0.5, p95: 0.95, p99: 0.99, max: 1 };
    const steps = (Object.keys(shares) as (keyof typeof shares)[])
      .map((name) => ({ share: shares[name], seconds: at[name] ?? Number.NaN }))
      .filter(({ seconds }) => isShown && !Number.isNaN(seconds));
    const from = this.#x.domain()[0]!;
    const places = steps.map(({ share, seconds }) => [this.#x(Math.max(from, seconds)), this.#y(share)]);
    this.#plot
      .selectAll('path.bound-line')
      .data(places.length > 0 ? [places] : [])
      .join('path')
      .attr('class', 'bound-line')
      .attr('d', (all) => `M${all.join('L')}`);
    this.#plot
      .selectAll('text.bound-text')
      .data(places.slice(0, 1))
      .join('text')
      .attr('class', 'bound-text halo faint-text')
      .attr('x', ([x]) => x! + 6)
      .attr('y', ([, y]) => y! + 16)
      .text('lower bound');
  }

  /** What the pointer is at: when this share was done, policy by policy. */
  #read(): void {
    const share = this.#shareAtCursor;
    const title = make('div', 'legend-title', `${formatPercent(share)} are done by`);
    const rows = this.#curves
      .map((curve) => ({ curve, seconds: secondsAt(curve, share) }))
      .sort((left, right) => (left.seconds ?? Infinity) - (right.seconds ?? Infinity))
      .map(({ curve, seconds }) => {
        const row = make('div', 'legend-row');
        const value =
          seconds === null ? `never (${formatPercent(curve.share.at(-1) ?? 0)} at the end)` : formatSeconds(seconds);
        row.append(mark(curve.name), make('span', 'legend-name', curve.name), make('b', '', value));
        return row;
      });
    this.#legend.replaceChildren(title, ...rows);
    const { left, right, width } = this.#frame;
    this.#plot
      .selectAll('line.share-cursor')
      .data([share])
      .join('line')
      .attr('class', 'cursor share-cursor')
      .attr('x1', left)
      .attr('x2', width - right)
      .attr('y1', this.#y)
      .attr('y2', this.#y);
  }

  #listen(): void {
    const set = (share: number) => {
      this.#shareAtCursor = Math.max(0.01, Math.min(1, Math.round(share * 100) / 100));
      this.#read();
    };
    this.#svg
      .on('pointermove', (event: PointerEvent) => set(this.#y.invert(pointer(event, this.#svg.node())[1])))
      .on('pointerleave', () => set(0.9))
      .on('keydown', (event: KeyboardEvent) => {
        const step = event.key === 'ArrowUp' ? 0.01 : event.key === 'ArrowDown' ? -0.01 : 0;
        if (step === 0) return;
        event.preventDefault();
        set(this.#shareAtCursor + step * (event.shiftKey ? 10 : 1));
      });
    this.#svg.attr('aria-label', 'Share of clients that have the file over time. Up and down arrows choose a share.');
  }
}

function allAtOnce(data: Dataset): boolean {
  const { clients = [] } = data.runs[0]!.result.manifest.configuration as { clients?: { arrive?: unknown }[] };
  return clients.every(({ arrive }) => arrive === undefined || arrive === 'at-once' || isAtOnce(arrive));
}

function isAtOnce(arrive: unknown): boolean {
  const { over, poisson, file } = arrive as { over?: unknown; poisson?: unknown; file?: unknown };
  return over === undefined && poisson === undefined && file === undefined;
}

function sentence(curves: Curve[], data: Dataset, clock: boolean): string {
  const known = curves.map((curve) => ({
    name: curve.name,
    half: secondsAt(curve, 0.5),
    late: secondsAt(curve, 0.95),
  }));
  const served = known.filter(({ late }) => late !== null).sort((left, right) => left.late! - right.late!);
  const [first] = served;
  if (first === undefined) return 'Nobody brings the file to 95 % of the clients.';
  const what = clock ? 'after the start' : 'after they arrived';
  const last = served.at(-1)!;
  const slow = last === first ? '' : ` ${last.name} takes ${formatSeconds(last.late)}.`;
  const band = data.seeds > 1 ? ' Bands: from the fastest to the slowest seed.' : '';
  const half = `half of the clients have the file ${formatSeconds(first.half)} ${what}`;
  return `With ${first.name}, ${half}, 95 % after ${formatSeconds(first.late)}.${slow}${band}`;
}
