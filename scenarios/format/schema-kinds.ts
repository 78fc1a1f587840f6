import * as Type from 'typebox';
import { plainMax, type Quantity, type QuantityOptions, quantityPattern } from './units.ts';

/**
 * The text form of a scenario as JSON Schema. Beside the standard's keywords it carries three of its own, which the
 * reader of scenarios understands and which `publicSchema` leaves out:
 * `quantity` (with `endless`, `negative`, `positive`): a text with a unit;
 * `shorthand`: a bare value stands for `{ [shorthand]: value }`;
 * `noun`: what the members of a record are called in messages.
 */
export interface Schema {
  type?: string | string[];
  const?: unknown;
  enum?: string[];
  anyOf?: Schema[];
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  minimum?: number;
  maximum?: number;
  pattern?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  default?: unknown;
  description?: string;
  quantity?: Quantity;
  endless?: QuantityOptions['endless'];
  negative?: boolean;
  positive?: boolean;
  shorthand?: string;
  noun?: string;
}

type Extra = QuantityOptions & { default?: unknown };

export function quantity(kind: Quantity, description: string, extra: Extra = {}) {
  const plain = { minimum: extra.negative === true ? -plainMax(kind) : 0, maximum: plainMax(kind) };
  const pattern = quantityPattern(kind, extra);
  return Type.Unsafe<string>({
    type: ['string', 'number'],
    pattern,
    ...plain,
    quantity: kind,
    description,
    ...extra,
  });
}

export const size = (description: string, extra?: Extra) => quantity('size', description, extra);
export const rate = (description: string, extra?: Extra) => quantity('rate', description, extra);
export const speed = (description: string, extra?: Extra) => quantity('speed', description, extra);
export const time = (description: string, extra?: Extra) => quantity('time', description, extra);
export const share = (description: string, extra?: Extra) => quantity('share', description, extra);
export const frequency = (description: string, extra?: Extra) => quantity('frequency', description, extra);

export const whole = (description: string, minimum: number, maximum: number, fallback?: number) =>
  Type.Integer({ minimum, maximum, description, ...(fallback === undefined ? {} : { default: fallback }) });
export const endlessCount = (description: string) =>
  Type.Union([Type.Literal('unlimited'), Type.Integer({ minimum: 1, maximum: 1e9 })], {
    default: 'unlimited',
    description,
  });
export const text = (description: string, fallback?: string) =>
  Type.String({ description, ...(fallback === undefined ? {} : { default: fallback }) });
/** Names stand in paths and metrics, so they hold nothing that means something there. */
export const name = (description: string) => Type.String({ description, pattern: '^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$' });
export const choice = (words: readonly string[], description: string, fallback?: string) =>
  Type.Enum([...words], { description, ...(fallback === undefined ? {} : { default: fallback }) });
export const object = (properties: Type.TProperties, description: string, extra: object = {}) =>
  Type.Object(properties, { additionalProperties: false, description, ...extra });
export const list = (items: Type.TSchema, description: string, extra: object = { default: [] }) =>
  Type.Array(items, { description, ...extra });
/** `{ NAME: value }`, where the names are the writer's. */
export const record = (value: Type.TSchema, noun: string, description: string, extra: object = { default: {} }) =>
  Type.Unsafe<Record<string, unknown>>({
    type: 'object',
    additionalProperties: value,
    noun,
    description,
    ...extra,
  });
export const optional = Type.Optional;
export const either = (forms: Type.TSchema[], description: string, extra: object = {}) =>
  Type.Union(forms, { description, ...extra });
export const pair = () => list(name('A region.'), 'Two regions.', { minItems: 2, maxItems: 2 });
