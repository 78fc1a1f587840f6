/** Numbers as people read them; sizes, rates and times are written as the scenario format writes them. */

const thousands = /\B(?=(\d{3})+$)/g;

/** "12,345", "0.4", "1.2 million" */
export function formatCount(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const magnitude = Math.abs(value);
  if (magnitude >= 1e6) return `${Number((value / 1e6).toPrecision(3))} million`;
  if (magnitude >= 100 || Number.isInteger(value)) return String(Math.round(value)).replace(thousands, ',');
  return String(Number(value.toPrecision(magnitude < 1 ? 2 : 3)));
}

export function formatMoney(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  if (Math.abs(value) >= 1e6) return formatCount(value);
  if (Math.abs(value) >= 100) return formatCount(Math.round(value));
  const digits = Math.abs(value) >= 1 ? 2 : Math.max(2, 1 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(digits);
}

/** Of a share of 1. */
export function formatPercent(share: number): string {
  if (!Number.isFinite(share)) return '–';
  const percent = share * 100;
  if (percent !== 0 && Math.abs(percent) < 0.1) return '<0.1 %';
  const shown = Math.abs(percent) < 9.95 ? Number(percent.toFixed(1)) : Math.round(percent);
  return `${String(shown).replace('-', '−')} %`;
}

/** With its sign: "−12 %". */
export function formatChange(share: number): string {
  if (!Number.isFinite(share)) return '–';
  const text = formatPercent(Math.abs(share)).replace('<', '');
  return `${share < 0 ? '−' : '+'}${text}`;
}

/** "a, b and c" */
export function listed(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
