/** `sluice sweep status` and `sluice sweep export`: what the store has of a study; they run nothing. */
import { exitCodes, Stop } from '#scenarios/format/exit-codes.ts';
import { checkOutputs, writeWhole } from '../output.ts';
import { type Provenance, provenance } from '../provenance.ts';
import { count, plural } from '../table.ts';
import { answersText } from './answers-text.ts';
import { Course } from './course.ts';
import { csvOf, parquetOf, tableOf } from './export.ts';
import { openExistingStore } from './open-store.ts';
import {
  type ExportOptions,
  exportFormats,
  type StatusOptions,
  type StoreChoice,
  type StudyChoice,
} from './options.ts';
import { studyDocument } from './study-document.ts';
import { openStudy } from './study-source.ts';

export async function statusCommand(options: StatusOptions): Promise<number> {
  return looked(options, (course, origin, isDone) => {
    const answers = course.answers();
    if (options.json) {
      process.stdout.write(`${JSON.stringify(studyDocument(course, origin, answers), undefined, 2)}\n`);
      return exitCodes.ok;
    }
    const [done, total] = [course.doneCount(), course.runsMax()];
    const { failed } = course.evaluation;
    const failures = failed.size === 0 ? '' : `, ${count(failed.size)} failed`;
    const state = isDone ? 'done' : `${count(done)} of ${count(total)} runs are there`;
    process.stdout.write(
      `${course.study.name}: ${plural(course.search.trials.length, 'trial')}, ${state}${failures}\n\n`,
    );
    process.stdout.write(answersText(course.study, answers));
    for (const { error, repeat } of failed.values()) {
      process.stdout.write(`failed: ${error.split('\n')[0]}\n  repeat: ${repeat}\n`);
    }
    return exitCodes.ok;
  });
}

export async function exportCommand(options: ExportOptions): Promise<number> {
  const { out } = options;
  const format = formatOf(options);
  checkOutputs({ '--out': out }, []);
  if (format === 'parquet' && out === undefined && process.stdout.isTTY) {
    throw new Stop(exitCodes.usage, 'parquet is not for a terminal: --out FILE');
  }
  return looked(options, (course, origin) => {
    const bytes =
      format === 'json'
        ? `${JSON.stringify(studyDocument(course, origin, course.answers()), undefined, 2)}\n`
        : format === 'csv'
          ? csvOf(tableOf(course))
          : parquetOf(tableOf(course));
    if (out === undefined) process.stdout.write(bytes);
    else writeWhole(out, bytes);
    return exitCodes.ok;
  });
}

/** By the option, or by how the file's name ends. */
function formatOf({ format, out }: ExportOptions): (typeof exportFormats)[number] {
  return format ?? exportFormats.find((each) => out?.endsWith(`.${each}`)) ?? 'json';
}

async function looked(
  options: StudyChoice & StoreChoice,
  look: (course: Course, origin: Provenance, isDone: boolean) => number,
): Promise<number> {
  const { study } = openStudy(options);
  const origin = provenance();
  const store = await openExistingStore(options.db);
  try {
    const course = new Course({ study, provenance: origin, store });
    const isDone = await course.run();
    return look(course, origin, isDone);
  } finally {
    await store.close();
  }
}
