/** The knobs of a study: which values each may take. */
import { at, InvalidValue, type Path, Problem } from './error.ts';
import { allowed } from './nearest.ts';
import { isRecord } from './resolve.ts';
import { parseQuantity, printQuantity, type Quantity } from './units.ts';

/** One knob. A value is what stands behind `--set PATH=`. */
export interface Knob {
  path: string;
  /** Number of values; absent: any on the scale between both ends. */
  levels?: number;
  /** Whether neighbouring values are alike. */
  ordered: boolean;
  /** The value at a coordinate of [0, 1). */
  valueAt(coordinate: number): unknown;
  /** Whether a value is the first or the last of its range, where more might lie beyond. */
  edgeOf(value: unknown): 'lowest' | 'highest' | undefined;
}

type Kind = Quantity | 'number';

/** In the order in which a text is tried. */
const quantities: readonly Quantity[] = [
  ...(['time', 'size', 'speed', 'rate', 'share', 'ratio', 'frequency'] as const),
  ...(['pricePerByte', 'pricePerRate', 'pricePerTime', 'drift'] as const),
];

const levelsMax = 10_000;
const rangeKeys = 'from to step levels scale'.split(' ');
/** The keys of both ends. */
export const rangeEnds = rangeKeys.slice(0, 2);

export function readKnob(path: string, text: unknown, place: Path): Knob {
  if (Array.isArray(text)) return listKnob(path, text, place);
  if (isRecord(text)) return rangeKnob(path, text, place);
  throw new Problem(
    place,
    `${JSON.stringify(text)} is neither a list of values nor { from, to, step | levels, scale }`,
  );
}

function listKnob(path: string, values: unknown[], place: Path): Knob {
  if (values.length === 0) throw new Problem(place, 'is an empty list: at least one value is needed');
  const texts = values.map((value) => JSON.stringify(value));
  const twice = texts.findIndex((value, index) => texts.indexOf(value) < index);
  if (twice >= 0) throw new Problem([...place, twice], `${texts[twice]} stands here twice`);
  const kind = kindOf(values);
  const sizes = kind === undefined ? [] : values.map((value) => read(kind, value));
  const ordered = sizes.length > 1 && sizes.every((size, index) => index === 0 || size > sizes[index - 1]!);
  const levels = values.length;
  return {
    path,
    levels,
    ordered,
    valueAt: (coordinate) => values[Math.min(levels - 1, Math.floor(coordinate * levels))],
    edgeOf: (value) => {
      const index = texts.indexOf(JSON.stringify(value));
      if (!ordered || levels < 3) return undefined;
      return index === 0 ? 'lowest' : index === levels - 1 ? 'highest' : undefined;
    },
  };
}

function rangeKnob(path: string, text: Record<string, unknown>, place: Path): Knob {
  for (const key of Object.keys(text)) {
    if (!rangeKeys.includes(key))
      throw new Problem([...place, key], `unknown key "${key}": ${allowed(key, rangeKeys)}`, true);
  }
  for (const key of rangeEnds) {
    if (text[key] === undefined) throw new Problem(place, `the key "${key}" is missing`);
  }
  const kind = kindOf([text.from, text.to]);
  if (kind === undefined) {
    const ends = `${JSON.stringify(text.from)} and ${JSON.stringify(text.to)}`;
    throw new Problem(place, `${ends} are not two quantities of one kind; words go into a list: [a, b]`);
  }
  const [from, to] = [read(kind, text.from), read(kind, text.to)];
  if (!(from < to))
    throw new Problem([...place, 'to'], `the range ends at ${text.to}, which is not above ${text.from}`);
  const isLog = isLogarithmic(text.scale, from, place);
  const levels = levelsOf(text, kind, from, to, place);
  const isStepped = text.step !== undefined;
  const isWhole = kind === 'number' && Number.isInteger(from) && Number.isInteger(to) && !isStepped;
  const step = isStepped ? at([...place, 'step'], () => read(kind, text.step)) : 0;
  const between = (share: number): number => (isLog ? from * (to / from) ** share : from + (to - from) * share);
  const shareAt = (value: number): number =>
    isLog ? Math.log(value / from) / Math.log(to / from) : (value - from) / (to - from);
  const numberAt = (coordinate: number): number => {
    if (levels === undefined) return rounded(between(coordinate), isWhole, from, to);
    const level = Math.min(levels - 1, Math.floor(coordinate * levels));
    if (isStepped) return Number((from + level * step).toPrecision(12));
    return level === 0 ? from : level === levels - 1 ? to : rounded(between(level / (levels - 1)), isWhole, from, to);
  };
  return {
    path,
    ...(levels === undefined ? {} : { levels }),
    ordered: true,
    valueAt: (coordinate) => printed(kind, numberAt(coordinate)),
    edgeOf: (value) => edge(shareAt(read(kind, value)), levels),
  };
}

function isLogarithmic(scale: unknown, from: number, place: Path): boolean {
  if (scale === undefined || scale === 'linear') return false;
  const here = [...place, 'scale'];
  if (scale !== 'log') {
    const word = typeof scale === 'string' ? scale : '';
    throw new Problem(here, `${JSON.stringify(scale)} is not a scale: ${allowed(word, ['linear', 'log'])}`);
  }
  if (from <= 0) throw new Problem(here, 'a scale of "log" must begin above 0');
  return true;
}

/** Absent: a continuous range. Whole numbers have levels by themselves where they are few. */
function levelsOf(
  text: Record<string, unknown>,
  kind: Kind,
  from: number,
  to: number,
  place: Path,
): number | undefined {
  const { step, levels, scale } = text;
  if (step !== undefined && levels !== undefined) {
    throw new Problem([...place, 'levels'], 'stands beside "step": only one of them is allowed', true);
  }
  if (step !== undefined) {
    if (scale === 'log')
      throw new Problem([...place, 'step'], 'a scale of "log" has no step; "levels" says how many', true);
    const width = at([...place, 'step'], () => read(kind, step));
    const count = Math.floor((to - from) / width + 1e-9) + 1;
    if (!(width > 0) || count < 2 || count > levelsMax) {
      throw new Problem([...place, 'step'], `${step} does not divide the range into 2 to ${levelsMax} values`);
    }
    return count;
  }
  if (levels !== undefined) {
    if (Number.isInteger(levels) && (levels as number) >= 2 && (levels as number) <= levelsMax) return levels as number;
    throw new Problem([...place, 'levels'], `${JSON.stringify(levels)} is not a whole number from 2 to ${levelsMax}`);
  }
  const isWhole = kind === 'number' && Number.isInteger(from) && Number.isInteger(to);
  return isWhole && scale !== 'log' && to - from < levelsMax ? to - from + 1 : undefined;
}

/** Three digits: a value that people read, and that a policy file holds. */
function rounded(value: number, isWhole: boolean, from: number, to: number): number {
  const short = isWhole ? Math.round(value) : Number(value.toPrecision(3));
  return Math.min(to, Math.max(from, short));
}

/** Within a twentieth of the range, or the last of its levels. */
function edge(share: number, levels: number | undefined): 'lowest' | 'highest' | undefined {
  if (levels === 2) return undefined;
  const width = levels === undefined ? 0.05 : 1e-9;
  return share <= width ? 'lowest' : share >= 1 - width ? 'highest' : undefined;
}

/** The kind of quantity that all of the values are. */
function kindOf(values: readonly unknown[]): Kind | undefined {
  if (values.every((value) => typeof value === 'number')) return 'number';
  const kind = quantities.find((each) => values.every((value) => reads(each, value)));
  // Both are rates and read the same; they differ in how they are written.
  return kind === 'speed' && values.some((value) => /bps$/.test(String(value))) ? 'rate' : kind;
}

function reads(kind: Quantity, value: unknown): boolean {
  try {
    parseQuantity(kind, value);
    return typeof value === 'string';
  } catch (error) {
    if (error instanceof InvalidValue) return false;
    throw error;
  }
}

function read(kind: Kind, value: unknown): number {
  if (kind !== 'number') return parseQuantity(kind, value);
  if (typeof value === 'number') return value;
  throw new InvalidValue(`${JSON.stringify(value)} is not a plain number`);
}

function printed(kind: Kind, value: number): unknown {
  if (kind === 'number') return value;
  return kind === 'ratio' ? `${Number((value * 100).toPrecision(6))}%` : printQuantity(kind, value);
}
