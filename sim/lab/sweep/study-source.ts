/** Which study a command means. */
import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readScenarioFile } from '#scenarios/format/document.ts';
import { ScenarioError } from '#scenarios/format/error.ts';
import { allowed } from '#scenarios/format/nearest.ts';
import { loadStudy, type Study } from '#scenarios/format/study.ts';
import { policies } from '#sim/policies/catalogue.ts';
import type { StudyChoice } from './options.ts';

const bundled = fileURLToPath(new URL('../../../scenarios/studies', import.meta.url));

export interface StudySource {
  file: string;
  study: Study;
}

export function openStudy({ study: given, space, trials, replications }: StudyChoice): StudySource {
  const file = studyFile(given);
  const study = loadStudy(readScenarioFile(file), { file, policies, space, trials, replications });
  return { file, study };
}

/** A path, or the name of a study that comes with sluice. */
function studyFile(given: string): string {
  if (existsSync(given) || /[/\\.]/.test(given)) return given;
  const names = existsSync(bundled) ? readdirSync(bundled).map((file) => file.replace(/\.ya?ml$/, '')) : [];
  if (names.includes(given)) return relative('', join(bundled, `${given}.yaml`));
  throw new ScenarioError(`${given}: neither a file nor a study by name: ${allowed(given, names)}`);
}
