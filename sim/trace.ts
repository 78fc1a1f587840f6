/**
 * What happened to some clients, one column per fact: a file of its own beside the result (`--trace`). It only
 * listens: a run with a trace makes the same decisions and the same digest as one without.
 */
import { fallbackReasons } from '#core/record.ts';

export const traceVersion = 1;

/** Neighbouring rows of one kind: the origin, the relays of one name, a class of clients. */
export interface TraceGroup {
  kind: 'origin' | 'relay' | 'client';
  name: string;
  region: string;
  count: number;
}

/** What a reader needs to know about the run beside what happened. The groups are in the order of the rows. */
export interface TraceAbout {
  scenario: string;
  policy: string;
  seed: number;
  fileBytes: number;
  pieceBytes: number;
  /** Absent where no client opens HTTP by a threshold. */
  fallback?: { thresholdBytesPerSecond: number; holdSeconds: number };
  groups: TraceGroup[];
}

const sum = (groups: TraceGroup[]): number => groups.reduce((total, { count }) => total + count, 0);

export class Trace {
  readonly #clientsFrom: number;
  readonly #every: number;
  readonly #columns = {
    time: [] as number[],
    client: [] as number[],
    event: [] as string[],
    source: [] as number[],
    piece: [] as number[],
    reason: [] as string[],
  };

  readonly #about: TraceAbout;

  /** Follows every k-th client, so that at most `clientsMax` are followed. */
  constructor(about: TraceAbout, clientsMax = 1000) {
    const rows = (kind: TraceGroup['kind']) => sum(about.groups.filter((group) => group.kind === kind));
    this.#about = about;
    this.#clientsFrom = rows('origin') + rows('relay');
    this.#every = Math.max(1, Math.ceil(rows('client') / clientsMax));
  }

  requested(now: number, client: number, source: number, piece: number, reason: string): void {
    if (this.#follows(client)) this.#add(now, client, 'request', source, piece, reason);
  }

  gained(now: number, client: number, piece: number, source: number): void {
    if (this.#follows(client)) this.#add(now, client, 'piece', source, piece, '');
  }

  decided(now: number, client: number, reason: number): void {
    if (this.#follows(client)) this.#add(now, client, 'fallback', -1, -1, fallbackReasons[reason]);
  }

  /**
   * Times in seconds; rows of the origin (0), the relays and the clients as in the run. Of a `piece`, `source` is the
   * row that sent it.
   */
  toJson(): unknown {
    return {
      version: traceVersion,
      kind: 'trace',
      clientsFrom: this.#clientsFrom,
      every: this.#every,
      ...this.#about,
      columns: this.#columns,
    };
  }

  #follows(client: number): boolean {
    return client < this.#clientsFrom || (client - this.#clientsFrom) % this.#every === 0;
  }

  #add(now: number, client: number, what: string, source: number, piece: number, reason: string): void {
    const { time, client: clients, event, source: sources, piece: pieces, reason: reasons } = this.#columns;
    time.push(now / 1e6);
    clients.push(client);
    event.push(what);
    sources.push(source);
    pieces.push(piece);
    reasons.push(reason);
  }
}
