import { scenarioLimits } from '#core/limits.ts';
import { InvalidValue } from './error.ts';
import { didYouMean, nearest } from './nearest.ts';

/**
 * Quantities as people write them. A kind of quantity is one row of the table below; parsing, printing, the
 * schema and the messages all come from it.
 */
export type Quantity =
  | 'size'
  | 'rate'
  | 'speed'
  | 'time'
  | 'share'
  | 'drift'
  | 'ratio'
  | 'frequency'
  | 'pricePerByte'
  | 'pricePerRate'
  | 'pricePerTime';

/** A number with this unit stands for number · times / over base units. */
interface Unit {
  name: string;
  times: number;
  over: number;
  /** Printing prefers units without: counted like that many more digits. */
  penalty: number;
}

interface Kind {
  /** With its article, as messages say it. */
  noun: string;
  example: string;
  units: readonly Unit[];
  max: number;
  /** A number without a unit stands for itself. */
  plain: boolean;
  whole: boolean;
}

const unit = (name: string, times: number, over = 1, penalty = 0): Unit => ({ name, times, over, penalty });
// Few say "2 per millisecond".
const inverse = (u: Unit): Unit => unit(`/${u.name}`, u.over, u.times, u.name === 'ms' ? 6 : u.penalty);
const penalized = (units: Unit[]): Unit[] => units.map((u) => ({ ...u, penalty: 3 }));

const decimal = ['', 'k', 'M', 'G', 'T'].map((prefix, power) => ({ prefix, times: 1000 ** power }));
const binary = ['Ki', 'Mi', 'Gi', 'Ti'].map((prefix, power) => ({ prefix, times: 1024 ** (power + 1) }));

const sizes = [...decimal, ...binary].map(({ prefix, times }) => unit(`${prefix}B`, times));
const bits = decimal.map(({ prefix, times }) => unit(`${prefix}bps`, times, 8));
const bytes = [...decimal, ...binary].map(({ prefix, times }) => unit(`${prefix}B/s`, times));
// Seconds first: what costs the same is printed in the earlier unit.
const times = [unit('s', 1000), unit('ms', 1), unit('m', 60_000), unit('h', 3_600_000), unit('d', 86_400_000, 1, 2)];
const shares = [unit('%', 1, 100)];
const drifts = [unit('ppm', 1, 1e6), unit('%', 1, 100)];
const plainNumber = { plain: true, whole: false };
const withUnit = { plain: false, whole: false };
const bytesMax = scenarioLimits.bytesMax;
const timeMax = scenarioLimits.millisecondsMax;

const kinds: Record<Quantity, Kind> = {
  size: { noun: 'a size', example: '4MiB', units: sizes, max: bytesMax, plain: false, whole: true },
  // Links are thought of in bits, what a download gets in bytes; both read either.
  rate: {
    noun: 'a rate',
    example: '100Mbps',
    units: [...bits, ...penalized(bytes)],
    max: bytesMax,
    ...withUnit,
  },
  speed: {
    noun: 'a rate',
    example: '1MB/s',
    units: [...bytes, ...penalized(bits)],
    max: bytesMax,
    ...withUnit,
  },
  time: { noun: 'a time', example: '30s', units: times, max: timeMax, ...withUnit },
  share: { noun: 'a share', example: '5%', units: shares, max: 1, ...plainNumber },
  drift: { noun: 'a drift', example: '100ppm', units: drifts, max: 1, ...plainNumber },
  ratio: { noun: 'a ratio', example: '150%', units: [unit('%', 1, 100, 99)], max: 1e9, ...plainNumber },
  frequency: { noun: 'a frequency', example: '20/s', units: times.map(inverse), max: 1e9, ...withUnit },
  pricePerByte: { noun: 'a price', example: '0.08/GB', units: sizes.map(inverse), max: 1e9, ...withUnit },
  pricePerRate: {
    noun: 'a price',
    example: '1/Mbps',
    units: [...bits, ...bytes].map(inverse),
    max: 1e9,
    ...withUnit,
  },
  pricePerTime: { noun: 'a price', example: '0.5/h', units: times.map(inverse), max: 1e9, ...withUnit },
};

/** The word for a quantity without end. */
export type Endless = 'unlimited' | 'never' | 'forever';

export interface QuantityOptions {
  /** This word stands for `Infinity`. */
  endless?: Endless | undefined;
  negative?: boolean | undefined;
  /** Zero is not allowed. */
  positive?: boolean | undefined;
}

const numberPattern = '[+-]?(?:[0-9]+\\.?[0-9]*|\\.[0-9]+)(?:[eE][+-]?[0-9]+)?';
const quantityText = new RegExp(`^(${numberPattern})\\s*([A-Za-zµμ%/]*)$`);

/** Number of base units (bytes, bytes per second, milliseconds, parts of 1, per base unit) that a text stands for. */
export function parseQuantity(kind: Quantity, text: unknown, options: QuantityOptions = {}): number {
  const { noun, plain, units } = kinds[kind];
  if (options.endless !== undefined && text === options.endless) return Infinity;
  if (typeof text !== 'string' && typeof text !== 'number') {
    throw new InvalidValue(`${shown(text)} is not ${noun}: ${allowedForms(kind, options)}`);
  }
  const match = quantityText.exec(String(text).trim());
  if (match === null) {
    const hint = didYouMean(String(text), options.endless === undefined ? [] : [options.endless]);
    throw new InvalidValue(`${shown(text)} is not ${noun}: ${allowedForms(kind, options)}${hint}`);
  }
  const number = Number(match[1]);
  const name = match[2]!;
  const found = units.find((candidate) => candidate.name === name);
  // A bare zero is the same in every unit.
  if (found === undefined && !(name === '' && (plain || number === 0))) {
    const problem = name === '' ? `${shown(text)} has no unit` : `${shown(text)} is not ${noun}`;
    throw new InvalidValue(`${problem}: ${allowedForms(kind, options)}${nearUnit(match[1]!, name, units)}`);
  }
  const value = found === undefined ? number : (number * found.times) / found.over;
  return checked(kind, text, kinds[kind].whole ? Math.round(value) : value, options);
}

function checked(kind: Quantity, text: unknown, value: number, options: QuantityOptions): number {
  const { noun, max } = kinds[kind];
  if ((value < 0 || Object.is(value, -0)) && options.negative !== true) {
    throw new InvalidValue(`${shown(text)} is negative: ${noun} must be ${options.positive ? 'above' : 'at least'} 0`);
  }
  if (value === 0 && options.positive === true) {
    throw new InvalidValue(`${shown(text)} is zero: ${noun} must be above 0 here`);
  }
  if (!(Math.abs(value) <= max)) {
    throw new InvalidValue(`${shown(text)} is too large: ${noun} is at most ${printQuantity(kind, max)}`);
  }
  return value === 0 ? 0 : value;
}

/** The same quantity in the shortest unit that keeps it exact; `parseQuantity` is its inverse. */
export function printQuantity(kind: Quantity, value: number, endless: Endless = 'unlimited'): string {
  if (value === Infinity) return endless;
  let best = '';
  let bestCost = Infinity;
  for (const candidate of kinds[kind].units) {
    const number = shortestNumber(value, candidate);
    if (number === undefined) continue;
    const cost = number.length + candidate.penalty + (number.includes('.') ? 0.5 : 0) + (number.includes('e') ? 3 : 0);
    if (cost >= bestCost) continue;
    best = number + candidate.name;
    bestCost = cost;
  }
  return best === '' || (kinds[kind].plain && best.length > 9) ? String(value) : best;
}

/** The shortest decimal that gives exactly `value` with this unit, if there is one. */
function shortestNumber(value: number, { times: multiplier, over }: Unit): string | undefined {
  const number = (value * over) / multiplier;
  for (let digits = 1; digits <= 17; digits++) {
    const rounded = Number(number.toPrecision(digits));
    if ((rounded * multiplier) / over === value) return String(rounded);
  }
  return undefined;
}

/** What may be written, for messages. */
function allowedForms(kind: Quantity, options: QuantityOptions): string {
  const { units, plain, example, max } = kinds[kind];
  const forms = [`a number with one of ${units.map((u) => u.name).join(', ')} (such as ${example})`];
  if (plain) forms.push(max === 1 ? 'a plain number from 0 to 1' : 'a plain number');
  if (options.endless !== undefined) forms.push(`"${options.endless}"`);
  return `allowed is ${forms.join(', or ')}`;
}

/** The usual slips are further from the right unit than from a wrong one, so they are known by their shape. */
function nearUnit(number: string, name: string, units: readonly Unit[]): string {
  const names = units.map((candidate) => candidate.name);
  const meant = names.includes('ms') ? /^(?:ms|[smhd])(?=[a-z]+$)/.exec(name)?.[0] : nearRate(name);
  const near = meant !== undefined && names.includes(meant) ? meant : nearest(name, names);
  return near === undefined || name === '' ? '' : `; did you mean "${number}${near}"?`;
}

/** "Mb/s", "MBps", "Mb", "KiBs". */
function nearRate(name: string): string | undefined {
  const slip = /^([kmgt]?)(i?)(b)(?:\/s|ps|s)?$/i.exec(name);
  if (slip === null) return undefined;
  const letter = slip[1]!;
  const prefix = letter.toLowerCase() === 'k' && slip[2] === '' ? 'k' : letter.toUpperCase();
  return slip[3] === 'b' ? `${prefix}bps` : `${prefix}${slip[2]}B/s`;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** The text form as a JSON Schema pattern. */
export function quantityPattern(kind: Quantity, options: QuantityOptions = {}): string {
  const { units, plain } = kinds[kind];
  const names = units.map((candidate) => candidate.name).join('|');
  const sign = options.negative === true ? '[+-]?' : '[+]?';
  const number = numberPattern.replace('[+-]?', sign);
  const zero = `${sign}(?:0+\\.?0*|\\.0+)(?:[eE][+-]?[0-9]+)?`;
  const word = options.endless === undefined ? '' : `|${options.endless}`;
  return `^(?:${number}\\s*(?:${names})${plain ? '?' : ''}|${zero}${word})$`;
}

/** Whether a plain number may stand for the quantity, and up to which. */
export function plainMax(kind: Quantity): number {
  return kinds[kind].plain ? kinds[kind].max : 0;
}

export const parseSize = (text: unknown): number => parseQuantity('size', text);
/** Bytes per second. */
export const parseRate = (text: unknown): number => parseQuantity('rate', text);
/** Milliseconds. */
export const parseTime = (text: unknown): number => parseQuantity('time', text);
export const parseShare = (text: unknown): number => parseQuantity('share', text);

// For reading: three digits, rounded. What machines read is printed by `printQuantity`.

export function formatBytes(bytes: number): string {
  return scaled(bytes, ['B', 'kB', 'MB', 'GB', 'TB', 'PB']);
}

export function formatRate(bytesPerSecond: number): string {
  return bytesPerSecond === Infinity ? 'unlimited' : scaled(bytesPerSecond, ['B/s', 'kB/s', 'MB/s', 'GB/s', 'TB/s']);
}

export function formatSeconds(seconds: number | null): string {
  if (seconds === null || Number.isNaN(seconds)) return '–';
  if (seconds === Infinity) return 'never';
  if (seconds < 0) return `-${formatSeconds(-seconds)}`;
  if (seconds < 0.9995) return `${digits(seconds * 1000)} ms`;
  if (seconds < 99.95) return `${digits(seconds)} s`;
  const whole = Math.round(seconds);
  const [minute, hour, day] = [60, 3600, 86_400];
  if (whole < hour) return `${Math.floor(whole / minute)}m ${two(whole % minute)}s`;
  if (whole < day) return `${Math.floor(whole / hour)}h ${two(Math.floor((whole % hour) / minute))}m`;
  return `${Math.floor(whole / day)}d ${two(Math.floor((whole % day) / hour))}h`;
}

function scaled(value: number, units: readonly string[]): string {
  if (!Number.isFinite(value)) return value === Infinity ? 'unlimited' : '–';
  let power = 0;
  let rest = value;
  // 999.5 would be printed as "1000".
  while (Math.abs(rest) >= 999.5 && power < units.length - 1) {
    rest /= 1000;
    power++;
  }
  return `${digits(rest)} ${units[power]}`;
}

const digits = (value: number): string => String(Number(value.toPrecision(3)));
const two = (value: number): string => String(value).padStart(2, '0');
