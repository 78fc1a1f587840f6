/** What this relay may take of each origin while control cannot be reached (M31): one account for all of its tasks. */
import { SafeShare } from '#core/quota/safe-share.ts';
import { quotaTermsDefault } from '#core/quota/terms.ts';
import type { Assignment } from '#nodes/protocol/assignment.ts';
import { monotonicMilliseconds } from '../http/pace.ts';

type Part = Extract<Assignment, { role: 'relay' }>['safeShare'];

export class SafeShares {
  readonly #shares = new Map<number, { text: string; share: SafeShare }>();

  /** The relay's part at the origin; the same as long as the part is. */
  of(origin: number, part: Part): SafeShare | null {
    if (part === undefined) {
      this.#shares.delete(origin);
      return null;
    }
    const text = JSON.stringify(part);
    const known = this.#shares.get(origin);
    if (known?.text === text) return known.share;
    // What this machine took before under it is not known: the windows count as full.
    const share = new SafeShare(part, quotaTermsDefault, monotonicMilliseconds(), false);
    this.#shares.set(origin, { text, share });
    return share;
  }
}
