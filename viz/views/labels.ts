/** Names beside their points without covering points, each other or the edge: the first of some places that is free. */
import type { Frame } from '#viz/axes.ts';

export interface LabelPlace {
  x: number;
  y: number;
  anchor: 'start' | 'middle' | 'end';
}

interface Box {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

const letterPixels = 6.7;
const linePixels = 15;

/** Places right, left, above, below and at the corners, near before far. */
const offsets: [number, number, LabelPlace['anchor']][] = [11, 20, 32].flatMap(
  (far): [number, number, LabelPlace['anchor']][] => [
    [far, 4, 'start'],
    [-far, 4, 'end'],
    [0, -far, 'middle'],
    [0, far + 9, 'middle'],
    [far, 4 - far, 'start'],
    [far, 4 + far, 'start'],
    [-far, 4 - far, 'end'],
    [-far, 4 + far, 'end'],
  ],
);

export function placeLabels(points: readonly [number, number][], texts: readonly string[], frame: Frame): LabelPlace[] {
  const taken: Box[] = points.map(([x, y]) => ({ x0: x - 7, y0: y - 7, x1: x + 7, y1: y + 7 }));
  return points.map(([x, y], index) => {
    const text = texts[index]!;
    if (text === '') return { x, y, anchor: 'start' };
    const width = text.length * letterPixels;
    let best: { place: LabelPlace; box: Box; cost: number } | null = null;
    for (const [dx, dy, anchor] of offsets) {
      const place = { x: x + dx, y: y + dy, anchor };
      const box = boxOf(place, width);
      const outside =
        box.x0 < frame.left + 2 ||
        box.x1 > frame.width ||
        box.y0 < frame.top - 6 ||
        box.y1 > frame.height - frame.bottom;
      const cost = (outside ? 1000 : 0) + taken.filter((other, at) => at !== index && overlaps(box, other)).length;
      if (best === null || cost < best.cost) best = { place, box, cost };
      if (cost === 0) break;
    }
    taken.push(best!.box);
    return best!.place;
  });
}

function boxOf({ x, y, anchor }: LabelPlace, width: number): Box {
  const x0 = anchor === 'start' ? x : anchor === 'end' ? x - width : x - width / 2;
  return { x0, y0: y - linePixels + 4, x1: x0 + width, y1: y + 4 };
}

function overlaps(left: Box, right: Box): boolean {
  return left.x0 < right.x1 && right.x0 < left.x1 && left.y0 < right.y1 && right.y0 < left.y1;
}
