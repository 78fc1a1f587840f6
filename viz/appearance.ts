/** Colours and shapes in one place: a policy looks the same in every view. The values are in `style.css`. */
import {
  type SymbolType,
  symbol,
  symbolCircle,
  symbolCross,
  symbolDiamond,
  symbolSquare,
  symbolStar,
  symbolTriangle,
  symbolWye,
} from 'd3';

/** Okabe and Ito's colours, told apart without red or green, and doubled by a shape. */
const known = [
  'hybrid',
  'p2p-cdn',
  'cdn',
  'http-origin',
  'p2p',
  'dragonfly-like',
  'kraken-like',
  'delivery-optimization-like',
];

const triangleDown: SymbolType = {
  draw(context, size) {
    const y = -Math.sqrt(size / (Math.sqrt(3) * 3));
    context.moveTo(0, -y * 2);
    context.lineTo(-Math.sqrt(3) * y, y);
    context.lineTo(Math.sqrt(3) * y, y);
    context.closePath();
  },
};

const shapes = [
  symbolCircle,
  symbolSquare,
  symbolTriangle,
  symbolCross,
  symbolDiamond,
  symbolStar,
  triangleDown,
  symbolWye,
];

/** Place of a policy's colour; strangers take the places in turn. */
function placeOf(policy: string): number {
  const name = policy.replace(/ \(measured\)$/, '');
  const place = known.indexOf(name);
  if (place >= 0) return place;
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)!) % 8;
  return sum;
}

export function colourOf(policy: string | undefined): string {
  return policy === undefined ? 'var(--trial)' : `var(--policy-${placeOf(policy)})`;
}

export function shapeOf(policy: string | undefined, area = 64): string {
  return symbol(policy === undefined ? symbolCircle : shapes[placeOf(policy)]!, area)()!;
}

/** Dashes double the colour of lines, for those who see none. */
export function dashOf(policy: string): string {
  return ['', '7 3', '2 3', '10 3 2 3', '5 2', '1 2', '12 3', '7 2 2 2 2 2'][placeOf(policy)]!;
}

export const sources = [
  { name: 'origin', label: 'Origin', colour: 'var(--source-origin)' },
  { name: 'relay', label: 'Relays', colour: 'var(--source-relay)' },
  { name: 'peer', label: 'Peers', colour: 'var(--source-peer)' },
] as const;

/** A colour of the style sheet as a canvas wants it. */
export function resolved(colour: string): string {
  const name = /^var\((--[\w-]+)\)$/.exec(colour)?.[1];
  return name === undefined ? colour : getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
