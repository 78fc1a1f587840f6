/** What two results were made from, where that differs; and values that others have published. */
import { metricKind } from '#viz/data/metrics.ts';
import { formatChange } from '#viz/format.ts';
import { make } from '#viz/panel.ts';
import type { Side } from './compare.ts';

const rowsMax = 60;

export interface ConfigurationDifference {
  path: string;
  a: string;
  b: string;
}

/** Paths at which two plain values differ, in the order of the first. */
export function differencesOf(a: unknown, b: unknown, path = ''): ConfigurationDifference[] {
  if (Object.is(a, b)) return [];
  if (isTree(a) && isTree(b) && Array.isArray(a) === Array.isArray(b)) {
    const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])];
    return keys.flatMap((key) => differencesOf(a[key], b[key], path === '' ? key : `${path}.${key}`));
  }
  return [{ path, a: textOf(a), b: textOf(b) }];
}

function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function textOf(value: unknown): string {
  if (value === undefined) return '—';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

export function configurationDifferences(left: Side, right: Side): HTMLElement {
  const element = make('details', 'configuration');
  const resultOf = ({ data, point }: Side) => data.runs[data.runsOf[point]![0]!]!.result.manifest.configuration;
  const found = differencesOf(resultOf(left), resultOf(right));
  const count = found.length === 0 ? 'the same' : `differs in ${found.length} places`;
  element.append(make('summary', '', `Configuration: ${count}`));
  if (found.length === 0) return element;
  const table = make('table', 'differences');
  const head = make('tr');
  head.append(...['', 'A', 'B'].map((text) => make('th', '', text)));
  table.append(head);
  for (const { path, a, b } of found.slice(0, rowsMax)) {
    const row = make('tr');
    row.append(make('th', 'path', path), make('td', '', a), make('td', '', b));
    table.append(row);
  }
  element.append(table);
  if (found.length > rowsMax) element.append(make('p', 'chart-note', `and ${found.length - rowsMax} more`));
  return element;
}

/** Figures of the scenario's sources beside the simulated ones. */
export function publishedRows({ data, point }: Side): HTMLElement[] {
  const { published = [] } = data.runs[data.runsOf[point]![0]!]!.result;
  if (published.length === 0) return [];
  const element = make('div', 'published');
  element.append(make('h3', '', 'Published beside A'));
  const table = make('table', 'differences');
  const head = make('tr');
  head.append(...['', 'published', 'A', 'A against published', 'source'].map((text) => make('th', '', text)));
  table.append(head);
  for (const { metric, value, simulated, source } of published) {
    const { show } = metricKind(metric);
    const row = make('tr');
    const change = simulated === null ? '–' : formatChange((simulated - value) / value);
    const cells = [show(value), simulated === null ? '–' : show(simulated), change, source];
    row.append(make('th', '', metric), ...cells.map((text) => make('td', '', text)));
    table.append(row);
  }
  element.append(table);
  return [element];
}
