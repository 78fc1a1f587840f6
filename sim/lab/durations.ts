/** Mean durations by group. */
export class Durations {
  readonly #groups = new Map<string, { sum: number; count: number }>();
  readonly #all = { sum: 0, count: 0 };

  add(group: string, seconds: number): void {
    const own = this.#groups.get(group) ?? { sum: 0, count: 0 };
    this.#groups.set(group, own);
    for (const total of [own, this.#all]) {
      total.sum += seconds;
      total.count++;
    }
  }

  of(group: string): number | undefined {
    const own = this.#groups.get(group);
    return own && own.sum / own.count;
  }

  get mean(): number | undefined {
    return this.#all.count === 0 ? undefined : this.#all.sum / this.#all.count;
  }
}
