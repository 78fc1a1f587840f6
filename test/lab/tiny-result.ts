import { type Executed, execute, type LabResult } from '#sim/lab/execute.ts';
import type { Overrides } from '#sim/lab/options.ts';
import { loadSource } from '#sim/lab/source.ts';
import { tiny } from './sluice-process.ts';

export const noProvenance = { engineHash: '', git: { commit: '', dirty: false }, sluice: '', node: '' };

/** Runs the small scenario in this thread. */
export function executeTiny(overrides: Partial<Overrides> = {}, traced = false): Executed {
  const { configuration, scenario } = loadSource({ file: 'tiny.yaml', text: tiny }, { set: [], ...overrides });
  return execute({ configuration, scenario, provenance: noProvenance, traced, alone: true });
}

let made: LabResult | undefined;

/** A copy of one real result, for tests that only need its shape. */
export function tinyResult(policy: string, seed: number): LabResult {
  made ??= executeTiny().result;
  const result = structuredClone(made);
  Object.assign(result.manifest, { policy, seed });
  return result;
}
