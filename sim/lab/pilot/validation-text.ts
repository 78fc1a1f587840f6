/** What a validation found, as text for people. */
import { formatBytes, formatRate, formatSeconds } from '#scenarios/format/units.ts';
import type { Interval } from '../statistics.ts';
import { aligned, count, percent } from '../table.ts';
import {
  absoluteErrors,
  errorKinds,
  median,
  orderedPairs,
  type ValidatedMetric,
  type ValidatedRow,
  type Validation,
} from './validation.ts';

const shows: Record<ValidatedMetric, (value: number) => string> = {
  'p50(completion)': formatSeconds,
  'p95(completion)': formatSeconds,
  'max(completion)': formatSeconds,
  'p50(firstByte)': formatSeconds,
  'share.origin': percent,
  'share.relay': percent,
  'share.peer': percent,
  'bytes.originSent': formatBytes,
  'origin.peakBytesPerSecond': formatRate,
  'fallback.opened': count,
};

export function validationText({ scenario, policy, rows, measured, simulated, rejected }: Validation): string {
  const busy = rejected === 0 ? '' : `, ${rejected} rejected as the processors were over 70 % busy`;
  const times = `measured ${measured.length} times${busy}, simulated ${simulated.length} times`;
  const heading = `${scenario}, ${policy}: ${times}`;
  const lines = aligned([
    ['', 'measured', '±', 'simulated', '±', 'error'],
    ...rows.map((row) => {
      const show = shows[row.metric];
      return [row.metric, ...cells(row.measured, show), ...cells(row.simulated, show), errorText(row)];
    }),
  ]);
  return `${[heading, ...lines].join('\n')}\n`;
}

function cells(interval: Interval | null, show: (value: number) => string): [string, string] {
  if (interval === null) return ['—', ''];
  return [show(interval.mean), interval.high === null ? '' : show(interval.high - interval.mean)];
}

export function errorText({ metric, error }: Pick<ValidatedRow, 'metric' | 'error'>): string {
  if (error === null) return '—';
  const sign = error > 0 ? '+' : error < 0 ? '−' : '';
  const size = Math.abs(error);
  const kind = errorKinds[metric];
  if (kind === 'relative') return `${sign}${(100 * size).toFixed(1)} %`;
  if (kind === 'points') return `${sign}${(100 * size).toFixed(1)} points`;
  return `${sign}${count(size)}`;
}

/** The errors of a whole suite, those that were set aside apart. */
export function suiteText(validations: readonly Validation[]): string {
  const groups = [
    ['the model was made with', validations.filter(({ isHoldout }) => !isHoldout)],
    ['set aside before', validations.filter(({ isHoldout }) => isHoldout)],
    ['all', validations],
  ] as const;
  const shown = groups.filter(([, members]) => members.length > 0);
  const errors = aligned([
    ['median (largest) absolute error', 'cases', 'p50', 'p95', 'shares, points'],
    ...shown.map(([name, members]) => [
      name,
      String(members.length),
      summary(absoluteErrors(members, 'p50(completion)')),
      summary(absoluteErrors(members, 'p95(completion)')),
      summary(
        (['share.origin', 'share.relay', 'share.peer'] as const)
          .flatMap((metric) => absoluteErrors(members, metric))
          .sort((left, right) => left - right),
      ),
    ]),
  ]);
  return `${[...errors, ...orderText(validations)].join('\n')}\n`;
}

function summary(sorted: number[]): string {
  const middle = median(sorted);
  return middle === null ? '—' : `${(100 * middle).toFixed(1)} (${(100 * sorted.at(-1)!).toFixed(1)})`;
}

function orderText(validations: readonly Validation[]): string[] {
  const pairs = orderedPairs(validations);
  const certain = pairs.filter(({ isCertain }) => isCertain);
  if (pairs.length === 0) return [];
  const right = certain.filter(({ isRight }) => isRight).length;
  return [
    '',
    `order of policies: ${right} of ${certain.length} pairs right, of ${pairs.length} in all; ` +
      'the others differ by less than their 95 % interval',
    ...certain
      .filter(({ isRight }) => !isRight)
      .map(({ scenario, metric, policies, measured, simulated }) => {
        const show = shows[metric];
        const signed = (value: number) => `${value < 0 ? '−' : '+'}${show(Math.abs(value))}`;
        const both = `${signed(measured)}, simulated ${signed(simulated)}`;
        return `  wrong: ${scenario}, ${metric}: ${policies.join(' to ')} ${both}`;
      }),
  ];
}
