/**
 * Plants defects in the quota code, one at a time, in a copy of the sources, and shows which test catches each:
 *
 *     npm run mutate:quota [-- --only TEXT] [--by fuzz]      fuzz: the fuzzer alone has to find it, within a minute
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Defect, defects } from './defects.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** In this order; the first that fails has caught the defect. */
const stages = [
  ['test/run.ts', 'test/quota/invariants'],
  ['test/run.ts', 'test/quota/sharing', 'test/quota/order', 'test/quota/sub-lease'],
  ['test/run.ts', 'test/core/quota'],
  ['test/run.ts', 'test/quota/exhaustive'],
  ['test/quota/fuzz.ts', '--minutes', '0.5', '--worlds', '3000'],
];

export interface Caught {
  defect: Defect;
  /** The invariant or the test; `undefined` = nothing noticed. */
  by: string | undefined;
}

const fuzzAlone = [['test/quota/fuzz.ts', '--minutes', '1']];

/** Plants each defect in turn and tells of it. */
export function mutate(chosen: Defect[], tell: (line: string) => void, chosenStages = stages): Caught[] {
  const copy = mkdtempSync(join(tmpdir(), 'sluice-mutate-'));
  try {
    for (const part of ['core', 'scenarios/format', 'sim', 'test', 'package.json', 'tsconfig.json']) {
      cpSync(join(root, part), join(copy, part), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    const sound = catcher(copy, chosenStages);
    if (sound !== undefined) throw new Error(`without any defect, the tests fail: ${sound}`);
    return chosen.map((defect) => {
      const by = planted(copy, defect, chosenStages);
      tell(`${by === undefined ? 'NOT CAUGHT' : 'caught'}  ${defect.name}${by === undefined ? '' : `  by ${by}`}`);
      return { defect, by };
    });
  } finally {
    rmSync(copy, { recursive: true });
  }
}

function planted(copy: string, { file, name, also, from, to }: Defect, chosenStages: string[][]): string | undefined {
  const path = join(copy, file);
  const text = readFileSync(path, 'utf8');
  let broken = text;
  for (const edit of also === undefined ? [{ from, to }] : [{ from, to }, also]) {
    if (text.split(edit.from).length !== 2) throw new Error(`"${name}": its place in ${file} is gone, or is not one`);
    broken = broken.replace(edit.from, () => edit.to);
  }
  writeFileSync(path, broken);
  try {
    return catcher(copy, chosenStages);
  } finally {
    writeFileSync(path, text);
  }
}

/** What fails first, by name. */
function catcher(copy: string, chosenStages: string[][]): string | undefined {
  for (const stage of chosenStages) {
    const { status, stdout, stderr } = spawnSync(process.execPath, stage, {
      cwd: copy,
      encoding: 'utf8',
      env: { ...process.env, SLUICE_SEED: '1', SLUICE_FIRST_FAILURE: '1' },
      maxBuffer: 1 << 26,
    });
    if (status === 0) continue;
    const output = stdout + stderr;
    const broken = /^ *(?:I\d+m?s?|all) broken: (?:\w+: )?(.*)/m.exec(output) ?? /^violation (.*)/m.exec(output);
    const test = /FAIL {2}\S+ {2}"(.*)"/.exec(output)?.[1];
    return [broken?.[1], test && `in "${test}"`].filter((found) => found).join(', ') || stage.join(' ');
  }
  return undefined;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { only: { type: 'string', default: '' }, by: { type: 'string', default: 'all' } },
  });
  const chosen = defects.filter(({ name }) => name.includes(values.only));
  const caught = mutate(chosen, (line) => console.log(line), values.by === 'fuzz' ? fuzzAlone : stages);
  const missed = caught.filter(({ by }) => by === undefined).length;
  console.log(`${caught.length - missed} of ${caught.length} planted defects caught`);
  process.exitCode = missed === 0 && caught.length > 0 ? 0 : 1;
}
