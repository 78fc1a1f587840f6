import type { Policy } from '#core/policy.ts';
import { type Path, Problem } from './error.ts';
import { printKnobs, withKnobs } from './knobs.ts';
import { allowed } from './nearest.ts';

/** The named policies that a scenario may extend. */
export type Catalogue = Readonly<Record<string, Policy>>;

/** The policy that `{ extends: NAME, knobs… }` stands for. */
export function readPolicy(text: Record<string, unknown>, policies: Catalogue, path: Path): Policy {
  const { extends: name, ...knobTexts } = text;
  const base = namedPolicy(String(name), policies, [...path, 'extends']);
  const policy = withKnobs(base, knobTexts, path);
  for (const [key, problem] of contradictions(policy)) throw new Problem([...path, ...key.split('.')], problem);
  return policy;
}

export function namedPolicy(name: string, policies: Catalogue, path: Path): Policy {
  const policy = Object.hasOwn(policies, name) ? policies[name] : undefined;
  if (policy !== undefined) return policy;
  throw new Problem(path, `unknown policy "${name}": ${allowed(name, Object.keys(policies))}`);
}

/** The inverse of `readPolicy`, with every knob explicit. */
export function printPolicy(policy: Policy): { extends: string; [group: string]: unknown } {
  return { extends: policy.name, ...printKnobs(policy) };
}

/** Knobs that make no sense together. */
function contradictions({ swarm, http, fallback }: Policy): [knob: string, problem: string][] {
  const found: [string, string][] = [];
  if (swarm.parents > swarm.candidates) {
    found.push(['swarm.parents', `${swarm.parents} parents cannot be drawn from ${swarm.candidates} candidates`]);
  }
  if (http.backoffFirst > http.backoffMax) {
    found.push(['http.backoffFirst', 'the first delay is longer than the longest (http.backoffMax)']);
  }
  if (fallback.closeRatio < 1) {
    found.push(['fallback.closeRatio', 'below 1, HTTP would open and close at the same rate']);
  }
  if (http.when !== 'never' && http.sources.length === 0) {
    found.push(['http.sources', `is empty, but http.when is "${http.when}"`]);
  }
  if (http.when !== 'never' && (http.connections === 0 || http.rangePieces === 0)) {
    found.push(['http', 'connections and rangePieces must be at least 1 where HTTP is used']);
  }
  if (!swarm.enabled && http.when === 'never') {
    found.push(['http.when', 'with neither a swarm nor HTTP nobody would receive anything']);
  }
  if (swarm.enabled && (swarm.requestsInFlight === 0 || swarm.peerConnections === 0)) {
    found.push(['swarm', 'requestsInFlight and peerConnections must be at least 1 where the swarm is enabled']);
  }
  if (swarm.enabled && swarm.choking !== 'none' && swarm.chokeInterval === 0) {
    found.push(['swarm.chokeInterval', 'must be above 0']);
  }
  return found;
}
