/** What the reader has chosen: one small state, its address, and who wants to know when it changes. */

export interface State {
  /** Point whose runs the detail views show. */
  focus: number;
  /** Place among the runs of the focus. */
  seed: number;
  /** Points inside the brush, or all. */
  selection: ReadonlySet<number> | null;
  pinned: readonly number[];
  x: string;
  y: string;
  /** Shared by all charts over time. */
  cursorSeconds: number | null;
  /** Bytes by source as shares rather than rates. */
  share: boolean;
  /** Source that stands alone, or all. */
  source: number | null;
  /** Completion counted on the scenario's clock rather than from each arrival. */
  clock: boolean;
  /** Place of the followed client in the trace, by finish. */
  client: number;
  /** Where the player stands. */
  playSeconds: number;
  /** Runs to compare. */
  left: number;
  right: number;
}

export const pinnedMax = 4;

export class Store {
  state: State;
  readonly #listeners: ((changed: ReadonlySet<keyof State>) => void)[] = [];
  readonly #changed = new Set<keyof State>();

  constructor(state: State) {
    this.state = state;
  }

  set(change: Partial<State>): void {
    let any = false;
    for (const [name, value] of Object.entries(change) as [keyof State, never][]) {
      if (Object.is(this.state[name], value)) continue;
      this.#changed.add(name);
      any = true;
    }
    if (!any) return;
    this.state = { ...this.state, ...change };
    if (this.#changed.size > 0 && !this.#queued) this.#queue();
  }

  on(listener: (changed: ReadonlySet<keyof State>) => void): void {
    this.#listeners.push(listener);
  }

  togglePin(point: number): void {
    const { pinned } = this.state;
    if (pinned.includes(point)) this.set({ pinned: pinned.filter((each) => each !== point) });
    else this.set({ pinned: [...pinned, point].slice(-pinnedMax) });
  }

  isShown(point: number): boolean {
    return this.state.selection === null || this.state.selection.has(point);
  }

  #queued = false;

  /** Many changes of one moment are one update. */
  #queue(): void {
    this.#queued = true;
    requestAnimationFrame(() => {
      this.#queued = false;
      const changed = new Set(this.#changed);
      this.#changed.clear();
      for (const listener of this.#listeners) listener(changed);
    });
  }
}

/** The state as the part of an address behind `#`: only what differs from `initial`. */
export function addressOf(state: State, initial: State): string {
  const parameters = new URLSearchParams();
  for (const name of Object.keys(initial) as (keyof State)[]) {
    const value = state[name];
    if (name === 'selection' || name === 'pinned') {
      const points = state[name];
      // A brush over thousands of trials would make an address that nothing accepts.
      if (points !== null && [...points].length > 0 && [...points].length <= 200) {
        parameters.set(name, [...points].join('.'));
      }
    } else if (!Object.is(value, initial[name])) {
      parameters.set(name, typeof value === 'number' ? String(Number(value.toPrecision(7))) : String(value));
    }
  }
  return parameters.toString();
}

/** The inverse; what fits nothing is left out. */
export function stateOf(address: string, initial: State, points: number): State {
  const parameters = new URLSearchParams(address.replace(/^#/, ''));
  const state: Record<string, unknown> = { ...initial };
  const isPoint = (value: number) => Number.isInteger(value) && value >= 0 && value < points;
  for (const name of Object.keys(initial) as (keyof State)[]) {
    const text = parameters.get(name);
    if (text === null) continue;
    if (name === 'selection' || name === 'pinned') {
      const found = text.split('.').map(Number).filter(isPoint);
      if (found.length > 0) state[name] = name === 'selection' ? new Set(found) : found.slice(0, pinnedMax);
    } else if (name === 'x' || name === 'y') {
      state[name] = text;
    } else if (typeof initial[name] === 'boolean') {
      state[name] = text === 'true';
    } else if (Number.isFinite(Number(text)) && (name !== 'focus' || isPoint(Number(text)))) {
      state[name] = Math.max(0, Number(text));
    }
  }
  return state as unknown as State;
}
