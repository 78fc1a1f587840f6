/** A comparison as text for people, at most 120 columns wide. */
import { parseExpectation } from '#scenarios/format/expectation.ts';
import { formatBytes, formatRate, formatSeconds } from '#scenarios/format/units.ts';
import type { ComparedMetric, Comparison, Row } from './comparison.ts';
import type { LabResult } from './execute.ts';
import { configurationOf, limitOf, signedPercent, valueText } from './report.ts';
import { holdsZero, type Interval } from './statistics.ts';
import { aligned, count, factor, money, percent, plural } from './table.ts';

type Show = (value: number) => string;

const columnsMax = 118;
/** A spread below this share of the mean is not worth a number. */
const spreadRatioMin = 1e-6;

export function comparisonText(comparison: Comparison): string {
  const { table, seeds } = comparison;
  const blocks = [
    heading(comparison),
    speeds(comparison),
    loads(comparison),
    table.length > 1 ? differences(comparison) : [],
    expectations(comparison),
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
  const header = ['origin', 'relays', 'peers', 'origin peak', 'of contract', 'violated', 'sent'];
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
        formatBytes(metrics['bytes.originSent']!.mean),
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
  const isSmall = high - mean <= spreadRatioMin * Math.abs(mean);
  return [show(mean), isSmall ? '±0' : `±${show(high - mean)}`];
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

/** Over all seeds: the scenario's own policy is judged, the others are shown. */
function expectations({ results, table, own }: Comparison): string[] {
  const texts = results[0]!.expectations.map(({ text }) => text);
  if (texts.length === 0) return [];
  const rows = texts.map((text, index) => {
    const fails = table
      .map(({ policy }) => policy)
      .filter((policy) => judgements(results, policy, index).some(({ ok }) => !ok));
    const mine = judgements(results, own, index);
    const mark = mine.length === 0 ? ' ' : fails.includes(own) ? '✗' : '✓';
    const others = fails.filter((policy) => policy !== own).join(', ');
    return [
      `${mark} ${text}`,
      range(
        mine.map(({ value }) => value),
        text,
      ),
      others === '' ? '' : `not met by ${others}`,
    ];
  });
  return [`Expected of ${own}:`, ...aligned(rows, 3).flatMap((line) => wrapped(line, '    '))];
}

function judgements(results: LabResult[], policy: string, index: number): LabResult['expectations'] {
  return results.filter(({ manifest }) => manifest.policy === policy).map((result) => result.expectations[index]!);
}

/** One value, or the lowest and the highest of all seeds. */
function range(values: (number | null)[], text: string): string {
  const { dimension } = parseExpectation(text).metric;
  const known = values.filter((value) => value !== null).sort((left, right) => left - right);
  if (known.length < values.length) return valueText(null, dimension);
  const shown = [...new Set([known[0], known.at(-1)].map((value) => valueText(value ?? null, dimension)))];
  return values.length === 0 ? '' : shown.join(' to ');
}

function wrapped(text: string, indent = ''): string[] {
  const lines: string[] = [];
  let line = text;
  while ([...line].length > columnsMax) {
    const end = line.lastIndexOf(' ', columnsMax);
    if (end <= indent.length) break;
    lines.push(line.slice(0, end).trimEnd());
    line = indent + line.slice(end + 1);
  }
  return [...lines, line];
}
