/** Measured runs on disk: the same run is not measured twice, whatever is simulated beside it. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson, sha256 } from '#scenarios/format/canonical.ts';
import type { LoadedScenario } from '#scenarios/format/load.ts';
import { writeWhole } from '../output.ts';
import type { PilotResult } from './pilot.ts';

export class KeptRuns {
  readonly #directory: string | undefined;

  constructor(directory: string | undefined) {
    this.#directory = directory;
    if (directory !== undefined) mkdirSync(directory, { recursive: true });
  }

  find(loaded: LoadedScenario): PilotResult | undefined {
    const path = this.#pathOf(loaded);
    if (path === undefined || !existsSync(path)) return undefined;
    return JSON.parse(readFileSync(path, 'utf8')) as PilotResult;
  }

  keep(loaded: LoadedScenario, result: PilotResult): void {
    const path = this.#pathOf(loaded);
    if (path !== undefined) writeWhole(path, `${JSON.stringify(result)}\n`);
  }

  /** By all that says how a pilot runs: not by what only the simulator reads. */
  #pathOf({ configuration, scenario }: LoadedScenario): string | undefined {
    if (this.#directory === undefined) return undefined;
    const {
      model: _,
      expect: __,
      published: ___,
      description: ____,
      ...rest
    } = configuration as unknown as Record<string, unknown>;
    const hash = sha256(canonicalJson(rest)).slice(0, 12);
    return join(this.#directory, `${scenario.name}.${scenario.policy.name}.${scenario.seed}.${hash}.json`);
  }
}
