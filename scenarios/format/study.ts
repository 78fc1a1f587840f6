/** Reads, checks and resolves a study file; a `ScenarioError` says what is wrong with it, and where. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { scenarioFile } from './bundled.ts';
import { parseSource, readScenarioFile, type SourceDocument } from './document.ts';
import { at, type Path, Problem, ScenarioError } from './error.ts';
import { type Expectation, type Metric, parseExpectation, parseMetric } from './expectation.ts';
import { type LoadedScenario, loadScenario } from './load.ts';
import type { MetricNames } from './metric.ts';
import type { Catalogue } from './policy-text.ts';
import { isRecord, resolve, shown } from './resolve.ts';
import type { Fidelity } from './scenario.ts';
import { studySchema } from './study-schema.ts';
import { type Knob, rangeEnds, readKnob } from './study-space.ts';

export type SamplerKind = 'grid' | 'random' | 'sobol' | 'tpe' | 'nsga2';

export interface Objective {
  /** As in the file. */
  text: string;
  metric: Metric;
  direction: 'minimize' | 'maximize';
}

/** A scenario file and the changes that every trial of a study makes in it. */
export interface StudyScenario {
  /** As a command line names it. */
  file: string;
  text: string;
  clients?: number;
  fidelity?: Fidelity;
  /** Each `path=value`. */
  set: readonly string[];
}

export interface Study {
  name: string;
  description: string;
  scenario: StudyScenario;
  /** Each `path=value`; empty: the scenario as it is. */
  baseline: readonly string[];
  space: readonly Knob[];
  sampler: { kind: SamplerKind; trials: number; seed: number; batch: number };
  replications: number;
  race?: { after: number; alpha: number };
  /** `clients`: a share of 1. */
  halving?: { factor: number; replications: number; clients: number };
  objectives: readonly Objective[];
  constraints: readonly Expectation[];
  expect: readonly Expectation[];
  /** What the file says, canonical: equal texts, equal studies. */
  document: unknown;
}

export interface StudyOptions {
  /** Name of the file, for messages and for the scenario that it names. */
  file: string;
  policies: Catalogue;
  /** `path=a,b,c`: the values of one knob, instead of those in the file. */
  space?: readonly string[] | undefined;
  trials?: number | undefined;
  replications?: number | undefined;
}

/** Of an adaptive sampler that is not told. */
const batchDefault = { tpe: 4, nsga2: 16 };

export function loadStudy(text: string, options: StudyOptions): Study {
  const source = parseSource(text, options.file);
  if (!isRecord(source.value)) {
    throw new ScenarioError(
      `${source.locate([], false)}: ${shown(source.value)} is not a study; it begins with "version: 1"`,
    );
  }
  const overridden = overriddenSpace(source.value, options.space ?? []);
  try {
    return read(source.value, options);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    throw new ScenarioError(`${placeOf(error, source, overridden)}: ${error.message}`);
  }
}

/** Puts the knobs of the command line into the plain values of the file. */
function overriddenSpace(root: Record<string, unknown>, texts: readonly string[]): Map<string, string> {
  const labels = new Map<string, string>();
  for (const text of texts) {
    const label = `-S ${text}`;
    const [, path, values] = /^([^=\s]+)=(.+)$/s.exec(text) ?? [];
    if (path === undefined) throw new ScenarioError(`${label}: must be PATH=VALUE,VALUE,…`);
    root.space ??= {};
    if (isRecord(root.space))
      root.space[path] = parseSource(values!.startsWith('{') ? values! : `[${values}]`, label).value;
    labels.set(path, label);
  }
  return labels;
}

function placeOf({ path, atKey }: Problem, source: SourceDocument, overridden: Map<string, string>): string {
  const label = path[0] === 'space' ? overridden.get(String(path[1])) : undefined;
  if (label !== undefined) return label;
  const place = source.locate(path, atKey);
  const address = (atKey ? path.slice(0, -1) : path).join('.');
  return address === '' ? place : `${place}: ${address}`;
}

function read(root: Record<string, unknown>, options: StudyOptions): Study {
  const { baseline = {}, set = {}, space, ...rest } = root;
  const draft = resolve(studySchema, { ...rest, space: {}, set: {}, baseline: {} }, []) as Draft;
  if (space === undefined || !isRecord(space) || Object.keys(space).length === 0) {
    throw new Problem(['space'], 'names no knob: `path: [values]` or `path: { from, to, step | levels, scale }`');
  }
  const scenario: StudyScenario = { ...scenarioOf(draft, options), set: assignmentsOf(set, 'set') };
  const base = checkedSet(scenario, scenario.set, ['set'], options);
  const baselineSet = assignmentsOf(baseline, 'baseline');
  for (const text of baselineSet) checkedSet(scenario, [...scenario.set, text], ['baseline', pathOf(text)], options);
  const knobs = Object.entries(space).map(([path, text]) => checkedKnob(path, text, scenario, options));
  const names = namesOf(base);
  const replications = options.replications ?? draft.replications;
  const study: Study = {
    name: draft.name,
    description: draft.description,
    scenario,
    baseline: baselineSet,
    space: knobs,
    sampler: samplerOf(draft, knobs, options),
    replications,
    objectives: draft.objectives.map((text, index) => objectiveOf(text, ['objectives', index], names)),
    constraints: draft.constraints.map((text, index) =>
      at(['constraints', index], () => parseExpectation(text, names)),
    ),
    expect: draft.expect.map((text, index) => at(['expect', index], () => parseExpectation(text, names))),
    document: { ...root, replications, ...(options.trials === undefined ? {} : { trials: options.trials }) },
  };
  return { ...study, ...shortcutsOf(draft, study) };
}

/** What the schema makes of the file. */
interface Draft {
  name: string;
  description: string;
  scenario: string;
  clients?: number;
  fidelity?: Fidelity;
  sampler: { kind: SamplerKind; trials?: number; seed: number; batch?: number };
  replications: number;
  race?: { after: number; alpha: number };
  halving?: { factor: number; replications: number; clients: string };
  objectives: string[];
  constraints: string[];
  expect: string[];
}

function scenarioOf({ scenario: given, clients, fidelity }: Draft, { file }: StudyOptions): Omit<StudyScenario, 'set'> {
  const beside = join(dirname(file), given);
  try {
    const path = existsSync(beside) || /[/\\.]/.test(given) ? beside : scenarioFile(given);
    const reduced = { ...(clients === undefined ? {} : { clients }), ...(fidelity === undefined ? {} : { fidelity }) };
    return { file: path, text: readScenarioFile(path), ...reduced };
  } catch (error) {
    if (error instanceof ScenarioError) throw new Problem(['scenario'], error.message);
    throw error;
  }
}

function assignmentsOf(value: unknown, key: string): string[] {
  if (!isRecord(value)) throw new Problem([key], `${shown(value)} is not \`path: value\``);
  return Object.entries(value).map(([path, each]) => `${path}=${JSON.stringify(each)}`);
}

const pathOf = (assignment: string): string => assignment.slice(0, assignment.indexOf('='));

/** The scenario with these changes; what is wrong with the last one is a problem at its place. */
function checkedSet(
  scenario: StudyScenario,
  set: readonly string[],
  place: Path,
  options: StudyOptions,
): LoadedScenario {
  const { file, text, clients, fidelity } = scenario;
  try {
    return loadScenario(text, { file, policies: options.policies, clients, fidelity, set });
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    const blamed = set.find((each) => error.message.startsWith(`--set ${each}: `));
    if (blamed === undefined) throw new Problem(place[0] === 'set' ? ['scenario'] : place, error.message);
    const message = error.message.slice(`--set ${blamed}: `.length);
    const [root] = place;
    // Of a path that leads nowhere the key is wrong, not one of its values.
    const atKey = root !== 'scenario' && /^unknown (key|member)/.test(message);
    const path = root === 'set' ? ['set', pathOf(blamed)] : atKey ? place.slice(0, 2) : place;
    throw new Problem(path, message, atKey);
  }
}

function checkedKnob(path: string, text: unknown, scenario: StudyScenario, options: StudyOptions): Knob {
  const place = ['space', path];
  const knob = at(place, () => readKnob(path, text, place));
  const { levels = 2 } = knob;
  // All values of a list; both ends of a range.
  const tried = Array.isArray(text) ? [...text.keys()] : [0, levels - 1];
  for (const level of tried) {
    const value = knob.valueAt(knob.levels === undefined ? level * (1 - 2 ** -40) : (level + 0.5) / levels);
    const where = Array.isArray(text) ? [...place, level] : [...place, rangeEnds[level === 0 ? 0 : 1]!];
    checkedSet(scenario, [...scenario.set, `${path}=${JSON.stringify(value)}`], where, options);
  }
  return knob;
}

/** Metrics may speak of what the scenario has, and no more. */
function namesOf({ scenario }: LoadedScenario): MetricNames {
  const { clients, tasks, origin } = scenario;
  return {
    classes: clients.map(({ name }) => name),
    tasks: tasks.map(({ name }) => name),
    windows: origin.contract.traffic.map(({ name }) => name),
  };
}

function samplerOf({ sampler }: Draft, knobs: readonly Knob[], options: StudyOptions): Study['sampler'] {
  const { kind, seed } = sampler;
  const endless = knobs.find(({ levels }) => levels === undefined);
  if (kind === 'grid' && endless !== undefined) {
    throw new Problem(['space', endless.path], 'a grid needs "step" or "levels" here');
  }
  const points = knobs.reduce((product, { levels }) => product * (levels ?? Infinity), 1);
  const wanted = options.trials ?? sampler.trials ?? (kind === 'grid' ? points : undefined);
  if (wanted === undefined)
    throw new Problem(['sampler'], `the key "trials" is missing: how many points ${kind} takes`);
  if (wanted > 100_000) throw new Problem(['space'], `a grid of ${points} points: at most 100000 are allowed`);
  if (kind === 'sobol' && knobs.length > 21)
    throw new Problem(['space'], `${knobs.length} knobs: sobol takes 21 at most`);
  const batch = sampler.batch ?? (kind === 'tpe' || kind === 'nsga2' ? batchDefault[kind] : 1);
  return { kind, trials: Math.min(wanted, points), seed, batch };
}

function objectiveOf(text: string, place: Path, names: MetricNames): Objective {
  const [, direction, metric] = /^\s*(\S+)\s+(.+)$/.exec(text) ?? [];
  if (direction !== 'minimize' && direction !== 'maximize') {
    throw new Problem(
      place,
      `"${text}" is not an objective: such as "minimize p95(completion)" or "maximize share.peer"`,
    );
  }
  return at(place, () => ({ text: text.trim(), metric: parseMetric(metric!, names), direction }));
}

function shortcutsOf({ race, halving }: Draft, { sampler, replications }: Study): Pick<Study, 'race' | 'halving'> {
  if (race !== undefined && halving !== undefined) {
    throw new Problem(['halving'], 'stands beside "race": only one of them is allowed', true);
  }
  if (race !== undefined) {
    if (race.after < replications) return { race };
    throw new Problem(
      ['race', 'after'],
      `${race.after} is not below the ${replications} replications: nothing to save`,
    );
  }
  if (halving === undefined) return {};
  if (sampler.kind === 'tpe' || sampler.kind === 'nsga2') {
    throw new Problem(['halving'], `needs all points at once, which ${sampler.kind} does not give; use "race"`, true);
  }
  const clients = Number.parseFloat(halving.clients) / (halving.clients.endsWith('%') ? 100 : 1);
  if (!(clients > 0)) throw new Problem(['halving', 'clients'], 'must be above 0');
  return { halving: { factor: halving.factor, replications: Math.min(halving.replications, replications), clients } };
}
