import { InvalidValue } from './error.ts';
import { type Dimension, type Measured, type Metric, type MetricNames, parseMetric, readMetric } from './metric.ts';
import { didYouMean } from './nearest.ts';
import { parseQuantity, type Quantity } from './units.ts';

/** A line of `expect`: `metric op value`, or `metric in [low, high]`. */
export interface Expectation {
  /** In one spelling. */
  text: string;
  metric: Metric;
  operator: Operator;
  /** One number, or both ends. In seconds, bytes, bytes per second or parts of 1. */
  values: number[];
}

export type Operator = '<' | '<=' | '>' | '>=' | '==' | '!=' | 'in';

const operators: readonly Operator[] = ['<', '<=', '>', '>=', '==', '!=', 'in'];

/** Unit of the quantity over the unit of the result: times are milliseconds here and seconds there. */
const quantities: Record<Exclude<Dimension, 'number'>, { quantity: Quantity; noun: string; over: number }> = {
  time: { quantity: 'time', noun: 'a time', over: 1000 },
  size: { quantity: 'size', noun: 'a size', over: 1 },
  rate: { quantity: 'speed', noun: 'a rate', over: 1 },
  share: { quantity: 'share', noun: 'a share', over: 1 },
};

export { type Measured, type Metric, parseMetric, readMetric } from './metric.ts';

export function parseExpectation(text: string, names: MetricNames = {}): Expectation {
  const found = /[<>=!]+|\sin(?=[\s[])/.exec(text);
  if (found === null) {
    throw new InvalidValue(
      `"${text.trim()}" has no comparison: one of ${operators.join(' ')} is needed, such as p99(completion) < 20m`,
    );
  }
  const operator = found[0].trim() as Operator;
  const start = found.index + found[0].length - operator.length;
  if (!operators.includes(operator)) {
    const meant = operator === ('=' as string) ? '; did you mean "=="?' : didYouMean(operator, operators);
    throw placed(start, `"${operator}" is not a comparison: one of ${operators.join(' ')} is needed${meant}`);
  }
  const metric = placing(firstWord(text, 0), () => parseMetric(text.slice(0, found.index), names));
  const after = start + operator.length;
  const valueText = text.slice(after).trim();
  const values = placing(firstWord(text, after), () =>
    operator === 'in' ? parseRange(valueText, metric) : [parseValue(valueText, metric)],
  );
  const shown = operator === 'in' ? valueText.replace(/\s*([[\],])\s*/g, '$1').replace(',', ', ') : valueText;
  return { text: `${metric.text} ${operator} ${shown}`, metric, operator, values };
}

function parseRange(text: string, metric: Metric): number[] {
  const match = /^\[([^,\]]+),([^,\]]+)\]$/.exec(text);
  if (match === null) throw new InvalidValue(`"${text}" is not a range such as [9s, 12s]`);
  const values = [parseValue(match[1]!.trim(), metric), parseValue(match[2]!.trim(), metric)];
  if (values[0]! > values[1]!) throw new InvalidValue(`the range ${text} ends below where it begins`);
  return values;
}

/** A plain number, or one with a unit of what the metric measures. */
export function parseValue(text: string, metric: Metric): number {
  if (text === '') throw new InvalidValue('a value is missing');
  const number = Number(text);
  if (Number.isFinite(number)) return number;
  const own = metric.dimension === 'number' ? undefined : quantities[metric.dimension];
  if (own === undefined) {
    // A share of a plain number, such as a ratio, may still be written with a percent sign.
    if (/%$/.test(text)) return parseQuantity('ratio', text);
    throw new InvalidValue(`"${text}" is not a number, and ${metric.text} has no unit`);
  }
  const other = Object.values(quantities).find((candidate) => candidate !== own && reads(candidate.quantity, text));
  if (other !== undefined && !reads(own.quantity, text)) {
    throw new InvalidValue(`"${text}" is ${other.noun}, but ${metric.text} is ${own.noun}`);
  }
  return parseQuantity(own.quantity, text) / own.over;
}

function reads(quantity: Quantity, text: string): boolean {
  try {
    parseQuantity(quantity, text);
    return true;
  } catch {
    return false;
  }
}

export function evaluateExpectation(
  expectation: Expectation,
  result: Measured,
): { text: string; value: number | null; ok: boolean } {
  const value = readMetric(result, expectation.metric);
  // What has no value (a quantile that falls on an unfinished client) meets no expectation.
  return { text: expectation.text, value, ok: value !== null && holds(value, expectation) };
}

function holds(value: number, { operator, values }: Expectation): boolean {
  const [first, second] = values as [number, number];
  switch (operator) {
    case '<':
      return value < first;
    case '<=':
      return value <= first;
    case '>':
      return value > first;
    case '>=':
      return value >= first;
    case '==':
      return value === first;
    case '!=':
      return value !== first;
    case 'in':
      return value >= first && value <= second;
    default:
      return operator satisfies never;
  }
}

const firstWord = (text: string, from: number): number => from + (/^\s*/.exec(text.slice(from))?.[0].length ?? 0);

const placed = (offset: number, message: string): InvalidValue =>
  new InvalidValue(`at character ${offset + 1}: ${message}`);

function placing<Value>(offset: number, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof InvalidValue) throw placed(offset, error.message);
    throw error;
  }
}
