/** A run's result as text for people. Without the machine's numbers it is the same everywhere: a golden file. */
import type { Configuration } from '#scenarios/format/configuration.ts';
import { parseExpectation } from '#scenarios/format/expectation.ts';
import { type Dimension, parseMetric } from '#scenarios/format/metric.ts';
import type { ClassSummary, Quantiles, Summary } from '#scenarios/format/result.ts';
import { formatBytes, formatRate, formatSeconds, parseQuantity, type Quantity } from '#scenarios/format/units.ts';
import type { LabResult } from './execute.ts';
import { aligned, count, factor, money, percent, plural } from './table.ts';

export interface ReportOptions {
  /** With what it took on this machine. */
  machine: boolean;
  /** The command line that gives this result again. */
  repeat?: string | undefined;
}

/** Lines end with a newline, the last one too. */
export function reportOf(result: LabResult, { machine, repeat }: ReportOptions): string {
  const { byClass, byTask, digest } = result;
  const blocks = [
    heading(result),
    times(result.summary),
    aligned(facts(result), 2),
    byClass.length > 1 ? classes('class', byClass) : [],
    byTask === undefined ? [] : classes('task', byTask),
    expectations(result),
    published(result),
    aligned([...work(result, machine), ['digest', digest], ...(repeat === undefined ? [] : [['repeat', repeat]])], 2),
  ];
  const filled = blocks.filter((lines) => lines.length > 0);
  return `${filled.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

export function configurationOf(result: LabResult): Configuration {
  return result.manifest.configuration as Configuration;
}

function heading({ manifest, ...result }: LabResult): string[] {
  const { description } = configurationOf({ manifest, ...result });
  const { scenario, policy, seed, fidelity } = manifest;
  const title = `${scenario}: ${policy}, seed ${seed}, fidelity ${fidelity}`;
  return description === '' ? [title] : [title, description];
}

function times({ completionSeconds, finishSeconds, firstByteSeconds, bound }: Summary): string[] {
  const columns = ['p50', 'p90', 'p95', 'p99', 'max'] as const;
  const row = (name: string, values: Partial<Quantiles>, show: (value: number | null) => string) => [
    name,
    ...columns.map((column) => (values[column] === undefined ? '' : show(values[column]))),
  ];
  const lines = aligned([
    ['', ...columns],
    row('completion', completionSeconds, seconds),
    row('finish', finishSeconds, seconds),
    row('× bound', bound.ratio, factor),
    row('first byte', firstByteSeconds, seconds),
  ]);
  const notes = ['', "from each client's arrival", "on the scenario's clock", `of finish; bound: ${bound.which}`, ''];
  const width = Math.max(...lines.map((line) => [...line].length));
  return lines.map((line, index) => `${line.padEnd(width)}  ${notes[index]}`.trimEnd());
}

function facts(result: LabResult): string[][] {
  const { clients, bytes, share, origin, cost, fallback } = result.summary;
  const { duplicate, discarded, partial } = bytes;
  const source = (name: string, own: number, part: number) => `${name} ${formatBytes(own)} (${percent(part)})`;
  return [
    ['clients', clientsText(clients)],
    [
      'received',
      [
        source('origin', bytes.origin, share.origin),
        source('relays', bytes.relay, share.relay),
        source('peers', bytes.peer, share.peer),
      ].join(', '),
    ],
    [
      'of that',
      `${formatBytes(bytes.delivered)} delivered, ${formatBytes(duplicate)} twice, ` +
        `${formatBytes(discarded)} discarded, ${formatBytes(partial)} partial`,
    ],
    ['origin sent', `${formatBytes(bytes.originSent)}, of which ${formatBytes(bytes.originToRelay)} to relays`],
    ['origin peak', peaks(result)],
    ...traffic(result),
    ...(origin.useWhileShort === null
      ? []
      : [['while short', `${percent(origin.useWhileShort)} of what leases may grant was sent`]]),
    ['violations', violationsText(origin)],
    ['fallback', fallbackText(fallback)],
    [
      'cost',
      `${money(cost.total)} ${cost.currency}: ` +
        `origin ${money(cost.origin)}, relays ${money(cost.relay)}, peers ${money(cost.peer)}`,
    ],
  ];
}

function clientsText({ total, completed, unfinished, failed, left }: Summary['clients']): string {
  const rest = Object.entries({ unfinished, failed, left }).filter(([, number]) => number > 0);
  const others = rest.map(([name, number]) => `${count(number)} ${name} (${percent(number / total)})`);
  return [`${count(completed)} of ${count(total)} completed (${percent(completed / total)})`, ...others].join(', ');
}

/** Beside what the contract allows at the start; a fault may change that later. */
function peaks(result: LabResult): string {
  const { peakBytesPerSecond, peakConnections } = result.summary.origin;
  const { bandwidth, connections } = configurationOf(result).origin.contract;
  const rate = used(peakBytesPerSecond, limitOf('rate', bandwidth), formatRate);
  const most = connections === 'unlimited' ? Infinity : connections;
  return `${rate}; ${used(peakConnections, most, (value) => plural(value, 'connection'), count)}`;
}

function traffic(result: LabResult): string[][] {
  const { contract } = configurationOf(result).origin;
  const windows = Object.entries(result.summary.origin.trafficMaxPerWindow).map(
    ([name, bytes]) => `${used(bytes, limitOf('size', contract.traffic[name] ?? 'unlimited'), formatBytes)} in ${name}`,
  );
  return windows.length === 0 ? [] : [['traffic', windows.join(', ')]];
}

function used(value: number, most: number, show: (value: number) => string, showFirst = show): string {
  return most === Infinity ? show(value) : `${showFirst(value)} of ${show(most)} (${percent(value / most)})`;
}

export function limitOf(quantity: Quantity, text: string): number {
  return parseQuantity(quantity, text, { endless: 'unlimited' });
}

function violationsText({ violations, violationsAt }: Summary['origin']): string {
  if (violations === 0) return 'none';
  const shown = violationsAt.slice(0, 3).map((second) => formatSeconds(second));
  const more = violations > shown.length ? ', …' : '';
  return `${plural(violations, 'second')} beyond the contract, at ${shown.join(', ')}${more}`;
}

function fallbackText({ opened, byReason, openSeconds }: Summary['fallback']): string {
  if (opened === 0) return 'never opened';
  const reasons = Object.entries(byReason).filter(([, number]) => number > 0);
  const listed = reasons.map(([reason, number]) => `${reason} ${count(number)}`).join(', ');
  return `opened ${plural(opened, 'time')} (${listed}), ${formatSeconds(openSeconds)} in all`;
}

function classes(what: string, members: readonly ClassSummary[]): string[] {
  const header = [what, 'clients', 'completed', 'p50', 'p90', 'p99', 'max', 'origin', 'relays', 'peers'];
  return aligned([
    header,
    ...members.map(({ name, clients, completionSeconds: { p50, p90, p99, max }, bytes }) => {
      const received = bytes.origin + bytes.relay + bytes.peer;
      const share = (part: number) => (received === 0 ? '—' : percent(part / received));
      return [
        name,
        count(clients.total),
        count(clients.completed),
        ...[p50, p90, p99, max].map(seconds),
        ...[bytes.origin, bytes.relay, bytes.peer].map(share),
      ];
    }),
  ]);
}

function expectations({ expectations: judged }: LabResult): string[] {
  return aligned(
    judged.map(({ text, value, ok }) => [
      `${ok ? '✓' : '✗'} ${text}`,
      valueText(value, parseExpectation(text).metric.dimension),
    ]),
    2,
  );
}

function published({ published: values }: LabResult): string[] {
  if (values.length === 0) return [];
  return aligned(
    [
      ['published', 'by', 'there', 'here', 'difference'],
      ...values.map(({ metric, value, simulated, source }) => {
        const { dimension } = parseMetric(metric);
        const difference = simulated === null || value === 0 ? null : simulated / value - 1;
        return [
          metric,
          source,
          valueText(value, dimension),
          valueText(simulated, dimension),
          difference === null ? '—' : signedPercent(difference),
        ];
      }),
    ],
    2,
  );
}

export function signedPercent(share: number): string {
  if (share === 0) return percent(0);
  const text = Math.abs(share) < 0.0005 ? '0.0 %' : percent(Math.abs(share));
  return `${share > 0 ? '+' : '−'}${text}`;
}

function work({ run, manifest }: LabResult, machine: boolean): string[][] {
  const { events, transfers, memoryBytesPerClient, wallSeconds, cpuSeconds, peakRssBytes } = run;
  const memory = `${formatBytes(memoryBytesPerClient)} per client`;
  const done = `${plural(events, 'event')}, ${plural(transfers, 'transfer')}, ${memory}`;
  if (!machine) return [['work', done]];
  const microseconds = transfers === 0 ? '' : `, ${((cpuSeconds / transfers) * 1e6).toFixed(2)} µs per transfer`;
  const { commit, dirty } = manifest.git;
  const sources = commit === '' ? '' : `, commit ${commit.slice(0, 10)}${dirty ? ' with changes' : ''}`;
  return [
    ['work', done],
    [
      'took',
      `${formatSeconds(wallSeconds)}, ${formatSeconds(cpuSeconds)} of CPU${microseconds}, ` +
        `${formatBytes(peakRssBytes)} of memory`,
    ],
    ['by', `sluice ${manifest.sluice}, Node ${manifest.node}${sources}`],
  ];
}

const seconds = (value: number | null): string => (value === null ? '—' : formatSeconds(value));

export function valueText(value: number | null, dimension: Dimension): string {
  if (value === null) return '—';
  switch (dimension) {
    case 'time':
      return formatSeconds(value);
    case 'size':
      return formatBytes(value);
    case 'rate':
      return formatRate(value);
    case 'share':
      return percent(value);
    default:
      return Number.isInteger(value) || Math.abs(value) >= 1000 ? count(value) : String(Number(value.toPrecision(4)));
  }
}
