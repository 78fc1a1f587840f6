/** The pieces of an area of time and rows as pixels: each cell mixes the colours of the sources of its pieces. */
import { bisectLeft, rgb } from 'd3';
import { resolved, sources } from '#viz/appearance.ts';
import type { TraceFile } from '#viz/data/trace-file.ts';
import { gainsOf } from './swarm-rows.ts';

export interface SwarmArea {
  fromSeconds: number;
  toSeconds: number;
  /** Places by finish; the end is not part of it. */
  fromPlace: number;
  toPlace: number;
}

const notFollowed = 0xffffffff;
/** A lone piece must be seen, too. */
const alphaMin = 110;

export class SwarmImage {
  readonly #trace: TraceFile;
  /** Place by finish of each row of the trace. */
  readonly #placeOf: Uint32Array;
  readonly #buffer = document.createElement('canvas');

  constructor(trace: TraceFile) {
    this.#trace = trace;
    let rows = 0;
    for (const row of trace.clients) rows = Math.max(rows, row + 1);
    for (const row of trace.gained.receiver) rows = Math.max(rows, row + 1);
    this.#placeOf = new Uint32Array(rows).fill(notFollowed);
    trace.clients.forEach((row, place) => {
      this.#placeOf[row] = place;
    });
  }

  draw(canvas: HTMLCanvasElement, width: number, height: number, area: SwarmArea): void {
    const ratio = devicePixelRatio;
    const columns = this.#columns(width, area);
    const lines = Math.max(1, Math.min(Math.floor(height), area.toPlace - area.fromPlace));
    const counts = this.#count(columns, lines, area);
    this.#buffer.width = columns;
    this.#buffer.height = lines;
    const buffer = this.#buffer.getContext('2d')!;
    buffer.putImageData(this.#colour(counts, columns, lines), 0, 0);
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
    const context = canvas.getContext('2d')!;
    context.fillStyle = resolved('var(--sunken)');
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.#buffer, 0, 0, canvas.width, canvas.height);
  }

  /** So many that a client who receives all the time has a piece in each, and none is narrower than two pixels. */
  #columns(width: number, { fromSeconds, toSeconds }: SwarmArea): number {
    const { gained, clients, endSeconds } = this.#trace;
    const whole = (4 * gained.time.length) / Math.max(1, clients.length);
    const wanted = Math.max(60, whole * ((toSeconds - fromSeconds) / (endSeconds || 1)));
    return Math.max(1, Math.floor(Math.min(width / 2, wanted)));
  }

  /** Pieces by cell and source. */
  #count(columns: number, lines: number, { fromSeconds, toSeconds, fromPlace, toPlace }: SwarmArea): Uint16Array {
    const { time, receiver, source } = this.#trace.gained;
    const counts = new Uint16Array(columns * lines * 3);
    const across = columns / (toSeconds - fromSeconds);
    const down = lines / (toPlace - fromPlace);
    const placeOf = this.#placeOf;
    for (let index = bisectLeft(time, fromSeconds); index < time.length; index++) {
      const at = time[index]!;
      if (at > toSeconds) break;
      const place = placeOf[receiver[index]!]!;
      if (place < fromPlace || place >= toPlace) continue;
      const column = Math.min(columns - 1, Math.floor((at - fromSeconds) * across));
      const line = Math.min(lines - 1, Math.floor((place - fromPlace) * down));
      const cell = (line * columns + column) * 3 + source[index]!;
      if (counts[cell]! < 0xffff) counts[cell]!++;
    }
    return counts;
  }

  #colour(counts: Uint16Array, columns: number, lines: number): ImageData {
    const image = new ImageData(columns, lines);
    const colours = sources.map(({ colour }) => rgb(resolved(colour)));
    let most = 1;
    for (let cell = 0; cell < counts.length; cell += 3) {
      most = Math.max(most, counts[cell]! + counts[cell + 1]! + counts[cell + 2]!);
    }
    const full = Math.sqrt(most);
    for (let cell = 0, pixel = 0; cell < counts.length; cell += 3, pixel += 4) {
      const [origin, relay, peer] = [counts[cell]!, counts[cell + 1]!, counts[cell + 2]!];
      const sum = origin + relay + peer;
      if (sum === 0) continue;
      const mixed = (channel: 'r' | 'g' | 'b') =>
        (origin * colours[0]![channel] + relay * colours[1]![channel] + peer * colours[2]![channel]) / sum;
      image.data[pixel] = mixed('r');
      image.data[pixel + 1] = mixed('g');
      image.data[pixel + 2] = mixed('b');
      image.data[pixel + 3] = alphaMin + (255 - alphaMin) * Math.min(1, Math.sqrt(sum) / full);
    }
    return image;
  }
}

/** Pieces that a row got from the origin, relays and peers. */
export function piecesBySource(trace: TraceFile, row: number): number[] {
  const counts = [0, 0, 0];
  for (const place of gainsOf(trace, row)) counts[trace.gained.source[place]!]!++;
  return counts;
}
