/**
 * How is a contract kept? What operators may tune, each with its default and its reason; all whole numbers.
 *
 * Ratios are in thousandths, so that the ledger multiplies and divides whole numbers.
 */
import { assert } from '../assert.ts';
import { slackNeededMilliseconds } from './lease.ts';

export interface QuotaTerms {
  /** How long a lease lasts; a holder asks again after a third of it. */
  ttlMilliseconds: number;
  /** How much longer the owner waits: for clocks that drift, and for a closing connection to reach the origin. */
  slackMilliseconds: number;
  /** How wrong a clock may run, in millionths; of every holder and every control server. */
  driftMillionths: number;
  /** Nothing is granted above this share of a limit. */
  highWaterThousandths: number;
  /** From here on a window slows down; newcomers that were held back come in again below it. */
  lowWaterThousandths: number;
  /** Of every limit, set aside for relays that cannot reach control; never part of a lease. */
  safeShareThousandths: number;
  /** How much more than rate · ttl is prepaid from each window. */
  prepayMarginThousandths: number;
  /** A holder that does not use its share for so long loses it. */
  idleMilliseconds: number;
  /** What an idle holder keeps, so that it can show that it needs more. */
  probeBytesPerSecond: number;
  /** How long a holder keeps its slot while others of its band wait. */
  turnMilliseconds: number;
  /** Buckets of a rolling window: the oldest counts in full until it is wholly outside. */
  windowBucketCount: number;
  /** Between two rounds of the owner at most, and at least. */
  roundMilliseconds: number;
  roundMinMilliseconds: number;
  /** A holder that was not heard of for so long is forgotten, once its leases have ended. */
  forgetMilliseconds: number;
}

export const quotaTermsDefault: QuotaTerms = {
  // Short enough to win a dead holder's share back soon, long enough for 10^4 holders at a third of it.
  ttlMilliseconds: 10_000,
  // 11 ms for the drift below; the rest lets a reset reach the origin from the far side of the world.
  slackMilliseconds: 200,
  // Ordinary quartz drifts 20–100 ppm; a hot virtual machine several hundred.
  driftMillionths: 500,
  highWaterThousandths: 900,
  lowWaterThousandths: 800,
  // With the high water it stays below the limit.
  safeShareThousandths: 50,
  prepayMarginThousandths: 250,
  idleMilliseconds: 5_000,
  // A piece of 4 MiB a minute.
  probeBytesPerSecond: 65_536,
  // With a round and a round trip it stays below a ttl.
  turnMilliseconds: 7_500,
  windowBucketCount: 120,
  roundMilliseconds: 1_000,
  roundMinMilliseconds: 50,
  forgetMilliseconds: 60_000,
};

/** Stops on terms under which the contract would not hold. */
export function assertTerms(terms: QuotaTerms): void {
  assertTimes(terms);
  assert(terms.lowWaterThousandths < terms.highWaterThousandths, 'low water is below high water');
  const promised = terms.highWaterThousandths + terms.safeShareThousandths;
  // A fast clock turns a rate r into r·(1 + drift).
  const isBelow = promised * (1e6 + terms.driftMillionths) <= 1000 * 1e6;
  assert(isBelow, 'high water, safe share and drift stay below the limit');
}

/**
 * The terms of a sub-lease's owner: marks and reserve are kept above it; its own leases are so short that they end
 * before a sub-lease that is renewed at a third, and need no more prepaid than is left of it by then.
 */
export function subTerms(terms: QuotaTerms): QuotaTerms {
  return {
    ...terms,
    ttlMilliseconds: Math.floor((terms.ttlMilliseconds * 2) / 3) - terms.slackMilliseconds,
    turnMilliseconds: Math.floor(terms.turnMilliseconds / 2),
    lowWaterThousandths: 1000,
    highWaterThousandths: 1000,
    safeShareThousandths: 0,
    prepayMarginThousandths: 0,
    windowBucketCount: 1,
  };
}

/** Stops on times under which a lease could outlive what its owner thinks of it. */
export function assertTimes(terms: QuotaTerms): void {
  for (const value of Object.values(terms)) assert(Number.isSafeInteger(value) && value >= 0, 'terms are whole');
  const { ttlMilliseconds, driftMillionths } = terms;
  assert(ttlMilliseconds >= 3, 'a lease is renewed at a third of its time');
  const slackNeeded = slackNeededMilliseconds(ttlMilliseconds, driftMillionths / 1e6);
  assert(terms.slackMilliseconds >= slackNeeded, `a slack below ${slackNeeded} ms lets a slow clock outlive its lease`);
  assert(terms.windowBucketCount >= 1 && terms.roundMinMilliseconds >= 1, 'a window has a bucket, a round has time');
  assert(terms.roundMinMilliseconds <= terms.roundMilliseconds, 'the least is below the most');
  assert(terms.turnMilliseconds <= ttlMilliseconds, 'a turn ends with its lease');
}

/** ⌊limit · thousandths / 1000⌋, exact for limits up to 2^53; Infinity stays. */
export function partOf(limit: number, thousandths: number): number {
  if (limit === Infinity) return Infinity;
  const rest = limit % 1000;
  return ((limit - rest) / 1000) * thousandths + Math.floor((rest * thousandths) / 1000);
}
