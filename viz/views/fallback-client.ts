/** One followed client: its speed by source, the threshold, and each decision as a tick with its reason. */
import { max } from 'd3';
import { formatRate, formatSeconds } from '#scenarios/format/units.ts';
import { sources } from '#viz/appearance.ts';
import { sourceOf, type TraceFile } from '#viz/data/trace-file.ts';
import { formatCount } from '#viz/format.ts';
import { button, make, onResize } from '#viz/panel.ts';
import type { Store } from '#viz/store.ts';
import { clientName, gainsOf } from './swarm-rows.ts';
import { stepArea, TimeChart } from './time-chart.ts';

const bins = 100;

export class ClientSpeed {
  readonly #trace: TraceFile;
  readonly #store: Store;
  readonly #chart: TimeChart;
  readonly #title = make('span', 'client-title');
  /** Followed clients that decided something, by their place. */
  readonly #deciding: number[];

  constructor(element: HTMLElement, trace: TraceFile, store: Store) {
    this.#trace = trace;
    this.#store = store;
    const decided = new Set(trace.decided.client);
    this.#deciding = [...trace.clients.keys()].filter((place) => decided.has(trace.clients[place]!));
    const bar = make('div', 'controls');
    const step = (direction: 1 | -1) => () => this.#step(direction);
    bar.append(
      this.#title,
      button('← client', 'The one before that opened HTTP', step(-1)),
      button('Next client →', 'The next one that opened HTTP', step(1)),
    );
    element.append(bar);
    this.#chart = new TimeChart(element, {
      label: 'Speed of one client by source. Arrow keys move the time cursor.',
      height: 230,
      yTitle: 'Speed of this client',
      yShow: formatRate,
      xTitle: 'Time since the start of the scenario',
      store,
    });
    onResize(this.#chart.host, () => this.#draw());
    this.#draw();
  }

  update(changed: ReadonlySet<string>): void {
    if (changed.has('client') || changed.has('theme')) this.#draw();
    else if (changed.has('cursorSeconds')) this.#chart.cursor(this.#store.state.cursorSeconds);
  }

  #step(direction: 1 | -1): void {
    const now = this.#store.state.client;
    const ahead = this.#deciding.filter((place) => (direction > 0 ? place > now : place < now));
    const found = direction > 0 ? ahead[0] : ahead.at(-1);
    if (found !== undefined) this.#store.set({ client: found });
  }

  #draw(): void {
    const trace = this.#trace;
    const place = Math.min(this.#store.state.client, trace.clients.length - 1);
    const row = trace.clients[place]!;
    const { time, layers } = speedOf(trace, row);
    const end = trace.endSeconds;
    const threshold = trace.thresholdBytesPerSecond;
    const hold = trace.holdSeconds === null ? '' : `, held for ${formatSeconds(trace.holdSeconds)}`;
    const peak = Math.max(max(layers.at(-1)!) ?? 0, threshold ?? 0);
    const order = `place ${formatCount(place + 1)} of ${formatCount(trace.clients.length)} by finish`;
    this.#title.textContent = `${clientName(trace, row)}, ${order}`;
    this.#chart.scale(end, peak * 1.15);
    const { plot, x, y, frame } = this.#chart;
    const empty = new Float64Array(bins);
    plot
      .selectAll('path.source')
      .data(layers)
      .join('path')
      .attr('class', 'source')
      .attr('fill', (_, source) => sources[source]!.colour)
      .attr('d', (high, source) => stepArea(time, source === 0 ? empty : layers[source - 1]!, high, end, x, y));
    plot
      .selectAll('line.limit')
      .data(threshold === null ? [] : [threshold])
      .join('line')
      .attr('class', 'limit')
      .attr('x1', frame.left)
      .attr('x2', frame.width - frame.right)
      .attr('y1', y)
      .attr('y2', y);
    plot
      .selectAll('text.limit-text')
      .data(threshold === null ? [] : [threshold])
      .join('text')
      .attr('class', 'limit-text halo')
      .attr('x', frame.width - frame.right)
      .attr('y', (value) => y(value) - 6)
      .attr('text-anchor', 'end')
      .text((value) => `threshold ${formatRate(value)}${hold}`);
    this.#drawDecisions(row);
  }

  #drawDecisions(row: number): void {
    const { decided } = this.#trace;
    const { plot, x, frame } = this.#chart;
    const mine = [...decided.time.keys()].filter((index) => decided.client[index] === row);
    const ticks = plot
      .selectAll<SVGGElement, number>('g.decision-tick')
      .data(mine)
      .join((enter) => {
        const group = enter.append('g').attr('class', 'decision-tick');
        group.append('line');
        group.append('text').attr('class', 'halo');
        return group;
      });
    ticks.attr('transform', (index) => `translate(${x(decided.time[index]!)},0)`);
    ticks
      .select('line')
      .attr('y1', frame.top - 4)
      .attr('y2', frame.height - frame.bottom);
    ticks
      .select('text')
      .attr('x', 5)
      .attr('y', (_, order) => frame.top + 8 + (order % 4) * 14)
      .text((index) =>
        decided.reason[index] === 'recovered' ? 'closes: recovered' : `opens: ${decided.reason[index]}`,
      );
  }
}

/** Pieces that arrived in each of equal bins, as rates stacked from the origin up. */
export function speedOf(trace: TraceFile, row: number): { time: Float64Array; layers: Float64Array[] } {
  const width = trace.endSeconds / bins || 1;
  const time = Float64Array.from({ length: bins }, (_, bin) => bin * width);
  const layers = [sourceOf.origin, sourceOf.relay, sourceOf.peer].map(() => new Float64Array(bins));
  const { gained } = trace;
  for (const index of gainsOf(trace, row)) {
    const bin = Math.min(bins - 1, Math.floor(gained.time[index]! / width));
    for (let layer = gained.source[index]!; layer < layers.length; layer++)
      layers[layer]![bin]! += trace.pieceBytes / width;
  }
  return { time, layers };
}
