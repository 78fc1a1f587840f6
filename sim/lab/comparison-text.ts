/** A comparison as text for people, at most 120 columns wide. */
import { formatBytes, formatRate, formatSeconds } from '#scenarios/format/units.ts';
import type { ComparedMetric, Comparison, Row } from './comparison.ts';
import { configurationOf, limitOf, signedPercent } from './report.ts';
import { holdsZero, type Interval } from './statistics.ts';
import { aligned, count, factor, money, percent, plural } from './table.ts';

type Show = (value: number) => string;

const columnsMax = 118;
/** A spread below this share of the mean is the last bits of a sum. */
const roundingRatio = 1e-9;

export function comparisonText(comparison: Comparison): string {
  const { table, seeds } = comparison;
  const blocks = [
    heading(comparison),
    speeds(comparison),
    loads(comparison),
    table.length > 1 ? differences(comparison) : [],
    wrapped(`Verdict: ${comparison.verdict}`),
    seeds.length === 1 ? ['One seed: no intervals. What chance contributes shows only with --seeds 3 or more.'] : [],
  ];
  const filled = blocks.filter((lines) => lines.length > 0);
  return `${filled.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function heading({ scenario, seeds, results, table }: Comparison): string[] {
  const { total } = results[0]!.summary.clients;
  const range = seeds.length === 1 ? `seed ${seeds[0]}` : `seeds ${seeds[0]} to ${seeds.at(-1)}`;
  const note = seeds.length === 1 ? '' : '; ± is the 95 % interval of the mean';
  const policies = plural(table.length, 'policy', 'policies');
  return [`${scenario}: ${policies}, ${plural(total, 'client')}, ${range}${note}`];
}

/** The scenario's own policy is marked. */
function name({ policy }: Row, { baseline }: Comparison): string {
  return `${policy === baseline ? '>' : ' '} ${policy}`;
}

function speeds(comparison: Comparison): string[] {
  const total = comparison.results[0]!.summary.clients.total;
  return aligned([
    ['  how fast', 'unfinished', 'p50', '', 'p99', '', 'last', '', '× bound p50', 'last'],
    ...comparison.table.map((row) => {
      const { metrics } = row;
      return [
        name(row, comparison),
        unserved(row, total),
        ...cells(metrics['p50(completion)'], formatSeconds),
        ...cells(metrics['p99(completion)'], formatSeconds),
        ...cells(metrics['max(completion)'], formatSeconds),
        factor(metrics['bound.ratio.p50']?.mean ?? null),
        factor(metrics['bound.ratio.max']?.mean ?? null),
      ];
    }),
  ]);
}

function unserved({ metrics }: Row, total: number): string {
  const mean = (metric: ComparedMetric): number => metrics[metric]?.mean ?? 0;
  const number = mean('clients.unfinished') + mean('clients.failed');
  return number === 0 ? '0' : `${count(number)} (${percent(number / total)})`;
}

function loads(comparison: Comparison): string[] {
  const { contract } = configurationOf(comparison.results[0]!).origin;
  const rateMax = limitOf('rate', contract.bandwidth);
  const { currency } = comparison.results[0]!.summary.cost;
  const header = ['origin', 'relays', 'peers', 'origin peak', 'of contract', 'violated', 'origin sent', ''];
  return aligned([
    ['  what it takes', ...header, `cost (${currency})`, ''],
    ...comparison.table.map((row) => {
      const { metrics } = row;
      const peak = metrics['origin.peakBytesPerSecond']!.mean;
      const violations = metrics['origin.violations']!.mean;
      return [
        name(row, comparison),
        ...(['share.origin', 'share.relay', 'share.peer'] as const).map((metric) => percent(metrics[metric]!.mean)),
        formatRate(peak),
        rateMax === Infinity ? '—' : percent(peak / rateMax),
        violations === 0 ? 'never' : `${count(violations)} s`,
        ...cells(metrics['bytes.originSent'], formatBytes),
        ...cells(metrics['cost.total'], money),
      ];
    }),
  ]);
}

/** The mean, and half of its interval. */
function cells(interval: Interval | null, show: Show): [string, string] {
  if (interval === null) return ['—', ''];
  const { mean, high } = interval;
  if (high === null) return [show(mean), ''];
  const isRounding = high - mean <= roundingRatio * Math.abs(mean);
  return [show(mean), isRounding ? '±0' : `±${show(high - mean)}`];
}

function differences(comparison: Comparison): string[] {
  const rows = comparison.table.filter(({ difference }) => difference !== undefined);
  return aligned([
    [`  against ${comparison.baseline}, seed by seed`, 'p99', '', 'cost', ''],
    ...rows.map((row) => [
      name(row, comparison),
      ...difference(row.difference!['p99(completion)'], 'faster', 'slower'),
      ...difference(row.difference!['cost.total'], 'cheaper', 'dearer'),
    ]),
  ]);
}

function difference(interval: Interval | null, less: string, more: string): [string, string] {
  if (interval === null) return ['—', ''];
  const { mean, low, high } = interval;
  const word = mean === 0 || holdsZero(interval) ? 'no change' : mean < 0 ? less : more;
  const range = low === null || high === null ? '' : `[${signedPercent(low)}, ${signedPercent(high)}] `;
  return [signedPercent(mean), `${range}${word}`];
}

function wrapped(text: string): string[] {
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!;
    if ([...line].length + 1 + [...word].length > columnsMax) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}
