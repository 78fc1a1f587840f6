/** The unit cube that samplers move in: an axis is continuous or has levels. */

export interface Axis {
  /** Number of values; absent: any value of [0, 1). */
  levels?: number;
  /** Whether neighbouring levels are alike, as numbers are and words are not. */
  ordered: boolean;
}

/** Coordinates that mean the same become the same: the middle of their level. */
export function snapped(axes: readonly Axis[], point: readonly number[]): number[] {
  return axes.map(({ levels }, index) => {
    const inside = Math.min(Math.max(point[index]!, 0), 1 - 2 ** -32);
    return levels === undefined ? inside : (levelAt(inside, levels) + 0.5) / levels;
  });
}

export function levelAt(coordinate: number, levels: number): number {
  return Math.min(levels - 1, Math.floor(coordinate * levels));
}

/** How many different points there are; Infinity with a continuous axis. */
export function pointCount(axes: readonly Axis[]): number {
  return axes.reduce((product, { levels }) => product * (levels ?? Infinity), 1);
}

/** Tries for a point that is new before the first one that is left is taken. */
const triesMax = 50;

/** Up to `count` points that no earlier one equals; `draw` may give any point, also the same one again and again. */
export function freshPoints(
  axes: readonly Axis[],
  taken: readonly (readonly number[])[],
  count: number,
  draw: (fresh: readonly number[][]) => number[],
): number[][] {
  const seen = new Set(taken.map((point) => point.join()));
  const left = pointCount(axes) - seen.size;
  const fresh: number[][] = [];
  while (fresh.length < Math.min(count, left)) {
    const point = freshPoint(axes, seen, () => draw(fresh));
    seen.add(point.join());
    fresh.push(point);
  }
  return fresh;
}

function freshPoint(axes: readonly Axis[], seen: ReadonlySet<string>, draw: () => number[]): number[] {
  let point: number[] = [];
  for (let tries = 0; tries < triesMax; tries++) {
    point = snapped(axes, draw());
    if (!seen.has(point.join())) return point;
  }
  for (let index = 0; seen.has(point.join()); index++) point = gridPoint(axes, index);
  return point;
}

/** By number, the last axis fastest. A continuous axis counts as one of very many levels. */
export function gridPoint(axes: readonly Axis[], index: number): number[] {
  let rest = index;
  const point: number[] = [];
  for (const { levels = 2 ** 20 } of axes.toReversed()) {
    point.unshift(((rest % levels) + 0.5) / levels);
    rest = Math.floor(rest / levels);
  }
  return point;
}
