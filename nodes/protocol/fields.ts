/** The kinds of field that messages are made of. Unknown fields are refused: a slip must not pass for consent. */
import * as Type from 'typebox';
import { quotaBytesMax, quotaSlotsMax } from '#core/quota/contract.ts';
import { textLengthMax, urlLengthMax } from './limits.ts';

export const object = <Properties extends Type.TProperties>(properties: Properties, extra: object = {}) =>
  Type.Object(properties, { additionalProperties: false, ...extra });
export const optional = Type.Optional;
export const list = <Item extends Type.TSchema>(item: Item, countMax: number) =>
  Type.Array(item, { maxItems: countMax });
export const choice = <const Words extends readonly string[]>(words: Words) =>
  Type.Unsafe<Words[number]>({ type: 'string', enum: [...words] });

/** A name that people give: of a node, an origin, a region, a group. */
export const name = () => Type.String({ pattern: '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$' });
/** Made by control: of a task, a session. */
export const identity = () => Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$' });
export const text = (lengthMax = textLengthMax) => Type.String({ maxLength: lengthMax });
export const url = () => Type.String({ pattern: '^https?://[^\\s]+$', maxLength: urlLengthMax });
export const sha256 = () => Type.String({ pattern: '^[0-9a-f]{64}$' });
export const infoHash = () => Type.String({ pattern: '^[0-9a-f]{40}$' });
export const host = () => Type.String({ pattern: '^[A-Za-z0-9.:_-]{1,255}$' });
export const port = () => Type.Integer({ minimum: 1, maximum: 65_535 });

export const bytes = () => Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
export const count = (max: number = Number.MAX_SAFE_INTEGER) => Type.Integer({ minimum: 0, maximum: max });
export const bytesPerSecond = () => Type.Integer({ minimum: 0, maximum: quotaBytesMax });
export const slots = () => Type.Integer({ minimum: 0, maximum: quotaSlotsMax });
export const milliseconds = () => Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
/** A share of one. */
export const ratio = () => Type.Number({ minimum: 0, maximum: 1 });
/** Counts up; a later one supersedes. */
export const revision = () => Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });

/** Where a peer listens for BitTorrent. */
export const peerAddress = () => object({ host: host(), port: port() });
/** Payload by who sent it. */
export const bySource = () => object({ origin: bytes(), relay: bytes(), peer: bytes() });
