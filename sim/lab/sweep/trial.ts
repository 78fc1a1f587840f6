/** One simulation of a study, named by what decides its result. */
import { canonicalJson, sha256 } from '#scenarios/format/canonical.ts';
import type { Configuration } from '#scenarios/format/configuration.ts';
import { ScenarioError } from '#scenarios/format/error.ts';
import { type LoadedScenario, loadScenario } from '#scenarios/format/load.ts';
import type { Manifest } from '#scenarios/format/result.ts';
import type { Study } from '#scenarios/format/study.ts';
import { policies } from '#sim/policies/catalogue.ts';
import type { Job, LabResult } from '../execute.ts';
import type { Provenance } from '../provenance.ts';
import { repeatCommand } from '../source.ts';
import { type Candidate, labelOf, type RunRequest } from './candidate.ts';

export interface Trial {
  /** Equal hash, equal result: of the resolved configuration, the seed, the engine's sources and Node's version. */
  hash: string;
  configurationHash: string;
  seed: number;
  job: Omit<Job, 'alone'>;
  label: string;
  /** The command line that runs it alone. */
  repeat: string;
}

/** All of a result but what is large and can be had again by `sluice repro`: series and configuration. */
export type StoredResult = Omit<LabResult, 'series' | 'manifest'> & { manifest: Omit<Manifest, 'configuration'> };

/** A row of the store. */
export interface TrialRecord {
  hash: string;
  configurationHash: string;
  seed: number;
  status: 'done' | 'failed';
  /** Empty where it failed. */
  digest: string;
  /** `null` where it failed. */
  result: StoredResult | null;
  /** Empty where it is done. */
  error: string;
  repeat: string;
  wallSeconds: number;
  finishedAt: string;
  /** Host and process. */
  worker: string;
}

/** The configuration without its seed: what the replications of a candidate share. */
export function configurationHashOf(configuration: Configuration): string {
  const { seed, ...shared } = configuration;
  return sha256(canonicalJson(shared));
}

export function trialHash(configurationHash: string, seed: number, { engineHash, node }: Provenance): string {
  return sha256(canonicalJson({ configurationHash, seed, engineHash, node: majorOf(node) }));
}

/** Within one major version of Node a simulation gives the same digest on any machine. */
export function majorOf(node: string): string {
  return node.split('.')[0]!;
}

export function stored({ series, manifest, ...rest }: LabResult): StoredResult {
  const { configuration, ...kept } = manifest;
  return { ...rest, manifest: kept };
}

/** Without the quotes of JSON where YAML reads the same without them: a quantity. */
function plain(assignment: string): string {
  return assignment.replace(/="(\d[\d.]*[A-Za-z%]{1,4}(?:\/s)?)"$/, (quoted, text: string) =>
    Number.isNaN(Number(text)) ? `=${text}` : quoted,
  );
}

/** Makes the trials of one study. */
export class TrialMaker {
  readonly #study: Study;
  readonly #provenance: Provenance;
  readonly #loaded = new Map<string, LoadedScenario | ScenarioError>();
  readonly #hashes = new Map<LoadedScenario, string>();

  constructor(study: Study, provenance: Provenance) {
    this.#study = study;
    this.#provenance = provenance;
  }

  /** A message where the values make no scenario together. */
  make({ candidate, replication, clients }: RunRequest): Trial | { error: string } {
    const loaded = this.#load(candidate, clients);
    if (loaded instanceof ScenarioError) return { error: loaded.message };
    const configurationHash = this.#hashes.get(loaded) ?? configurationHashOf(loaded.configuration);
    this.#hashes.set(loaded, configurationHash);
    const seed = loaded.scenario.seed + replication;
    const configuration = { ...loaded.configuration, seed };
    const job = { configuration, scenario: { ...loaded.scenario, seed }, provenance: this.#provenance, traced: false };
    return {
      hash: trialHash(configurationHash, seed, this.#provenance),
      configurationHash,
      seed,
      job,
      label: `${labelOf(candidate)}, seed ${seed}`,
      repeat: this.#repeatCommand(candidate, clients, seed),
    };
  }

  configurationOf(candidate: Candidate): Configuration | undefined {
    const loaded = this.#load(candidate, 1);
    return loaded instanceof ScenarioError ? undefined : loaded.configuration;
  }

  #repeatCommand(candidate: Candidate, clients: number, seed: number): string {
    const overrides = this.#overrides(candidate, clients);
    return repeatCommand(this.#study.scenario.file, { ...overrides, seed, set: overrides.set.map(plain) });
  }

  #load(candidate: Candidate, clients: number): LoadedScenario | ScenarioError {
    const key = `${clients} ${candidate.number}`;
    const known = this.#loaded.get(key);
    if (known !== undefined) return known;
    const loaded = this.#read(candidate, clients);
    this.#loaded.set(key, loaded);
    return loaded;
  }

  #read(candidate: Candidate, clients: number): LoadedScenario | ScenarioError {
    const { file, text } = this.#study.scenario;
    try {
      return loadScenario(text, { file, policies, ...this.#overrides(candidate, clients) });
    } catch (error) {
      if (error instanceof ScenarioError) return error;
      throw error;
    }
  }

  #overrides(candidate: Candidate, share: number) {
    const { set, clients, fidelity } = this.#study.scenario;
    const count = share === 1 ? clients : Math.max(1, Math.round(share * (clients ?? this.#population())));
    return {
      ...(count === undefined ? {} : { clients: count }),
      ...(fidelity === undefined ? {} : { fidelity }),
      set: [...set, ...candidate.set],
    };
  }

  /** Clients of the scenario as the file has it. */
  #population(): number {
    const { file, text, set } = this.#study.scenario;
    const { scenario } = loadScenario(text, { file, policies, set });
    return scenario.clients.reduce((sum, { count }) => sum + count, 0);
  }
}
