/** Orders of points with several objectives, all to be minimised. */

interface Judged {
  objectives: readonly number[];
  feasible: boolean;
}

/** As good in everything and better in something; what keeps the constraints comes before what does not. */
export function dominates(left: Judged, right: Judged): boolean {
  if (left.feasible !== right.feasible) return left.feasible;
  let isBetter = false;
  for (const [index, value] of left.objectives.entries()) {
    const other = right.objectives[index]!;
    if (value > other) return false;
    if (value < other) isBetter = true;
  }
  return isBetter;
}

/** The front of each: 0 = nobody dominates it, 1 = only those of front 0 do, … */
export function frontsOf(points: readonly Judged[]): number[] {
  const fronts = points.map(() => -1);
  let left = points.length;
  for (let front = 0; left > 0; front++) {
    const open = [...fronts.keys()].filter((index) => fronts[index] === -1);
    const first = open.filter((index) => !open.some((other) => dominates(points[other]!, points[index]!)));
    for (const index of first) fronts[index] = front;
    left -= first.length;
  }
  return fronts;
}

/** How far the neighbours of a point are within one front; Infinity at an end (Deb 2002). */
export function crowdingOf(front: readonly Judged[]): number[] {
  const distances = front.map(() => 0);
  for (const objective of front[0]?.objectives.keys() ?? []) {
    const value = (index: number): number => front[index]!.objectives[objective]!;
    const order = [...front.keys()].sort((left, right) => value(left) - value(right) || left - right);
    const span = value(order.at(-1)!) - value(order[0]!);
    for (const [place, index] of order.entries()) {
      const isEnd = place === 0 || place === order.length - 1;
      const gap = isEnd ? Infinity : (value(order[place + 1]!) - value(order[place - 1]!)) / span;
      // Equal values give 0/0, infinite ones ∞/∞.
      distances[index]! += Number.isNaN(gap) ? 0 : gap;
    }
  }
  return distances;
}

/** Indices from best to worst: by front, within it the lonelier first. */
export function bestFirst(points: readonly Judged[]): number[] {
  const fronts = frontsOf(points);
  const crowding: number[] = [];
  for (let front = 0; front <= Math.max(...fronts); front++) {
    const members = [...points.keys()].filter((index) => fronts[index] === front);
    const distances = crowdingOf(members.map((index) => points[index]!));
    for (const [place, index] of members.entries()) crowding[index] = distances[place]!;
  }
  return [...points.keys()].sort(
    (left, right) => fronts[left]! - fronts[right]! || compare(crowding[right]!, crowding[left]!) || left - right,
  );
}

/** Of equal infinities, too. */
const compare = (left: number, right: number): number => (left === right ? 0 : left - right);

/** The volume that the points dominate, up to the reference point, by slicing one objective after the other. */
export function hypervolume(points: readonly (readonly number[])[], reference: readonly number[]): number {
  const inside = points.filter((point) => point.every((value, index) => value < reference[index]!));
  return slicedVolume(inside, reference);
}

function slicedVolume(points: readonly (readonly number[])[], reference: readonly number[]): number {
  if (points.length === 0) return 0;
  const last = reference.length - 1;
  if (last === 0) return reference[0]! - Math.min(...points.map(([value]) => value!));
  const order = points.toSorted((left, right) => left[last]! - right[last]!);
  let volume = 0;
  for (const [index, point] of order.entries()) {
    const depth = (order[index + 1]?.[last] ?? reference[last]!) - point[last]!;
    if (depth === 0) continue;
    const slice = order.slice(0, index + 1).map((member) => member.slice(0, last));
    volume += depth * slicedVolume(slice, reference.slice(0, last));
  }
  return volume;
}
