/** Text in aligned columns, and numbers as people read them. */

/** The first column to the left, the others to the right; a header row is a row like any other. */
export function aligned(rows: readonly (readonly string[])[], leftColumns = 1): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, [...cell].length);
  }
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const padding = ' '.repeat(widths[column]! - [...cell].length);
        return column < leftColumns ? cell + padding : padding + cell;
      })
      .join('  ')
      .trimEnd(),
  );
}

export function count(value: number): string {
  const rounded = Math.abs(value) < 100 && !Number.isInteger(value) ? value.toFixed(1) : String(Math.round(value));
  return rounded.replace(/\B(?=(\d{3})+$)/g, ',');
}

export function percent(share: number): string {
  const value = share * 100;
  if (value > 0 && value < 0.05) return '<0.1 %';
  const isFine = !Number.isInteger(value) && (Math.abs(value) < 9.95 || (value > 99 && value < 100));
  // 99.97 must not become "100.0".
  return `${isFine ? (value > 99 ? Math.min(value, 99.9) : value).toFixed(1) : count(Math.round(value))} %`;
}

export function money(value: number): string {
  if (value === 0) return '0';
  if (Math.abs(value) >= 100) return count(Math.round(value));
  return Math.abs(value) >= 1 ? value.toFixed(2) : String(Number(value.toPrecision(2)));
}

export function factor(value: number | null): string {
  if (value === null) return '—';
  return value < 10 ? value.toFixed(2) : count(Math.round(value));
}

export function plural(number: number, one: string, many = `${one}s`): string {
  return `${count(number)} ${number === 1 ? one : many}`;
}
