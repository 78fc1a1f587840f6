/** The run as a film: who sends to whom at a moment, how full everybody is; scrubbed, stepped or played. */
import { arc, type Selection, select } from 'd3';
import { formatRate, formatSeconds } from '#scenarios/format/units.ts';
import { sources } from '#viz/appearance.ts';
import type { TraceFile } from '#viz/data/trace-file.ts';
import { formatCount, formatPercent, plural } from '#viz/format.ts';
import { button, make, onResize, type Panel, panel, type View } from '#viz/panel.ts';
import type { Store } from '#viz/store.ts';
import { eventsOf, flowsOf, type PlayerEvent, type PlayerFlows } from './player-flows.ts';
import { edgePath, type NodePlace, placeNodes } from './player-layout.ts';

export const player: View = (element, { trace }, store) => new Player(element, trace!, store).update;

/** The whole run takes about this long to play. */
const playSecondsAll = 20;

class Player {
  readonly #panel: Panel;
  readonly #trace: TraceFile;
  readonly #store: Store;
  readonly #flows: PlayerFlows;
  readonly #events: PlayerEvent[];
  readonly #host = make('div', 'player-host');
  readonly #slider = make('input');
  readonly #clock = make('output', 'clock');
  readonly #event = make('span', 'event-text');
  readonly #play: HTMLButtonElement;
  readonly #svg: Selection<SVGSVGElement, unknown, null, undefined>;
  readonly #ring = arc<number>()
    .innerRadius(17)
    .outerRadius(22)
    .startAngle(0)
    .endAngle((share) => share * 2 * Math.PI);
  #isPlaying = false;
  #playedAt = 0;

  constructor(element: HTMLElement, trace: TraceFile, store: Store) {
    this.#trace = trace;
    this.#store = store;
    this.#flows = flowsOf(trace);
    this.#events = eventsOf(trace, this.#flows);
    this.#panel = panel(element, 'Player');
    this.#play = button('Play', 'Space', () => this.#toggle());
    const bar = make('div', 'player-bar');
    Object.assign(this.#slider, { type: 'range', min: '0', max: String(trace.endSeconds), step: 'any' });
    this.#slider.setAttribute('aria-label', 'Time');
    this.#slider.addEventListener('input', () => this.#seek(Number(this.#slider.value)));
    const previous = button('← event', 'p', () => this.#jump(-1));
    const next = button('Next event →', 'n', () => this.#jump(1));
    for (const each of [this.#play, previous, next]) each.classList.add('quiet-button');
    bar.append(this.#play, this.#slider, this.#clock, previous, next);
    this.#svg = select(this.#host).append('svg').attr('tabindex', 0).attr('role', 'application');
    this.#svg.attr(
      'aria-label',
      'Flows between origin, relays and clients. Space plays, arrows step, n and p jump to events.',
    );
    for (const name of ['edges', 'nodes']) this.#svg.append('g').attr('class', name);
    this.#panel.body.append(bar, this.#host, this.#event);
    element.addEventListener('keydown', (event) => this.#key(event));
    onResize(this.#host, () => this.#layout());
    this.#say();
    this.#layout();
  }

  readonly update = (changed: ReadonlySet<string>): void => {
    if (changed.has('playSeconds')) this.#draw();
    if (changed.has('theme')) this.#layout();
  };

  #say(): void {
    const { every, scenario, policy } = this.#trace;
    const scaled = every === 1 ? '' : ` 1 of ${every} clients is followed; flows to clients are scaled up.`;
    const { edges, peakBytesPerSecond } = this.#flows;
    const widest = edges.find(({ bytesPerSecond }) => bytesPerSecond.includes(peakBytesPerSecond));
    const names =
      widest === undefined
        ? ''
        : ` Widest: ${this.#name(widest.from)} to ${this.#name(widest.to)}, ${formatRate(peakBytesPerSecond)}.`;
    this.#panel.say(`${scenario}, ${policy}: ${plural(this.#events.length, 'event')}.${names}${scaled}`);
    this.#panel.table(() => ({
      head: ['at', 'what'],
      rows: this.#events.map(({ seconds, text }) => [formatSeconds(seconds), text]),
    }));
  }

  #name(node: number): string {
    return this.#flows.nodes[node]!.name;
  }

  #layout(): void {
    const width = this.#host.clientWidth;
    const { places, height } = placeNodes(this.#flows.nodes, width);
    this.#svg.attr('width', width).attr('height', height);
    const nodes = this.#svg
      .select('g.nodes')
      .selectAll<SVGGElement, NodePlace>('g.node')
      .data(places)
      .join((enter) => {
        const group = enter.append('g').attr('class', 'node');
        group.append('circle').attr('class', 'node-ground').attr('r', 22);
        group.append('path').attr('class', 'node-track').attr('d', this.#ring(1));
        group.append('path').attr('class', 'node-share');
        group.append('text').attr('class', 'node-percent').attr('text-anchor', 'middle').attr('dy', '0.35em');
        group.append('text').attr('class', 'node-name halo');
        group.append('text').attr('class', 'node-note halo');
        return group;
      });
    nodes.attr('transform', ({ x, y }) => `translate(${x},${y})`);
    nodes
      .select('.node-name')
      .attr('x', ({ side }) => (side === 'below' ? 0 : 30))
      .attr('y', ({ side }) => (side === 'below' ? 38 : -3));
    nodes
      .select('.node-note')
      .attr('x', ({ side }) => (side === 'below' ? 0 : 30))
      .attr('y', ({ side }) => (side === 'below' ? 53 : 13));
    nodes
      .selectAll<SVGTextElement, NodePlace>('.node-name, .node-note')
      .attr('text-anchor', ({ side }) => (side === 'below' ? 'middle' : 'start'));
    nodes.select('.node-name').text(({ node }) => {
      const { name, region, kind } = this.#flows.nodes[node]!;
      return kind === 'client' && region !== '' ? `${name} · ${region}` : name;
    });
    this.#svg
      .select('g.edges')
      .selectAll('path')
      .data(this.#flows.edges)
      .join('path')
      .attr('fill', 'none')
      .attr('stroke-linecap', 'round')
      .attr('stroke', ({ source }) => sources[source]!.colour)
      .attr('d', ({ from, to }) => edgePath(places[from]!, places[to]!));
    this.#draw();
  }

  #draw(): void {
    const { playSeconds } = this.#store.state;
    const { nodes, edges, steps, stepSeconds, peakBytesPerSecond } = this.#flows;
    const step = Math.max(0, Math.min(steps - 1, Math.floor(playSeconds / stepSeconds)));
    const isStart = playSeconds === 0;
    this.#svg
      .select('g.edges')
      .selectAll<SVGPathElement, (typeof edges)[number]>('path')
      .attr('stroke-width', ({ bytesPerSecond }) => {
        const rate = isStart ? 0 : bytesPerSecond[step]!;
        return rate === 0 ? 0 : 1 + 15 * Math.sqrt(rate / peakBytesPerSecond);
      });
    const sent = new Float64Array(nodes.length);
    for (const { from, bytesPerSecond } of edges) sent[from]! += isStart ? 0 : bytesPerSecond[step]!;
    const groups = this.#svg.select('g.nodes').selectAll<SVGGElement, NodePlace>('g.node');
    const share = (node: number) =>
      nodes[node]!.kind === 'origin' ? 1 : isStart ? 0 : Math.min(1, nodes[node]!.heldShare[step]!);
    groups.select('.node-share').attr('d', ({ node }) => this.#ring(share(node)));
    groups
      .select('.node-percent')
      .text(({ node }) => (nodes[node]!.kind === 'origin' ? '' : formatPercent(share(node)).replace(' %', '%')));
    groups.select('.node-note').text(({ node }) => {
      const { kind, count, done } = nodes[node]!;
      const rate = sent[node]! > 0 ? `sends ${formatRate(sent[node]!)}` : 'idle';
      if (kind !== 'client') return rate;
      return `${formatCount(isStart ? 0 : Math.round(done[step]!))} of ${formatCount(count)} done`;
    });
    this.#slider.value = String(playSeconds);
    this.#clock.textContent = playSeconds === 0 ? '0 s' : formatSeconds(playSeconds);
    const last = this.#events.findLast(({ seconds }) => seconds <= playSeconds + 1e-9);
    this.#event.textContent = last === undefined ? 'The start.' : `${formatSeconds(last.seconds)}: ${last.text}.`;
  }

  #seek(seconds: number): void {
    this.#store.set({ playSeconds: Math.max(0, Math.min(this.#trace.endSeconds, seconds)) });
  }

  #jump(direction: 1 | -1): void {
    const { playSeconds } = this.#store.state;
    const found =
      direction > 0
        ? this.#events.find(({ seconds }) => seconds > playSeconds + 1e-6)
        : this.#events.findLast(({ seconds }) => seconds < playSeconds - 1e-6);
    if (found !== undefined) this.#seek(found.seconds);
  }

  #toggle(): void {
    this.#isPlaying = !this.#isPlaying;
    this.#play.textContent = this.#isPlaying ? 'Pause' : 'Play';
    if (!this.#isPlaying) return;
    if (this.#store.state.playSeconds >= this.#trace.endSeconds) this.#seek(0);
    this.#playedAt = performance.now();
    requestAnimationFrame(this.#frame);
  }

  readonly #frame = (now: number): void => {
    if (!this.#isPlaying || !this.#host.isConnected) return;
    const passed = Math.max(0, now - this.#playedAt) / 1000;
    this.#playedAt = now;
    const seconds = this.#store.state.playSeconds + (passed / playSecondsAll) * this.#trace.endSeconds;
    this.#seek(seconds);
    if (seconds >= this.#trace.endSeconds) this.#toggle();
    else requestAnimationFrame(this.#frame);
  };

  #key(event: KeyboardEvent): void {
    const { target } = event;
    if (target instanceof HTMLButtonElement || target instanceof HTMLInputElement) return;
    const step = (this.#trace.endSeconds / 200) * (event.shiftKey ? 10 : 1);
    const { playSeconds } = this.#store.state;
    const moves: Record<string, () => void> = {
      ' ': () => this.#toggle(),
      ArrowRight: () => this.#seek(playSeconds + step),
      ArrowLeft: () => this.#seek(playSeconds - step),
      n: () => this.#jump(1),
      p: () => this.#jump(-1),
      Home: () => this.#seek(0),
      End: () => this.#seek(this.#trace.endSeconds),
    };
    const move = moves[event.key];
    if (move === undefined) return;
    event.preventDefault();
    move();
  }
}
