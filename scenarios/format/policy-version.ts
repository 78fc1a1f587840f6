/** Under which rules something was decided, in a few characters. */
import { withoutEnd } from '#core/client-record.ts';
import { sha256 } from './canonical.ts';

export function policyVersionOf(policy: object): string {
  return sha256(JSON.stringify(policy, withoutEnd)).slice(0, 12);
}
