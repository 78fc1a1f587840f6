/** The runs of a study as a table: a row each, in CSV or Parquet. */
import { parquetWriteBuffer } from 'hyparquet-writer';
import type { Course } from './course.ts';
import { valuesOf } from './study-document.ts';

type Cell = string | number | null;

export interface Table {
  columns: string[];
  rows: Cell[][];
}

/** Knobs by their paths; every number of the summary by its path. */
export function tableOf({ search, evaluation, study }: Course): Table {
  const knobs = study.space.map(({ path }) => path);
  const metrics = new Map<string, Cell[]>();
  const rows: Cell[][] = [];
  for (const { candidate, fate } of [search.baseline, ...search.trials]) {
    const values = valuesOf(candidate.set);
    for (const record of evaluation.recordsOf(candidate)) {
      for (const [path, value] of numbersOf(record.result?.summary ?? {}, '')) {
        const column = metrics.get(path) ?? [];
        metrics.set(path, column);
        column[rows.length] = value;
      }
      const { seed, status, digest, hash, wallSeconds, worker, error } = record;
      const shown = knobs.map((knob) => cellOf(values[knob]));
      rows.push([candidate.number, fate, seed, status, ...shown, digest, hash, wallSeconds, worker, error]);
    }
  }
  const columns = ['trial', 'fate', 'seed', 'status', ...knobs, 'digest', 'hash', 'wallSeconds', 'worker', 'error'];
  return {
    columns: [...columns, ...metrics.keys()],
    rows: rows.map((row, index) => [...row, ...[...metrics.values()].map((column) => column[index] ?? null)]),
  };
}

function* numbersOf(value: object, prefix: string): Generator<[string, number]> {
  for (const [key, member] of Object.entries(value)) {
    if (typeof member === 'number') yield [prefix + key, member];
    else if (typeof member === 'object' && member !== null && !Array.isArray(member)) {
      yield* numbersOf(member, `${prefix}${key}.`);
    }
  }
}

function cellOf(value: unknown): Cell {
  if (value === undefined) return null;
  return typeof value === 'number' || typeof value === 'string' ? value : JSON.stringify(value);
}

/** As RFC 4180 has it; what is absent is empty. */
export function csvOf({ columns, rows }: Table): string {
  const field = (cell: Cell): string => {
    const text = cell === null ? '' : String(cell);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns, ...rows].map((row) => `${row.map(field).join(',')}\r\n`).join('');
}

export function parquetOf({ columns, rows }: Table): Uint8Array {
  const columnData = columns.map((name, index) => {
    const cells = rows.map((row) => row[index]!);
    const isNumber = cells.every((cell) => cell === null || typeof cell === 'number');
    const data = isNumber ? cells : cells.map((cell) => (cell === null ? null : String(cell)));
    return { name, data, type: isNumber ? ('DOUBLE' as const) : ('STRING' as const), nullable: true };
  });
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}
