/** A policy in a file of its own: what a sweep recommends, a scenario may hold and nodes run. */
import type { Policy } from '#core/policy.ts';
import { parseSource } from './document.ts';
import { Problem, ScenarioError } from './error.ts';
import { type Catalogue, readPolicy } from './policy-text.ts';
import { isRecord, resolve, shown } from './resolve.ts';
import type { Schema } from './schema-kinds.ts';
import { policy as policySchema } from './schema-policy.ts';

/** The policy that `{ extends: NAME, knobs… }` stands for; a `ScenarioError` says what is wrong, and where. */
export function parsePolicyFile(text: string, file: string, policies: Catalogue): Policy {
  const source = parseSource(text, file);
  if (!isRecord(source.value) && typeof source.value !== 'string') {
    throw new ScenarioError(
      `${source.locate([], false)}: ${shown(source.value)} is not a policy; it begins with "extends:"`,
    );
  }
  try {
    const schema = policySchema('A policy.') as unknown as Schema;
    return readPolicy(resolve(schema, source.value, []) as Record<string, unknown>, policies, []);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    throw new ScenarioError(`${source.locate(error.path, error.atKey)}: ${error.path.join('.')}: ${error.message}`);
  }
}
