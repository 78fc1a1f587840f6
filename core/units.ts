/** Identities are branded (nobody adds them); quantities carry their unit in their name. */
declare const brand: unique symbol;
type Branded<Name extends string> = number & { readonly [brand]: Name };

/** Row of an endpoint: a client, a relay or the origin. */
export type EndpointIndex = Branded<'EndpointIndex'>;
export type PieceIndex = Branded<'PieceIndex'>;
export type RegionIndex = Branded<'RegionIndex'>;

/** Absent row or piece; never `undefined` in a column. */
export const none = -1;

export const millisecondsPerSecond = 1000;
export const microsecondsPerMillisecond = 1000;
export const microsecondsPerSecond = 1_000_000;
export const bytesPerMegabyte = 1_000_000;
export const bytesPerGigabyte = 1_000_000_000;
