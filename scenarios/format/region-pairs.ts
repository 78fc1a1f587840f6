import { type Path, Problem } from './error.ts';
import { allowed } from './nearest.ts';

/** The keys `a-b` of pairs of regions; region names may hold dashes themselves. */
export class RegionPairs {
  readonly regions: readonly string[];
  private readonly pairs = new Map<string, [number, number]>();

  /** Throws a `Problem` where two pairs would have the same key. */
  constructor(regions: readonly string[], path: Path) {
    this.regions = regions;
    for (const [first, a] of regions.entries()) {
      for (const [second, b] of regions.entries()) {
        const key = `${a}-${b}`;
        const pair: [number, number] = [Math.min(first, second), Math.max(first, second)];
        const other = this.pairs.get(key);
        if (other !== undefined && (other[0] !== pair[0] || other[1] !== pair[1])) {
          const names = other.map((region) => `"${regions[region]}"`).join(' and ');
          throw new Problem(path, `"${key}" could be the regions ${names} or "${a}" and "${b}"; rename one`);
        }
        this.pairs.set(key, pair);
      }
    }
  }

  pair(key: string, path: Path): [number, number] {
    const pair = this.pairs.get(key);
    if (pair !== undefined) return pair;
    throw new Problem(path, `"${key}" is not a pair of regions: ${allowed(key, [...this.pairs.keys()])}`, true);
  }

  /** The key in canonical order. */
  key([first, second]: [number, number]): string {
    return `${this.regions[first]}-${this.regions[second]}`;
  }

  /** Values by canonical key; the same pair twice must say the same. */
  canonical(values: Record<string, string>, path: Path): Record<string, string> {
    const result: Record<string, string> = {};
    for (const [key, value] of Object.entries(values)) {
      const canonicalKey = this.key(this.pair(key, [...path, key]));
      const other = result[canonicalKey];
      if (other !== undefined && other !== value) {
        throw new Problem([...path, key], `the pair ${canonicalKey} is given twice, as ${other} and ${value}`, true);
      }
      result[canonicalKey] = value;
    }
    return result;
  }

  /** Every pair once, the earlier region first. */
  *all(): Generator<[number, number]> {
    for (let first = 0; first < this.regions.length; first++) {
      for (let second = first; second < this.regions.length; second++) yield [first, second];
    }
  }
}
