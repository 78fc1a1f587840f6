/**
 * How much of a contract may be promised at this moment? (M27–M29; step 4 of the design)
 *
 *     limit ────────────────────────────────────────────
 *     safe share (relays that cannot reach control)
 *     high water ──────  nothing is granted above  ─────
 *     low water  ──────  a window slows down from here: what is left lasts for a tenth of it
 */
import type { OriginContract } from './contract.ts';
import { quotaBytesMax, quotaSlotsMax } from './contract.ts';
import { RollingWindow } from './rolling-window.ts';
import { partOf, type QuotaTerms } from './terms.ts';

/** A window between low and high water is paced as if it had to last this part of itself. */
const paceParts = 10;

export class LimitsNow {
  slots = 0;
  bytesPerSecond = 0;
  burstBytes = 0;
  /** Bytes that may still be prepaid; negative = too many are; Infinity = no window limits them. */
  freeBytes = 0;
  /** A window is short: newcomers outside the first band wait until it is below low water. */
  isShort = false;

  update(contract: OriginContract, windows: RollingWindow[], terms: QuotaTerms, nowMilliseconds: number): void {
    const { highWaterThousandths, lowWaterThousandths } = terms;
    this.slots = Math.min(quotaSlotsMax, slotsBelow(contract.connections, highWaterThousandths));
    this.bytesPerSecond = Math.min(quotaBytesMax, partOf(contract.bytesPerSecond, highWaterThousandths));
    this.burstBytes = Math.min(quotaBytesMax, partOf(contract.burstBytes, highWaterThousandths));
    this.freeBytes = Infinity;
    let isBelowLow = true;
    for (const [index, window] of windows.entries()) {
      const limitBytes = contract.windows[index].bytes;
      if (limitBytes === Infinity) continue;
      const highBytes = partOf(limitBytes, highWaterThousandths);
      const lowBytes = partOf(limitBytes, lowWaterThousandths);
      const usedBytes = window.used(nowMilliseconds);
      const leftBytes = Math.max(0, highBytes - usedBytes);
      this.freeBytes = Math.min(this.freeBytes, highBytes - usedBytes - window.reservedBytes);
      this.bytesPerSecond = Math.min(this.bytesPerSecond, Math.floor((leftBytes / prepaidBytesOf(1000, terms)) * 1000));
      if (usedBytes >= lowBytes) {
        const pace = Math.floor((leftBytes * paceParts * 1000) / window.windowMilliseconds);
        this.bytesPerSecond = Math.min(this.bytesPerSecond, pace);
      }
      if (usedBytes + window.reservedBytes >= lowBytes) isBelowLow = false;
    }
    // The owner of a sub-lease has no water marks of its own: those above it keep them.
    if (lowWaterThousandths === highWaterThousandths) this.isShort = false;
    else if (this.freeBytes <= prepaidBytesOf(terms.probeBytesPerSecond, terms)) this.isShort = true;
    else if (isBelowLow) this.isShort = false;
  }
}

/** What a lease of this rate takes from each window. */
export function prepaidBytesOf(bytesPerSecond: number, terms: QuotaTerms): number {
  const bytes = Math.ceil((bytesPerSecond * terms.ttlMilliseconds) / 1000);
  return bytes + Math.ceil((bytes * terms.prepayMarginThousandths) / 1000);
}

/** The windows of a contract, each a little longer than promised: the owner's clock may run fast. */
export function windowsOf(contract: OriginContract, terms: QuotaTerms): RollingWindow[] {
  return contract.windows.map(({ windowMilliseconds }) => windowOf(windowMilliseconds, terms));
}

export function windowOf(windowMilliseconds: number, terms: QuotaTerms): RollingWindow {
  const drift = Math.ceil((windowMilliseconds * terms.driftMillionths * 2) / 1e6) + 1;
  return new RollingWindow(windowMilliseconds + drift, Math.min(terms.windowBucketCount, windowMilliseconds));
}

/** A contract of very few connections still has one to give. */
function slotsBelow(connections: number, thousandths: number): number {
  return connections >= 1 ? Math.max(1, partOf(connections, thousandths)) : 0;
}
