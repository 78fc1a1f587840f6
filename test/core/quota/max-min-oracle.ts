/** The exact answer to a fair sharing, in fractions of BigInt, found the slow way: by trying every level. */
export interface Want {
  least: number;
  most: number;
  weight: number;
}

/** A level λ as a fraction. */
interface Level {
  top: bigint;
  bottom: bigint;
}

/** What a holder gets at a level, times the level's bottom. */
function shareAt({ least, most, weight }: Want, { top, bottom }: Level): bigint {
  const afloat = BigInt(weight) * top;
  const low = BigInt(least) * bottom;
  const high = BigInt(most) * bottom;
  return afloat < low ? low : afloat > high ? high : afloat;
}

function sumAt(wants: Want[], level: Level): bigint {
  return wants.reduce((sum, want) => sum + shareAt(want, level), 0n);
}

/** Level at which the shares are the amount exactly; `undefined` when all of it is not needed. */
export function levelOf(wants: Want[], amount: number): Level | undefined {
  const sum = (column: 'least' | 'most') => wants.reduce((total, want) => total + want[column], 0);
  if (sum('most') <= amount) return undefined;
  if (sum('least') > amount) throw new Error('the leasts do not fit');
  // The highest corner that still fits; above it the same holders float up to the next corner.
  let best: Level = { top: 0n, bottom: 1n };
  for (const want of wants) {
    for (const corner of [want.least, want.most]) {
      const level = { top: BigInt(corner), bottom: BigInt(want.weight) };
      const fits = sumAt(wants, level) <= BigInt(amount) * level.bottom;
      if (fits && level.top * best.bottom > best.top * level.bottom) best = level;
    }
  }
  let settled = 0n;
  let weights = 0n;
  for (const want of wants) {
    const afloat = BigInt(want.weight) * best.top;
    if (afloat >= BigInt(want.least) * best.bottom && afloat < BigInt(want.most) * best.bottom) {
      weights += BigInt(want.weight);
    } else {
      settled += BigInt(afloat < BigInt(want.least) * best.bottom ? want.least : want.most);
    }
  }
  if (weights === 0n) return best;
  return { top: BigInt(amount) - settled, bottom: weights };
}

/** Whether a whole share is the exact one, rounded up or down. */
export function isExact(want: Want, level: Level | undefined, share: number): boolean {
  if (level === undefined) return share === want.most;
  const exact = shareAt(want, level);
  const down = exact / level.bottom;
  return BigInt(share) === down || (exact % level.bottom !== 0n && BigInt(share) === down + 1n);
}
