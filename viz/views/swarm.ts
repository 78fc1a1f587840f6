/** Every followed client as a row, first to finish at the top, time across, colour by who sent the pieces. */
import { pointer, type Selection, select } from 'd3';
import { formatSeconds } from '#scenarios/format/units.ts';
import { sources } from '#viz/appearance.ts';
import { shortTime, timeTicks } from '#viz/axes.ts';
import type { TraceFile } from '#viz/data/trace-file.ts';
import { formatCount, formatPercent, plural } from '#viz/format.ts';
import { button, make, onResize, type Panel, panel, type View } from '#viz/panel.ts';
import type { Store } from '#viz/store.ts';
import { piecesBySource, type SwarmArea, SwarmImage } from './swarm-image.ts';
import { clientName } from './swarm-rows.ts';

export const swarm: View = (element, { trace }, store) => {
  if (trace !== null) return new Swarm(element, trace, store).update;
  const frame = panel(element, 'Swarm');
  frame.say('Who got which piece when, and from whom, is in the trace of a run.');
  const hint = make('p');
  hint.append(make('code', 'command', 'sluice run SCENARIO --out result.json --trace trace.json'));
  frame.body.append(hint, make('p', 'chart-note', 'Then drop trace.json on this page.'));
  return () => {};
};

const height = 460;
const edge = { left: 66, right: 8, top: 8, bottom: 28 };

class Swarm {
  readonly #panel: Panel;
  readonly #trace: TraceFile;
  readonly #store: Store;
  readonly #image: SwarmImage;
  readonly #host = make('div', 'swarm-host');
  readonly #canvas = make('canvas');
  readonly #readout = make('div', 'readout');
  readonly #svg: Selection<SVGSVGElement, unknown, null, undefined>;
  #area: SwarmArea;
  #dragFrom: [number, number] | null = null;

  constructor(element: HTMLElement, trace: TraceFile, store: Store) {
    this.#trace = trace;
    this.#store = store;
    this.#image = new SwarmImage(trace);
    this.#area = this.#whole();
    this.#panel = panel(element, 'Swarm');
    const key = make('div', 'key');
    for (const { label, colour } of sources) {
      const swatch = make('span', 'key-swatch');
      swatch.style.background = colour;
      const item = make('span', 'key-item');
      item.append(swatch, label);
      key.append(item);
    }
    this.#panel.controls.append(
      button('Zoom in', 'Also: + or dragging a rectangle', () => this.#zoom(0.5)),
      button('Zoom out', 'Also: −', () => this.#zoom(2)),
      button('Whole', 'Also: 0', () => this.#show(this.#whole())),
    );
    this.#host.append(this.#canvas);
    this.#svg = select(this.#host).append('svg').attr('tabindex', 0).attr('role', 'application');
    const names = 'Up and down walk clients, left and right move the time, plus and minus zoom, 0 shows all.';
    this.#svg.attr('aria-label', `Pieces of ${plural(trace.clients.length, 'client')} over time. ${names}`);
    this.#panel.body.append(key, this.#host, this.#readout);
    this.#listen();
    onResize(this.#host, () => this.#draw());
    this.#say();
    this.#draw();
  }

  readonly update = (changed: ReadonlySet<string>): void => {
    if (changed.has('theme')) this.#draw();
    else if (changed.has('client') || changed.has('cursorSeconds') || changed.has('playSeconds')) this.#drawCursor();
  };

  #whole(): SwarmArea {
    const { clients, endSeconds } = this.#trace;
    return { fromSeconds: 0, toSeconds: endSeconds || 1, fromPlace: 0, toPlace: Math.max(1, clients.length) };
  }

  #say(): void {
    const { clients, every, finishedAt, scenario, policy, seed, endSeconds } = this.#trace;
    const done = finishedAt.reduce((sum, at) => sum + (Number.isNaN(at) ? 0 : 1), 0);
    const followed = every === 1 ? '' : `; 1 of ${every} is followed`;
    const run = `${scenario}, ${policy}${seed === null ? '' : `, seed ${seed}`}`;
    const state = done === clients.length ? 'all finished' : `${formatPercent(done / clients.length)} finished`;
    const middle = finishedAt[Math.floor(clients.length / 2)]!;
    const half = Number.isNaN(middle) ? '' : ` Half were done by ${formatSeconds(middle)}.`;
    const size = `${plural(clients.length, 'client')}${followed}, ${state} within ${formatSeconds(endSeconds)}.`;
    this.#panel.say(`${run}: ${size}${half} First to finish at the top.`);
    this.#panel.table(() => ({
      head: ['client', 'finished', ...sources.map(({ label }) => `pieces from ${label.toLowerCase()}`)],
      rows: [...clients.subarray(0, 500)].map((row, place) => [
        clientName(this.#trace, row),
        formatSeconds(finishedAt[place]!),
        ...piecesBySource(this.#trace, row).map(formatCount),
      ]),
    }));
  }

  #show(area: SwarmArea): void {
    const whole = this.#whole();
    const span = Math.min(whole.toSeconds, Math.max(whole.toSeconds / 5000, area.toSeconds - area.fromSeconds));
    const places = Math.min(
      whole.toPlace,
      Math.max(Math.min(4, whole.toPlace), Math.round(area.toPlace - area.fromPlace)),
    );
    const fromSeconds = Math.max(0, Math.min(area.fromSeconds, whole.toSeconds - span));
    const fromPlace = Math.max(0, Math.min(Math.floor(area.fromPlace), whole.toPlace - places));
    this.#area = { fromSeconds, toSeconds: fromSeconds + span, fromPlace, toPlace: fromPlace + places };
    this.#draw();
  }

  /** Around the chosen client and the time cursor. */
  #zoom(factor: number): void {
    const { fromSeconds, toSeconds, fromPlace, toPlace } = this.#area;
    const { client, cursorSeconds } = this.#store.state;
    const span = (toSeconds - fromSeconds) * factor;
    const places = (toPlace - fromPlace) * factor;
    const time = Math.min(toSeconds, Math.max(fromSeconds, cursorSeconds ?? (fromSeconds + toSeconds) / 2));
    const place = Math.min(toPlace, Math.max(fromPlace, client));
    this.#show({
      fromSeconds: time - span / 2,
      toSeconds: time + span / 2,
      fromPlace: place - places / 2,
      toPlace: place + places / 2,
    });
  }

  #draw(): void {
    const width = this.#host.clientWidth;
    const inner = { width: Math.max(1, width - edge.left - edge.right), height: height - edge.top - edge.bottom };
    this.#image.draw(this.#canvas, inner.width, inner.height, this.#area);
    Object.assign(this.#canvas.style, { left: `${edge.left}px`, top: `${edge.top}px` });
    this.#svg.attr('width', width).attr('height', height);
    const ticks = timeTicks([this.#area.fromSeconds, this.#area.toSeconds], Math.max(2, inner.width / 80));
    const axis = this.#svg.selectAll('g.axis').data([null]).join('g').attr('class', 'axis');
    axis
      .selectAll<SVGTextElement, number>('text.tick')
      .data(ticks)
      .join('text')
      .attr('class', 'tick')
      .attr('x', (seconds) => this.#xOf(seconds))
      .attr('y', height - edge.bottom + 16)
      .attr('text-anchor', (seconds) => (width - this.#xOf(seconds) < 16 ? 'end' : 'middle'))
      .text(shortTime);
    const { fromPlace, toPlace } = this.#area;
    const places = [fromPlace + 1, Math.round((fromPlace + toPlace) / 2), toPlace];
    axis
      .selectAll<SVGTextElement, number>('text.place')
      .data(places)
      .join('text')
      .attr('class', 'tick place')
      .attr('x', edge.left - 8)
      .attr('y', (_, index) => edge.top + 10 + (index / 2) * (inner.height - 12))
      .attr('text-anchor', 'end')
      .text((place) => `#${formatCount(place)}`);
    this.#drawCursor();
  }

  #xOf(seconds: number): number {
    const { fromSeconds, toSeconds } = this.#area;
    const width = this.#host.clientWidth - edge.left - edge.right;
    return edge.left + ((seconds - fromSeconds) / (toSeconds - fromSeconds)) * width;
  }

  #yOf(place: number): number {
    const { fromPlace, toPlace } = this.#area;
    return edge.top + ((place - fromPlace) / (toPlace - fromPlace)) * (height - edge.top - edge.bottom);
  }

  #drawCursor(): void {
    const { client, cursorSeconds, playSeconds } = this.#store.state;
    const { fromSeconds, toSeconds, fromPlace, toPlace } = this.#area;
    const at = cursorSeconds ?? (playSeconds > 0 ? playSeconds : null);
    const isIn = at !== null && at >= fromSeconds && at <= toSeconds;
    this.#svg
      .selectAll('line.cursor')
      .data(isIn ? [at] : [])
      .join('line')
      .attr('class', 'cursor')
      .attr('x1', (seconds) => this.#xOf(seconds))
      .attr('x2', (seconds) => this.#xOf(seconds))
      .attr('y1', edge.top)
      .attr('y2', height - edge.bottom);
    const isRowIn = client >= fromPlace && client < toPlace;
    this.#svg
      .selectAll('rect.chosen-row')
      .data(isRowIn ? [client] : [])
      .join('rect')
      .attr('class', 'chosen-row')
      .attr('x', edge.left)
      .attr('width', Math.max(0, this.#host.clientWidth - edge.left - edge.right))
      .attr('y', (place) => this.#yOf(place) - 1)
      .attr('height', (place) => Math.max(3, this.#yOf(place + 1) - this.#yOf(place) + 2));
    this.#read();
  }

  #read(): void {
    const trace = this.#trace;
    const place = Math.min(this.#store.state.client, trace.clients.length - 1);
    const row = trace.clients[place];
    if (row === undefined) return;
    const finish = trace.finishedAt[place]!;
    const done = Number.isNaN(finish) ? 'never finished' : `finished at ${formatSeconds(finish)}`;
    const pieces = piecesBySource(trace, row).map((count, source) => {
      const part = make('span', '', `${sources[source]!.label} `);
      part.append(make('b', '', formatCount(count)));
      return part;
    });
    const name = make('b', '', `#${formatCount(place + 1)} ${clientName(trace, row)}`);
    this.#readout.replaceChildren(name, make('span', '', done), make('span', '', 'pieces:'), ...pieces);
  }

  #listen(): void {
    this.#svg
      .on('keydown', (event: KeyboardEvent) => this.#key(event))
      .on('pointerdown', (event: PointerEvent) => {
        this.#dragFrom = pointer(event, this.#svg.node());
        this.#svg.node()!.setPointerCapture(event.pointerId);
      })
      .on('pointermove', (event: PointerEvent) => {
        const place = pointer(event, this.#svg.node());
        if (this.#dragFrom !== null) this.#band(this.#dragFrom, place);
        const { seconds } = this.#at(place);
        if (this.#dragFrom === null) this.#store.set({ cursorSeconds: seconds });
      })
      .on('pointerup', (event: PointerEvent) => {
        const from = this.#dragFrom;
        const to = pointer(event, this.#svg.node());
        this.#dragFrom = null;
        this.#band(null, to);
        if (from === null) return;
        if (Math.hypot(to[0] - from[0], to[1] - from[1]) < 6) this.#store.set({ client: this.#at(to).place });
        else this.#zoomTo(from, to);
      })
      .on('pointerleave', () => this.#store.set({ cursorSeconds: null }));
  }

  #zoomTo(from: [number, number], to: [number, number]): void {
    const [a, b] = [this.#at(from), this.#at(to)];
    this.#show({
      fromSeconds: Math.min(a.seconds, b.seconds),
      toSeconds: Math.max(a.seconds, b.seconds),
      fromPlace: Math.min(a.place, b.place),
      toPlace: Math.max(a.place, b.place) + 1,
    });
  }

  #band(from: [number, number] | null, to: [number, number]): void {
    this.#svg
      .selectAll('rect.drag')
      .data(from === null ? [] : [from])
      .join('rect')
      .attr('class', 'drag')
      .attr('x', ([x]) => Math.min(x, to[0]))
      .attr('y', ([, y]) => Math.min(y, to[1]))
      .attr('width', ([x]) => Math.abs(to[0] - x))
      .attr('height', ([, y]) => Math.abs(to[1] - y));
  }

  #at([x, y]: [number, number]): { seconds: number; place: number } {
    const { fromSeconds, toSeconds, fromPlace, toPlace } = this.#area;
    const across = (x - edge.left) / Math.max(1, this.#host.clientWidth - edge.left - edge.right);
    const down = (y - edge.top) / (height - edge.top - edge.bottom);
    const seconds = fromSeconds + Math.max(0, Math.min(1, across)) * (toSeconds - fromSeconds);
    const place = Math.floor(fromPlace + Math.max(0, Math.min(0.999999, down)) * (toPlace - fromPlace));
    return { seconds, place };
  }

  #key(event: KeyboardEvent): void {
    const { client, cursorSeconds } = this.#store.state;
    const { fromSeconds, toSeconds, fromPlace, toPlace } = this.#area;
    const last = this.#trace.clients.length - 1;
    const step = event.shiftKey ? Math.max(10, Math.round((toPlace - fromPlace) / 10)) : 1;
    const seconds = ((toSeconds - fromSeconds) / 100) * (event.shiftKey ? 10 : 1);
    const now = cursorSeconds ?? fromSeconds;
    const moves: Record<string, () => void> = {
      ArrowDown: () => this.#choose(Math.min(last, client + step)),
      ArrowUp: () => this.#choose(Math.max(0, client - step)),
      ArrowRight: () => this.#store.set({ cursorSeconds: Math.min(toSeconds, now + seconds) }),
      ArrowLeft: () => this.#store.set({ cursorSeconds: Math.max(fromSeconds, now - seconds) }),
      '+': () => this.#zoom(0.5),
      '-': () => this.#zoom(2),
      '0': () => this.#show(this.#whole()),
    };
    const move = moves[event.key];
    if (move === undefined) return;
    event.preventDefault();
    move();
  }

  /** Keeps the chosen row in sight. */
  #choose(client: number): void {
    const { fromPlace, toPlace } = this.#area;
    if (client < fromPlace) this.#show({ ...this.#area, fromPlace: client, toPlace: client + toPlace - fromPlace });
    if (client >= toPlace)
      this.#show({ ...this.#area, fromPlace: client - (toPlace - fromPlace) + 1, toPlace: client + 1 });
    this.#store.set({ client });
  }
}
