/**
 * How much will a band ask for in the time to come? (M31; step 9 of the design)
 *
 * Additive Holt–Winters: a level, a trend, and one seasonal term for each slot of a period (a day of 15 minutes each).
 *
 *     forecast(h) = level + h · trend + season[slot + h]
 *     error       = measured − forecast(1)
 *     level  += trend + α · error      trend += α · β · error      season[slot] += γ · (1 − α) · error
 *
 * A forecast moves targets: rate that a higher band is about to need is not lent to lower ones. It never touches the
 * ledger: a forecast that is wrong costs fairness or speed for a while, never the contract.
 *
 * Rejected: means of the same slot on earlier days alone (blind to today's trend); anything trained (cannot be replayed
 * from the record).
 */
import { assert } from '../assert.ts';
import { quotaBytesMax } from './contract.ts';

export interface ForecastTerms {
  slotCount: number;
  /** Thousandths: how fast level, trend and season follow. */
  levelThousandths: number;
  trendThousandths: number;
  seasonThousandths: number;
}

export const forecastTermsDefault: ForecastTerms = {
  // A day in quarters of an hour.
  slotCount: 96,
  // A level that follows faster chases the peaks of the day instead of leaving them to the season: with a square wave
  // of two peaks the error of a whole day is then 64 times as large after two weeks.
  levelThousandths: 50,
  trendThousandths: 10,
  seasonThousandths: 500,
};

export class Forecast {
  readonly #terms: ForecastTerms;
  readonly #season: Float64Array;
  #level = 0;
  #trend = 0;
  /** Slots measured so far. */
  #count = 0;

  constructor(terms: ForecastTerms) {
    assert(terms.slotCount >= 1, 'a period has a slot');
    this.#terms = terms;
    this.#season = new Float64Array(terms.slotCount);
  }

  /** The mean demand of the slot that has just ended. Every slot is told of, in order. */
  measure(bytesPerSecond: number): void {
    assert(bytesPerSecond >= 0 && bytesPerSecond <= quotaBytesMax, 'a demand within the exact range');
    const { slotCount, levelThousandths, trendThousandths, seasonThousandths } = this.#terms;
    const slot = this.#count % slotCount;
    if (this.#count === 0) this.#level = bytesPerSecond;
    const error = bytesPerSecond - (this.#level + this.#trend + this.#season[slot]);
    const levelStep = (error * levelThousandths) / 1000;
    this.#level += this.#trend + levelStep;
    this.#trend += (levelStep * trendThousandths) / 1000;
    this.#season[slot] += ((error - levelStep) * seasonThousandths) / 1000;
    this.#count++;
  }

  /** Mean demand of the `ahead`-th slot from now (1 = the one that runs), whole bytes per second. */
  bytesPerSecond(ahead: number): number {
    assert(Number.isInteger(ahead) && ahead >= 1, 'a forecast is of a slot to come');
    if (this.#count === 0) return 0;
    const season = this.#season[(this.#count + ahead - 1) % this.#terms.slotCount];
    const expected = this.#level + ahead * this.#trend + season;
    return Math.floor(Math.min(quotaBytesMax, Math.max(0, expected)));
  }
}

/** What lower bands may not borrow now, because this band is expected to want it. */
export function heldBackBytesPerSecond(forecastBytesPerSecond: number, demandBytesPerSecond: number): number {
  return Math.max(0, forecastBytesPerSecond - demandBytesPerSecond);
}
