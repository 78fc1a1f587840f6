/** Many marks on a canvas: dots as stamps rather than paths, and long work in slices that leave the page awake. */
import { make } from './panel.ts';

/** Sharp on dense screens; lengths stay in the page's pixels. */
export function contextOf(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const ratio = devicePixelRatio;
  Object.assign(canvas, { width: width * ratio, height: height * ratio });
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  const context = canvas.getContext('2d')!;
  context.scale(ratio, ratio);
  return context;
}

/** Draws a dot around a place; ten times faster than a path for each. */
export function stamp(
  context: CanvasRenderingContext2D,
  radius: number,
  colour: string,
  isHollow = false,
): (x: number, y: number) => void {
  const ratio = devicePixelRatio;
  const size = 2 * radius + 2;
  const picture = make('canvas');
  const drawing = contextOf(picture, size, size);
  drawing.fillStyle = colour;
  drawing.strokeStyle = colour;
  drawing.beginPath();
  drawing.arc(size / 2, size / 2, radius, 0, 2 * Math.PI);
  if (isHollow) drawing.stroke();
  else drawing.fill();
  return (x, y) =>
    context.drawImage(picture, x - size / 2, y - size / 2, picture.width / ratio, picture.height / ratio);
}

const sliceMilliseconds = 8;
const running = new WeakMap<HTMLCanvasElement, number>();

/** Does `work` for 0, 1, … in slices, one a frame; new work for the same canvas ends the old. */
export function inSlices(canvas: HTMLCanvasElement, count: number, work: (index: number) => void): void {
  const ticket = (running.get(canvas) ?? 0) + 1;
  running.set(canvas, ticket);
  let next = 0;
  const slice = () => {
    if (running.get(canvas) !== ticket) return;
    const until = performance.now() + sliceMilliseconds;
    while (next < count && performance.now() < until) {
      for (const end = Math.min(count, next + 50); next < end; next++) work(next);
    }
    if (next < count) requestAnimationFrame(slice);
  };
  slice();
}
