/**
 * What happened to some clients, one column per fact: a file of its own beside the result (`--trace`). It only
 * listens: a run with a trace makes the same decisions and the same digest as one without.
 */
import { fallbackReasons } from '#core/record.ts';

export const traceVersion = 1;

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

  /** Follows every k-th client, so that at most `clientsMax` are followed. */
  constructor(clientsFrom: number, clientCount: number, clientsMax = 1000) {
    this.#clientsFrom = clientsFrom;
    this.#every = Math.max(1, Math.ceil(clientCount / clientsMax));
  }

  requested(now: number, client: number, source: number, piece: number, reason: string): void {
    if (this.#follows(client)) this.#add(now, client, 'request', source, piece, reason);
  }

  gained(now: number, client: number, piece: number): void {
    if (this.#follows(client)) this.#add(now, client, 'piece', -1, piece, '');
  }

  decided(now: number, client: number, reason: number): void {
    if (this.#follows(client)) this.#add(now, client, 'fallback', -1, -1, fallbackReasons[reason]);
  }

  /** Times in seconds; rows of the origin (0), the relays and the clients as in the run. */
  toJson(): unknown {
    return {
      version: traceVersion,
      kind: 'trace',
      clientsFrom: this.#clientsFrom,
      every: this.#every,
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
