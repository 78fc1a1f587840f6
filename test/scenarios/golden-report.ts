import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import * as assert from 'uvu/assert';
import { canonicalJson } from '#scenarios/format/canonical.ts';
import { type LoadedScenario, loadScenario } from '#scenarios/format/load.ts';
import type { LabResult } from '#sim/lab/execute.ts';
import { Pool } from '#sim/lab/pool.ts';
import { reportOf } from '#sim/lab/report.ts';
import { policies } from '#sim/policies/catalogue.ts';

const noProvenance = { engineHash: '', git: { commit: '', dirty: false }, sluice: '', node: '' };

/** The scenario of a file, which must be free of warnings and come back whole from its canonical form. */
export function loadBundled(file: string, policy?: string): LoadedScenario {
  const loaded = loadScenario(readFileSync(file, 'utf8'), { file, policies, policy });
  assert.equal(loaded.warnings, []);
  const canonical = canonicalJson(loaded.configuration);
  const again = loadScenario(canonical, { file: `${file} (canonical)`, policies });
  assert.is(canonicalJson(again.configuration), canonical);
  assert.equal(again.scenario, loaded.scenario);
  return loaded;
}

/** In a thread of its own: a second simulation in one thread is half as fast. */
export async function runBundled({ configuration, scenario }: LoadedScenario): Promise<LabResult> {
  const label = `${scenario.name} under ${scenario.policy.name}`;
  const job = { configuration, scenario, provenance: noProvenance, traced: false };
  const [executed] = await new Pool([{ job, group: label, label, repeat: label }], { workers: 1 }).run();
  return executed!.result;
}

export function reportFileOf(file: string): string {
  return file.replace(/\.ya?ml$/, '.report.txt');
}

/** What a run gives today is what the file beside the scenario says; UPDATE=1 writes it anew. */
export function checkReport(file: string, result: LabResult): void {
  const report = reportOf(result, { machine: false });
  const golden = reportFileOf(file);
  if (process.env.UPDATE === '1') writeFileSync(golden, report);
  assert.ok(existsSync(golden), `${basename(golden)} is missing (UPDATE=1 writes it)`);
  assert.fixture(
    report,
    readFileSync(golden, 'utf8'),
    `${basename(golden)} is of another day (UPDATE=1 writes it anew)`,
  );
}

export function checkExpectations({ expectations }: LabResult): void {
  assert.ok(expectations.length > 0, 'a bundled scenario expects something');
  for (const { text, value, ok } of expectations) assert.ok(ok, `${text}: it is ${value}`);
}
